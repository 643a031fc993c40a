//! The rules of an experiment: Katib's, in Katib's words, and what Katib lets through.
//!
//! One file a part. Each adds what it finds to a list and never stops at the first problem. The same functions judge for the
//! command line, the server and the webhook.

mod algorithm;
mod budgets;
mod collector;
mod edit;
mod initial;
mod names;
mod nas;
mod objective;
mod observation;
mod parameters;
mod template;

pub use edit::{EDITABLE, FieldDifference, difference, validate_edit};
pub use names::{LABEL_RULE, generated_name, is_label};

use std::fmt;

use crate::problem::Problem;
use crate::resources::{Experiment, ExperimentSpec};

/// Reads the text at a path (a key of the data) of a `ConfigMap`: namespace, name, path. The error says why not.
pub type ConfigMapReader<'a> = dyn Fn(&str, &str, &str) -> Result<String, String> + Sync + 'a;

/// What validation must know of the world.
#[derive(Clone, Copy, Default)]
pub struct Context<'a> {
    /// Names of the algorithms there are.
    pub algorithms: &'a [&'a str],
    /// Names of the stopping rules there are.
    pub early_stopping: &'a [&'a str],
    /// Reads templates that stand in a `ConfigMap`; without it they are not looked into.
    pub config_map: Option<&'a ConfigMapReader<'a>>,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("algorithms", &self.algorithms)
            .field("early_stopping", &self.early_stopping)
            .field("config_map", &self.config_map.is_some())
            .finish()
    }
}

/// What is wrong with what is searched and optimised: the part of a specification that Katib's messages carry. The
/// algorithm judges itself and its settings.
#[must_use]
pub fn validate_search(spec: &ExperimentSpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    parameters::check(spec, &mut problems);
    nas::check(spec, &mut problems);
    objective::check(spec, &mut problems);
    initial::check(spec, &mut problems);
    problems
}

/// What is wrong with the trials that an experiment begins with; nothing if its search space is none.
#[must_use]
pub fn validate_initial_trials(spec: &ExperimentSpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    initial::check(spec, &mut problems);
    problems
}

/// Everything that is wrong with an experiment whose defaults are set; empty if it can run.
#[must_use]
pub fn validate(experiment: &Experiment, context: &Context<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let spec = &experiment.spec;
    names::check(experiment, &mut problems);
    parameters::check(spec, &mut problems);
    nas::check(spec, &mut problems);
    objective::check(spec, &mut problems);
    initial::check(spec, &mut problems);
    algorithm::check(spec, context, &mut problems);
    budgets::check(spec, &mut problems);
    collector::check(spec, &mut problems);
    template::check(experiment, context, &mut problems);
    problems
}
