//! What the optimizer and the stopping rule have against an experiment that is about to begin.

use diwan_algorithms::settings::Settings;
use diwan_algorithms::study::StudySpec;
use diwan_algorithms::{registry, stopping};
use diwan_core::problem::{Problem, Problems};
use diwan_core::resources::{EarlyStoppingSpec, ExperimentSpec};

/// All of it. An algorithm that this program does not have, or that one of the `services` has, is not asked.
pub(crate) fn refusals(spec: &ExperimentSpec, services: &[String]) -> Vec<Problem> {
    let algorithm = spec.algorithm.as_ref();
    let name = algorithm.map_or("", |algorithm| &algorithm.algorithm_name);
    let is_elsewhere = services.iter().any(|service| service == name);
    let of_algorithm = registry::find(name)
        .ok()
        .filter(|_| !is_elsewhere)
        .map(|algorithm| StudySpec::of(spec, 0).and_then(|study| algorithm.admit(&study)));
    let of_rule = spec.early_stopping.as_ref().and_then(judge);
    let verdicts = of_algorithm.into_iter().chain(of_rule);
    verdicts
        .filter_map(Result::err)
        .flat_map(|problems| problems.0)
        .collect()
}

fn judge(spec: &EarlyStoppingSpec) -> Option<Result<(), Problems>> {
    let rule = stopping::find(&spec.algorithm_name).ok()?;
    Some(rule.validate(&Settings::from(spec.algorithm_settings.as_slice())))
}
