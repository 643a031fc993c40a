//! Chooses the optimizer for each suggestion by what the study looks like then.
//!
//! A Gaussian process finds most from few trials, in any space (README, "Numbers"). The others are for where it does not: where
//! most trials are stopped after a few steps, many spread ones are worth more than few well chosen ones; after some hundred
//! trials in a smooth space CMA-ES goes on from its best point further than a model that can hold only part of them; and TPE
//! is for what would cost a Gaussian process seconds.

use diwan_core::permutation::mix;
use diwan_core::record::TrialState;
use rand::rngs::ChaCha8Rng;

use crate::algorithm::{Algorithm, SuggestError, Suggested};
use crate::asha::Asha;
use crate::bayesianoptimization::BayesianOptimization;
use crate::bohb::Bohb;
use crate::cmaes::CmaEs;
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
/// Beyond so many points under way, a Gaussian process costs more time than it is worth.
const MANY_AT_ONCE: usize = 300;
/// After so many observations for each dimension, and at least so many, a Gaussian process has found the slope that it is on.
/// CMA-ES goes down from its best point, and when it is at the bottom begins elsewhere.
const LONG_EACH: usize = 30;
const LONG: usize = 200;
/// That pays if the experiment has this many times as many trials, or no end.
const LONG_PART: u64 = 2;
/// Where a rule stops most trials, they are so cheap that spreading them finds more than a model of what they might have reached;
/// once so many were stopped, a model has a share.
const STOPPED_BEFORE_MODEL: usize = 100;

/// One of so many requests in a space that is not smooth is for TPE, by chance, because batches may come in any size; not before
/// so many trials.
const SHARE: u64 = 3;
const BEFORE_SHARE: u64 = 10;

struct Choice {
    algorithm: &'static dyn Algorithm,
    because: &'static str,
}

impl Algorithm for Auto {
    fn name(&self) -> &'static str {
        "auto"
    }

    fn summary(&self) -> &'static str {
        "The default: chooses one of the others for every suggestion, by the space, the budget, the trials so far and how \
         many run at once, and notes on the trial which and why."
    }

    fn settings(&self) -> &'static [Setting] {
        &[RANDOM_STATE]
    }

    fn needs_curves(&self, _spec: &StudySpec) -> bool {
        true
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
        let dimensions = study.space().dimensions().len();
        let in_state = |state| {
            let states = study.trials().iter().map(|trial| trial.state);
            states.filter(|other| *other == state).count()
        };
        let outcomes = study.trials().iter().map(|trial| trial.outcome());
        let pending = outcomes.filter(|outcome| *outcome == Outcome::Pending);
        let (whole, stopped) = (
            in_state(TrialState::Succeeded),
            in_state(TrialState::EarlyStopped),
        );
        if dimensions > MANY_DIMENSIONS {
            return Self::new(&TPE, "many-dimensions");
        }
        if count.saturating_add(pending.count()) > MANY_AT_ONCE {
            return Self::new(&TPE, "many-at-once");
        }
        if stopped > whole {
            let is_known = stopped >= STOPPED_BEFORE_MODEL;
            let algorithm: &dyn Algorithm = if is_known { &Bohb } else { &Asha };
            return Self::new(algorithm, "most-are-stopped");
        }
        if !study.space().is_smooth() {
            let draw = mix(study.spec.effective_seed() ^ mix(study.next));
            let has_turn = study.next >= BEFORE_SHARE && draw.is_multiple_of(SHARE);
            return match has_turn {
                true => Self::new(&TPE, "share-where-not-smooth"),
                false => Self::new(&BayesianOptimization, "not-smooth"),
            };
        }
        let long = LONG.max(LONG_EACH * dimensions);
        let most = study.spec.max_trials.unwrap_or(u64::MAX);
        if whole < long {
            return Self::new(&BayesianOptimization, "few-trials");
        }
        match most / LONG_PART >= long as u64 {
            true => Self::new(&CmaEs, "many-trials"),
            false => Self::new(&BayesianOptimization, "ends-soon"),
        }
    }

    fn new(algorithm: &'static dyn Algorithm, because: &'static str) -> Self {
        Self { algorithm, because }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{double, words};
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
    fn where_values_have_no_order_tpe_has_a_share() {
        let parameters = [
            words("c", &["a", "b"]),
            double("x", "0", "1", "", Distribution::Uniform),
        ];
        let spec = StudySpec::new(&parameters, "auto").unwrap();
        let chosen = |made| {
            let study = Study::new(spec.clone(), made);
            suggest(&study, 1).unwrap().points.remove(0).labels[CHOSEN].clone()
        };
        let share = |from: u64| {
            let names = (from..from + 60).map(chosen);
            names.filter(|name| name == "tpe").count()
        };
        assert_eq!(
            (0..BEFORE_SHARE)
                .filter(|made| chosen(*made) == "tpe")
                .count(),
            0
        );
        assert!(
            (10..30).contains(&share(BEFORE_SHARE)),
            "{}",
            share(BEFORE_SHARE)
        );
    }

    #[test]
    fn a_long_history_is_for_an_evolution_strategy() {
        assert_eq!(chosen_after(0, 199), "bayesianoptimization");
        assert_eq!(chosen_after(0, 200), "cmaes");
    }

    #[test]
    fn the_choice_and_its_reason_are_told() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(chosen(3, 4), pair("bayesianoptimization", "few-trials"));
        assert_eq!(chosen(3, 301), pair("tpe", "many-at-once"));
        assert_eq!(chosen(101, 1), pair("tpe", "many-dimensions"));
    }
}
