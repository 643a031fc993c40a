//! An experiment's template → a checked [`Template`].

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::pattern::{Part, Tree, placeholder};
use super::source::Source;
use super::{Parameter, TEMPLATE, Template, reference};
use crate::domain;
use crate::problem::{Problem, nearest};
use crate::resources::{Experiment, ParameterSpec, TrialParameterSpec};

const PARAMETERS: &str = "spec.trialTemplate.trialParameters";
/// How many names a message lists.
const LISTED: usize = 20;

impl Template {
    /// Checks the template of an experiment and makes it ready for use. `config_map` is the text of the template when the
    /// experiment says that it stands in a `ConfigMap`.
    ///
    /// # Errors
    /// Everything that is wrong with the job, its placeholders and `trialParameters`.
    pub fn compile(
        experiment: &Experiment,
        config_map: Option<&str>,
    ) -> Result<Self, Vec<Problem>> {
        let Some(template) = &experiment.spec.trial_template else {
            return Err(vec![Problem::required(TEMPLATE, "must be specified")]);
        };
        let source = Source::of(template, config_map).map_err(|problem| vec![problem])?;
        let problems = source.problems(&template.trial_parameters);
        let Source { mut tree, job, .. } = source;
        let used = placeholders(&mut tree);
        let mut compiler = Compiler {
            space: &experiment.spec.parameters,
            given: &template.trial_parameters,
            used: &used,
            job: &job,
            parameters: Vec::new(),
            problems,
        };
        compiler.run();
        let Compiler {
            parameters,
            problems,
            ..
        } = compiler;
        if !problems.is_empty() {
            return Err(problems);
        }
        resolve(&mut tree, &parameters);
        Ok(Self {
            job: tree,
            parameters,
        })
    }
}

/// Matches search space, trial parameters and placeholders with one another.
struct Compiler<'a> {
    space: &'a [ParameterSpec],
    given: &'a [TrialParameterSpec],
    used: &'a BTreeSet<String>,
    job: &'a Value,
    parameters: Vec<Parameter>,
    problems: Vec<Problem>,
}

impl<'a> Compiler<'a> {
    fn run(&mut self) {
        let (mut names, mut references) = (HashSet::new(), HashSet::new());
        let space: HashSet<&str> = self
            .space
            .iter()
            .map(|parameter| parameter.name.as_str())
            .collect();
        for (index, parameter) in self.given.iter().enumerate() {
            let path = format!("{PARAMETERS}[{index}]");
            if self.stands_alone(&path, parameter, &mut names, &mut references) {
                self.has_place(&path, &parameter.name);
                self.reference(&path, parameter, &space);
            }
        }
        self.leftovers();
        self.unused();
    }

    /// Whether name and reference are there, and there once.
    fn stands_alone(
        &mut self,
        path: &str,
        parameter: &'a TrialParameterSpec,
        names: &mut HashSet<&'a str>,
        references: &mut HashSet<&'a str>,
    ) -> bool {
        let (name, reference) = (parameter.name.as_str(), parameter.reference.as_str());
        let (field, value, message) =
            if name.is_empty() || reference.is_empty() || name.contains(['{', '}']) {
                let message =
                    "name and reference must be specified and name must not contain '{' or '}'";
                ("", "", message.to_owned())
            } else if !names.insert(name) {
                let all = list(self.given.iter().map(|one| one.name.as_str()));
                (
                    ".name",
                    name,
                    format!("parameter name {name} can't be duplicated in {PARAMETERS}: {all}"),
                )
            } else if !references.insert(reference) {
                let all = list(self.given.iter().map(|one| one.reference.as_str()));
                let message = format!(
                    "parameter reference {reference} can't be duplicated in {PARAMETERS}: {all}"
                );
                (".reference", reference, message)
            } else {
                return true;
            };
        self.problems
            .push(Problem::invalid(format!("{path}{field}"), value, message));
        false
    }

