//! Wrong usage of the command line, in the form of all other failures.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::failure::Failure;

/// What the parser refuses. Its own text has the message first, up to an empty line, then its tips and the usage.
pub(crate) fn failure(error: &Error, verbs: &[&str]) -> Failure {
    let text = error.render().to_string();
    let message: Vec<&str> = text
        .lines()
        .take_while(|line| !line.is_empty())
        .map(str::trim)
        .collect();
    let message = message.join(" ");
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

fn hints(error: &Error, text: &str, verbs: &[&str]) -> Vec<String> {
    let tips: Vec<String> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("tip: "))
        .map(str::to_owned)
        .collect();
    if !tips.is_empty() || error.kind() != ErrorKind::InvalidSubcommand {
        return tips;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidSubcommand) else {
        return tips;
    };
    match diwan_core::problem::nearest(given, verbs.iter().copied()) {
        Some(verb) => vec![format!("did you mean '{verb}'?")],
        None => vec!["`diwan --help` lists the verbs".to_owned()],
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
        failure(&error, &["run", "get"]).to_string()
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
            told("diwan get trails"),
            "error: invalid value 'trails' for '<NOUN>' [possible values: experiments, trials, suggestions]\n\
             hint: a similar value exists: 'trials'\n"
        );
        assert_eq!(
            told("diwan explain"),
            "error: the following required arguments were not provided: <TRIAL>\nhint: usage: diwan explain <TRIAL>\n"
        );
    }
}
