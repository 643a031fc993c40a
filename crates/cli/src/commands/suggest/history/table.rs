//! Trials in a table of comma-separated values, as `diwan export` and `diwan get trials -o csv` write them.

use std::collections::BTreeMap;

use diwan_core::problem::{Problem, Problems};
use diwan_core::record::TrialState;
use diwan_core::resources::ExperimentSpec;
use serde_json::{Map, Value, json};

use crate::commands::export::{FIXED, LABELS};

/// Whether a text is a table, and not JSON.
pub(super) fn is_table(text: &str) -> bool {
    let first = text.trim_start().chars().next();
    !matches!(first, None | Some('{' | '['))
}

/// What a table of an experiment has.
#[derive(Debug, PartialEq)]
pub(super) struct Table {
    /// The trials, each with its line.
    pub(super) trials: Vec<(usize, Value)>,
    /// Whether there is a column for what the algorithm wants to find again.
    pub(super) has_labels: bool,
}

/// Reads a table of an experiment.
pub(super) fn read(text: &str, spec: &ExperimentSpec) -> Result<Table, Problems> {
    let mut rows = rows(text)?.into_iter();
    let (_, titles) = rows.next().unwrap_or_default();
    let columns = Columns::of(&titles, spec)?;
    let trial = |(line, cells): (usize, Vec<String>)| {
        if cells.len() != titles.len() {
            let told = format!("{} cells, and the header has {}", cells.len(), titles.len());
            return Err(refused(line, told));
        }
        Ok((line, columns.trial(line, &cells)?))
    };
    Ok(Table {
        trials: rows.map(trial).collect::<Result<_, _>>()?,
        has_labels: columns.labels.is_some(),
    })
}

/// Where the columns are that count.
struct Columns<'a> {
    name: Option<usize>,
    state: usize,
    started: Option<usize>,
    finished: Option<usize>,
    metrics: Vec<(&'a str, usize)>,
    parameters: Vec<(&'a str, usize)>,
    labels: Option<usize>,
}

impl<'a> Columns<'a> {
    /// An export has fixed columns first, then metrics, then parameters, then labels, and any two of these may have the same
    /// title.
    fn of(titles: &[String], spec: &'a ExperimentSpec) -> Result<Self, Problems> {
        let fixed = if titles.starts_with(&FIXED.map(str::to_owned)) {
            FIXED.len()
        } else {
            0
        };
        let first = |title: &str| titles.iter().position(|one| one == title);
        let metric = |name: &str| {
            let found = titles.iter().skip(fixed).position(|title| title == name);
            found.map(|index| index + fixed)
        };
        let labels = labels(titles, spec);
        let parameter = |name: &str| {
            let mut others = titles.iter().enumerate().rev();
            others.find_map(|(index, title)| {
                (title == name && Some(index) != labels).then_some(index)
            })
        };
        let needed = |title: &str, found: Option<usize>| {
            found.ok_or_else(|| {
                let problem = Problem::required("line 1", format!("no column {title}"));
                let hint = "a history is JSON, or a table as `diwan export` writes it";
                Problems(vec![problem.with_hint(hint)])
            })
        };
        let objective = spec.objective.as_ref();
        if let Some(name) = objective.map(|one| &one.objective_metric_name) {
            needed(name, metric(name))?;
        }
        let metrics = objective.into_iter().flat_map(|one| one.metric_names());
        let metrics = metrics.filter_map(|name| Some((name, metric(name)?)));
        let parameters = spec
            .parameter_names()
            .map(|name| Ok((name, needed(name, parameter(name))?)));
        Ok(Self {
            name: first("name"),
            state: needed("state", first("state"))?,
            started: first("started"),
            finished: first("finished"),
            metrics: metrics.collect(),
            parameters: parameters.collect::<Result<_, Problems>>()?,
            labels,
        })
    }

    /// The resource that a row stands for. A table has one value of a metric, the one that counts.
    fn trial(&self, line: usize, cells: &[String]) -> Result<Value, Problems> {
        let given = |column: Option<usize>| Some(&cells[column?]).filter(|cell| !cell.is_empty());
        let assignments = self.parameters.iter().filter_map(|(name, column)| {
            Some(json!({"name": name, "value": given(Some(*column))?}))
        });
        let mut metrics = Vec::new();
        for (name, column) in &self.metrics {
            if let Some(value) = given(Some(*column)) {
                let value = number(line, name, value)?;
                metrics.push(json!({"name": name, "min": value, "max": value, "latest": value}));
            }
        }
        let state = state(line, &cells[self.state])?;
        let mut status = Map::new();
        let condition = json!({"type": state.condition(), "status": "True"});
        status.insert("conditions".into(), json!([condition]));
        let times = [
            ("startTime", self.started),
            ("completionTime", self.finished),
        ];
        for (field, column) in times {
            status.extend(given(column).map(|time| (field.to_owned(), json!(time))));
        }
        if !metrics.is_empty() {
            status.insert("observation".into(), json!({"metrics": metrics}));
        }
        let mut spec = Map::new();
        let assignments: Vec<Value> = assignments.collect();
        spec.insert("parameterAssignments".into(), assignments.into());
        if let Some(cell) = given(self.labels) {
            spec.insert("labels".into(), json!(labels_of(line, cell)?));
        }
        Ok(json!({"metadata": {"name": given(self.name)}, "spec": spec, "status": status}))
    }
}

/// The last column of this title, if there are more than the metrics and parameters of the same name need.
fn labels(titles: &[String], spec: &ExperimentSpec) -> Option<usize> {
    let metrics = spec.objective.iter().flat_map(|one| one.metric_names());
    let names = metrics.chain(spec.parameter_names());
    let taken = names.filter(|name| *name == LABELS).count();
    let mut found = titles
        .iter()
        .enumerate()
        .filter(|(_, title)| *title == LABELS);
    found.nth(taken)?;
    titles.iter().rposition(|title| title == LABELS)
}

fn labels_of(line: usize, cell: &str) -> Result<BTreeMap<String, String>, Problems> {
    serde_json::from_str(cell).map_err(|_| {
        let right = r#"must be a JSON object of texts, as {"cmaes":"0.1"}, or empty"#;
        let path = format!("line {line}, {LABELS}");
        Problems(vec![Problem::invalid(path, cell, right)])
    })
}

/// A value as it stands; Katib writes `unavailable` where there is none.
fn number<'a>(line: usize, name: &str, cell: &'a str) -> Result<&'a str, Problems> {
    if cell.trim().parse::<f64>().is_ok() || cell == "unavailable" {
        return Ok(cell);
    }
    let path = format!("line {line}, {name}");
    let right = "must be a number, or empty";
    Err(Problems(vec![Problem::invalid(path, cell, right)]))
}

