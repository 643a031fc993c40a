//! Observations and cursors.

use diwan_core::observation::MetricPoint;
use sqlx::Row;
use sqlx::error::ErrorKind;
use sqlx::sqlite::SqliteRow;

use super::sql::Append;
use super::writer::Statement;
use super::{SqliteStore, rows, sql};
use crate::columns::{self, PointRow};
use crate::{Cursor, ObservationQuery, StoreError, TrialRef, value};

impl SqliteStore {
    /// Large calls are cut into several transactions, the last of which moves the cursors: points may be ahead of cursors,
    /// never behind.
    pub(super) async fn append_points(
        &self,
        trial: &TrialRef,
        points: &[MetricPoint],
        cursors: &[Cursor],
    ) -> Result<(), StoreError> {
        let names: Vec<&str> = points.iter().map(|point| point.metric.as_str()).collect();
        let metrics = self.metric_ids(&names).await?;
        let rows = sql::APPEND_MANY.rows;
        let mut start = 0;
        while points.len() - start > rows {
            let end = start + rows;
            self.append_piece(trial, &points[start..end], &metrics[start..end], &[])
                .await?;
            start = end;
        }
        if start == points.len() && cursors.is_empty() {
            return Ok(());
        }
        self.append_piece(trial, &points[start..], &metrics[start..], cursors)
            .await
    }

    async fn append_piece(
        &self,
        trial: &TrialRef,
        points: &[MetricPoint],
        metrics: &[i64],
        cursors: &[Cursor],
    ) -> Result<(), StoreError> {
        let script: &'static Append = if points.len() <= sql::APPEND_FEW.rows {
            &sql::APPEND_FEW
        } else {
            &sql::APPEND_MANY
        };
        let number = columns::integer("trial number", trial.number)?;
        let mut statement = rows::bind_experiment(sqlx::query(script.text.as_str()), trial)
            .bind(number)
            .bind(trial.attempt);
        for (point, metric) in points.iter().zip(metrics) {
            statement = bind_point(statement, point, *metric);
        }
        for _ in points.len()..script.rows {
            statement = bind_nothing(statement);
        }
        let row = |cursor: &Cursor| {
            let source = cursor.source as u8;
            (source, cursor.offset, cursor.base, cursor.print)
        };
        let cursors: Vec<(u8, i64, i64, i64)> = cursors.iter().map(row).collect();
        statement = rows::bind_experiment(statement, trial)
            .bind(number)
            .bind(trial.attempt)
            .bind(columns::to_json(&cursors)?);
        let stored = self.writer.run(statement).await;
        stored.map_err(|error| refusal(error, trial))?;
        Ok(())
    }

    pub(super) async fn list_cursors(&self, trial: &TrialRef) -> Result<Vec<Cursor>, StoreError> {
        let statement = rows::bind_experiment(sqlx::query(sql::CURSORS), trial)
            .bind(columns::integer("trial number", trial.number)?)
            .bind(trial.attempt);
        let found = self.read(statement).await?;
        found
            .iter()
            .map(|row| {
                Ok(Cursor {
                    source: columns::source(row.try_get("source")?)?,
                    offset: row.try_get("position")?,
                    base: row.try_get("base")?,
                    print: row.try_get("print")?,
                })
            })
            .collect()
    }

    pub(super) async fn list_points(
        &self,
        query: &ObservationQuery,
    ) -> Result<Vec<MetricPoint>, StoreError> {
        let (source, position, part) = query.behind();
        let statement = rows::bind_experiment(sqlx::query(sql::OBSERVATIONS), &query.trial)
            .bind(columns::integer("trial number", query.trial.number)?)
            .bind(query.trial.attempt)
            .bind(source)
            .bind(position)
            .bind(part)
            .bind(query.metric.clone())
            .bind(query.from_ns)
            .bind(query.to_ns)
            .bind(columns::limit(query.limit));
        self.read(statement).await?.iter().map(point).collect()
    }
}

fn bind_point(statement: Statement, point: &MetricPoint, metric: i64) -> Statement {
    let (value, text) = value::split(&point.value);
    statement
        .bind(point.place.source as u8)
        .bind(point.place.offset)
        .bind(point.place.index)
        .bind(metric)
        .bind(value)
        .bind(text)
        .bind(point.time_ns)
        .bind(point.step)
}

fn bind_nothing(mut statement: Statement) -> Statement {
    for _ in 0..8 {
        statement = statement.bind(None::<i64>);
    }
    statement
}

fn point(row: &SqliteRow) -> Result<MetricPoint, StoreError> {
    let point = PointRow {
        metric: row.try_get("metric")?,
        value: row.try_get("value")?,
        text: row.try_get("text")?,
        time_ns: row.try_get("time_ns")?,
        step: row.try_get("step")?,
        source: row.try_get("source")?,
        position: row.try_get("position")?,
        part: row.try_get("part")?,
    };
    point.point()
}

/// Why points were not stored. The one null that a script can put into a table is the id of a missing experiment.
pub(super) fn refusal(error: StoreError, trial: &TrialRef) -> StoreError {
    match error.constraint() {
        Some(ErrorKind::NotNullViolation) => StoreError::NotFound {
            key: trial.experiment.clone(),
        },
        _ => error,
    }
}