    fn has_place(&mut self, path: &str, name: &str) {
        if !self.used.contains(name) {
            let place = placeholder(name);
            let message = format!(
                "parameter name: {name} in spec.trialParameters not found in spec.trialTemplate: {place}"
            );
            let problem = Problem::invalid(format!("{path}.name"), name, message);
            self.problems
                .push(problem.hinting_at(name, self.used.iter().map(String::as_str)));
        }
    }

    fn reference(&mut self, path: &str, parameter: &TrialParameterSpec, space: &HashSet<&str>) {
        let path = format!("{path}.reference");
        let text = parameter.reference.as_str();
        match reference::parse(text, self.job) {
            Err(message) => self.problems.push(Problem::invalid(path, text, message)),
            Ok(reference) => {
                // Without a list of parameters (architecture search) the optimizer knows the names, nobody else.
                if !reference::is_metadata(text) && !space.is_empty() && !space.contains(text) {
                    let known = || self.space.iter().map(|parameter| parameter.name.as_str());
                    let all = list(known());
                    let message = format!(
                        "parameter reference {text} does not exist in spec.parameters: {all}"
                    );
                    self.problems
                        .push(Problem::invalid(path, text, message).hinting_at(text, known()));
                }
                let searched = self.space.iter().find(|searched| searched.name == text);
                self.parameters.push(Parameter {
                    name: parameter.name.clone(),
                    reference,
                    inactive: searched
                        .filter(|searched| searched.condition.is_some())
                        .map(domain::lowest),
                });
            }
        }
    }

    /// Placeholders that no trial parameter fills.
    fn leftovers(&mut self) {
        let names: HashSet<&str> = self
            .given
            .iter()
            .map(|parameter| parameter.name.as_str())
            .collect();
        let left: Vec<&String> = self
            .used
            .iter()
            .filter(|name| !names.contains(name.as_str()))
            .collect();
        let Some(first) = left.first() else { return };
        let known = || self.given.iter().map(|parameter| parameter.name.as_str());
        let message = format!(
            "parameters: {} in spec.trialTemplate not found in spec.trialParameters: {}",
            list(left.iter().map(|name| placeholder(name))),
            list(known())
        );
        let hint = nearest(first, known()).map_or_else(
            || format!("add {first:?} to {PARAMETERS}"),
            |name| format!("did you mean {:?}?", placeholder(name)),
        );
        self.problems
            .push(Problem::invalid(TEMPLATE, "", message).with_hint(hint));
    }

    /// Parameters of the search space that no trial would see.
    fn unused(&mut self) {
        let references: HashSet<&str> = self
            .given
            .iter()
            .map(|parameter| parameter.reference.as_str())
            .collect();
        for (index, parameter) in self.space.iter().enumerate() {
            let name = parameter.name.as_str();
            if !name.is_empty() && !references.contains(name) {
                let path = format!("spec.parameters[{index}].name");
                let message = format!(
                    "parameter is the reference of no {PARAMETERS}: it would be tuned without effect"
                );
                self.problems.push(Problem::invalid(path, name, message));
            }
        }
    }
}

/// Words as Go prints a list of them, the first of them if there are many.
fn list<T: AsRef<str>>(words: impl Iterator<Item = T>) -> String {
    let mut words: Vec<String> = words
        .take(LISTED + 1)
        .map(|word| word.as_ref().to_owned())
        .collect();
    if words.len() > LISTED {
        words[LISTED] = "…".to_owned();
    }
    format!("[{}]", words.join(" "))
}

fn placeholders(tree: &mut Tree) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    tree.for_each_part(&mut |part| {
        if let Part::Placeholder(name) = part {
            names.insert(name.clone());
        }
    });
    names
}

fn resolve(tree: &mut Tree, parameters: &[Parameter]) {
    let numbers: HashMap<&str, usize> = parameters
        .iter()
        .enumerate()
        .map(|(number, parameter)| (parameter.name.as_str(), number))
        .collect();
    tree.for_each_part(&mut |part| {
        if let Part::Placeholder(name) = part
            && let Some(number) = numbers.get(name.as_str())
        {
            *part = Part::Parameter(*number);
        }
    });
}
