//! BOHB (Falkner, Klein and Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale", ICML 2018): hyperband whose
//! configurations come from a tree-structured Parzen estimator, in part.
//!
//! Trials that are not started again are stopped in one bracket, as asha's.
//!
//! Of trials that are started again, the estimator sees those with the most of the resource of which there are enough. Of
//! trials that are stopped early, it sees what they would have reached.

use std::collections::BTreeMap;

use diwan_core::problem::Problem;
use rand::rngs::ChaCha8Rng;

use crate::algorithm::{Algorithm, SuggestError, Suggested};
use crate::evidence::{Evidence, in_order};
use crate::fresh;
use crate::halving::{self, ETA, R_L, RESOURCE_NAME, Resource, Source};
use crate::hyperband;
use crate::settings::{RANDOM_STATE, Setting};
use crate::space::Coordinate;
use crate::stopping::Stopping;
use crate::study::{Outcome, Study, StudySpec, StudyTrial};

/// Hyperband with a model.
pub(crate) struct Bohb;

impl Algorithm for Bohb {
    fn name(&self) -> &'static str {
        "bohb"
    }

    fn summary(&self) -> &'static str {
        "Successive halving that learns where to look: a third of what is spent goes to configurations like the good ones. \
         Trials are started again with more of resource_name, in hyperband's brackets, or stopped while they run, in asha's \
         one. The choice when trials report while they run, or can be run with less of a resource."
    }

    fn settings(&self) -> &'static [Setting] {
        &[R_L, ETA, RESOURCE_NAME, RANDOM_STATE]
    }

    fn needs_curves(&self, spec: &StudySpec) -> bool {
        spec.settings.text(RESOURCE_NAME.name).is_none()
    }

    fn stopping(&self, spec: &StudySpec) -> Option<Stopping> {
        halving::stopping(spec, 1)
    }

    fn check(&self, spec: &StudySpec, problems: &mut Vec<Problem>) {
        halving::check(spec, problems);
    }

    fn suggest(
        &self,
        study: &Study,
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Suggested, SuggestError> {
        Ok(match Resource::of(&study.spec) {
            Ok(resource) => {
                let mut source = Source::guided(study, with_most(study, &resource));
                hyperband::suggest(study, &resource, &mut source, count, rng)
            }
            Err(_) => {
                let source = Source::guided(study, Evidence::of(study));
                fresh::proposed(study, count, rng, source)
            }
        })
    }
}

/// What the trials with the most of the resource tell, of which there are enough; how much it was is left out.
fn with_most(study: &Study, resource: &Resource) -> Evidence {
    let of = |trial: &StudyTrial| trial.point.coordinates()[resource.dimension];
    let mut seen: BTreeMap<Coordinate, usize> = BTreeMap::new();
    for trial in study.trials() {
        let is_seen = matches!(trial.outcome(), Outcome::Observed(_));
        *seen.entry(of(trial)).or_default() += usize::from(is_seen);
    }
    // As in the paper's section 3.2: one more than there are dimensions, and one to be the worse.
    let enough = study.space().dimensions().len() + 2;
    let most = seen.iter().rev().find(|(_, count)| **count >= enough);
    let most = most.map(|(coordinate, _)| *coordinate);
    let trials = in_order(study).into_iter().filter(|trial| {
        let is_seen = matches!(trial.outcome(), Outcome::Observed(_));
        !is_seen || most == Some(of(trial))
    });
    let mut evidence = Evidence::of_trials(study, trials.collect());
    evidence.hide(resource.dimension);
    evidence
}
