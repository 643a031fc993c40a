//! Trials that were made before, from a file.

mod table;

use std::fs::File;
use std::io::{Read as _, stdin};
use std::path::Path;

use diwan_algorithms::space::{Misfit, Space};
use diwan_core::problem::{Problem, Problems};
use diwan_core::record::{TrialRecord, TrialState};
use diwan_core::resources::{ExperimentSpec, Trial};
use diwan_core::schema::Decoder;
use diwan_core::time::Timestamp;
use serde_json::Value;

use crate::failure::Failure;

/// Trials, and whether their labels could be told.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) trials: Vec<TrialRecord>,
    /// Whether they are from a table that has no column for labels.
    pub(super) lacks_labels: bool,
}

/// The trials of a file, or of standard input if it is `-`: a Trial, a list of them, one a line, or a table. Each must have
/// the parameters of `space`, if there is one; their values may be outside.
pub(super) fn read(
    path: &Path,
    spec: &ExperimentSpec,
    space: Option<&Space>,
) -> Result<History, Failure> {
    let cannot = || Failure::usage(format!("cannot read the history {}", path.display()));
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        stdin().read_to_string(&mut text)
    } else {
        File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| cannot().cause(error))?;
    history(&text, spec, space).map_err(|problems| {
        let causes = problems.0.iter();
        causes.fold(cannot(), |failure, problem| match &problem.hint {
            Some(hint) => failure.cause(problem).hint(hint),
            None => failure.cause(problem),
        })
    })
}

/// All trials, or what is wrong with the first that is wrong.
fn history(text: &str, spec: &ExperimentSpec, space: Option<&Space>) -> Result<History, Problems> {
    let mut trials = Vec::new();
    let decoder = Decoder::<Trial>::new();
    let mut take = |item: &Value| {
        let trial = decoder.decode_value(item)?;
        trials.push(record(trial, trials.len() as u64, space)?);
        Ok(())
    };
    if table::is_table(text) {
        let table = table::read(text, spec)?;
        for (line, item) in table.trials {
            take(&item).map_err(|problems| of_line(line, problems))?;
        }
        return Ok(History {
            lacks_labels: !table.has_labels && !trials.is_empty(),
            trials,
        });
    }
    let documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    for (line, document) in documents.enumerate() {
        let document =
            document.map_err(|error| Problems(vec![Problem::syntax(None, error.to_string())]))?;
        for (place, item) in items(document, line) {
            take(&item).map_err(|problems| below(&place, problems))?;
        }
    }
    Ok(History {
        trials,
        lacks_labels: false,
    })
}

/// The trials of a document, each with its place.
fn items(document: Value, line: usize) -> Vec<(String, Value)> {
    let numbered = |place: &str, items: Vec<Value>| {
        let item = |(index, item)| (format!("{place}[{index}]"), item);
        items.into_iter().enumerate().map(item).collect()
    };
    match document {
        Value::Array(items) => numbered("", items),
        Value::Object(mut object) => match object.remove("items") {
            Some(Value::Array(items)) => numbered("items", items),
            Some(other) => {
                object.insert("items".to_owned(), other);
                vec![(format!("[{line}]"), Value::Object(object))]
            }
            None => vec![(format!("[{line}]"), Value::Object(object))],
        },
        other => vec![(format!("[{line}]"), other)],
    }
}

fn below(place: &str, mut problems: Problems) -> Problems {
    for problem in &mut problems.0 {
        let dot = if problem.path.is_empty() { "" } else { "." };
        problem.path = format!("{place}{dot}{}", problem.path);
    }
    problems
}

/// The fields of a resource are nothing to who wrote a table.
fn of_line(line: usize, mut problems: Problems) -> Problems {
    for problem in &mut problems.0 {
        problem.path = format!("line {line}");
    }
    problems
}

fn record(trial: Trial, number: u64, space: Option<&Space>) -> Result<TrialRecord, Problems> {
    let mut problems = Vec::new();
    if !matches!(trial.kind.as_str(), "Trial" | "") {
        problems.push(Problem::unsupported("kind", &trial.kind, &["Trial"]));
    }
    let misfit = space.and_then(|space| space.point(&trial.spec.parameter_assignments).err());
    match misfit {
        None | Some(Misfit::OutOfRange { .. } | Misfit::NotListed { .. }) => {}
        Some(misfit) => {
            let given: Value = trial
                .spec
                .parameter_assignments
                .iter()
                .map(|one| one.name.clone())
                .collect();
            let problem = Problem::invalid("spec.parameterAssignments", given, misfit.to_string());
            problems.push(problem);
        }
    }
    let status = trial.status.unwrap_or_default();
    let state = state(status.conditions.iter().map(|one| one.kind.as_str()));
    let state = state.unwrap_or_else(|problem| {
        problems.push(problem);
        TrialState::Pending
    });
    Problems(problems).or(TrialRecord {
        rules: trial.spec.early_stopping_rules,
        labels: trial.spec.labels,
        created: status.start_time.unwrap_or(Timestamp::from_millis(0)),
        started: status.start_time,
        finished: status.completion_time,
        conditions: status.conditions,
        observation: status.observation,
        ..TrialRecord::foreign(
            number,
            trial.metadata.name,
            trial.spec.parameter_assignments,
            state,
        )
    })
}

