//! Rules that stop a trial early.

use diwan_core::problem::{Problem, Problems};
use diwan_core::resources::{Comparison, EarlyStoppingRule};

use super::path::{Path, specified};
use crate::katib;

/// The rules of a `GetEarlyStoppingRulesReply`.
///
/// # Errors
/// When a comparison is none.
pub fn read(reply: katib::GetEarlyStoppingRulesReply) -> Result<Vec<EarlyStoppingRule>, Problems> {
    let at = Path::root("early_stopping_rules");
    let mut problems = Vec::new();
    let rules = reply
        .early_stopping_rules
        .into_iter()
        .enumerate()
        .map(|(index, message)| read_rule(message, at.index(index), &mut problems))
        .collect();
    Problems(problems).or(rules)
}

fn read_rule(
    message: katib::EarlyStoppingRule,
    at: Path<'_>,
    problems: &mut Vec<Problem>,
) -> EarlyStoppingRule {
    let at = at.field("comparison");
    let right = "EQUAL (1), LESS (2), GREATER (3)";
    let comparison = match specified(message.comparison, right, at, problems) {
        katib::ComparisonType::UnknownComparison | katib::ComparisonType::Equal => {
            Comparison::Equal
        }
        katib::ComparisonType::Less => Comparison::Less,
        katib::ComparisonType::Greater => Comparison::Greater,
    };
    EarlyStoppingRule {
        name: message.name,
        value: message.value,
        comparison,
        start_step: (message.start_step != 0).then_some(message.start_step),
    }
}

/// The reply with these rules.
#[must_use]
pub fn write(rules: &[EarlyStoppingRule]) -> katib::GetEarlyStoppingRulesReply {
    let write = |rule: &EarlyStoppingRule| katib::EarlyStoppingRule {
        name: rule.name.clone(),
        value: rule.value.clone(),
        comparison: match rule.comparison {
            Comparison::Equal => katib::ComparisonType::Equal.into(),
            Comparison::Less => katib::ComparisonType::Less.into(),
            Comparison::Greater => katib::ComparisonType::Greater.into(),
        },
        start_step: rule.start_step.unwrap_or_default(),
    };
    katib::GetEarlyStoppingRulesReply {
        early_stopping_rules: rules.iter().map(write).collect(),
    }
}
