//! Observations and cursors.

use diwan_core::observation::MetricPoint;

use super::fault::fault;
use super::patience::patiently;
use super::{PostgresStore, launch, split_all, sql, text_of};
use crate::columns::{self, PointRow};
use crate::{Cursor, ObservationQuery, StoreError, TrialRef};

/// Points that one statement keeps.
const PIECE: usize = 5_000;

type StoredPoint = (
    Vec<u8>,
    Option<f64>,
    Option<Vec<u8>>,
    Option<i64>,
    Option<i64>,
    i64,
    i64,
    i32,
);

impl PostgresStore {
    /// Large calls are cut into several transactions, the last of which moves the cursors: points may be ahead of cursors,
    /// never behind.
    pub(super) async fn append_points(
        &self,
        trial: &TrialRef,
        points: &[MetricPoint],
        cursors: &[Cursor],
    ) -> Result<(), StoreError> {
        if points.is_empty() && cursors.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = points.iter().map(|point| point.metric.as_str()).collect();
        let metrics = self.metric_ids(&names).await?;
        let last = points.len().saturating_sub(1) / PIECE;
        for piece in 0..=last {
            let range = piece * PIECE..points.len().min((piece + 1) * PIECE);
            let cursors = if piece == last { cursors } else { &[] };
            patiently(|| {
                self.append_piece(
                    trial,
                    &points[range.clone()],
                    &metrics[range.clone()],
                    cursors,
                )
            })
            .await?;
        }
        Ok(())
    }

    async fn append_piece(
        &self,
        trial: &TrialRef,
        points: &[MetricPoint],
        metrics: &[i64],
        cursors: &[Cursor],
    ) -> Result<(), StoreError> {
        let (values, texts) = split_all(points.iter().map(|point| point.value.as_str()));
        let places = || points.iter().map(|point| point.place);
        let found = launch!(sqlx::query(sql::APPEND), trial)
            .bind(
                places()
                    .map(|place| i64::from(place.source as u8))
                    .collect::<Vec<_>>(),
            )
            .bind(places().map(|place| place.offset).collect::<Vec<_>>())
            .bind(places().map(|place| place.index).collect::<Vec<_>>())
            .bind(metrics)
            .bind(values)
            .bind(texts)
            .bind(points.iter().map(|point| point.time_ns).collect::<Vec<_>>())
            .bind(points.iter().map(|point| point.step).collect::<Vec<_>>())
            .bind(
                cursors
                    .iter()
                    .map(|cursor| i64::from(cursor.source as u8))
                    .collect::<Vec<_>>(),
            )
            .bind(
                cursors
                    .iter()
                    .map(|cursor| cursor.offset)
                    .collect::<Vec<_>>(),
            )
            .bind(cursors.iter().map(|cursor| cursor.base).collect::<Vec<_>>())
            .bind(
                cursors
                    .iter()
                    .map(|cursor| cursor.print)
                    .collect::<Vec<_>>(),
            )
            .fetch_optional(&self.pool)
            .await
            .map_err(fault)?;
        found.map(drop).ok_or_else(|| StoreError::NotFound {
            key: trial.experiment.clone(),
        })
    }

    pub(super) async fn list_cursors(&self, trial: &TrialRef) -> Result<Vec<Cursor>, StoreError> {
        let ask = async || {
            let statement = launch!(sqlx::query_as(sql::CURSORS), trial);
            statement.fetch_all(&self.pool).await.map_err(fault)
        };
        let found: Vec<(i64, i64, i64, i64)> = patiently(ask).await?.value;
        let cursors = found.into_iter().map(|(source, offset, base, print)| {
            Ok(Cursor {
                source: columns::source(source)?,
                offset,
                base,
                print,
            })
        });
        cursors.collect()
    }

    pub(super) async fn list_points(
        &self,
        query: &ObservationQuery,
    ) -> Result<Vec<MetricPoint>, StoreError> {
        let (source, position, part) = query.behind();
        let ask = async || {
            let statement = launch!(sqlx::query_as(sql::OBSERVATIONS), query.trial)
                .bind(source)
                .bind(position)
                .bind(part)
                .bind(query.metric.as_ref().map(|metric| metric.as_bytes()))
                .bind(query.from_ns)
                .bind(query.to_ns)
                .bind(columns::limit(query.limit));
            statement.fetch_all(&self.pool).await.map_err(fault)
        };
        let found: Vec<StoredPoint> = patiently(ask).await?.value;
        found.into_iter().map(point).collect()
    }
}

fn point(row: StoredPoint) -> Result<MetricPoint, StoreError> {
    let (metric, value, text, time_ns, step, source, position, part) = row;
    let point = PointRow {
        metric: text_of(metric)?,
        value,
        text: text.map(text_of).transpose()?,
        time_ns,
        step,
        source,
        position,
        part,
    };
    point.point()
}
