//! Points that are pushed.

use diwan_core::observation::ReportedPoint;

use super::fault::fault;
use super::patience::patiently;
use super::{PostgresStore, launch, split_all, sql};
use crate::report::{digest, has_a_moment};
use crate::{StoreError, TrialRef, columns};

impl PostgresStore {
    pub(super) async fn keep_report(
        &self,
        trial: &TrialRef,
        points: &[ReportedPoint],
    ) -> Result<(), StoreError> {
        if points.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = points.iter().map(|point| point.metric.as_str()).collect();
        let metrics = self.metric_ids(&names).await?;
        patiently(|| self.try_to_keep(trial, points, &metrics)).await?;
        Ok(())
    }

    /// One transaction, which a repetition of the same report waits for and then knows.
    async fn try_to_keep(
        &self,
        trial: &TrialRef,
        points: &[ReportedPoint],
        metrics: &[i64],
    ) -> Result<(), StoreError> {
        let digest = digest(points);
        let number = columns::integer("trial number", trial.number)?;
        let attempt = i64::from(trial.attempt);
        let mut transaction = self.pool.begin().await.map_err(fault)?;
        let found: Option<(i64, Option<i64>)> = launch!(sqlx::query_as(sql::REPORT_BEGIN), trial)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(fault)?;
        let (experiment, last) = found.ok_or_else(|| StoreError::NotFound {
            key: trial.experiment.clone(),
        })?;
        let noted = |text| {
            let statement = sqlx::query(text).bind(experiment).bind(number);
            statement.bind(attempt).bind(digest)
        };
        let mut is_new = last != Some(digest);
        if has_a_moment(points) {
            let made = noted(sql::REPORT_KNOW).execute(&mut *transaction).await;
            is_new &= made.map_err(fault)?.rows_affected() > 0;
        }
        if is_new {
            let (values, texts) = split_all(points.iter().map(|point| point.value.as_str()));
            sqlx::query(sql::REPORT_POINTS)
                .bind(experiment)
                .bind(number)
                .bind(attempt)
                .bind(metrics)
                .bind(values)
                .bind(texts)
                .bind(points.iter().map(|point| point.time_ns).collect::<Vec<_>>())
                .bind(points.iter().map(|point| point.step).collect::<Vec<_>>())
                .execute(&mut *transaction)
                .await
                .map_err(fault)?;
        }
        let ended = noted(sql::REPORT_END).execute(&mut *transaction).await;
        ended.map_err(fault)?;
        transaction.commit().await.map_err(fault)
    }
}
