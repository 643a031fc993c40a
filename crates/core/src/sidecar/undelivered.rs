//! What a collector could not deliver before its pod had to end.

use serde::{Deserialize, Serialize};

/// Bytes that Kubernetes keeps of a container's termination message.
const MOST_BYTES: usize = 4096;

/// A point of a report: metric, value, nanoseconds since 1970.
pub type Row = (String, String, Option<i64>);

/// The last words of a collector that could not reach the database manager: the termination message of its container, which the
/// pod keeps for the controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Undelivered {
    /// How many points it had read that nobody has acknowledged.
    pub undelivered: usize,
    /// Whether `reports` has all of them.
    pub is_whole: bool,
    /// The reports as they were cut, so that the store knows one that did arrive. If they are more than a message takes, one of
    /// those points that a summary needs; none if even those are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Vec<Row>>,
    /// Whether it could not tell either that it had stopped the trial early.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
}

impl Undelivered {
    /// The message of these reports, which has as much of them as it can. `needed` are the points that a summary of them needs.
    #[must_use]
    pub fn write(reports: Vec<Vec<Row>>, needed: Vec<Row>, stopped: bool) -> String {
        let undelivered = reports.iter().map(Vec::len).sum();
        let choices = [(true, reports), (false, vec![needed]), (false, Vec::new())];
        let messages = choices.into_iter().map(|(is_whole, reports)| {
            let message = Self {
                undelivered,
                is_whole,
                reports,
                stopped,
            };
            serde_json::to_string(&message).unwrap_or_default()
        });
        let mut messages = messages.filter(|message| message.len() <= MOST_BYTES);
        messages.next().unwrap_or_default()
    }

    /// Reads a termination message; none if it is another program's.
    #[must_use]
    pub fn read(message: &str) -> Option<Self> {
        serde_json::from_str(message).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: usize) -> Row {
        ("acc".to_owned(), value.to_string(), Some(5))
    }

    #[test]
    fn few_points_are_told_as_they_were_cut() {
        let reports = vec![vec![row(1), row(2)], vec![row(3)]];
        let message = Undelivered::write(reports.clone(), vec![row(3)], true);
        let expected = Undelivered {
            undelivered: 3,
            is_whole: true,
            reports,
            stopped: true,
        };
        assert_eq!(Undelivered::read(&message), Some(expected));
    }

    #[test]
    fn of_many_those_are_told_that_a_summary_needs() {
        let many = vec![(0..1000).map(row).collect()];
        let told = Undelivered::read(&Undelivered::write(many.clone(), vec![row(9)], false));
        let told = told.unwrap();
        assert_eq!((told.undelivered, told.is_whole), (1000, false));
        assert_eq!(told.reports, [[row(9)]]);
        let message = Undelivered::write(many.clone(), many.concat(), false);
        assert_eq!(
            message, r#"{"undelivered":1000,"isWhole":false}"#,
            "as it has no room"
        );
    }

    #[test]
    fn what_others_say_is_not_it() {
        for message in ["", "diwan-collect: killed", "{}", "[]"] {
            assert_eq!(Undelivered::read(message), None, "{message}");
        }
    }
}
