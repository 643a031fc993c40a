//! What a rendered job of kind `Simulated` asks for.

use diwan_core::digest::{self, EMPTY, fnv1a};
use diwan_core::problem::nearest;
use diwan_core::resources::ParameterAssignment;
use diwan_simulate::play::{Faults, Timeline};
use diwan_simulate::problem::{BadValue, Problem, Values};
use diwan_simulate::suite;
use serde_json::{Map, Value};

use crate::driver::TrialPlan;
use crate::podspec::TemplateError;

/// The fields of `spec`.
const FIELDS: [&str; 4] = ["problem", "values", "speedUp", "failures"];

/// One simulated trial.
pub(super) struct Job {
    /// What its reports are called.
    pub(super) metric: &'static str,
    /// What happens to it, in virtual seconds.
    pub(super) timeline: Timeline,
    /// How many of those pass in a second.
    pub(super) speed_up: f64,
}

impl Job {
    /// Reads the job of a plan. The same attempt with the same values always has the same luck.
    pub(super) fn read(plan: &TrialPlan) -> Result<Self, TemplateError> {
        let spec = spec(&plan.manifest)?;
        let problem = problem(spec)?;
        let faults = Faults {
            failures: number(
                spec,
                "failures",
                0.0,
                |share| (0.0..=1.0).contains(&share),
                "from 0 to 1",
            )?,
            ..Faults::default()
        };
        let speed_up = number(spec, "speedUp", 1.0, |factor| factor > 0.0, "above 0")?;
        let assignments = values(spec)?;
        let seed = luck(&assignments, plan.attempt);
        let run = problem.run(&Values::new(&assignments), seed);
        Ok(Self {
            metric: problem.metric(),
            timeline: Timeline::draw(run.map_err(|bad| bad_value(&bad))?, &faults, seed),
            speed_up,
        })
    }
}

/// A number of a launch, the same in every experiment that comes to the same values: so its trials follow from its seed.
fn luck(assignments: &[ParameterAssignment], attempt: u32) -> u64 {
    let texts = assignments.iter().flat_map(|one| [&one.name, &one.value]);
    let digest = texts.fold(EMPTY, |before, text| digest::text(before, text));
    fnv1a(digest, &attempt.to_le_bytes())
}

fn spec(manifest: &Map<String, Value>) -> Result<&Map<String, Value>, TemplateError> {
    let Some(Value::Object(spec)) = manifest.get("spec") else {
        return Err(field("spec", "must be an object with problem and values"));
    };
    match spec.keys().find(|key| !FIELDS.contains(&key.as_str())) {
        None => Ok(spec),
        Some(unknown) => {
            let hint = match nearest(unknown, FIELDS) {
                Some(known) => format!("did you mean {known:?}?"),
                None => format!("known: {}", FIELDS.join(", ")),
            };
            Err(field(
                &format!("spec.{unknown}"),
                &format!("there is no such field; {hint}"),
            ))
        }
    }
}

fn problem(spec: &Map<String, Value>) -> Result<Box<dyn Problem>, TemplateError> {
    let path = "spec.problem";
    let Some(name) = spec.get("problem").and_then(Value::as_str) else {
        return Err(field(
            path,
            "must be the name of a problem, such as bbob/f1/5d/i1",
        ));
    };
    suite::find(name).map_err(|error| field(path, &error.to_string()))
}

/// A number, which may stand in quotes: what was put in for a placeholder does.
fn number(
    spec: &Map<String, Value>,
    name: &str,
    default: f64,
    admits: fn(f64) -> bool,
    wanted: &str,
) -> Result<f64, TemplateError> {
    let given = match spec.get(name) {
        None | Some(Value::Null) => return Ok(default),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(other) => other.as_f64(),
    };
    let given = given.filter(|number: &f64| number.is_finite() && admits(*number));
    given.ok_or_else(|| {
        field(
            &format!("spec.{name}"),
            &format!("must be a number {wanted}"),
        )
    })
}

fn values(spec: &Map<String, Value>) -> Result<Vec<ParameterAssignment>, TemplateError> {
    let Some(Value::Object(values)) = spec.get("values") else {
        return Err(field(
            "spec.values",
            "must be an object with a value for each parameter of the problem",
        ));
    };
    let assignment = |(name, value): (&String, &Value)| ParameterAssignment {
        name: name.clone(),
        value: match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        },
    };
    Ok(values.iter().map(assignment).collect())
}

fn bad_value(bad: &BadValue) -> TemplateError {
    match bad {
        BadValue::Missing(name) => field(
            "spec.values",
            &format!("the problem needs a value for {name}"),
        ),
        BadValue::Misfit {
            name,
            value,
            wanted,
        } => field(
            &format!("spec.values.{name}"),
            &format!("{value:?} is not {wanted}"),
        ),
    }
}

fn field(path: &str, problem: &str) -> TemplateError {
    TemplateError::Field {
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}