fn state(line: usize, cell: &str) -> Result<TrialState, Problems> {
    let names = TrialState::ALL.map(|state| format!("{state:?}"));
    let named = names.iter().position(|name| name == cell);
    named.map(|index| TrialState::ALL[index]).ok_or_else(|| {
        let names = names.each_ref().map(String::as_str);
        let path = format!("line {line}, state");
        Problems(vec![Problem::unsupported(path, cell, &names)])
    })
}

fn refused(line: usize, message: String) -> Problems {
    Problems(vec![Problem::refused(format!("line {line}"), message)])
}

/// The rows, each with the line that it begins on, as RFC 4180 has them. Empty lines are passed over.
fn rows(text: &str) -> Result<Vec<(usize, Vec<String>)>, Problems> {
    let mut rows = Vec::new();
    let mut chars = text.trim_start_matches('\u{feff}').chars().peekable();
    let (mut line, mut begun) = (1, 1);
    let (mut cells, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
    while let Some(next) = chars.next() {
        line += usize::from(next == '\n');
        match next {
            '"' if is_quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' if is_quoted => is_quoted = false,
            next if is_quoted => cell.push(next),
            '"' if cell.is_empty() => is_quoted = true,
            ',' => cells.push(std::mem::take(&mut cell)),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                end(&mut rows, begun, &mut cells, &mut cell);
                begun = line;
            }
            next => cell.push(next),
        }
    }
    if is_quoted {
        return Err(refused(begun, "a quote is not closed".to_owned()));
    }
    end(&mut rows, begun, &mut cells, &mut cell);
    Ok(rows)
}

