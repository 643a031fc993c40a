//! A pause: `parallelTrialCount` is 0, and an annotation keeps the count to go back to when somebody paused by hand.

use thiserror::Error;

use crate::defaults::PARALLEL_TRIAL_COUNT;
use crate::record::ExperimentRecord;
use crate::resources::ExperimentSpec;

/// Annotation with the `parallelTrialCount` to go back to after a pause by hand.
const PAUSED_ANNOTATION: &str = "diwan.dev/parallel-trial-count";

/// Why an experiment is not paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CannotPause {
    /// It is paused.
    #[error("it is paused already")]
    Already,
    /// It has ended, and starts no trials.
    #[error("it has ended; only a larger budget opens it again")]
    Ended,
}

impl ExperimentRecord {
    /// Whether no trial may start, by hand or because the file says so.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.spec.parallel_trial_count == Some(0)
    }

    /// The specification as the file has it: that of the record, without a pause by hand.
    #[must_use]
    pub fn spec_of_file(&self) -> ExperimentSpec {
        let mut spec = self.spec.clone();
        if self.is_paused() {
            spec.parallel_trial_count = self.count_before().or(Some(0));
        }
        spec
    }

    /// Pauses by hand. Returns the specification to go on with.
    ///
    /// # Errors
    /// When there is nothing to pause; the record is then unchanged.
    pub fn pause(&mut self) -> Result<ExperimentSpec, CannotPause> {
        if self.progress.completion_time.is_some() {
            return Err(CannotPause::Ended);
        }
        if self.is_paused() {
            return Err(CannotPause::Already);
        }
        let count = self
            .spec
            .parallel_trial_count
            .unwrap_or(PARALLEL_TRIAL_COUNT);
        self.keep(count);
        Ok(with_parallel(&self.spec, 0))
    }

    /// Lifts a pause, whatever made it. Returns the specification to go on with; `None`: it is not paused.
    pub fn resume(&mut self) -> Option<ExperimentSpec> {
        if !self.is_paused() {
            return None;
        }
        let count = self.count_before().unwrap_or(PARALLEL_TRIAL_COUNT);
        self.metadata.annotations.remove(PAUSED_ANNOTATION);
        Some(with_parallel(&self.spec, count))
    }

    /// Takes the specification of an edited file. Returns the one to go on with: a pause by hand stays until it is lifted.
    pub fn edit(&mut self, file: &ExperimentSpec) -> ExperimentSpec {
        let by_hand = self.is_paused() && self.count_before().is_some();
        self.metadata.annotations.remove(PAUSED_ANNOTATION);
        match file.parallel_trial_count {
            Some(count) if by_hand && count > 0 => {
                self.keep(count);
                with_parallel(file, 0)
            }
            _ => file.clone(),
        }
    }

    fn keep(&mut self, count: i32) {
        let annotations = &mut self.metadata.annotations;
        annotations.insert(PAUSED_ANNOTATION.into(), count.to_string());
    }

    fn count_before(&self) -> Option<i32> {
        let kept = self.metadata.annotations.get(PAUSED_ANNOTATION)?;
        kept.parse().ok().filter(|count| *count > 0)
    }
}

fn with_parallel(spec: &ExperimentSpec, count: i32) -> ExperimentSpec {
    ExperimentSpec {
        parallel_trial_count: Some(count),
        ..spec.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Progress;
    use crate::resources::ObjectMeta;
    use crate::time::Timestamp;

    fn record(parallel: i32) -> ExperimentRecord {
        ExperimentRecord {
            metadata: ObjectMeta::default(),
            spec: spec(parallel),
            progress: Progress::default(),
        }
    }

    fn spec(parallel: i32) -> ExperimentSpec {
        with_parallel(&ExperimentSpec::default(), parallel)
    }

    #[test]
    fn a_pause_goes_back_to_what_was() {
        let mut record = record(5);
        assert_eq!(record.resume(), None);
        record.spec = record.pause().unwrap();
        assert!(record.is_paused());
        assert_eq!(record.pause(), Err(CannotPause::Already));
        assert_eq!(record.spec_of_file(), spec(5));
        record.spec = record.resume().unwrap();
        assert_eq!((&record.spec, record.is_paused()), (&spec(5), false));
        assert_eq!(record.metadata, ObjectMeta::default());
    }

    #[test]
    fn what_has_ended_is_not_paused() {
        let mut record = record(5);
        record.progress.completion_time = Some(Timestamp::from_millis(0));
        let before = record.clone();
        assert_eq!(record.pause(), Err(CannotPause::Ended));
        assert_eq!(record, before);
    }

    #[test]
    fn a_file_that_pauses_goes_back_to_the_default() {
        let mut record = record(0);
        assert_eq!(record.spec_of_file(), spec(0));
        assert_eq!(record.resume(), Some(spec(PARALLEL_TRIAL_COUNT)));
    }

    #[test]
    fn an_edit_lifts_no_pause_by_hand() {
        let mut record = record(5);
        record.spec = record.pause().unwrap();
        record.spec = record.edit(&spec(2));
        assert!(record.is_paused());
        assert_eq!(record.spec_of_file(), spec(2));
        assert_eq!(record.resume(), Some(spec(2)));
    }

    #[test]
    fn an_edit_makes_and_lifts_the_pause_of_a_file() {
        let mut record = record(5);
        record.spec = record.edit(&spec(0));
        assert_eq!(record.spec_of_file(), spec(0));
        assert_eq!(record.edit(&spec(2)), spec(2));
    }
}
