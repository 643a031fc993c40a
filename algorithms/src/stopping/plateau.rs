//! Plateaus: a trial that has not improved for a while is as good as it gets (Prechelt, "Early Stopping - But When?", in
//! Neural Networks: Tricks of the Trade, 1998, with patience as frameworks have it).

use diwan_core::record::TrialState;

use super::statistics::best;
use super::{Curves, StoppingRule};
use crate::settings::{Kind, Setting, Settings};
use crate::study::Objective;

/// Stops what does not improve.
pub(crate) struct Plateau;

const PATIENCE: Setting = Setting {
    name: "patience",
    kind: Kind::Int {
        min: 1,
        max: i32::MAX as i64,
    },
    default: "10",
    help: "so many values in a row without improvement stop a trial",
};

const MIN_DELTA: Setting = Setting {
    name: "min_delta",
    kind: Kind::AtLeast(0.0),
    default: "0",
    help: "a value must be better by more than this to be an improvement",
};

impl StoppingRule for Plateau {
    fn name(&self) -> &'static str {
        "plateau"
    }

    fn summary(&self) -> &'static str {
        "Stops a trial that has not improved on its own best by more than min_delta for patience reports. Katib's protocol \
         cannot say it."
    }

    fn settings(&self) -> &'static [Setting] {
        &[PATIENCE, MIN_DELTA]
    }

    fn compares_with(&self, _state: TrialState) -> bool {
        false
    }

    fn judge(
        &self,
        objective: &Objective,
        curves: &Curves,
        trial: u64,
        settings: &Settings,
    ) -> Option<String> {
        let points = curves.curve(trial)?.points();
        let patience = settings.int(PATIENCE.name).unwrap_or(10);
        let window = usize::try_from(patience).unwrap_or(usize::MAX);
        let (before, recent) = points.split_at(points.len().checked_sub(window)?);
        let (last_before, metric) = (before.last()?, &objective.metric);
        let delta = settings.real(MIN_DELTA.name).unwrap_or(0.0);
        let until = best(objective.kind, before);
        let since = best(objective.kind, recent);
        let improved = match (until, since) {
            (Some(until), Some(since)) => {
                objective.kind.better(since, until) && (since - until).abs() > delta
            }
            (None, Some(_)) => true,
            (_, None) => false,
        };
        (!improved).then(|| {
            let step = last_before.step;
            let until = until.map_or("no value".to_owned(), |until| format!("{until:?}"));
            format!(
                "{metric} has not improved on {until} of step {step} or before in {window} reports"
            )
        })
    }
}
