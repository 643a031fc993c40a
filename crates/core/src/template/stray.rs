//! References of trial metadata that stand in the job itself, where nothing fills them.

use serde_json::Value;

use super::pattern::placeholder;
use super::reference::{self, OPEN};
use crate::problem::{Problem, child, nearest};
use crate::resources::TrialParameterSpec;

/// What `${trialSpec.…}` may name.
const KEYS: [&str; 6] = [
    "Name",
    "Namespace",
    "Kind",
    "APIVersion",
    "Labels",
    "Annotations",
];

/// A problem for every text and key of the job at `path` with `${trialSpec.…}` in it.
pub(super) fn problems(job: &Value, path: &str, given: &[TrialParameterSpec]) -> Vec<Problem> {
    let mut problems = Vec::new();
    look(job, path, &mut |text, path| {
        problems.extend(strays(text).map(|stray| refusal(stray, path, job, given)));
    });
    problems
}

fn look(value: &Value, path: &str, visit: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => visit(text, path),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                look(item, &format!("{path}[{index}]"), visit);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = child(path, key);
                visit(key, &path);
                look(value, &path, visit);
            }
        }
        _ => {}
    }
}

/// The references in a text, with their brackets.
fn strays(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.match_indices(OPEN).map(|(start, _)| &text[start..]);
    starts.filter_map(|rest| Some(&rest[..=rest.find('}')?]))
}

fn refusal(stray: &str, path: &str, job: &Value, given: &[TrialParameterSpec]) -> Problem {
    let message = format!(
        "{stray} is filled only as the reference of one of spec.trialTemplate.trialParameters; the job would get it as it stands"
    );
    Problem::refused(path, message).with_hint(remedy(stray, job, given))
}

fn remedy(stray: &str, job: &Value, given: &[TrialParameterSpec]) -> String {
    if let Some(there) = given.iter().find(|one| one.reference == stray) {
        return format!("write {}", placeholder(&there.name));
    }
    if let Err(why) = reference::parse(stray, job) {
        let key = stray[OPEN.len()..].trim_end_matches('}');
        let (word, rest) = key.split_at(key.find('[').unwrap_or(key.len()));
        return match nearest(word, KEYS).filter(|known| *known != word) {
            Some(known) => remedy(&format!("{OPEN}{known}{rest}}}"), job, given),
            None => why,
        };
    }
    let name = "trialMetadata";
    format!(
        "add `- {{name: {name}, reference: \"{stray}\"}}` to spec.trialTemplate.trialParameters, and write {}",
        placeholder(name)
    )
}
