//! Points that are pushed.

use std::iter::once;

use diwan_core::observation::ReportedPoint;

use super::observations::refusal;
use super::writer::Statement;
use super::{SqliteStore, rows, sql};
use crate::report::{digest, has_a_moment};
use crate::{StoreError, TrialRef, columns, value};

impl SqliteStore {
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
        let stored = self.writer.run_all(script(trial, points, metrics)?).await;
        stored.map_err(|error| refusal(error, trial))?;
        Ok(())
    }
}

/// The pieces of one transaction.
fn script(
    trial: &TrialRef,
    points: &[ReportedPoint],
    metrics: Vec<i64>,
) -> Result<impl Iterator<Item = Statement> + Send + use<>, StoreError> {
    let digest = digest(points);
    let number = columns::integer("trial number", trial.number)?;
    let trial = trial.clone();
    let bind_report = move |statement| {
        rows::bind_experiment(statement, &trial)
            .bind(number)
            .bind(trial.attempt)
            .bind(digest)
    };
    let commit = bind_report(bind_report(sqlx::query(sql::REPORT_COMMIT)));
    let commit = commit.bind(has_a_moment(points));
    let starts = (0..points.len()).step_by(sql::REPORT_ROWS);
    let points = points.to_vec();
    let piece = move |start: usize| {
        let end = points.len().min(start + sql::REPORT_ROWS);
        let rows = points[start..end].iter().zip(&metrics[start..end]);
        let statement = bind_report(sqlx::query(sql::REPORT_POINTS.as_str()));
        rows.fold(statement, |statement, (point, metric)| {
            bind_point(statement, point, *metric)
        })
    };
    Ok(once(sqlx::query(sql::REPORT_BEGIN))
        .chain(starts.map(piece))
        .chain(once(commit)))
}

fn bind_point(statement: Statement, point: &ReportedPoint, metric: i64) -> Statement {
    let (value, text) = value::split(&point.value);
    statement
        .bind(metric)
        .bind(value)
        .bind(text)
        .bind(point.time_ns)
        .bind(point.step)
}
