//! What values parameters take, read from the text of their feasible spaces.
//!
//! The one place that knows the rules of a search space: validation keeps the problems, the optimizers keep the domains.

mod condition;
mod number;
mod value;

use std::collections::HashSet;

use crate::problem::{Problem, Problems};
use crate::resources::{Distribution, FeasibleSpace, ParameterSpec, ParameterType};

pub use condition::completed;
pub(crate) use condition::lowest;
use number::Number;
pub use number::{finite, whole};
pub(crate) use value::{misfit, place};

/// The values of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// Finite numbers; without a step all of the range.
    Double(Range<f64>),
    /// Whole numbers; without a step all of the range.
    Int(Range<i64>),
    /// The numbers that the texts of the list are: finite, each once, never -0.
    Discrete(Vec<f64>),
    /// The words of the list, each once.
    Categorical,
}

/// The numbers from `min` to `max`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range<T> {
    /// The smallest; above 0 if the distribution is logarithmic.
    pub min: T,
    /// The largest, not below `min`.
    pub max: T,
    /// Distance between values, counted from `min`; above 0, and not larger than the range unless that is a single value.
    pub step: Option<T>,
    /// How they are weighted.
    pub distribution: Distribution,
}

/// The domains of a list of parameters that stands at `path`.
///
/// # Errors
/// All that is wrong with the list: names that are missing or repeat, spaces that are none, and conditions that cannot be met.
pub fn read(path: &str, parameters: &[ParameterSpec]) -> Result<Vec<Domain>, Problems> {
    let mut problems = Vec::new();
    let mut names = HashSet::new();
    let mut domains = Vec::with_capacity(parameters.len());
    for (index, parameter) in parameters.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let name = &parameter.name;
        if name.is_empty() {
            let at = format!("{path}.name");
            problems.push(Problem::required(at, "must be specified"));
        } else if !names.insert(name) {
            problems.push(Problem::duplicate(format!("{path}.name"), name.as_str()));
        }
        domains.push(domain(&path, parameter, &mut problems));
    }
    condition::check(path, parameters, &domains, &mut problems);
    Problems(problems).or(domains.into_iter().flatten().collect())
}

/// The domain of a parameter; `None` if there is a problem.
fn domain(path: &str, parameter: &ParameterSpec, problems: &mut Vec<Problem>) -> Option<Domain> {
    let mut space = Space {
        path: format!("{path}.feasibleSpace"),
        given: &parameter.feasible_space,
        problems,
    };
    match parameter.parameter_type {
        ParameterType::Double => space.range("double").map(Domain::Double),
        ParameterType::Int => space.range("int").map(Domain::Int),
        ParameterType::Discrete => space.numbers().map(Domain::Discrete),
        ParameterType::Categorical => space.words().then_some(Domain::Categorical),
        ParameterType::Unknown => {
            let message = "parameterType: unknown is not supported";
            let problem = Problem::invalid(format!("{path}.parameterType"), "unknown", message);
            problems.push(problem.with_hint("one of double, int, discrete, categorical"));
            None
        }
    }
}

/// A feasible space under judgement.
struct Space<'a> {
    path: String,
    given: &'a FeasibleSpace,
    problems: &'a mut Vec<Problem>,
}

