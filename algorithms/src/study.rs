//! An algorithm's view of an experiment: what is searched, what is wanted, and what came of every trial so far.

mod given;
mod memo;
mod spec;
mod trial;

use std::collections::HashMap;

use diwan_core::initial;
use diwan_core::record::TrialState;
use rand::rngs::ChaCha8Rng;

use given::Given;
use memo::Memo;
pub use spec::{Objective, StudySpec};
pub use trial::{Outcome, Report, StudyTrial};

use crate::algorithm::SuggestedPoint;
use crate::space::{Misfit, Point, Space};
use crate::stopping::Curve;

/// An experiment as an algorithm sees it, kept up by [`Study::record`] as trials change.
#[derive(Clone, Debug)]
pub struct Study {
    /// What is searched and wanted.
    pub spec: StudySpec,
    /// Number of the algorithm's next suggestion: how many points it has ever suggested for this experiment, whatever became
    /// of them. Random streams follow from it, so it must survive restarts.
    pub next: u64,
    /// Trials that were left out because their assignments are no point of the space.
    pub misfits: u64,
    given: Given,
    /// How many of the trials, the first ones, the experiment began with.
    known: usize,
    trials: Vec<StudyTrial>,
    places: HashMap<String, usize>,
    /// The points of the trials, and those that are given, so that the algorithm suggests none of them.
    tried: HashMap<Point, u32>,
    /// Places of trials, in the order in which they came or their states or outcomes changed.
    changes: Vec<usize>,
    memo: Memo,
}

// === impl Study ===

impl Study {
    /// A study of an experiment that has `made` trials, none of which is recorded yet: only those are known that it began
    /// with.
    #[must_use]
    pub fn new(spec: StudySpec, made: u64) -> Self {
        let mut study = Self {
            next: 0,
            misfits: 0,
            given: Given::of(&spec),
            known: 0,
            trials: Vec::new(),
            places: HashMap::new(),
            tried: HashMap::new(),
            changes: Vec::new(),
            memo: Memo::default(),
            spec,
        };
        for point in study.given.all() {
            *study.tried.entry(point.clone()).or_default() += 1;
        }
        let known = initial::records(&study.spec.initial).map(|trial| Report {
            number: None,
            ..Report::of(&trial, &study.spec.objective)
        });
        let known: Vec<Report> = known.collect();
        for report in known {
            study.record_if_it_fits(report);
        }
        study.known = study.trials.len();
        study.set_made(made);
        study
    }

    /// A study of all trials that are known, from whatever source. Trials that do not fit the space are counted in
    /// `misfits` and otherwise ignored. Without `made`, it is as if every trial that fits had been suggested here, and the
    /// given points that one of them has are done.
    pub fn of(
        spec: StudySpec,
        made: Option<u64>,
        reports: impl IntoIterator<Item = Report>,
    ) -> Self {
        let mut study = Self::new(spec, made.unwrap_or_default());
        for report in reports {
            study.record_if_it_fits(report);
        }
        if made.is_none() {
            let told = study.trials.iter().skip(study.known);
            study.given.note_tried(told.map(|trial| &trial.point));
            let told = (study.trials.len() - study.known) as u64;
            study.next = told.saturating_sub(study.given.done());
        }
        study
    }

    /// Notes how many trials the experiment has made. The first of them had the points that are given.
    pub fn set_made(&mut self, made: u64) {
        self.given.set_made(made);
        self.next = made.saturating_sub(self.given.done());
    }

    /// Notes that the experiment has made so many trials or more, of which not all may be recorded.
    pub fn made_at_least(&mut self, made: u64) {
        self.given.made_at_least(made);
        self.next = self.next.max(made.saturating_sub(self.given.done()));
    }

