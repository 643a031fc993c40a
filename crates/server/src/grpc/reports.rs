//! What trials have reported.

use std::time::Duration;

use diwan_core::observation::{MetricPoint, Place};
use diwan_proto::convert::observation;
use diwan_proto::katib;
use diwan_proto::katib::db_manager_client::DbManagerClient;
use diwan_store::{MAX_PAGE, ObservationQuery, Store, StoreError};
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::serve::MAX_REQUEST;
use super::status;

/// Time for connecting to, and for each answer of, somebody else's database manager.
const PATIENCE: Duration = Duration::from_secs(10);

/// All points that a query finds, however many pages they fill, by time; points without a time come first.
pub(crate) async fn all(
    store: &dyn Store,
    mut query: ObservationQuery,
) -> Result<Vec<MetricPoint>, StoreError> {
    let mut points = Vec::new();
    loop {
        let page = store.observations(&query).await?;
        query.after = page.last().map(|point| point.place);
        let is_last = page.len() < usize::try_from(MAX_PAGE).unwrap_or(usize::MAX);
        points.extend(page);
        if is_last {
            break;
        }
    }
    // Stable: points of one stream with equal times stay in the order they were written.
    points.sort_by_key(|point| point.time_ns);
    Ok(points)
}

/// The first `count` values of points in order, each with its step, or else its number from 1.
pub(crate) fn first_values(points: &[MetricPoint], count: usize) -> Vec<(i64, f64)> {
    let numbered = (1..).zip(points);
    numbered
        .filter_map(|(number, point)| Some((point.step.unwrap_or(number), point.number()?)))
        .take(count)
        .collect()
}

/// Somebody else's database manager.
pub(super) struct DbManager {
    client: DbManagerClient<Channel>,
}

impl DbManager {
    /// The one at `address`, a host and a port. Connects when it is asked.
    ///
    /// # Errors
    /// When the address is none.
    pub(super) fn at(address: &str) -> Result<Self, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?
            .connect_timeout(PATIENCE)
            .timeout(PATIENCE);
        let client = DbManagerClient::new(endpoint.connect_lazy());
        Ok(Self {
            client: client.max_decoding_message_size(MAX_REQUEST),
        })
    }

    /// What a trial has reported of a metric.
    pub(super) async fn points(
        &self,
        trial: &str,
        metric: &str,
    ) -> Result<Vec<MetricPoint>, Status> {
        let request = katib::GetObservationLogRequest {
            trial_name: trial.to_owned(),
            metric_name: metric.to_owned(),
            ..Default::default()
        };
        let reply = self
            .client
            .clone()
            .get_observation_log(request)
            .await?
            .into_inner();
        let points = observation::read(reply.observation_log)
            .map_err(|problems| status::invalid(&problems))?;
        let numbered = points.into_iter().zip(0..);
        let mut points: Vec<MetricPoint> = numbered
            .map(|(point, number)| point.at(Place::pushed(number)))
            .collect();
        points.sort_by_key(|point| point.time_ns);
        Ok(points)
    }
}