/// What the last condition says; a trial without one has just been made.
fn state<'a>(conditions: impl ExactSizeIterator<Item = &'a str>) -> Result<TrialState, Problem> {
    let Some((index, last)) = conditions.enumerate().last() else {
        return Ok(TrialState::Pending);
    };
    let known = TrialState::ALL.into_iter();
    known
        .clone()
        .find(|state| state.condition() == last)
        .ok_or_else(|| {
            let words: Vec<&str> = known.map(TrialState::condition).collect();
            Problem::unsupported(format!("status.conditions[{index}].type"), last, &words)
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_all(text: &str) -> Result<Vec<TrialRecord>, String> {
        let parameter = json!({"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}});
        let spec = json!({"objective": {"type": "minimize", "objectiveMetricName": "loss"}, "parameters": [parameter]});
        let spec: ExperimentSpec = serde_json::from_value(spec).unwrap();
        let space = Space::new(&spec.parameters).unwrap();
        let found = history(text, &spec, Some(&space));
        found
            .map(|history| history.trials)
            .map_err(|problems| problems.to_string())
    }

    fn trial(x: &str, state: &str) -> Value {
        json!({
            "kind": "Trial", "metadata": {"name": "t", "managedFields": []},
            "spec": {"parameterAssignments": [{"name": "x", "value": x}]},
            "status": {"conditions": [{"type": "Created", "status": "True"}, {"type": state, "status": "True"}]},
        })
    }

    #[test]
    fn one_a_list_and_one_a_line_are_read() {
        let (one, two) = (trial("0.5", "Succeeded"), trial("7", "EarlyStopped"));
        let states = |text: &str| -> Vec<TrialState> {
            let trials = read_all(text).unwrap();
            trials.iter().map(|trial| trial.state).collect()
        };
        assert_eq!(states(&one.to_string()), [TrialState::Succeeded]);
        let both = [TrialState::Succeeded, TrialState::EarlyStopped];
        assert_eq!(states(&json!([one, two]).to_string()), both);
        let list = json!({"kind": "List", "items": [one, two]});
        assert_eq!(states(&list.to_string()), both);
        assert_eq!(states(&format!("{one}\n{two}\n")), both);
        assert_eq!(states(""), []);
    }

    #[test]
    fn what_is_no_trial_is_refused_with_its_field() {
        let bad = |change: fn(&mut Value)| {
            let mut trial = trial("0.5", "Succeeded");
            change(&mut trial);
            read_all(&json!({"items": [trial]}).to_string()).unwrap_err()
        };
        assert_eq!(
            bad(|trial| trial["spec"]["parameters"] = json!({"x": 1})),
            "items[0].spec.parameters: Unknown field: \"parameters\" (did you mean \"parameterAssignments\"?)"
        );
        assert_eq!(
            bad(|trial| trial["kind"] = json!("Experiment")),
            "items[0].kind: Unsupported value: \"Experiment\": supported values: \"Trial\""
        );
        assert_eq!(
            bad(|trial| trial["spec"]["parameterAssignments"] = json!([])),
            "items[0].spec.parameterAssignments: Invalid value: []: parameter x has no value"
        );
        assert_eq!(
            bad(|trial| trial["spec"]["parameterAssignments"][0]["name"] = json!("y")),
            "items[0].spec.parameterAssignments: Invalid value: [\"y\"]: parameter y is not in the search space"
        );
        let state = bad(|trial| trial["status"]["conditions"][1]["type"] = json!("Done"));
        assert!(
            state.starts_with("items[0].status.conditions[1].type: Unsupported value: \"Done\""),
            "{state}"
        );
    }

    #[test]
    fn a_table_is_read_as_well() {
        let found = read_all("name,state,loss,x\na,EarlyStopped,3,0.5\nb,Pending,,7\n").unwrap();
        let states: Vec<TrialState> = found.iter().map(|trial| trial.state).collect();
        assert_eq!(states, [TrialState::EarlyStopped, TrialState::Pending]);
        assert_eq!(
            found[0].observation.as_ref().unwrap().metrics[0].latest,
            "3"
        );
        assert_eq!(
            read_all("state,loss,x\nFailed,,\n").unwrap_err(),
            "line 2: Invalid value: []: parameter x has no value"
        );
    }

    #[test]
    fn its_place_is_told_wherever_it_is() {
        let (good, missing) = (trial("0.5", "Succeeded"), "parameter x has no value");
        for (text, place) in [
            (format!("{good}\n{{}}"), "[1].spec.parameterAssignments"),
            (
                json!([good, {}]).to_string(),
                "[1].spec.parameterAssignments",
            ),
        ] {
            let told = format!("{place}: Invalid value: []: {missing}");
            assert_eq!(read_all(&text).unwrap_err(), told);
        }
        assert_eq!(
            read_all("[1]").unwrap_err(),
            "[0]: Invalid value: 1: must be an object"
        );
        let no_list = read_all(r#"{"items": {}}"#).unwrap_err();
        assert!(no_list.starts_with("[0].items: Unknown field"), "{no_list}");
        assert!(read_all("{").unwrap_err().starts_with("Syntax error: "));
    }
}
