//! What is made of a trial's output: points, a summary, and what stopping rules say to them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use diwan_collect::{Collector, RuleWatch, Summary};
use diwan_core::observation::{MetricPoint, Place, Source};
use diwan_core::record::{ExperimentRecord, TrialRecord};

use super::Shared;
use crate::runner::judge::Judge;

/// How a trial's output is read.
pub(super) struct Reading {
    pub(super) collector: Option<Collector>,
    trial: u64,
    /// The trial's own rules.
    rules: Option<RuleWatch>,
    /// The experiment's, which sees all trials.
    judge: Option<Arc<Judge>>,
    /// Up to where they have seen each stream: points may be stored beyond the cursor that reading goes on from.
    judged: BTreeMap<Source, Place>,
    /// Of all points so far, if nobody but this task can have stored any.
    pub(super) summary: Option<Summary>,
    pub(super) metrics_file: Option<PathBuf>,
    pub(super) retain: bool,
}

impl Reading {
    pub(super) fn new(
        shared: &Shared,
        record: &ExperimentRecord,
        trial: &TrialRecord,
        is_new: bool,
    ) -> Self {
        let plans = &shared.plans;
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
            trial: trial.number,
            rules,
            judge: shared.judge.clone(),
            judged: BTreeMap::new(),
            summary,
            metrics_file,
            retain,
        }
    }

    /// The launch begins, or is found again.
    pub(super) fn begin(&self) {
        if let Some(judge) = &self.judge {
            judge.begin(self.trial);
        }
    }

    /// Whether a rule may stop the trial.
    pub(super) fn is_judged(&self) -> bool {
        self.rules.is_some() || self.judge.is_some()
    }

    /// It is stopped: no rule needs to see more.
    pub(super) fn judges_no_more(&mut self) {
        (self.rules, self.judge) = (None, None);
    }

    /// The last of the points that the trial has sent and the rules have seen.
    pub(super) fn last_pushed(&self) -> Option<Place> {
        self.judged.get(&Source::Push).copied()
    }

    /// What the stopping rules say to a new point, if one fires.
    pub(super) fn observe(&mut self, point: &MetricPoint) -> Option<String> {
        if !self.is_unseen(point) {
            return None;
        }
        let own = self.own_rules(point);
        let judge = self.judge.as_ref();
        let said = judge.and_then(|judge| judge.observe(self.trial, point));
        said.or(own)
    }

    /// What the trial's own rules say to a point that is stored since an earlier run. The experiment's has judged it then, by
    /// what it knew, but for those last points that were stored when that run was killed: to judge them now would be to judge all
    /// that trials have passed long ago anew, by what has become known since.
    pub(super) fn recall(&mut self, point: &MetricPoint) -> Option<String> {
        if !self.is_unseen(point) {
            return None;
        }
        if let Some(judge) = &self.judge {
            judge.see(self.trial, point);
        }
        self.own_rules(point)
    }

    /// Each point is shown to the rules once.
    fn is_unseen(&mut self, point: &MetricPoint) -> bool {
        let place = point.place;
        let judged = self.judged.get(&place.source);
        let is_unseen = judged.is_none_or(|judged| *judged < place);
        if is_unseen && self.is_judged() {
            self.judged.insert(place.source, place);
        }
        is_unseen
    }

    fn own_rules(&mut self, point: &MetricPoint) -> Option<String> {
        let fired = self.rules.as_mut()?.observe(point)?;
        Some(fired.to_string())
    }
}