fn end(
    rows: &mut Vec<(usize, Vec<String>)>,
    line: usize,
    cells: &mut Vec<String>,
    cell: &mut String,
) {
    if cells.is_empty() && cell.is_empty() {
        return;
    }
    cells.push(std::mem::take(cell));
    rows.push((line, std::mem::take(cells)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::csv_line;

    fn spec() -> ExperimentSpec {
        let space = json!({"min": "0", "max": "1"});
        let parameter =
            |name| json!({"name": name, "parameterType": "double", "feasibleSpace": space});
        let spec = json!({
            "objective": {"type": "maximize", "objectiveMetricName": "score", "additionalMetricNames": ["x"]},
            "parameters": [parameter("x"), parameter("state")],
        });
        serde_json::from_value(spec).unwrap()
    }

    fn said(text: &str) -> String {
        read(text, &spec()).unwrap_err().to_string()
    }

    #[test]
    fn cells_are_read_back_as_they_were_written() {
        let cells = ["plain", "a,b", "say \"hi\"", "two\r\nlines", "", "é"].map(str::to_owned);
        let text = format!("{}\n\n{}\r\nlast", csv_line(&cells), csv_line(&cells));
        let last = vec!["last".to_owned()];
        let expected = vec![(1, cells.to_vec()), (4, cells.to_vec()), (6, last)];
        assert_eq!(rows(&text).unwrap(), expected);
        assert_eq!(rows("").unwrap(), []);
    }

    #[test]
    fn columns_of_an_export_may_have_the_same_title() {
        let text = "number,name,state,created,started,finished,score,x,x,state\n\
                    0,t,Succeeded,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z,,0.5,7,0.25,0.75\n";
        let found = read(text, &spec()).unwrap();
        let expected = json!({
            "metadata": {"name": "t"},
            "spec": {"parameterAssignments": [{"name": "x", "value": "0.25"}, {"name": "state", "value": "0.75"}]},
            "status": {
                "conditions": [{"type": "Succeeded", "status": "True"}],
                "startTime": "2026-01-01T00:00:00Z",
                "observation": {"metrics": [
                    {"name": "score", "min": "0.5", "max": "0.5", "latest": "0.5"},
                    {"name": "x", "min": "7", "max": "7", "latest": "7"},
                ]},
            },
        });
        assert_eq!(
            (found.trials, found.has_labels),
            (vec![(2, expected)], false)
        );
    }

    #[test]
    fn labels_are_the_last_column_of_that_title() {
        let labels = |text: &str| {
            let table = read(text, &spec()).unwrap();
            let (_, trial) = &table.trials[0];
            (table.has_labels, trial["spec"].get("labels").cloned())
        };
        let cmaes = r#""{""cmaes"":""0.1""}""#;
        let table = |titles: &str, cells: &str| format!("name,{titles}\nt,{cells}\n");
        let found = labels(&table(
            "state,score,x,state,labels",
            &format!("Failed,,0,0,{cmaes}"),
        ));
        assert_eq!(found, (true, Some(json!({"cmaes": "0.1"}))));
        let found = labels(&table("labels,state,score,x", ",Failed,,0"));
        assert_eq!(found, (true, None));
        assert_eq!(labels(&table("state,score,x", "Failed,,0")), (false, None));
        assert_eq!(
            said("state,score,x,labels\nFailed,,0,none\n"),
            "line 2, labels: Invalid value: \"none\": must be a JSON object of texts, as {\"cmaes\":\"0.1\"}, or empty"
        );
    }

    #[test]
    fn a_parameter_may_have_the_title_of_the_labels() {
        let mut spec = spec();
        spec.parameters[0].name = LABELS.to_owned();
        let found = |text: &str| {
            let table = read(text, &spec).unwrap();
            let (_, trial) = table.trials.into_iter().next().unwrap();
            (table.has_labels, trial["spec"].clone())
        };
        let assignments =
            json!([{"name": "labels", "value": "0.25"}, {"name": "state", "value": "Failed"}]);
        let text = "score,labels,state\n,0.25,Failed\n";
        assert_eq!(
            found(text),
            (false, json!({"parameterAssignments": assignments}))
        );
        let text = "score,labels,state,labels\n,0.25,Failed,{}\n";
        assert_eq!(
            found(text),
            (
                true,
                json!({"parameterAssignments": assignments, "labels": {}})
            )
        );
    }

    #[test]
    fn what_is_wrong_with_a_table_has_its_line() {
        let missing = said("a: 1\n");
        assert!(
            missing.contains("line 1: Required value: no column score"),
            "{missing}"
        );
        let ragged = said("state,score,x\nFailed,1\n");
        assert!(
            ragged.contains("line 2: Invalid value: 2 cells, and the header has 3"),
            "{ragged}"
        );
        let number = said("name,state,score,x\na,Succeeded,good,1\n");
        assert!(
            number.contains("line 2, score: Invalid value: \"good\": must be a number"),
            "{number}"
        );
        let state = said("name,state,score,x\n\na,Done,1,1\n");
        assert!(
            state.contains("line 3, state: Unsupported value: \"Done\""),
            "{state}"
        );
        let open = said("state,score,x\n\"Failed,1");
        assert!(
            open.contains("line 2: Invalid value: a quote is not closed"),
            "{open}"
        );
    }
}
