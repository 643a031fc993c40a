//! Points in time as the resources write them.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Milliseconds since 1970-01-01T00:00:00Z.
///
/// Resources write it as RFC 3339 with whole seconds in UTC, as Kubernetes does (`2026-11-21T10:00:00Z`); the store keeps
/// the milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment and so many seconds; saturates.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Milliseconds from `earlier` to here; negative if `earlier` is later.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Reads RFC 3339, or says why not.
    ///
    /// # Errors
    /// When `text` is no RFC 3339 time.
    pub fn parse(text: &str) -> Result<Self, String> {
        let time: jiff::Timestamp = text.trim().parse().map_err(|_| {
            format!("{text:?} is not an RFC 3339 time such as 2026-11-21T10:00:00Z")
        })?;
        Ok(Self(time.as_millisecond()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0.div_euclid(1000)) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// For `#[serde(with = "…")]` in records: whole milliseconds, where resources have whole seconds.
pub mod millis {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Timestamp};

    /// Writes the milliseconds.
    ///
    /// # Errors
    /// When the serializer fails.
    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        time.0.serialize(serializer)
    }

    /// Reads the milliseconds.
    ///
    /// # Errors
    /// When there is no integer.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp)
    }
}

/// As [`millis`], of a time that may be missing.
pub mod optional_millis {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Timestamp};

    /// Writes the milliseconds or null.
    ///
    /// # Errors
    /// When the serializer fails.
    pub fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Timestamp::as_millis).serialize(serializer)
    }

    /// Reads the milliseconds or null.
    ///
    /// # Errors
    /// When there is something else.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(Timestamp))
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_whole_seconds_in_utc() {
        let time = Timestamp::parse("2024-03-04T18:55:08.750+01:00").unwrap();
        assert_eq!(time.to_string(), "2024-03-04T17:55:08Z");
        assert_eq!(time.as_millis() % 1000, 750);
    }

    #[test]
    fn before_the_epoch_rounds_down() {
        assert_eq!(
            Timestamp::from_millis(-1).to_string(),
            "1969-12-31T23:59:59Z"
        );
    }

    #[test]
    fn extremes_do_not_panic() {
        assert_eq!(
            Timestamp::from_millis(i64::MAX).to_string(),
            format!("{}ms", i64::MAX)
        );
        let _ = Timestamp::from_millis(i64::MIN).plus_seconds(-1);
    }
}
