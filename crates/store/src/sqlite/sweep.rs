//! Deletion, in pieces that leave others time to write.

use std::time::Duration;

use diwan_core::record::ExperimentKey;
use sqlx::Row;

use super::writer::{Statement, Writer};
use super::{SqliteStore, rows, sql};
use crate::{StoreError, TrialRef, columns};

/// Rows that one transaction deletes: some hundredths of a second.
const PIECE: i64 = 10_000;
/// Between two of them. Writers of this process queue up and need no pause; those of other processes must catch the moment.
const PAUSE: Duration = Duration::from_millis(5);

impl SqliteStore {
    pub(super) async fn delete_experiment(&self, key: &ExperimentKey) -> Result<(), StoreError> {
        let mut script = sqlx::query(sql::DELETE);
        for _ in 0..3 {
            script = rows::bind_key(script, key);
        }
        if self.writer.run(script).await?.is_empty() {
            return Err(StoreError::NotFound { key: key.clone() });
        }
        self.announce();
        empty_trash(&self.writer).await
    }

    /// Completes what a killed process has left.
    pub(super) fn sweep_in_background(&self) {
        let writer = self.writer.clone();
        tokio::spawn(async move {
            // If it fails again, the trash stays for the next time.
            let _ = empty_trash(&writer).await;
        });
    }

    pub(super) async fn sweep_trial(&self, trial: &TrialRef) -> Result<(), StoreError> {
        let number = columns::integer("trial number", trial.number)?;
        for text in sql::SWEEP_TRIAL {
            let piece = || {
                rows::bind_experiment(sqlx::query(text), trial)
                    .bind(number)
                    .bind(PIECE)
            };
            sweep(&self.writer, piece).await?;
        }
        Ok(())
    }
}

async fn empty_trash(writer: &Writer) -> Result<(), StoreError> {
    for row in writer.run(sqlx::query(sql::TRASH)).await? {
        let experiment: i64 = row.try_get("experiment")?;
        for text in sql::SWEEP_EXPERIMENT {
            sweep(writer, || sqlx::query(text).bind(experiment).bind(PIECE)).await?;
        }
        writer
            .run(sqlx::query(sql::EMPTIED).bind(experiment))
            .await?;
    }
    Ok(())
}

/// Repeats a script until it deletes nothing.
async fn sweep(writer: &Writer, piece: impl Fn() -> Statement) -> Result<(), StoreError> {
    loop {
        let result = writer.run(piece()).await?;
        let deleted: i64 = match result.first() {
            Some(row) => row.try_get("deleted")?,
            None => 0,
        };
        if deleted == 0 {
            return Ok(());
        }
        writer.run(sqlx::query(sql::GIVE_BACK)).await?;
        if deleted == PIECE {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
