//! A point of a search space, and why an assignment is none.

/// A point of a space: one coordinate a dimension, in the space's order. Equal points of one space are equal
/// configurations, so a point is also the key that finds duplicates.
///
/// Conditional parameters do not change this: whether a dimension is active follows from its parent's coordinate, and an
/// inactive one holds its lowest coordinate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point(pub(super) Box<[Coordinate]>);

/// Where a point is in one dimension: the number of the value if the dimension has finitely many, counted from 0 for
/// the smallest or first; else the bits of the number itself. Only its dimension knows which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Coordinate(u64);

/// Why assignments are not a point of a space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// A parameter of the space has no value.
    #[error("parameter {name} has no value")]
    Missing {
        /// The parameter.
        name: String,
    },
    /// A value is for a parameter that the space does not have.
    #[error("parameter {name} is not in the search space")]
    Unknown {
        /// The parameter.
        name: String,
    },
    /// The text is no number of the parameter's type.
    #[error("parameter {name}: {text:?} is not {wanted}")]
    NotANumber {
        /// The parameter.
        name: String,
        /// Its text.
        text: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// The number is not one that may be tried.
    #[error("parameter {name}: {text} is not within {range}")]
    OutOfRange {
        /// The parameter.
        name: String,
        /// Its text.
        text: String,
        /// What would be right.
        range: String,
    },
    /// The text is not in the parameter's list.
    #[error("parameter {name}: {text:?} is not in its list")]
    NotListed {
        /// The parameter.
        name: String,
        /// Its text.
        text: String,
    },
}

// === impl Point ===

impl Point {
    /// The coordinates, in the space's order.
    #[must_use]
    pub fn coordinates(&self) -> &[Coordinate] {
        &self.0
    }
}

// === impl Coordinate ===

impl Coordinate {
    pub(super) fn number(number: u64) -> Self {
        Self(number)
    }

    pub(super) fn real(x: f64) -> Self {
        Self((x + 0.0).to_bits()) // -0 becomes 0
    }

    pub(super) fn as_number(self) -> u64 {
        self.0
    }

    pub(super) fn as_real(self) -> f64 {
        f64::from_bits(self.0)
    }
}
