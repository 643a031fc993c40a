//! The documentation's tables of algorithms and stopping rules, made from their lists.

use std::fmt::Write;

use crate::registry::ALGORITHMS;
use crate::settings::Setting;
use crate::stopping::STOPPING_RULES;

/// All algorithms and stopping rules with their settings, as Markdown.
#[must_use]
pub fn markdown() -> String {
    let algorithms = ALGORITHMS
        .iter()
        .map(|known| (known.name(), known.summary(), known.settings()));
    let rules = STOPPING_RULES
        .iter()
        .map(|known| (known.name(), known.summary(), known.settings()));
    format!(
        "### Algorithms\n\n{}\n### Stopping rules\n\n{}",
        table(algorithms),
        table(rules)
    )
}

fn table<'a>(rows: impl Iterator<Item = (&'a str, &'a str, &'a [Setting])>) -> String {
    let mut text = String::from("| name | what it does | settings |\n| --- | --- | --- |\n");
    for (name, summary, settings) in rows {
        let describe = |setting: &Setting| format!("`{}`: {}", setting.name, setting.description());
        let settings: Vec<String> = settings.iter().map(describe).collect();
        writeln!(text, "| `{name}` | {summary} | {} |", settings.join("<br>"))
            .expect("a String takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &str =
        "<!-- made from the lists: UPDATE=1 cargo test -p diwan-algorithms readme -->\n";
    const END: &str = "<!-- end -->";

    #[test]
    fn the_readme_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        let readme = std::fs::read_to_string(path).unwrap();
        let (head, rest) = readme
            .split_once(BEGIN)
            .expect("the README marks where the tables begin");
        let (_, tail) = rest
            .split_once(END)
            .expect("the README marks where the tables end");
        let expected = format!("{head}{BEGIN}{}{END}{tail}", markdown());
        if option_env!("UPDATE").is_some() {
            std::fs::write(path, &expected).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            expected,
            "run the command in the README's marker"
        );
    }
}
