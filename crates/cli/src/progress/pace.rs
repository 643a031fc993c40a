//! How long the rest of a run takes.

use std::time::{Duration, Instant};

use diwan_core::record::ExperimentRecord;

/// How fast this run is: what was done while trials ran.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Trials that had ended before this run began; they say nothing of its speed.
    before: Option<u64>,
    /// Those that have ended since.
    done: u64,
    /// How long trials have run; a pause is none of it.
    worked: Duration,
    /// The same when the last trial ended.
    worked_at_end: Duration,
    /// When this was last looked at, if trials ran then.
    working_since: Option<Instant>,
}

impl Pace {
    /// Seconds until the budget is spent. Nothing without a budget, during a pause, or before half of the trials that start
    /// together have ended: the first to end is seldom a usual one.
    pub(super) fn time_left(&mut self, record: &ExperimentRecord, now: Instant) -> Option<i64> {
        self.look(record, now);
        let progress = &record.progress;
        let max = u64::try_from(record.spec.max_trial_count?).ok()?;
        let parallel = u64::try_from(record.spec.parallel_trial_count?).ok()?;
        let rest = max.checked_sub(progress.counts.finished())?;
        let all = self.done + rest;
        let together = parallel.min(all);
        let has_ended = progress.completion_time.is_some();
        if rest == 0 || together == 0 || self.done * 2 < together || has_ended {
            return None;
        }
        // Trials that start together end together, more or less: until as many have ended, one round is not over.
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let rounds = |trials: u64| (trials as f64 / together as f64).max(1.0);
        let whole = self.worked_at_end.as_secs_f64() * rounds(all) / rounds(self.done);
        let left = whole - self.worked.as_secs_f64();
        #[expect(clippy::cast_possible_truncation, reason = "float casts saturate")]
        (left > 0.0).then(|| left.ceil() as i64)
    }

    fn look(&mut self, record: &ExperimentRecord, now: Instant) {
        let counts = &record.progress.counts;
        if let Some(since) = self.working_since {
            self.worked += now.saturating_duration_since(since);
        }
        self.working_since = (counts.trials_running > 0).then_some(now);
        let finished = counts.finished();
        let done = finished.saturating_sub(*self.before.get_or_insert(finished));
        if done != self.done {
            self.done = done;
            self.worked_at_end = self.worked;
        }
    }
}

#[cfg(test)]
mod tests {
    use diwan_core::record::Progress;
    use diwan_core::resources::{ExperimentSpec, ObjectMeta};

    use super::*;
    use crate::clock::instant;

    /// A run whose clock goes by hand.
    struct Run {
        pace: Pace,
        record: ExperimentRecord,
        now: Instant,
    }

    impl Run {
        fn new(max: i32, parallel: i32, before: u64) -> Self {
            let spec = ExperimentSpec {
                max_trial_count: Some(max),
                parallel_trial_count: Some(parallel),
                ..ExperimentSpec::default()
            };
            let mut run = Self {
                pace: Pace::default(),
                record: ExperimentRecord {
                    metadata: ObjectMeta::default(),
                    spec,
                    progress: Progress::default(),
                },
                now: instant(),
            };
            assert_eq!(run.after(0, before, u64::try_from(parallel).unwrap()), None);
            run
        }

        /// What is left when so many more seconds have passed, so many trials have ended and so many run.
        fn after(&mut self, seconds: u64, ended: u64, running: u64) -> Option<i64> {
            self.now += Duration::from_secs(seconds);
            let counts = &mut self.record.progress.counts;
            (counts.trials_succeeded, counts.trials_running) = (ended, running);
            self.pace.time_left(&self.record, self.now)
        }
    }

    #[test]
    fn it_goes_by_what_this_run_has_done() {
        let mut run = Run::new(12, 2, 4);
        assert_eq!(run.after(10, 6, 2), Some(30));
        assert_eq!(run.after(5, 6, 2), Some(25));
        assert_eq!(run.after(5, 8, 2), Some(20));
        assert_eq!(run.after(10, 10, 2), Some(10));
        assert_eq!(run.after(12, 11, 1), Some(6));
        assert_eq!(run.after(7, 11, 1), None, "it is late");
        assert_eq!(run.after(1, 12, 0), None);
    }

    #[test]
    fn trials_that_run_beside_one_another_are_one_round() {
        let mut run = Run::new(1000, 1000, 0);
        assert_eq!(run.after(15, 1, 999), None, "one says too little");
        assert_eq!(run.after(1, 600, 400), None, "any moment");
        let mut run = Run::new(1000, 100, 0);
        assert_eq!(run.after(10, 60, 100), Some(90));
        assert_eq!(run.after(0, 100, 100), Some(90));
    }

    #[test]
    fn a_pause_is_no_work() {
        let mut run = Run::new(10, 2, 0);
        assert_eq!(run.after(10, 2, 0), Some(40));
        run.record.spec.parallel_trial_count = Some(0);
        assert_eq!(run.after(3600, 2, 0), None);
        run.record.spec.parallel_trial_count = Some(2);
        assert_eq!(run.after(0, 2, 2), Some(40));
        assert_eq!(run.after(10, 4, 2), Some(30));
    }
}
