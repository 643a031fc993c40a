//! Stops trials as the service does: a trial gets its rules when it begins, made of the curves of those that have succeeded.

use std::collections::HashMap;

use diwan_algorithms::settings::Settings;
use diwan_algorithms::stopping::{Curve, StoppingRule};
use diwan_algorithms::study::Objective;
use diwan_collect::RuleWatch;
use diwan_core::observation::{MetricPoint, Place};
use diwan_core::record::TrialState;
use diwan_core::resources::ObjectiveSpec;

/// Judges the trials that run.
pub(super) struct Judge {
    rule: &'static dyn StoppingRule,
    settings: Settings,
    objective: Objective,
    succeeded: Vec<Curve>,
    running: HashMap<u64, Watched>,
}

struct Watched {
    watch: Option<RuleWatch>,
    curve: Curve,
}

impl Judge {
    pub(super) fn new(
        rule: &'static dyn StoppingRule,
        settings: &Settings,
        objective: &Objective,
    ) -> Self {
        Self {
            rule,
            settings: settings.clone(),
            objective: objective.clone(),
            succeeded: Vec::new(),
            running: HashMap::new(),
        }
    }

    /// A trial begins.
    pub(super) fn begin(&mut self, number: u64) {
        let objective = ObjectiveSpec {
            kind: self.objective.kind,
            objective_metric_name: self.objective.metric.clone(),
            ..ObjectiveSpec::default()
        };
        let rules = self
            .rule
            .rules(&self.objective, &self.succeeded, &self.settings);
        let watched = Watched {
            watch: RuleWatch::new(&rules, &objective).ok(),
            curve: Curve::new(),
        };
        self.running.insert(number, watched);
    }

    /// A trial reports; whether it is to be stopped.
    pub(super) fn stops(&mut self, number: u64, value: f64) -> bool {
        let Some(watched) = self.running.get_mut(&number) else {
            return false;
        };
        watched.curve.push(value);
        let Some(watch) = &mut watched.watch else {
            return false;
        };
        let reports = watched.curve.len() as i64;
        let point = MetricPoint {
            metric: self.objective.metric.clone(),
            value: format!("{value:?}"),
            time_ns: None,
            step: Some(reports),
            place: Place::pushed(reports),
        };
        watch.observe(&point).is_some()
    }

    /// A trial has ended.
    pub(super) fn end(&mut self, number: u64, state: TrialState) {
        let Some(mut watched) = self.running.remove(&number) else {
            return;
        };
        if state == TrialState::Succeeded {
            let needed = self.rule.values_needed(&self.settings);
            watched.curve.truncate(needed);
            self.succeeded.push(watched.curve);
        }
    }
}
