//! What a collector could not deliver before its pod had to end.

use serde::{Deserialize, Serialize};

/// A point of a report: metric, value, nanoseconds since 1970.
pub type Row = (String, String, Option<i64>);

/// How the message begins, whatever has become of its end.
const START: &str = "{\"undelivered\":";

/// The last words of a collector that could not reach the database manager: the termination message of its container, which the
/// pod keeps for the controller. The kubelet cuts off what is too long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Undelivered {
    /// How many points the trial had written that nobody has acknowledged; the largest number if nobody knows.
    pub undelivered: usize,
    /// Whether `reports` has all of them.
    pub is_whole: bool,
    /// Whether it could not tell either that it had stopped the trial early.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// The reports as they were cut, so that the store knows one that did arrive. If they are more than a message takes, one of
    /// those points that a summary needs; none if even those are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Vec<Row>>,
}

/// What is to be told of it.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// The reports, as they were cut.
    pub reports: Vec<Vec<Row>>,
    /// The points that a summary of them needs.
    pub needed: Vec<Row>,
    /// Whether it has stopped the trial early.
    pub stopped: bool,
    /// Whether there is more that was not even read.
    pub has_more: bool,
}

impl Undelivered {
    /// It is not known how much is missing, and nothing of it is here.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            undelivered: usize::MAX,
            ..Self::default()
        }
    }

    /// The message, which has as much as it can in so many bytes; empty if it can say nothing.
    #[must_use]
    pub fn write(left: Left, most_bytes: usize) -> String {
        let count = left.reports.iter().map(Vec::len).sum();
        let undelivered = if left.has_more { usize::MAX } else { count };
        let message = |is_whole: bool, reports: Vec<Vec<Row>>| Self {
            undelivered,
            is_whole,
            stopped: left.stopped,
            reports,
        };
        // No more are looked at than could have room.
        let all = (count <= most_bytes).then_some((!left.has_more, left.reports));
        let choices = all
            .into_iter()
            .chain([(false, vec![left.needed]), (false, Vec::new())]);
        let messages = choices.map(|(is_whole, reports)| {
            serde_json::to_string(&message(is_whole, reports)).unwrap_or_default()
        });
        let mut messages = messages.filter(|message| message.len() <= most_bytes);
        messages.next().unwrap_or_default()
    }

    /// Reads a termination message; none if it is another program's. One whose end is cut off says that something is missing.
    #[must_use]
    pub fn read(message: &str) -> Option<Self> {
        let is_ours = message.starts_with(START);
        is_ours.then(|| serde_json::from_str(message).unwrap_or_else(|_| Self::unknown()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 4096;

    fn row(value: usize) -> Row {
        ("acc".to_owned(), value.to_string(), Some(5))
    }

    fn left(reports: Vec<Vec<Row>>, needed: Vec<Row>) -> Left {
        Left {
            reports,
            needed,
            ..Left::default()
        }
    }

    #[test]
    fn few_points_are_told_as_they_were_cut() {
        let reports = vec![vec![row(1), row(2)], vec![row(3)]];
        let stopped = Left {
            stopped: true,
            ..left(reports.clone(), vec![row(3)])
        };
        let expected = Undelivered {
            undelivered: 3,
            is_whole: true,
            reports,
            stopped: true,
        };
        let message = Undelivered::write(stopped, MOST);
        assert_eq!(Undelivered::read(&message), Some(expected));
    }

    #[test]
    fn of_many_those_are_told_that_a_summary_needs() {
        let many = vec![(0..1000).map(row).collect()];
        let told = Undelivered::write(left(many.clone(), vec![row(9)]), MOST);
        let told = Undelivered::read(&told).unwrap();
        assert_eq!((told.undelivered, told.is_whole), (1000, false));
        assert_eq!(told.reports, [[row(9)]]);
        let message = Undelivered::write(left(many.clone(), many.concat()), MOST);
        assert_eq!(
            message, r#"{"undelivered":1000,"isWhole":false}"#,
            "as it has no room"
        );
    }

    #[test]
    fn what_was_not_read_is_missing_too() {
        let more = Left {
            has_more: true,
            ..left(vec![vec![row(1)]], vec![row(1)])
        };
        let told = Undelivered::read(&Undelivered::write(more, MOST)).unwrap();
        assert_eq!((told.undelivered, told.is_whole), (usize::MAX, false));
        assert_eq!(told.reports, [[row(1)]]);
    }

    #[test]
    fn what_others_say_is_not_it_and_what_is_cut_off_is() {
        for message in ["", "diwan-collect: killed", "{}", "[]"] {
            assert_eq!(Undelivered::read(message), None, "{message}");
        }
        let whole = Undelivered::write(left(vec![vec![row(1)]], vec![row(1)]), MOST);
        let cut = &whole[..whole.len() - 1];
        assert_eq!(Undelivered::read(cut), Some(Undelivered::unknown()));
    }
}
