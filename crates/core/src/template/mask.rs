//! The YAML text of a template in a `ConfigMap`.

use super::pattern::{Part, parts, placeholder};
use crate::manifest::{self, Content, Node};
use crate::problem::Problems;

/// Reads YAML whose placeholders stand where YAML has no room for `{` (`[--lr, ${trialParameters.lr}]`): Katib replaces
/// them before it reads. A character that the text does not have stands for them meanwhile.
pub(super) fn read(text: &str) -> Result<Node, Problems> {
    let Some(mark) = ('\u{e000}'..='\u{f8ff}').find(|mark| !text.contains(*mark)) else {
        return manifest::read_one(text);
    };
    let mut names = Vec::new();
    let mut masked = String::with_capacity(text.len());
    for part in parts(text) {
        match part {
            Part::Text(text) => masked += &text,
            Part::Placeholder(name) => {
                masked += &format!("{mark}{}{mark}", names.len());
                names.push(name);
            }
            Part::Parameter(_) => {}
        }
    }
    let mut node = manifest::read_one(&masked)?;
    unmask(&mut node, mark, &names);
    Ok(node)
}

fn unmask(node: &mut Node, mark: char, names: &[String]) {
    let restore = |text: &mut String| {
        if text.contains(mark) {
            // Every second piece is a number between two marks.
            let pieces = text
                .split(mark)
                .enumerate()
                .map(|(index, piece)| match index % 2 {
                    0 => piece.to_owned(),
                    _ => piece
                        .parse()
                        .ok()
                        .and_then(|n: usize| names.get(n))
                        .map_or_else(String::new, |n| placeholder(n)),
                });
            *text = pieces.collect();
        }
    };
    match &mut node.content {
        Content::Scalar { text, .. } => restore(text),
        Content::Sequence(items) => items.iter_mut().for_each(|item| unmask(item, mark, names)),
        Content::Mapping(entries) => entries.iter_mut().for_each(|entry| {
            restore(&mut entry.key);
            unmask(&mut entry.value, mark, names);
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn placeholders_may_stand_where_yaml_has_no_room_for_them() {
        let text = "a: [--lr, ${trialParameters.lr}, x${trialParameters.a}${trialParameters.b}]\n${trialParameters.k}: 1\n";
        let wanted = json!({
            "a": ["--lr", "${trialParameters.lr}", "x${trialParameters.a}${trialParameters.b}"],
            "${trialParameters.k}": 1,
        });
        assert_eq!(read(text).unwrap().to_value(), wanted);
    }

    #[test]
    fn the_mark_is_one_that_the_text_lacks() {
        let text = "a: '\u{e000}0\u{e000}${trialParameters.x}'\n";
        assert_eq!(
            read(text).unwrap().to_value(),
            json!({"a": "\u{e000}0\u{e000}${trialParameters.x}"})
        );
    }

    #[test]
    fn one_object_is_wanted() {
        for text in ["", "- 1", "a: 1\n---\nb: 2\n", "a: [1"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
