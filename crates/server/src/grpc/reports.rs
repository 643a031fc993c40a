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

/// All points that a query finds, however many pages they fill, by time; points without a time come first. `None`: they are
/// more than `most`.
pub(super) async fn all(
    store: &dyn Store,
    query: ObservationQuery,
    most: usize,
) -> Result<Option<Vec<MetricPoint>>, StoreError> {
    let mut points = Vec::new();
    each_page(store, query, |page| {
        points.extend(page);
        points.len() <= most
    })
    .await?;
    in_time(&mut points);
    Ok(Some(points).filter(|points| points.len() <= most))
}

/// The first `count` values of the points that a query finds, by time as [`all`]. Words are no values.
///
/// All points are looked at, because the first to arrive need not be the first by time; only `count` and a page of them are
/// in memory.
pub(crate) async fn first_values(
    store: &dyn Store,
    query: ObservationQuery,
    count: usize,
) -> Result<Vec<f64>, StoreError> {
    let mut first = Vec::new();
    each_page(store, query, |page| {
        first.extend(page);
        keep_first_values(&mut first, count);
        true
    })
    .await?;
    Ok(first.iter().filter_map(MetricPoint::number).collect())
}

/// Reads pages until `take` wants no more.
async fn each_page(
    store: &dyn Store,
    mut query: ObservationQuery,
    mut take: impl FnMut(Vec<MetricPoint>) -> bool,
) -> Result<(), StoreError> {
    loop {
        let page = store.observations(&query).await?;
        query.after = page.last().map(|point| point.place);
        let is_last = page.len() < usize::try_from(MAX_PAGE).unwrap_or(usize::MAX);
        if !take(page) || is_last {
            return Ok(());
        }
    }
}

fn keep_first_values(points: &mut Vec<MetricPoint>, count: usize) {
    points.retain(|point| point.number().is_some());
    in_time(points);
    points.truncate(count);
}

/// Stable: points of one stream with equal times stay in the order they were written.
fn in_time(points: &mut [MetricPoint]) {
    points.sort_by_key(|point| point.time_ns);
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

    /// The first `count` values that a trial has reported of a metric, by time.
    pub(super) async fn first_values(
        &self,
        trial: &str,
        metric: &str,
        count: usize,
    ) -> Result<Vec<f64>, Status> {
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
        keep_first_values(&mut points, count);
        Ok(points.iter().filter_map(MetricPoint::number).collect())
    }
}
