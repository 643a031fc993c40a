//! Conditions, as all three resources carry them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// `True`, `False` or `Unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// The condition holds.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

/// One condition. In a list the *last* one is what tools show: a condition that changes moves to the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Created`, `Running`, `Succeeded` …: see the enums of each resource.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// One word for programs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When anything of it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_update_time: Option<Timestamp>,
    /// When `status` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,
}

/// Sets a condition: one that is there with the same status, reason and message stays as it is; any other is removed and
/// appended, as Katib does, keeping its transition time when only reason or message changed.
pub fn set_condition(
    conditions: &mut Vec<Condition>,
    kind: &str,
    status: ConditionStatus,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    let old = conditions
        .iter()
        .position(|condition| condition.kind == kind);
    let mut since = now;
    if let Some(index) = old {
        let current = &conditions[index];
        if current.status == status && current.reason == reason && current.message == message {
            return;
        }
        if current.status == status {
            since = current.last_transition_time.unwrap_or(now);
        }
        conditions.remove(index);
    }
    conditions.push(Condition {
        kind: kind.to_owned(),
        status,
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_update_time: Some(now),
        last_transition_time: Some(since),
    });
}

/// Whether a condition of this kind is there and `True`.
#[must_use]
pub fn holds(conditions: &[Condition], kind: &str) -> bool {
    conditions
        .iter()
        .any(|condition| condition.kind == kind && condition.status == ConditionStatus::True)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_condition_moves_to_the_end() {
        let mut list = Vec::new();
        let at = Timestamp::from_millis;
        set_condition(&mut list, "Created", ConditionStatus::True, "A", "", at(1));
        set_condition(&mut list, "Running", ConditionStatus::True, "B", "", at(2));
        set_condition(&mut list, "Created", ConditionStatus::True, "C", "", at(3));
        let kinds: Vec<&str> = list.iter().map(|c| c.kind.as_str()).collect();
        assert_eq!(kinds, ["Running", "Created"]);
        assert_eq!(list[1].last_transition_time, Some(at(1)));
        assert_eq!(list[1].last_update_time, Some(at(3)));
    }
}
