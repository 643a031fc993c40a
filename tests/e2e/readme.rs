//! The commands that the documents tell people to type.

use std::fs;
use std::process::Command;

use crate::harness::top;

const DOCUMENTS: [&str; 3] = ["README.md", "crates/README.md", "examples/README.md"];

/// A command of a document: where it is, and the arguments.
struct Line {
    place: String,
    arguments: String,
}

/// What runs the program in the fenced blocks of kind `sh`, and between backticks elsewhere.
fn commands(document: &str) -> Vec<Line> {
    let text = fs::read_to_string(top().join(document))
        .unwrap_or_else(|error| panic!("{document}: {error}"));
    let mut fence: Option<&str> = None;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(kind) = line.trim().strip_prefix("```") {
            fence = fence.is_none().then_some(kind);
            continue;
        }
        let pieces: Vec<&str> = match fence {
            Some("sh") => vec![line],
            Some(_) => Vec::new(),
            None => line.split('`').skip(1).step_by(2).collect(),
        };
        let place = format!("{document}:{number}");
        let line = |arguments| Line {
            place: place.clone(),
            arguments,
        };
        found.extend(pieces.into_iter().filter_map(arguments).map(line));
    }
    found
}

/// What of a piece of shell goes to the program; `=URL` stands for a URL.
fn arguments(piece: &str) -> Option<String> {
    let piece = piece.trim();
    let rest = piece
        .strip_prefix("diwan ")
        .or_else(|| piece.strip_prefix("cargo run -- "))?;
    let ends = [" | ", " > ", " < ", " && ", "; ", " #", " &"];
    let end = ends.iter().filter_map(|end| rest.find(end)).min();
    let rest = &rest[..end.unwrap_or(rest.len())];
    Some(rest.replace("=URL", "=http://localhost"))
}

/// clap reads all that stands before `--help`, and then does nothing.
#[test]
fn every_command_of_the_documents_exists() {
    let commands: Vec<Line> = DOCUMENTS.into_iter().flat_map(commands).collect();
    assert!(commands.len() > DOCUMENTS.len(), "they have commands");
    for Line { place, arguments } in &commands {
        let script = format!("exec \"$DIWAN\" {arguments} --help");
        let tried = Command::new("sh")
            .args(["-c", &script])
            .env("DIWAN", env!("CARGO_BIN_EXE_diwan"))
            .output()
            .unwrap();
        assert!(
            tried.status.success(),
            "{place}: diwan {arguments}\n{}",
            String::from_utf8_lossy(&tried.stderr)
        );
        for word in arguments
            .split_whitespace()
            .filter(|word| word.starts_with("examples/"))
        {
            assert!(top().join(word).exists(), "{place}: there is no {word}");
        }
    }
    let first = commands.first().expect("the first document has commands");
    assert!(
        first.place.starts_with("README.md:"),
        "README.md has commands"
    );
    assert_eq!(first.arguments, "run examples/quickstart.yaml");
}

#[test]
fn a_command_that_does_not_exist_is_noticed() {
    assert_eq!(
        arguments("  cargo run -- get trials -o csv > trials.csv"),
        Some("get trials -o csv".to_owned())
    );
    assert_eq!(arguments("cargo test"), None);
    for wrong in [
        "get trails",
        "run --colour examples/quickstart.yaml",
        "get trials -o xml",
    ] {
        let mut words: Vec<&str> = wrong.split_whitespace().collect();
        words.push("--help");
        let tried = Command::new(env!("CARGO_BIN_EXE_diwan"))
            .args(words)
            .output()
            .unwrap();
        assert!(!tried.status.success(), "{wrong}");
    }
}
