//! An algorithm's view of an experiment: what is searched, what is wanted, and what came of every trial so far.

mod memo;
mod spec;
mod trial;

use std::collections::HashMap;

use rand::rngs::ChaCha8Rng;

use memo::Memo;
pub use spec::{Objective, StudySpec};
pub use trial::{Outcome, Report, StudyTrial};

use crate::space::{Misfit, Point, Space};

/// An experiment as an algorithm sees it, kept up by [`Study::record`] as trials change.
#[derive(Clone, Debug)]
pub struct Study {
    /// What is searched and wanted.
    pub spec: StudySpec,
    /// Number of the next suggestion: how many points were ever suggested for this experiment, whatever became of
    /// them. Random streams follow from it, so it must survive restarts.
    pub next: u64,
    /// Trials that were left out because their assignments are no point of the space.
    pub misfits: u64,
    trials: Vec<StudyTrial>,
    places: HashMap<String, usize>,
    tried: HashMap<Point, u32>,
    /// Places of trials, in the order in which they came or their outcomes changed.
    changes: Vec<usize>,
    memo: Memo,
}

// === impl Study ===

impl Study {
    /// A study with no trials, of which `next` points were suggested before.
    #[must_use]
    pub fn new(spec: StudySpec, next: u64) -> Self {
        Self {
            spec,
            next,
            misfits: 0,
            trials: Vec::new(),
            places: HashMap::new(),
            tried: HashMap::new(),
            changes: Vec::new(),
            memo: Memo::default(),
        }
    }

    /// A study of all trials that are known, from whatever source. Trials that do not fit the space are counted in
    /// `misfits` and otherwise ignored. Without `next`, it is as if every trial that fits had been suggested here.
    pub fn of(
        spec: StudySpec,
        next: Option<u64>,
        reports: impl IntoIterator<Item = Report>,
    ) -> Self {
        let mut study = Self::new(spec, 0);
        for report in reports {
            if study.record(report).is_err() {
                study.misfits += 1;
            }
        }
        study.next = next.unwrap_or(study.trials.len() as u64);
        study
    }

    /// Adds a trial, or replaces the one of the same name; trials without a name are always added.
    ///
    /// # Errors
    /// As [`Space::point`]; nothing has changed then.
    pub fn record(&mut self, report: Report) -> Result<(), Misfit> {
        let point = self.spec.space.point(&report.assignments)?;
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

    /// Whether some trial, in whatever state, has this point.
    #[must_use]
    pub fn has_tried(&self, point: &Point) -> bool {
        self.tried.contains_key(point)
    }

    /// The different points that have a trial, in no order.
    pub(crate) fn tried(&self) -> impl Iterator<Item = &Point> {
        self.tried.keys()
    }

    /// How many different points have a trial.
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.tried.len()
    }

    /// Whether the trials here can be all there are. A caller that loads less history than there is (see
    /// [`History`](crate::algorithm::History)) has fewer trials than were suggested.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.trials.len() as u64 >= self.next
    }

    /// The random stream of suggestion number [`Study::next`].
    #[must_use]
    pub fn rng(&self) -> ChaCha8Rng {
        self.spec.rng(self.next)
    }

    /// Places in [`Study::trials`], in the order in which the trials came or their outcomes changed. It only grows; a trial that
    /// becomes another one under its name is not in it, but empties the [memo](Study::memo).
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
        } else if new.outcome() != old.outcome() {
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
