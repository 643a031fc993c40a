//! Observations and cursors.

use diwan_core::observation::{MetricPoint, Place, Source};
use sqlx::error::ErrorKind;
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, Row};

use super::sql::Append;
use super::writer::Statement;
use super::{SqliteStore, rows, sql};
use crate::{Cursor, ObservationQuery, StoreError, TrialRef};

impl SqliteStore {
    /// Large calls are cut into several transactions, the last of which moves the cursors: points may be ahead of cursors,
    /// never behind.
    pub(super) async fn append_points(
        &self,
        trial: &TrialRef,
        points: &[MetricPoint],
        cursors: &[Cursor],
    ) -> Result<(), StoreError> {
        let metrics = self.metric_ids(points).await?;
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
        let number = rows::integer("trial number", trial.number)?;
        let mut statement = rows::bind_experiment(sqlx::query(script.text.as_str()), trial)
            .bind(number)
            .bind(trial.attempt);
        for (point, metric) in points.iter().zip(metrics) {
            statement = bind_point(statement, point, *metric);
        }
        for _ in points.len()..script.rows {
            statement = bind_nothing(statement);
        }
        let cursors: Vec<(u8, i64)> = cursors
            .iter()
            .map(|cursor| (cursor.source as u8, cursor.offset))
            .collect();
        statement = rows::bind_experiment(statement, trial)
            .bind(number)
            .bind(trial.attempt)
            .bind(rows::to_json(&cursors)?);
        match self.writer.run(statement).await {
            Ok(_) => Ok(()),
            Err(error) if has_no_experiment(&error) => Err(StoreError::NotFound {
                key: trial.experiment.clone(),
            }),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn list_cursors(&self, trial: &TrialRef) -> Result<Vec<Cursor>, StoreError> {
        let statement = rows::bind_experiment(sqlx::query(sql::CURSORS), trial)
            .bind(rows::integer("trial number", trial.number)?)
            .bind(trial.attempt);
        let found = self.read(statement).await?;
        found
            .iter()
            .map(|row| {
                Ok(Cursor {
                    source: source(row)?,
                    offset: row.try_get("position")?,
                })
            })
            .collect()
    }

    pub(super) async fn list_points(
        &self,
        query: &ObservationQuery,
    ) -> Result<Vec<MetricPoint>, StoreError> {
        let (after_source, after_offset, after_index) = query.after.map_or((-1, 0, 0), |place| {
            (i64::from(place.source as u8), place.offset, place.index)
        });
        let statement = rows::bind_experiment(sqlx::query(sql::OBSERVATIONS), &query.trial)
            .bind(rows::integer("trial number", query.trial.number)?)
            .bind(query.trial.attempt)
            .bind(after_source)
            .bind(after_offset)
            .bind(after_index)
            .bind(query.metric.clone())
            .bind(query.from_ns)
            .bind(query.to_ns)
            .bind(rows::limit(query.limit));
        self.read(statement).await?.iter().map(point).collect()
    }
}

fn bind_point(statement: Statement, point: &MetricPoint, metric: i64) -> Statement {
    let (value, text) = split_value(&point.value);
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

/// A value as a number, and as text when the number alone does not give the text back (`0.930`, `1e-5`, `nan`, words).
fn split_value(value: &str) -> (Option<f64>, Option<String>) {
    // SQLite keeps neither NaN nor the sign of zero.
    let number = value
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|number| !number.is_nan());
    let is_exact = number.is_some_and(|number| value != "-0" && write_number(number) == value);
    (number, (!is_exact).then(|| value.to_owned()))
}

fn write_number(number: f64) -> String {
    number.to_string()
}

fn point(row: &SqliteRow) -> Result<MetricPoint, StoreError> {
    let value = match row.try_get::<Option<String>, _>("text")? {
        Some(text) => text,
        None => write_number(row.try_get("value")?),
    };
    Ok(MetricPoint {
        metric: row.try_get("metric")?,
        value,
        time_ns: row.try_get("time_ns")?,
        step: row.try_get("step")?,
        place: Place {
            source: source(row)?,
            offset: row.try_get("position")?,
            index: row.try_get("part")?,
        },
    })
}

fn source(row: &SqliteRow) -> Result<Source, StoreError> {
    let number = row.try_get("source")?;
    Source::from_number(number).ok_or_else(|| StoreError::Damaged {
        what: format!("{number} is no source of observations"),
        source: None,
    })
}

/// The one null that a script can put into a table is the id of a missing experiment.
fn has_no_experiment(error: &Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.kind() == ErrorKind::NotNullViolation)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn restored(value: &str) -> String {
        let (number, text) = split_value(value);
        text.unwrap_or_else(|| write_number(number.unwrap()))
    }

    #[test]
    fn text_is_kept_only_where_the_number_does_not_do() {
        for value in ["0.93", "5", "-1.25", "0.00001"] {
            assert_eq!(split_value(value).1, None, "{value}");
        }
        for value in [
            "0.930",
            "1e-5",
            "nan",
            "-0",
            "+1",
            " 1",
            "inf and so on",
            "",
        ] {
            assert_eq!(split_value(value).1.as_deref(), Some(value), "{value}");
        }
        assert_eq!(split_value("1e-5").0, Some(1e-5));
        assert_eq!(split_value("nan").0, None);
    }

    proptest! {
        #[test]
        fn values_come_back_as_written(number in any::<f64>(), text in ".{0,20}") {
            let written = number.to_string();
            prop_assert_eq!(restored(&written), written);
            let scientific = format!("{number:e}");
            prop_assert_eq!(restored(&scientific), scientific);
            prop_assert_eq!(restored(&text), text);
        }
    }
}
