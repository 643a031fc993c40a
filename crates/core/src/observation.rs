//! What a trial reports, line by line.

/// One value of one metric at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricPoint {
    /// Name of the metric.
    pub metric: String,
    /// The value as it was written; a number, `nan`, `inf` or any word (DARTS reports a genotype).
    pub value: String,
    /// When, in nanoseconds since 1970-01-01T00:00:00Z, if the report said.
    pub time_ns: Option<i64>,
    /// Step or epoch, if the report said.
    pub step: Option<i64>,
    /// Where it was read; reporting the same place again changes nothing.
    pub place: Place,
}

impl MetricPoint {
    /// The value as a number, if it is one (NaN and infinities are).
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        self.value.trim().parse().ok()
    }
}

/// A value that was reported through an API. It gets its place where it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportedPoint {
    /// Name of the metric.
    pub metric: String,
    /// The value as it was written; see [`MetricPoint::value`].
    pub value: String,
    /// When, in nanoseconds since 1970-01-01T00:00:00Z, if the report said.
    pub time_ns: Option<i64>,
    /// Step or epoch, if the report said.
    pub step: Option<i64>,
}

impl ReportedPoint {
    /// The point at its place.
    #[must_use]
    pub fn at(self, place: Place) -> MetricPoint {
        MetricPoint {
            metric: self.metric,
            value: self.value,
            time_ns: self.time_ns,
            step: self.step,
            place,
        }
    }
}

/// Identity of a point within its trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which stream: see [`Source`].
    pub source: Source,
    /// Byte offset of the line in its stream; of a pushed point its number in the order of arrival, from 0.
    pub offset: i64,
    /// Number of the point in its line, from 0; 0 of a pushed point.
    pub index: i32,
}

impl Place {
    /// The place of a pushed point, by its number in the order of arrival.
    #[must_use]
    pub fn pushed(number: i64) -> Self {
        Self {
            source: Source::Push,
            offset: number,
            index: 0,
        }
    }
}

/// The stream a point came from. The numbers are stored: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Source {
    /// Standard output of the primary container.
    StdOut = 0,
    /// Its standard error.
    StdErr = 1,
    /// The file that the collector names.
    File = 2,
    /// Reported by the trial or a foreign collector through an API.
    Push = 3,
}

impl Source {
    /// All sources.
    pub const ALL: [Self; 4] = [Self::StdOut, Self::StdErr, Self::File, Self::Push];

    /// From its stored number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|source| i64::from(*source as u8) == number)
    }
}
