//! Wrong usage of the command line, in the form of all other failures.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};

use diwan_core::problem::nearest;

use crate::failure::Failure;

/// Fields of a file that people look for among the flags, under the names that they try.
const FIELDS: [(&str, &str); 9] = [
    ("parallel", "spec.parallelTrialCount"),
    ("parallelism", "spec.parallelTrialCount"),
    ("parallel-trial-count", "spec.parallelTrialCount"),
    ("max-trials", "spec.maxTrialCount"),
    ("max-trial-count", "spec.maxTrialCount"),
    ("max-failed-trial-count", "spec.maxFailedTrialCount"),
    ("active-deadline-seconds", "spec.activeDeadlineSeconds"),
    ("algorithm", "spec.algorithm.algorithmName"),
    ("goal", "spec.objective.goal"),
];

/// What the parser refuses; `variable` is where the refused value comes from, if it is the environment. The parser's own text
/// has the message first, up to an empty line, then its tips and the usage.
pub(crate) fn failure(error: &Error, verbs: &[&str], variable: Option<&str>) -> Failure {
    let text = error.render().to_string();
    let message: Vec<&str> = text
        .lines()
        .take_while(|line| !line.is_empty())
        .map(str::trim)
        .collect();
    let mut message = message.join(" ");
    if let Some(variable) = variable {
        message = message.replace(
            &format!("for '{}'", context(error, ContextKind::InvalidArg)),
            &format!("for the environment variable {variable}"),
        );
    }
    let mut failure = Failure::usage(message.strip_prefix("error: ").unwrap_or(&message));
    let hints = hints(error, &text, verbs);
    for hint in &hints {
        failure = failure.hint(hint);
    }
    match text.lines().find_map(|line| line.strip_prefix("Usage: ")) {
        Some(usage) if hints.is_empty() => failure.hint(format!("usage: {usage}")),
        _ => failure,
    }
}

/// The variable that the refused value comes from: the one of the refused flag, if it has that value.
pub(crate) fn variable(
    error: &Error,
    command: &Command,
    read: impl Fn(&str) -> Option<String> + Copy,
) -> Option<String> {
    // It is told with its value's name, as `--limit <LIMIT>`, or with dots when it may be repeated.
    let flag = context(error, ContextKind::InvalidArg).strip_prefix("--")?;
    let flag = flag.split([' ', '.', '[', '=']).next();
    let value = context(error, ContextKind::InvalidValue);
    let of = |arg: &Arg| {
        let name = arg.get_env().filter(|_| arg.get_long() == flag)?.to_str()?;
        let set = read(name)?;
        (set == value || set.split(',').any(|part| part == value)).then(|| name.to_owned())
    };
    let mut subcommands = command.get_subcommands();
    command
        .get_arguments()
        .find_map(of)
        .or_else(|| subcommands.find_map(|verb| variable(error, verb, read)))
}

/// A word of the error; empty if it has none.
fn context(error: &Error, kind: ContextKind) -> &str {
    match error.get(kind) {
        Some(ContextValue::String(word)) => word,
        _ => "",
    }
}

fn hints(error: &Error, text: &str, verbs: &[&str]) -> Vec<String> {
    let tips: Vec<String> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("tip: "))
        // Hardly anybody names a file like a flag.
        .filter(|tip| !tip.starts_with("to pass '"))
        .map(str::to_owned)
        .collect();
    if !tips.is_empty() {
        return tips;
    }
    match error.kind() {
        ErrorKind::UnknownArgument => of_file(context(error, ContextKind::InvalidArg)),
        ErrorKind::InvalidSubcommand => {
            vec![verb(context(error, ContextKind::InvalidSubcommand), verbs)]
        }
        _ => tips,
    }
}

/// The field that an unknown flag is meant for, if one is near.
fn of_file(flag: &str) -> Vec<String> {
    let word = flag.trim_start_matches('-');
    let near = nearest(word, FIELDS.iter().map(|(name, _)| *name));
    let field = FIELDS.iter().find(|(name, _)| Some(*name) == near);
    let hint = |(_, field): &(&str, &str)| format!("set {field} in the file");
    field.map(hint).into_iter().collect()
}

fn verb(given: &str, verbs: &[&str]) -> String {
    match nearest(given, verbs.iter().copied()) {
        Some(verb) => format!("did you mean '{verb}'?"),
        None => "`diwan --help` lists the verbs".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;

    fn told(line: &str) -> String {
        let error = Cli::build()
            .try_get_matches_from(line.split(' '))
            .unwrap_err();
        failure(&error, &["run", "get"], None).to_string()
    }

    #[test]
    fn it_says_what_is_wrong_and_what_was_meant() {
        assert_eq!(
            told("diwan rnu"),
            "error: unrecognized subcommand 'rnu'\nhint: did you mean 'run'?\n"
        );
        assert_eq!(
            told("diwan zzzzzz"),
            "error: unrecognized subcommand 'zzzzzz'\nhint: `diwan --help` lists the verbs\n"
        );
        assert_eq!(
            told("diwan run --quite x"),
            "error: unexpected argument '--quite' found\nhint: a similar argument exists: '--quiet'\n"
        );
        assert_eq!(
            told("diwan run --paralel 3 x"),
            "error: unexpected argument '--paralel' found\nhint: set spec.parallelTrialCount in the file\n"
        );
        assert_eq!(
            told("diwan get trails"),
            "error: invalid value 'trails' for '<NOUN>' [possible values: experiments, trials, suggestions]\n\
             hint: a similar value exists: 'trials'\n"
        );
        assert_eq!(
            told("diwan explain"),
            "error: the following required arguments were not provided: <TRIAL>\nhint: usage: diwan explain <TRIAL>\n"
        );
    }

    #[test]
    fn a_value_from_the_environment_is_told_from_one_of_a_flag() {
        let error = Cli::build()
            .try_get_matches_from(["diwan", "get", "trials", "--limit", "x"])
            .unwrap_err();
        let variable =
            |value: Option<&str>| variable(&error, &Cli::build(), |_| value.map(str::to_owned));
        assert_eq!(variable(Some("x")).as_deref(), Some("DIWAN_GET_LIMIT"));
        assert_eq!(variable(Some("7")), None);
        assert_eq!(variable(None), None);
        let told = failure(&error, &[], Some("DIWAN_GET_LIMIT")).to_string();
        assert!(
            told.starts_with(
                "error: invalid value 'x' for the environment variable DIWAN_GET_LIMIT: invalid digit"
            ),
            "{told}"
        );
    }
}
