//! What holds whatever happens.

use proptest::prelude::*;

use super::model::Trial;
use super::moves::{moves, value};
use super::*;
use crate::engine::snapshot::count;
use crate::record::EARLIER_CAP;

impl World {
    /// Counters, trials and the best are those of the model.
    fn check_record(&self) {
        let progress = &self.snapshot.record.progress;
        let mut counts = TrialCounts {
            trials: self.model.trials.len() as u64,
            ..TrialCounts::default()
        };
        for state in TrialState::ALL {
            *counts.of_mut(state) = u64::try_from(self.model.count(state)).unwrap();
        }
        assert_eq!(progress.counts, counts, "counters are exact");
        let max = self.model.spec.max_trial_count.map_or(u64::MAX, count);
        assert!(counts.trials <= max, "never more than maxTrialCount");
        assert_eq!(self.snapshot.is_completed(), self.model.completed);
        assert_eq!(progress.optimizer, self.model.optimizer);
        for (number, expected) in &self.model.trials {
            let trial = &self.trials[number];
            let found = (trial.state, trial.attempt, trial.failures, trial.losses);
            let Trial {
                state,
                attempt,
                failures,
                losses,
                ref earlier,
                ..
            } = *expected;
            assert_eq!(found, (state, attempt, failures, losses), "trial {number}");
            assert_eq!(trial.stopping, expected.stopping, "trial {number}");
            let kept: Vec<_> = trial
                .earlier
                .iter()
                .map(|one| (one.number, one.started, one.ended))
                .collect();
            let newest = earlier.len().saturating_sub(EARLIER_CAP);
            assert_eq!(kept, earlier[newest..], "trial {number}");
        }
        self.check_best();
    }

    fn check_best(&self) {
        let progress = &self.snapshot.record.progress;
        assert_eq!(
            self.snapshot.record.best_value(),
            self.model.best(),
            "best is the best finite value of the trials that ended well"
        );
        let name = &progress.best.best_trial_name;
        match self.trials.values().find(|trial| trial.name == *name) {
            None => assert_eq!(self.model.best(), None, "somebody is best"),
            Some(best) => {
                assert_eq!(self.model.trials[&best.number].value, self.model.best());
                assert_eq!(best.observation.as_ref(), Some(&progress.best.observation));
            }
        }
    }

    /// What is due is what must be done now, and all of it.
    fn check_due(&self) {
        let due = step(&self.snapshot, self.now);
        assert_eq!(due, step(&self.snapshot, self.now), "step is a function");
        if self.model.completed {
            assert_eq!(due.len(), self.model.active().count(), "all are stopped");
            assert!(due.iter().all(|one| matches!(one, Action::Stop { .. })));
            return;
        }
        if let Some(outcome) = self.model.verdict(self.now) {
            assert_eq!(due, [Action::Finish(outcome)]);
            return;
        }
        self.check_stops(&due);
        self.check_starts(&due);
        self.check_suggestions(&due);
        self.check_sleep(&due);
    }

    fn check_stops(&self, due: &[Action]) {
        for (trial, known) in self.model.active() {
            let named = due.iter().find_map(|one| match one {
                Action::Stop {
                    trial: other,
                    cause,
                } if *other == trial => Some(cause.clone()),
                _ => None,
            });
            let must = (known.state == TrialState::Running)
                .then(|| self.model.must_stop(known, self.now))
                .flatten();
            assert_eq!(named, must, "trial {trial}");
        }
    }

    /// As many as there is place for, none before its time.
    fn check_starts(&self, due: &[Action]) {
        let ready = |number: u64| {
            let waits = self.trials[&number].not_before;
            waits.is_none_or(|time| time <= self.now)
        };
        let mut ready: Vec<u64> = self
            .model
            .active()
            .filter(|(number, trial)| trial.state == TrialState::Pending && ready(*number))
            .map(|(number, _)| number)
            .collect();
        let running = self.model.count(TrialState::Running);
        let free = (self.model.parallel() - running).max(0);
        ready.truncate(usize::try_from(free).unwrap());
        let started: Vec<u64> = due
            .iter()
            .filter_map(|one| match one {
                Action::Start { trial } => Some(*trial),
                _ => None,
            })
            .collect();
        assert_eq!(started, ready, "the oldest that fit");
    }

    fn check_suggestions(&self, due: &[Action]) {
        let active = i32::try_from(self.model.active().count()).unwrap();
        let wanted = (self.model.parallel() - active).min(self.model.room());
        let wanted = u64::try_from(wanted).unwrap_or(0);
        let expected = if self.model.may_ask(self.now) {
            wanted
        } else {
            0
        };
        let asked = due.iter().map(|one| match one {
            Action::Suggest { count } => *count,
            _ => 0,
        });
        assert_eq!(asked.sum::<u64>(), expected);
    }

    /// Until the moment of waking nothing else becomes due.
    fn check_sleep(&self, due: &[Action]) {
        let work = |now| {
            let mut due = step(&self.snapshot, now);
            due.retain(|one| !matches!(one, Action::WakeAt(_)));
            due
        };
        let wake = due.iter().find_map(|one| match one {
            Action::WakeAt(time) => Some(*time),
            _ => None,
        });
        let far = self.now.plus_seconds(1_000_000);
        let before = wake.map_or(far, |time| Timestamp::from_millis(time.as_millis() - 1));
        assert_eq!(
            work(before),
            work(self.now),
            "nothing is due before {wake:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn invariants_hold_whatever_happens(
        (parallel, max) in (1..5, 5..25),
        max_failed in prop::option::of(1..6),
        (goal, maximize) in (prop::option::of(value().prop_filter("a number", |goal| goal.is_finite())), any::<bool>()),
        retries in 0..3,
        (trial_deadline, deadline) in (prop::option::of(1..120_i64), prop::option::of(1..1000_i64)),
        supply in prop_oneof![Just(u64::MAX), 0..30_u64],
        moves in moves(),
    ) {
        let mut record = record(parallel, Some(max), max_failed, goal, retries);
        if !maximize {
            record.spec.objective.get_or_insert_default().kind = ObjectiveType::Minimize;
        }
        record.spec.trial_template.get_or_insert_default().active_deadline_seconds = trial_deadline;
        record.spec.active_deadline_seconds = deadline;
        let mut world = World::new(record, supply);
        for one in moves {
            world.play(one);
            world.check_record();
            world.check_due();
        }
        // Whatever state the history left, a resumed experiment with places to run and an end in sight ends, and nothing
        // runs afterwards.
        let mut spec = world.snapshot.record.spec.clone();
        spec.parallel_trial_count = Some(2);
        let some_more = i32::try_from(world.trials.len()).unwrap() + 5;
        spec.max_trial_count.get_or_insert(some_more);
        world.apply(Event::Edited(Box::new(spec)), true);
        world.run_out();
        world.check_record();
        prop_assert!(world.snapshot.is_completed(), "ends: {:?}", world.snapshot.record.progress);
        prop_assert!(world.running.is_empty(), "nothing runs after the end");
        prop_assert!(world.snapshot.active.is_empty());
        prop_assert!(step(&world.snapshot, world.now).is_empty());
    }
}
