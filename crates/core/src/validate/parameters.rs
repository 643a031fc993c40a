//! The search space.

use std::collections::HashSet;

use crate::problem::Problem;
use crate::resources::{Distribution, ExperimentSpec, FeasibleSpace, ParameterSpec, ParameterType};

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
    check_list("spec.parameters", &spec.parameters, problems);
}

/// The rules of a list of parameters; also used for the operations of an architecture search.
pub(super) fn check_list(path: &str, parameters: &[ParameterSpec], problems: &mut Vec<Problem>) {
    let mut names = HashSet::new();
    for (index, parameter) in parameters.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if parameter.name.is_empty() {
            problems.push(Problem::required(
                format!("{path}.name"),
                "must be specified",
            ));
        } else if !names.insert(&parameter.name) {
            problems.push(Problem::duplicate(
                format!("{path}.name"),
                parameter.name.as_str(),
            ));
        }
        let space = Space {
            path: format!("{path}.feasibleSpace"),
            given: &parameter.feasible_space,
        };
        match parameter.parameter_type {
            ParameterType::Double => space.range("double", f64::is_finite, problems),
            ParameterType::Int => space.range("int", is_whole, problems),
            ParameterType::Discrete => space.list("discrete", problems),
            ParameterType::Categorical => space.list("categorical", problems),
            ParameterType::Unknown => {
                let message = "parameterType: unknown is not supported";
                let problem = Problem::invalid(format!("{path}.parameterType"), "unknown", message);
                problems.push(problem.with_hint("one of double, int, discrete, categorical"));
            }
        }
    }
}

/// Whole, and small enough that a 64-bit integer and its step can hold it exactly.
fn is_whole(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0
}

struct Space<'a> {
    path: String,
    given: &'a FeasibleSpace,
}

impl Space<'_> {
    fn at(&self, field: &str) -> String {
        format!("{}.{field}", self.path)
    }

    /// `min`, `max` and `step` of a double or int.
    fn range(&self, kind: &str, fits: fn(f64) -> bool, problems: &mut Vec<Problem>) {
        let FeasibleSpace {
            min,
            max,
            list,
            step,
            ..
        } = self.given;
        if !list.is_empty() {
            let message = format!("feasibleSpace.list is not supported for parameterType: {kind}");
            problems.push(Problem::invalid(self.at("list"), list.as_slice(), message));
        }
        if min.is_empty() || max.is_empty() {
            let message = format!(
                "feasibleSpace.max or feasibleSpace.min must be specified for parameterType: {kind}"
            );
            problems.push(Problem::required(self.at("max"), message));
        }
        let low = self.number("min", min, kind, fits, problems);
        let high = self.number("max", max, kind, fits, problems);
        let step = self.number("step", step, kind, fits, problems);
        if let (Some(low), Some(high)) = (low, high) {
            if low > high {
                problems.push(Problem::invalid(
                    self.at("max"),
                    max.as_str(),
                    format!("must not be less than min ({min})"),
                ));
            } else if !(high - low).is_finite() {
                problems.push(Problem::invalid(
                    self.at("max"),
                    max.as_str(),
                    "max - min must be a finite number",
                ));
            }
        }
        if let Some(step) = step {
            self.step(step, low.zip(high), problems);
        }
        if let Some(low) = low {
            self.distribution(low, problems);
        }
    }

    /// A number, if one is given and fits.
    fn number(
        &self,
        field: &str,
        text: &str,
        kind: &str,
        fits: fn(f64) -> bool,
        problems: &mut Vec<Problem>,
    ) -> Option<f64> {
        if text.is_empty() {
            return None;
        }
        let wanted = if kind == "int" {
            "must be a whole number of at most 2^53"
        } else {
            "must be a finite number"
        };
        let value = finite(text).filter(|value| fits(*value));
        if value.is_none() {
            problems.push(Problem::invalid(self.at(field), text, wanted));
        }
        value
    }

    fn step(&self, step: f64, range: Option<(f64, f64)>, problems: &mut Vec<Problem>) {
        let text = self.given.step.as_str();
        if step <= 0.0 {
            problems.push(Problem::invalid(
                self.at("step"),
                text,
                "must be greater than 0",
            ));
        } else if range.is_some_and(|(low, high)| low < high && step > high - low) {
            problems.push(Problem::invalid(
                self.at("step"),
                text,
                "must not be larger than max - min",
            ));
        }
    }

    fn distribution(&self, low: f64, problems: &mut Vec<Problem>) {
        let word = match self.given.distribution {
            Some(Distribution::LogUniform) => "logUniform",
            Some(Distribution::LogNormal) => "logNormal",
            _ => return,
        };
        if low <= 0.0 {
            let message = format!("must be greater than 0 for distribution: {word}");
            problems.push(Problem::invalid(
                self.at("min"),
                self.given.min.as_str(),
                message,
            ));
        }
    }

    /// The values of a discrete or categorical.
    fn list(&self, kind: &str, problems: &mut Vec<Problem>) {
        let FeasibleSpace {
            min,
            max,
            list,
            step,
            ..
        } = self.given;
        if !(min.is_empty() && max.is_empty() && step.is_empty()) {
            let message = format!(
                "feasibleSpace .max, .min and .step is not supported for parameterType: {kind}"
            );
            let value = serde_json::to_value(self.given).unwrap_or_default();
            problems.push(Problem::invalid(self.path.as_str(), value, message));
        }
        if list.is_empty() {
            let message = format!("feasibleSpace.list must be specified for parameterType: {kind}");
            problems.push(Problem::required(self.at("list"), message));
        }
        let mut words = HashSet::new();
        let mut numbers = HashSet::new();
        for (index, text) in list.iter().enumerate() {
            let path = format!("{}[{index}]", self.at("list"));
            let number = finite(text);
            if kind == "discrete" && number.is_none() {
                problems.push(Problem::invalid(
                    path,
                    text.as_str(),
                    "must be a finite number",
                ));
                continue;
            }
            // 1 and 1.0 are one discrete value, and two categories. `+ 0.0` makes one of the two zeros.
            let fresh = match number {
                Some(number) if kind == "discrete" => numbers.insert((number + 0.0).to_bits()),
                _ => words.insert(text),
            };
            if !fresh {
                problems.push(Problem::duplicate(path, text.as_str()));
            }
        }
    }
}

fn finite(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
}
