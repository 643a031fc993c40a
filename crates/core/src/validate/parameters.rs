//! The search space.

use crate::domain;
use crate::problem::Problem;
use crate::resources::ExperimentSpec;

pub(super) fn check(spec: &ExperimentSpec, problems: &mut Vec<Problem>) {
    match (spec.parameters.is_empty(), &spec.nas_config) {
        (true, None) => {
            let message = "spec.parameters or spec.nasConfig must be specified";
            problems.push(Problem::required("spec", message));
        }
        (false, Some(_)) => {
            let message = "only one of spec.parameters and spec.nasConfig can be specified";
            problems.push(Problem::invalid("spec", "", message));
        }
        _ => {}
    }
    if let Err(found) = domain::read("spec.parameters", &spec.parameters) {
        problems.extend(found.0);
    }
}
