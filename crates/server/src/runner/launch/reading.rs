//! What is made of a trial's output: points, a summary, and what stopping rules say to them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use diwan_collect::{Collector, RuleWatch, Summary};
use diwan_core::observation::{MetricPoint, Place, Source};
use diwan_core::record::{ExperimentRecord, TrialRecord};

use crate::runner::Plans;

/// How a trial's output is read.
pub(super) struct Reading {
    pub(super) collector: Option<Collector>,
    pub(super) rules: Option<RuleWatch>,
    /// Up to where the rules have seen each stream: points may be stored beyond the cursor that reading goes on from.
    judged: BTreeMap<Source, Place>,
    /// Of all points so far, if nobody but this task can have stored any.
    pub(super) summary: Option<Summary>,
    pub(super) metrics_file: Option<PathBuf>,
    pub(super) retain: bool,
}

impl Reading {
    pub(super) fn new(
        plans: &Plans,
        record: &ExperimentRecord,
        trial: &TrialRecord,
        is_new: bool,
    ) -> Self {
        let objective = record.spec.objective.clone().unwrap_or_default();
        let collector = plans.collector().cloned();
        let summary = (is_new && collector.is_some()).then(|| Summary::new(&objective));
        // The optimizer's own rules; one that cannot be watched stops nothing.
        let rules = (!trial.rules.is_empty())
            .then(|| RuleWatch::new(&trial.rules, &objective).ok())
            .flatten();
        let metrics_file = plans.metrics_path(&plans.directory(trial), trial.attempt);
        let retain = record
            .spec
            .trial_template
            .as_ref()
            .is_some_and(|template| template.retain);
        Self {
            collector,
            rules,
            judged: BTreeMap::new(),
            summary,
            metrics_file,
            retain,
        }
    }

    /// What the stopping rules say to a point, if one fires. Each point is shown to them once.
    pub(super) fn observe(&mut self, point: &MetricPoint) -> Option<String> {
        let rules = self.rules.as_mut()?;
        let place = point.place;
        let judged = self.judged.get(&place.source);
        if judged.is_some_and(|judged| *judged >= place) {
            return None;
        }
        self.judged.insert(place.source, place);
        rules.observe(point).map(|fired| fired.to_string())
    }
}
