//! What a study searches and wants.

use std::collections::HashSet;
use std::sync::Arc;

use diwan_core::initial;
use diwan_core::problem::Problems;
use diwan_core::resources::{
    ExperimentSpec, InitialTrial, MetricStrategyType, ObjectiveSpec, ObjectiveType, ParameterSpec,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::settings::{RANDOM_STATE, Settings};
use crate::space::Space;

/// What a study searches and wants; it does not change with the trials, except for the state in `settings`.
///
/// Made by [`StudySpec::new`] or [`StudySpec::of`] so that fields can be added: further objectives and constraints will
/// be lists beside `objective` (and beside `value` on a trial), conditions are the space's own affair.
#[derive(Clone, Debug)]
pub struct StudySpec {
    /// The search space.
    pub space: Space,
    /// What to optimise.
    pub objective: Objective,
    /// Name of the algorithm.
    pub algorithm: String,
    /// The algorithm's settings, with the state it stored before.
    pub settings: Settings,
    /// The experiment's own seed, used when the settings give none. It must not change in the experiment's life.
    pub seed: u64,
    /// How many trials run at once, if that is known.
    pub parallel: Option<u32>,
    /// How many trials there may be, if there is a limit.
    pub max_trials: Option<u64>,
    /// What it begins with: points to try before the algorithm is asked, and trials that are over.
    pub initial: Arc<[InitialTrial]>,
}

/// What to optimise.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// The metric.
    pub metric: String,
    /// The direction; `Unknown` counts as `Minimize`.
    pub kind: ObjectiveType,
    /// The value that ends the experiment.
    pub goal: Option<f64>,
    /// Which of a trial's values is its result.
    pub strategy: MetricStrategyType,
}

// === impl StudySpec ===

impl StudySpec {
    /// A study of these parameters by this algorithm, with defaults for everything else: a minimised metric without a
    /// name, no settings, seed 0.
    ///
    /// # Errors
    /// As [`Space::new`].
    pub fn new(parameters: &[ParameterSpec], algorithm: &str) -> Result<Self, Problems> {
        Ok(Self {
            space: Space::new(parameters)?,
            objective: Objective::from(&ObjectiveSpec::default()),
            algorithm: algorithm.to_owned(),
            settings: Settings::default(),
            seed: 0,
            parallel: None,
            max_trials: None,
            initial: Arc::default(),
        })
    }

    /// The study of an experiment. State that the algorithm stored is to be appended to the experiment's settings
    /// before.
    ///
    /// # Errors
    /// As [`Space::new`].
    pub fn of(experiment: &ExperimentSpec, seed: u64) -> Result<Self, Problems> {
        let algorithm = experiment.algorithm.clone().unwrap_or_default();
        let mut spec = Self::new(&experiment.parameters, &algorithm.algorithm_name)?;
        if let Some(objective) = &experiment.objective {
            spec.objective = Objective::from(objective);
        }
        spec.settings = Settings::from(algorithm.algorithm_settings.as_slice());
        spec.seed = seed;
        spec.parallel = experiment
            .parallel_trial_count
            .and_then(|count| count.try_into().ok());
        spec.max_trials = experiment
            .max_trial_count
            .and_then(|count| count.try_into().ok());
        spec.initial = experiment.initial_trials.as_slice().into();
        Ok(spec)
    }

    /// Says so, in Katib's words, when there are fewer points to try than the experiment may have trials.
    #[must_use]
    pub fn too_few_points(&self) -> Option<String> {
        let (points, max) = (self.space.cardinality()?, self.max_trials?);
        let known = initial::records(&self.initial);
        let known = known.filter_map(|trial| self.space.point(&trial.assignments).ok());
        let known = known.collect::<HashSet<_>>().len();
        let message = match known {
            0 => String::new(),
            _ => format!(" but {known} in spec.initialTrials"),
        };
        let points = points.saturating_sub(known as u128);
        (u128::from(max) > points).then(|| {
            format!("Max Trial Count: {max} > all possible search combinations{message}: {points}")
        })
    }

    /// The seed that holds: the setting `random_state`, or else the experiment's own.
    #[must_use]
    pub fn effective_seed(&self) -> u64 {
        self.settings
            .int(RANDOM_STATE.name)
            .map_or(self.seed, i64::cast_unsigned)
    }

    /// The random stream of suggestion number `index`: a function of the seed and that number alone, so that any
    /// process at any time continues alike. `set_stream(i)` on it goes to the stream of suggestion `i`.
    #[must_use]
    pub fn rng(&self, index: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.effective_seed());
        rng.set_stream(index);
        rng
    }
}

impl From<&ObjectiveSpec> for Objective {
    fn from(spec: &ObjectiveSpec) -> Self {
        Self {
            metric: spec.objective_metric_name.clone(),
            kind: spec.kind,
            goal: spec.goal,
            strategy: spec.strategy_of(&spec.objective_metric_name),
        }
    }
}
