//! Deletion, in pieces, so that no transaction is long.

use diwan_core::record::ExperimentKey;
use sqlx::postgres::PgPool;

use super::fault::fault;
use super::patience::patiently;
use super::{PostgresStore, sql};
use crate::{StoreError, TrialRef, columns};

/// Rows that one transaction deletes.
const PIECE: i64 = 10_000;

impl PostgresStore {
    pub(super) async fn delete_experiment(&self, key: &ExperimentKey) -> Result<(), StoreError> {
        let find = async || {
            let statement = sqlx::query_scalar(sql::ID)
                .bind(&key.namespace)
                .bind(&key.name);
            statement.fetch_optional(&self.pool).await.map_err(fault)
        };
        let found: Option<i64> = patiently(find).await?.value;
        let Some(id) = found else {
            return Err(StoreError::NotFound { key: key.clone() });
        };
        let delete = async || {
            let statement = sqlx::query(sql::DELETE).bind(id);
            statement.fetch_optional(&self.pool).await.map_err(fault)
        };
        let reached = patiently(delete).await?;
        if reached.value.is_none() && !reached.is_repeated {
            return Err(StoreError::NotFound { key: key.clone() });
        }
        self.announce();
        empty_trash(&self.pool).await
    }

    /// Completes what a killed process has left.
    pub(super) fn sweep_in_background(&self) {
        let pool = self.pool.clone();
        tokio::spawn(async move {
            // If it fails again, the trash stays for the next time.
            let _ = empty_trash(&pool).await;
        });
    }

    pub(super) async fn sweep_trial(&self, trial: &TrialRef) -> Result<(), StoreError> {
        let number = columns::integer("trial number", trial.number)?;
        for text in sql::SWEEP_TRIAL {
            let piece = async || {
                let statement = sqlx::query_scalar::<_, i64>(text)
                    .bind(&trial.experiment.namespace)
                    .bind(&trial.experiment.name)
                    .bind(&trial.uid)
                    .bind(number)
                    .bind(PIECE);
                statement.fetch_one(&self.pool).await.map_err(fault)
            };
            while patiently(piece).await?.value > 0 {}
        }
        Ok(())
    }
}

async fn empty_trash(pool: &PgPool) -> Result<(), StoreError> {
    let list = async || {
        let list = sqlx::query_scalar(sql::TRASH).fetch_all(pool);
        list.await.map_err(fault)
    };
    let trash: Vec<i64> = patiently(list).await?.value;
    for experiment in trash {
        for text in sql::SWEEP_EXPERIMENT {
            let piece = async || {
                let statement = sqlx::query_scalar::<_, i64>(text)
                    .bind(experiment)
                    .bind(PIECE);
                statement.fetch_one(pool).await.map_err(fault)
            };
            while patiently(piece).await?.value > 0 {}
        }
        let emptied = async || {
            let statement = sqlx::query(sql::EMPTIED).bind(experiment);
            statement.execute(pool).await.map_err(fault)
        };
        patiently(emptied).await?;
    }
    Ok(())
}
