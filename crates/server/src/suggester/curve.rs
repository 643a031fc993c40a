//! What one trial has reported, as a stopping rule or an optimizer sees it.

use diwan_algorithms::stopping::Curve;
use diwan_store::{ObservationQuery, Store, StoreError, TrialRef};

/// What a launch has reported: its first page, which is more than is kept.
pub(crate) async fn curve(
    store: &dyn Store,
    trial: TrialRef,
    metric: &str,
) -> Result<Curve, StoreError> {
    let query = ObservationQuery {
        metric: Some(metric.to_owned()),
        ..ObservationQuery::of(trial)
    };
    let mut curve = Curve::default();
    for point in store.observations(&query).await? {
        if let Some(value) = point.number() {
            curve.report(point.step, value);
        }
    }
    Ok(curve)
}