impl Space<'_> {
    fn required(&mut self, field: &str, message: String) {
        let path = format!("{}.{field}", self.path);
        self.problems.push(Problem::required(path, message));
    }

    fn invalid(&mut self, field: &str, text: &str, message: impl Into<String>) {
        let path = format!("{}.{field}", self.path);
        self.problems.push(Problem::invalid(path, text, message));
    }

    fn range<T: Number>(&mut self, kind: &str) -> Option<Range<T>> {
        let found = self.problems.len();
        let FeasibleSpace { min, max, list, .. } = self.given;
        if !list.is_empty() {
            let message = format!("feasibleSpace.list is not supported for parameterType: {kind}");
            let path = format!("{}.list", self.path);
            self.problems
                .push(Problem::invalid(path, list.as_slice(), message));
        }
        if min.is_empty() || max.is_empty() {
            let message = format!(
                "feasibleSpace.max or feasibleSpace.min must be specified for parameterType: {kind}"
            );
            self.required("max", message);
        }
        let low = self.number("min", min);
        let high = self.number("max", max);
        let step = self.number("step", &self.given.step);
        let both = low.zip(high);
        if both.is_some_and(|(low, high): (T, T)| low > high) {
            self.invalid("max", max, format!("must not be less than min ({min})"));
        }
        if let Some(step) = step {
            self.check_step(step, both);
        }
        let distribution = self.distribution(low);
        let (min, max) = both.filter(|_| self.problems.len() == found)?;
        Some(Range {
            min,
            max,
            step,
            distribution,
        })
    }

    /// A number, if one is given and is one.
    fn number<T: Number>(&mut self, field: &str, text: &str) -> Option<T> {
        if text.is_empty() {
            return None;
        }
        let number = T::read(text);
        if number.is_none() {
            self.invalid(field, text, T::WANTED);
        }
        number
    }

    fn check_step<T: Number>(&mut self, step: T, range: Option<(T, T)>) {
        let text = &self.given.step;
        if step <= T::default() {
            self.invalid("step", text, "must be greater than 0");
        } else if range.is_some_and(|(low, high)| low < high && step.exceeds(low, high)) {
            self.invalid("step", text, "must not be larger than max - min");
        }
    }

    fn distribution<T: Number>(&mut self, low: Option<T>) -> Distribution {
        let distribution = self.given.distribution.unwrap_or(Distribution::Uniform);
        let word = match distribution {
            Distribution::LogUniform => "logUniform",
            Distribution::LogNormal => "logNormal",
            _ => return distribution,
        };
        if low.is_some_and(|low| low <= T::default()) {
            let message = format!("must be greater than 0 for distribution: {word}");
            self.invalid("min", &self.given.min, message);
        }
        distribution
    }

    /// The values of a discrete parameter.
    fn numbers(&mut self) -> Option<Vec<f64>> {
        let found = self.problems.len();
        self.check_list("discrete");
        let mut seen = HashSet::new();
        let mut numbers = Vec::with_capacity(self.given.list.len());
        for (index, text) in self.given.list.iter().enumerate() {
            let Some(number) = finite(text) else {
                self.invalid(&format!("list[{index}]"), text, f64::WANTED);
                continue;
            };
            let number = number + 0.0; // one of the two zeros
            if !seen.insert(number.to_bits()) {
                self.duplicate(index, text);
            }
            numbers.push(number);
        }
        (self.problems.len() == found).then_some(numbers)
    }

    /// Whether the values of a categorical parameter are right.
    fn words(&mut self) -> bool {
        let found = self.problems.len();
        self.check_list("categorical");
        let mut seen = HashSet::new();
        for (index, text) in self.given.list.iter().enumerate() {
            if !seen.insert(text) {
                self.duplicate(index, text);
            }
        }
        self.problems.len() == found
    }

    fn check_list(&mut self, kind: &str) {
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
            self.problems
                .push(Problem::invalid(self.path.as_str(), value, message));
        }
        if list.is_empty() {
            let message = format!("feasibleSpace.list must be specified for parameterType: {kind}");
            self.required("list", message);
        }
    }

    fn duplicate(&mut self, index: usize, text: &str) {
        let path = format!("{}.list[{index}]", self.path);
        self.problems.push(Problem::duplicate(path, text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(min: &str, max: &str, step: &str) -> Result<Vec<Domain>, String> {
        let feasible_space = FeasibleSpace {
            min: min.into(),
            max: max.into(),
            step: step.into(),
            ..FeasibleSpace::default()
        };
        let parameter = ParameterSpec {
            name: "n".into(),
            parameter_type: ParameterType::Int,
            feasible_space,
            condition: None,
        };
        read("p", &[parameter]).map_err(|problems| problems.to_string())
    }

    #[test]
    fn ints_are_exact_up_to_64_bits() {
        let (low, high) = (i64::MIN.to_string(), i64::MAX.to_string());
        let all = Range {
            min: i64::MIN,
            max: i64::MAX,
            step: Some(i64::MAX),
            distribution: Distribution::Uniform,
        };
        assert_eq!(int(&low, &high, &high), Ok(vec![Domain::Int(all)]));
        let said = "p[0].feasibleSpace.max: Invalid value: \"9223372036854775808\": must be a whole number that fits in 64 bits";
        assert_eq!(int("0", "9223372036854775808", ""), Err(said.to_owned()));
        let said = "p[0].feasibleSpace.step: Invalid value: \"9007199254740994\": must not be larger than max - min";
        let step = int("0", "9007199254740993", "9007199254740994");
        assert_eq!(step, Err(said.to_owned()));
    }

    #[test]
    fn a_single_value_may_have_any_step() {
        assert!(int("3", "3", "1").is_ok());
        assert!(int("3", "3", "0").is_err());
    }
}
