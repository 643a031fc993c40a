//! Chooses the optimizer for each suggestion by what the study looks like then.

use diwan_core::record::TrialState;
use rand::rngs::ChaCha8Rng;

use crate::algorithm::{Algorithm, History, SuggestError, Suggested};
use crate::asha::Asha;
use crate::bayesianoptimization::BayesianOptimization;
use crate::bohb::Bohb;
use crate::settings::{RANDOM_STATE, Setting};
use crate::study::{Outcome, Study, StudySpec};
use crate::tpe::TPE;

/// The best of the other algorithms for the study at hand.
pub(crate) struct Auto;

/// The label that tells which algorithm a point is from, and the one that tells why. Both are fit to be Kubernetes labels.
const CHOSEN: &str = "auto";
const BECAUSE: &str = "auto-because";

/// Beyond so many dimensions a fit of length scales costs more than it tells.
const MANY_DIMENSIONS: usize = 100;
/// Beyond so many points under way, a Gaussian process is asked about its own guesses.
const MANY_AT_ONCE: usize = 64;
/// Where a rule stops most trials, they are so cheap that spreading them finds more than a model of what they might have reached;
/// once so many were stopped, a model has a share.
const STOPPED_BEFORE_MODEL: usize = 100;

struct Choice {
    algorithm: &'static dyn Algorithm,
    because: &'static str,
}

impl Algorithm for Auto {
    fn name(&self) -> &'static str {
        "auto"
    }

    fn summary(&self) -> &'static str {
        "The default: chooses one of the others for every suggestion, by the space, the trials so far and how many run at once, \
         and notes on the trial which and why."
    }

    fn settings(&self) -> &'static [Setting] {
        &[RANDOM_STATE]
    }

    fn needs_curves(&self, _spec: &StudySpec) -> bool {
        true
    }

    fn history(&self, _spec: &StudySpec) -> History {
        History::All
    }

    fn suggest(
        &self,
        study: &Study,
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Suggested, SuggestError> {
        let choice = Choice::of(study, count);
        let mut suggested = choice.algorithm.suggest(study, count, rng)?;
        for point in &mut suggested.points {
            point.labels.extend([
                (CHOSEN.to_owned(), choice.algorithm.name().to_owned()),
                (BECAUSE.to_owned(), choice.because.to_owned()),
            ]);
        }
        Ok(suggested)
    }
}

impl Choice {
    fn of(study: &Study, count: usize) -> Self {
        let pending = || {
            let outcomes = study.trials().iter().map(|trial| trial.outcome());
            outcomes.filter(|outcome| *outcome == Outcome::Pending)
        };
        let tpe = |because| Self {
            algorithm: &TPE,
            because,
        };
        if study.space().dimensions().len() > MANY_DIMENSIONS {
            return tpe("many-dimensions");
        }
        if count.saturating_add(pending().count()) > MANY_AT_ONCE {
            return tpe("many-at-once");
        }
        let ended = |state| {
            let states = study.trials().iter().map(|trial| trial.state);
            states.filter(|ended| *ended == state).count()
        };
        let stopped = ended(TrialState::EarlyStopped);
        if stopped > ended(TrialState::Succeeded) {
            let because = "most-are-stopped";
            return if stopped < STOPPED_BEFORE_MODEL {
                Self {
                    algorithm: &Asha,
                    because,
                }
            } else {
                Self {
                    algorithm: &Bohb,
                    because,
                }
            };
        }
        Self {
            algorithm: &BayesianOptimization,
            because: "few-at-once",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::double;
    use crate::registry::suggest;
    use crate::study::Report;
    use diwan_core::resources::Distribution;

    fn chosen(dimensions: usize, count: usize) -> (String, String) {
        let parameters: Vec<_> = (0..dimensions)
            .map(|d| double(&format!("x{d}"), "0", "1", "", Distribution::Uniform))
            .collect();
        let study = Study::new(StudySpec::new(&parameters, "auto").unwrap(), 0);
        let labels = suggest(&study, count).unwrap().points.remove(0).labels;
        (labels[CHOSEN].clone(), labels[BECAUSE].clone())
    }

    /// Who is chosen after so many trials were stopped, and so many were not.
    fn chosen_after(stopped: usize, whole: usize) -> String {
        let parameter = double("x", "0", "1", "", Distribution::Uniform);
        let spec = StudySpec::new(&[parameter], "auto").unwrap();
        let states = [
            (TrialState::EarlyStopped, stopped),
            (TrialState::Succeeded, whole),
        ];
        let states = states
            .into_iter()
            .flat_map(|(state, count)| std::iter::repeat_n(state, count));
        let reports = states.zip(1_u32..).map(|(state, number)| {
            let point = spec.space.at([1.0 / f64::from(number)]);
            let mut report = Report::new(spec.space.assignments(&point), state);
            report.value = Some(f64::from(number));
            report.curve = [f64::from(number)].into_iter().collect();
            report
        });
        let study = Study::of(spec.clone(), None, reports);
        suggest(&study, 1).unwrap().points.remove(0).labels[CHOSEN].clone()
    }

    #[test]
    fn where_most_trials_are_stopped_others_are_chosen() {
        assert_eq!(chosen_after(10, 10), "bayesianoptimization");
        assert_eq!(chosen_after(11, 10), "asha");
        assert_eq!(chosen_after(100, 10), "bohb");
    }

    #[test]
    fn the_choice_and_its_reason_are_told() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(chosen(3, 4), pair("bayesianoptimization", "few-at-once"));
        assert_eq!(chosen(3, 65), pair("tpe", "many-at-once"));
        assert_eq!(chosen(101, 1), pair("tpe", "many-dimensions"));
    }
}
