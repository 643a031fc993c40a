//! What the settings say.

use diwan_core::resources::ObjectiveType;

use super::restart::Strategy;
use crate::settings::{Kind, Setting};
use crate::study::StudySpec;

/// What the settings of a study say.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Options {
    pub(super) seed: u64,
    pub(super) sigma: f64,
    pub(super) strategy: Strategy,
    /// `None`: by the number of parameters.
    pub(super) population: Option<usize>,
    /// The loss is the objective's value times this.
    pub(super) sign: f64,
}

pub(super) const SIGMA: Setting = Setting {
    name: "sigma",
    kind: Kind::Between {
        above: 0.0,
        below: 1.0,
    },
    default: "0.15",
    help: "the first standard deviation, as a fraction of each parameter's range",
};

pub(super) const RESTART_STRATEGY: Setting = Setting {
    name: "restart_strategy",
    kind: Kind::OneOf(&["none", "ipop", "bipop"]),
    default: "bipop",
    help: "what follows when a run has converged: nothing, runs of twice the population, or those and small ones in turn",
};

pub(super) const POPULATION: Setting = Setting {
    name: "population",
    kind: Kind::Int {
        min: 4,
        max: 100_000,
    },
    default: "4 + 1.5 ln(parameters)",
    help: "so many trials make a generation, of the first run",
};

// === impl Options ===

impl Options {
    pub(super) fn of(spec: &StudySpec) -> Self {
        let settings = &spec.settings;
        let population = settings.int(POPULATION.name);
        Self {
            seed: spec.effective_seed(),
            sigma: settings.real(SIGMA.name).unwrap_or(0.15),
            strategy: match settings.text(RESTART_STRATEGY.name) {
                Some("none") => Strategy::None,
                Some("ipop") => Strategy::Ipop,
                _ => Strategy::Bipop,
            },
            population: population.and_then(|members| usize::try_from(members).ok()),
            sign: match spec.objective.kind {
                ObjectiveType::Maximize => -1.0,
                ObjectiveType::Minimize | ObjectiveType::Unknown => 1.0,
            },
        }
    }
}
