//! The trials that an experiment begins with.

use std::collections::HashMap;

use super::observation;
use crate::domain::{self, Domain};
use crate::initial::points;
use crate::problem::Problem;
use crate::resources::{ExperimentSpec, InitialTrial, ParameterAssignment, ParameterSpec};

const PATH: &str = "spec.initialTrials";
/// Most of them: they are a part of every record of the experiment.
const MOST: usize = 1_000;

pub(super) fn check(spec: &ExperimentSpec, problems: &mut Vec<Problem>) {
    let trials = &spec.initial_trials;
    if trials.is_empty() {
        return;
    }
    if spec.nas_config.is_some() {
        let message = "an architecture search has none: only its optimizer knows its parameters";
        problems.push(Problem::forbidden(PATH, message));
        return;
    }
    if trials.len() > MOST {
        let message = format!("must be at most {MOST} trials");
        problems.push(Problem::invalid(PATH, trials.len(), message));
    }
    within_the_maximum(spec, problems);
    // What is wrong with the parameters themselves is told with them.
    if let Ok(domains) = domain::read("spec.parameters", &spec.parameters) {
        let space = Space::new(&spec.parameters, &domains);
        each(spec, &space, problems);
    }
}

fn within_the_maximum(spec: &ExperimentSpec, problems: &mut Vec<Problem>) {
    let count = points(&spec.initial_trials).count();
    let Some(max) = spec.max_trial_count.filter(|max| *max > 0) else {
        return;
    };
    if usize::try_from(max).is_ok_and(|max| max < count) {
        let message = format!("must be at least {count}: so many of {PATH} are to run");
        problems.push(Problem::invalid("spec.maxTrialCount", max, message));
    }
}

fn each(spec: &ExperimentSpec, space: &Space<'_>, problems: &mut Vec<Problem>) {
    let mut seen = HashMap::new();
    for (index, trial) in spec.initial_trials.iter().enumerate() {
        let at = format!("{PATH}[{index}]");
        let found = problems.len();
        let given = space.read(&at, trial, problems);
        if trial.failed && trial.observation.is_some() {
            let message = "a trial that failed has no result";
            problems.push(Problem::forbidden(format!("{at}.observation"), message));
        } else if let (Some(observation), Some(objective)) = (&trial.observation, &spec.objective) {
            observation::check(&at, observation, objective, problems);
        }
        if problems.len() > found {
            continue;
        }
        // A configuration may have been measured twice, with one result the first time and another the second.
        let result = trial
            .observation
            .as_ref()
            .and_then(|one| one.metrics.iter().find(|one| is_objective(spec, &one.name)))
            .map(|metric| (&metric.min, &metric.max, &metric.latest));
        if let Some(first) = seen.insert((given, trial.failed, result), index) {
            let value = assignments_value(&trial.parameter_assignments);
            let hint = format!("{PATH}[{first}] says the same");
            problems.push(Problem::duplicate(at, value).with_hint(hint));
        }
    }
}

fn is_objective(spec: &ExperimentSpec, name: &str) -> bool {
    let objective = spec.objective.as_ref();
    objective.is_some_and(|objective| objective.objective_metric_name == name)
}

fn assignments_value(assignments: &[ParameterAssignment]) -> String {
    let texts = assignments.iter();
    let texts: Vec<String> = texts
        .map(|one| format!("{}={}", one.name, one.value))
        .collect();
    texts.join(", ")
}

/// The parameters, by name and with the values they may have.
struct Space<'a> {
    parameters: &'a [ParameterSpec],
    domains: &'a [Domain],
    places: HashMap<&'a str, usize>,
}

/// Which value each parameter is given.
type Given = Vec<Option<u64>>;

impl<'a> Space<'a> {
    fn new(parameters: &'a [ParameterSpec], domains: &'a [Domain]) -> Self {
        let names = parameters.iter().map(|parameter| parameter.name.as_str());
        Self {
            parameters,
            domains,
            places: names
                .enumerate()
                .map(|(index, name)| (name, index))
                .collect(),
        }
    }

    /// Reads the point of a trial, and notes what is wrong with it.
    fn read(&self, at: &str, trial: &InitialTrial, problems: &mut Vec<Problem>) -> Given {
        let at = format!("{at}.parameterAssignments");
        let mut given = vec![None; self.parameters.len()];
        let mut positions = Vec::new();
        let found = problems.len();
        for (position, one) in trial.parameter_assignments.iter().enumerate() {
            let at = format!("{at}[{position}]");
            if let Some((index, place)) = self.read_one(&at, one, problems) {
                if given[index].replace(place).is_some() {
                    problems.push(Problem::duplicate(format!("{at}.name"), one.name.as_str()));
                }
                positions.push((position, index));
            }
        }
        // A value that is wrong would let others seem to be without effect, or to be missing.
        if problems.len() > found {
            return given;
        }
        let idle = positions.iter().filter_map(|(position, index)| {
            let needs = self.unmet(*index, &given)?;
            let path = format!("{at}[{position}]");
            let name = self.parameters[*index].name.as_str();
            Some(Problem::invalid(
                path,
                name,
                format!("has no effect here: {needs}"),
            ))
        });
        problems.extend(idle);
        if trial.is_over() {
            let missing = (0..given.len())
                .filter(|index| given[*index].is_none() && self.unmet(*index, &given).is_none());
            problems.extend(missing.map(|index| {
                let name = &self.parameters[index].name;
                let message = format!(
                    "must have a value for {name}; only a trial that is to run may lack one"
                );
                Problem::required(at.as_str(), message)
            }));
        } else if trial.parameter_assignments.is_empty() {
            problems.push(Problem::required(
                at,
                "must have a value for at least one parameter",
            ));
        }
        given
    }

    fn read_one(
        &self,
        at: &str,
        one: &ParameterAssignment,
        problems: &mut Vec<Problem>,
    ) -> Option<(usize, u64)> {
        let Some(index) = self.places.get(one.name.as_str()).copied() else {
            let names = self.parameters.iter().map(|known| known.name.as_str());
            let message = "is no parameter of the search space";
            let problem = Problem::invalid(format!("{at}.name"), one.name.as_str(), message);
            problems.push(problem.hinting_at(&one.name, names));
            return None;
        };
        let (domain, list) = (
            &self.domains[index],
            &self.parameters[index].feasible_space.list,
        );
        let place = domain::place(domain, &one.value, list);
        if place.is_none() {
            let path = format!("{at}.value");
            problems.push(domain::misfit(path, &one.value, domain, list, ""));
        }
        Some((index, place?))
    }

    /// The condition that keeps a parameter from having an effect; none: it has one.
    fn unmet(&self, mut index: usize, given: &Given) -> Option<String> {
        // Conditions do not lead in a circle, or the domains could not have been read.
        while let Some(condition) = &self.parameters[index].condition {
            let parent = *self.places.get(condition.parent.as_str())?;
            let list = &self.parameters[parent].feasible_space.list;
            let admitted = |text: &String| domain::place(&self.domains[parent], text, list);
            let is_met = given[parent].is_some_and(|place| {
                condition
                    .values
                    .iter()
                    .any(|text| admitted(text) == Some(place))
            });
            if !is_met {
                let values = condition.values.join(" or ");
                return Some(format!("{} must be given as {values}", condition.parent));
            }
            index = parent;
        }
        None
    }
}