    /// How many trials the experiment has made.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.next.saturating_add(self.given.done())
    }

    /// The given points that are due, the first `count` of them: they come before any of the algorithm's.
    #[must_use]
    pub fn given(&self, count: usize) -> Vec<SuggestedPoint> {
        self.given.due(&self.spec, count)
    }

    /// The same study, in which trials have the first of the given points that are due.
    pub(crate) fn with_given(&self, points: &[SuggestedPoint]) -> Self {
        let mut study = self.clone();
        for point in points {
            let assignments = point.assignments.clone();
            study.record_if_it_fits(Report::new(assignments, TrialState::Pending));
        }
        study
    }

    /// As [`Self::record`]; a trial that does not fit is counted in `misfits`.
    pub fn record_if_it_fits(&mut self, report: Report) {
        if self.record(report).is_err() {
            self.misfits += 1;
        }
    }

    /// Adds a trial, or replaces the one of the same name; trials without a name are always added.
    ///
    /// # Errors
    /// As [`Space::point`]; nothing has changed then.
    pub fn record(&mut self, mut report: Report) -> Result<(), Misfit> {
        let point = self.spec.space.point(&report.assignments)?;
        // The first trials have the given points, which the algorithm did not suggest.
        let given = self.given.all().len() as u64;
        report.number = report.number.and_then(|number| number.checked_sub(given));
        let trial = StudyTrial::new(report, point);
        *self.tried.entry(trial.point.clone()).or_default() += 1;
        match self.places.get(&trial.name) {
            Some(place) => {
                let place = *place;
                let old = std::mem::replace(&mut self.trials[place], trial);
                self.note_change(place, &old);
                self.forget(&old.point);
            }
            None => {
                if !trial.name.is_empty() {
                    self.places.insert(trial.name.clone(), self.trials.len());
                }
                self.changes.push(self.trials.len());
                self.trials.push(trial);
            }
        }
        Ok(())
    }

    /// Notes what has become of a trial: its state, what it reached, and its curve. `false` if there is none of this name.
    pub fn update(
        &mut self,
        name: &str,
        state: TrialState,
        value: Option<f64>,
        curve: Curve,
    ) -> bool {
        let Some(&place) = self.places.get(name) else {
            return false;
        };
        let trial = &mut self.trials[place];
        let before = (trial.state, trial.outcome());
        trial.update(state, value, curve);
        if before != (trial.state, trial.outcome()) {
            self.changes.push(place);
        }
        true
    }

    /// The trials, in the order they were first recorded.
    #[must_use]
    pub fn trials(&self) -> &[StudyTrial] {
        &self.trials
    }

    /// The search space.
    #[must_use]
    pub fn space(&self) -> &Space {
        &self.spec.space
    }

    /// Whether the experiment begins with this point: it is given, or that of a trial that was over before.
    pub(crate) fn begins_with(&self, point: &Point) -> bool {
        let mut known = self.trials[..self.known].iter();
        self.given.all().contains(point) || known.any(|trial| trial.point == *point)
    }

    /// Whether some trial, in whatever state, has this point, or will because it is given.
    #[must_use]
    pub fn has_tried(&self, point: &Point) -> bool {
        self.tried.contains_key(point)
    }

    /// The different points that have a trial or are given, in no order.
    pub(crate) fn tried(&self) -> impl Iterator<Item = &Point> {
        self.tried.keys()
    }

    /// How many different points have a trial or are given.
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.tried.len()
    }

    /// Whether the trials here can be all there are. A caller that loads less history than there is (see
    /// [`History`](crate::algorithm::History)) has fewer trials than were suggested.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        (self.trials.len() - self.known) as u64 >= self.made()
    }

    /// The random stream of suggestion number [`Study::next`].
    #[must_use]
    pub fn rng(&self) -> ChaCha8Rng {
        self.spec.rng(self.next)
    }

    /// Places in [`Study::trials`], in the order in which the trials came or their states or outcomes changed. It only grows; a
    /// trial that becomes another one under its name is not in it, but empties the [memo](Study::memo).
    pub(crate) fn changes(&self) -> &[usize] {
        &self.changes
    }

    /// A place to keep what was computed of this study.
    pub(crate) fn memo(&self) -> &Memo {
        &self.memo
    }

    fn note_change(&mut self, place: usize, old: &StudyTrial) {
        let new = &self.trials[place];
        let is_same =
            new.number == old.number && new.point == old.point && new.labels == old.labels;
        if !is_same {
            self.memo = Memo::default();
        } else if (new.state, new.outcome()) != (old.state, old.outcome()) {
            self.changes.push(place);
        }
    }

    fn forget(&mut self, point: &Point) {
        if let Some(count) = self.tried.get_mut(point) {
            *count -= 1;
            if *count == 0 {
                self.tried.remove(point);
            }
        }
    }
}

#[cfg(test)]
mod tests;
