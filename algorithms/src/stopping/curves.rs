//! What the trials of an experiment have reported.

use std::collections::BTreeMap;

use diwan_core::record::TrialState;

use super::curve::Curve;

/// Ended trials that are kept: enough to compare with, and neither memory nor time grows with the history.
const TRIALS: usize = 1_000;
/// Values of an ended trial that are kept.
const VALUES: usize = 1_000;

/// The curves of an experiment's trials by number: all that are active, and the last thousand of those that have ended.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    trials: BTreeMap<u64, Tracked>,
    ended: usize,
}

/// A trial's curve.
#[derive(Clone, Debug)]
pub struct Tracked {
    /// Where the trial stands.
    pub state: TrialState,
    /// What it has reported, in its last attempt.
    pub curve: Curve,
}

// === impl Curves ===

impl Curves {
    /// Adds a trial, or replaces it.
    pub fn insert(&mut self, trial: u64, state: TrialState, mut curve: Curve) {
        if !state.is_active() {
            self.ended += 1;
            curve.thin(VALUES);
        }
        let old = self.trials.insert(trial, Tracked { state, curve });
        self.ended -= usize::from(old.is_some_and(|old| !old.state.is_active()));
        if self.ended > TRIALS {
            let mut ended = self.trials.iter().filter(|(_, one)| !one.state.is_active());
            if let Some(oldest) = ended.next().map(|(number, _)| *number) {
                self.trials.remove(&oldest);
                self.ended -= 1;
            }
        }
    }

    /// A trial, or its next attempt, begins.
    pub fn begin(&mut self, trial: u64) {
        self.insert(trial, TrialState::Running, Curve::default());
    }

    /// A running trial has reported a value.
    pub fn report(&mut self, trial: u64, step: Option<i64>, value: f64) {
        let tracked = self.trials.entry(trial).or_insert_with(|| Tracked {
            state: TrialState::Running,
            curve: Curve::default(),
        });
        tracked.curve.report(step, value);
    }

    /// A trial stands elsewhere than it did. One that never reported is not kept.
    pub fn settle(&mut self, trial: u64, state: TrialState) {
        if let Some(tracked) = self.trials.get_mut(&trial)
            && tracked.state != state
        {
            let curve = std::mem::take(&mut tracked.curve);
            self.insert(trial, state, curve);
        }
    }

    /// A trial's curve.
    #[must_use]
    pub fn curve(&self, trial: u64) -> Option<&Curve> {
        self.trials.get(&trial).map(|tracked| &tracked.curve)
    }

    /// All trials, by number.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Tracked)> {
        self.trials.iter().map(|(number, one)| (*number, one))
    }

    /// The curves of trials that have succeeded.
    pub fn succeeded(&self) -> impl Iterator<Item = &Curve> {
        let succeeded = |one: &&Tracked| one.state == TrialState::Succeeded;
        self.trials.values().filter(succeeded).map(|one| &one.curve)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_the_ended_trials_are_kept_and_all_that_run() {
        let mut curves = Curves::default();
        for trial in 0..1_500 {
            curves.begin(trial);
            for step in 0..2_000 {
                if trial == 1_400 || step < 2 {
                    curves.report(trial, None, f64::from(step));
                }
            }
            if trial != 3 {
                curves.settle(trial, TrialState::Succeeded);
                curves.settle(trial, TrialState::Succeeded);
            }
        }
        let kept: Vec<u64> = curves.iter().map(|(number, _)| number).collect();
        assert_eq!(kept.len(), 1_001);
        assert_eq!(kept[..2], [3, 500]);
        let long = curves.curve(1_400).unwrap().points();
        assert!(long.len() <= VALUES && long.last().unwrap().step == 2_000);
        curves.begin(1_400);
        assert_eq!(curves.curve(1_400), Some(&Curve::default()));
        assert_eq!(curves.succeeded().count(), 999);
    }
}
