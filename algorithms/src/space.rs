//! The search space, compiled once: its dimensions, how many points it has, and the ways between a point, the unit
//! cube, a number and the text that trials get.

mod census;
mod condition;
mod decimal;
mod dimension;
mod double;
mod list;
mod measure;
mod point;
mod rungs;
mod whole;

use std::cell::OnceCell;
use std::collections::HashMap;

use diwan_core::domain;
use diwan_core::problem::{Problem, Problems};
use diwan_core::resources::{ParameterAssignment, ParameterSpec, ParameterType};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use census::Census;

pub use condition::Condition;
pub use dimension::{Dimension, Value};
pub use point::{Coordinate, Misfit, Point};

/// A search space.
///
/// Discrete values are ordered by size, categorical ones as they are listed.
#[derive(Clone, Debug)]
pub struct Space {
    dimensions: Vec<Dimension>,
    /// Whether a dimension has a condition.
    conditional: bool,
    census: Census,
    size: Size,
}

/// How many points a space has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// So many different configurations, at least 1.
    Finite(u128),
    /// Finitely many, but more than `u128` counts.
    Huge,
    /// At least one dimension is continuous.
    Continuous,
}

// === impl Space ===

impl Space {
    /// Compiles the parameters of an experiment.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn new(parameters: &[ParameterSpec]) -> Result<Self, Problems> {
        let path = "spec.parameters";
        if parameters.is_empty() {
            let message = "must name at least one parameter";
            return Err(Problems(vec![Problem::required(path, message)]));
        }
        let domains = domain::read(path, parameters)?;
        let pairs = parameters.iter().zip(domains);
        let mut dimensions: Vec<_> = pairs
            .map(|(spec, domain)| Dimension::new(spec, domain))
            .collect();
        let conditions = Condition::read_all(path, parameters, &dimensions)?;
        for (dimension, condition) in dimensions.iter_mut().zip(conditions) {
            dimension.condition = condition;
        }
        let census = Census::new(&dimensions);
        let size = match census.total() {
            _ if dimensions.iter().any(|one| one.count().is_none()) => Size::Continuous,
            Some(total) => Size::Finite(total),
            None => Size::Huge,
        };
        Ok(Self {
            conditional: dimensions.iter().any(|one| one.condition().is_some()),
            dimensions,
            census,
            size,
        })
    }

    /// The parameters, in the order of the experiment.
    #[must_use]
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// Whether some dimensions have an effect only under a condition.
    #[must_use]
    pub fn is_conditional(&self) -> bool {
        self.conditional
    }

    /// Whether small steps lead to slightly different points, in most dimensions and whatever the values of the others.
    #[must_use]
    pub fn is_smooth(&self) -> bool {
        let is_ordered = |dimension: &Dimension| dimension.kind() != ParameterType::Categorical;
        let continuous = self.dimensions.iter().filter(|d| d.count().is_none());
        !self.conditional
            && self.dimensions.iter().all(is_ordered)
            && 2 * continuous.count() > self.dimensions.len()
    }

    /// Whether a dimension has an effect at a point: it has no condition, or its parent has an effect and one of the right
    /// values.
    #[must_use]
    pub fn is_active(&self, point: &Point, index: usize) -> bool {
        self.has_effect(&point.0, index)
    }

    fn has_effect(&self, coordinates: &[Coordinate], mut index: usize) -> bool {
        // Conditions do not lead in a circle, so this ends.
        while let Some(condition) = self.dimensions.get(index).and_then(Dimension::condition) {
            let parent = coordinates.get(condition.parent());
            if !parent.is_some_and(|coordinate| condition.admits(*coordinate)) {
                return false;
            }
            index = condition.parent();
        }
        true
    }

    /// The point of some coordinates, one a dimension, of which those without effect do not count.
    fn canonical(&self, mut coordinates: Vec<Coordinate>) -> Point {
        if self.conditional {
            for (index, dimension) in self.dimensions.iter().enumerate() {
                if !self.has_effect(&coordinates, index) {
                    coordinates[index] = dimension.lowest();
                }
            }
        }
        Point(coordinates.into())
    }

    /// How many points there are.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// The number of points; `None` when a dimension is continuous or `u128` does not count so far.
    #[must_use]
    pub fn cardinality(&self) -> Option<u128> {
        match self.size {
            Size::Finite(count) => Some(count),
            Size::Huge | Size::Continuous => None,
        }
    }

    /// Whether all points are equally likely.
    #[must_use]
    pub fn is_uniform(&self) -> bool {
        !self.conditional && self.dimensions.iter().all(Dimension::is_uniform)
    }

    /// Whether chance may draw a point twice: there are finitely many, or there may be where a condition does not hold.
    #[must_use]
    pub fn may_repeat(&self) -> bool {
        self.conditional || matches!(self.size, Size::Finite(_))
    }

    /// The point at a position in the unit cube, by each dimension's quantile function. Missing positions are 0.
    #[must_use]
    pub fn at(&self, units: impl IntoIterator<Item = f64>) -> Point {
        let units = units.into_iter().chain(std::iter::repeat(0.0));
        let pairs = self.dimensions.iter().zip(units);
        self.canonical(pairs.map(|(dimension, u)| dimension.at(u)).collect())
    }

    /// A point with another coordinate in one dimension.
    pub(crate) fn moved(&self, point: &Point, index: usize, to: Coordinate) -> Point {
        let mut coordinates = point.0.to_vec();
        coordinates[index] = to;
        self.canonical(coordinates)
    }

    /// Where a point is in the unit cube.
    pub fn unit(&self, point: &Point) -> impl Iterator<Item = f64> {
        self.pairs(point)
            .map(|(dimension, coordinate)| dimension.unit(coordinate))
    }

    /// A point drawn from the space's distribution.
    pub fn random(&self, rng: &mut ChaCha8Rng) -> Point {
        self.at(std::iter::repeat_with(|| rng.random()))
    }

    /// Point number `index` in lexicographic order, the last parameter changing fastest, and conditional ones within the
    /// values of their parents; `None` past the end and for a continuous space.
    #[must_use]
    pub fn point_at(&self, index: u128) -> Option<Point> {
        match self.size {
            Size::Finite(count) if index < count => {}
            Size::Huge => {}
            Size::Finite(_) | Size::Continuous => return None,
        }
        Some(self.numbered(index))
    }

    /// A point that follows from a number, all points being as likely as they are many: a continuous parameter counts as one
    /// of 2^64 values.
    pub(crate) fn scattered(&self, number: u128) -> Point {
        self.numbered(self.census.total().map_or(number, |total| number % total))
    }

    fn numbered(&self, number: u128) -> Point {
        Point(self.census.coordinates(number, &self.dimensions).into())
    }

    /// A point as a trial gets it: the parameters that have an effect.
    #[must_use]
    pub fn assignments(&self, point: &Point) -> Vec<ParameterAssignment> {
        let active = self
            .pairs(point)
            .enumerate()
            .filter(|(index, _)| self.is_active(point, *index));
        let assign =
            |(_, (dimension, coordinate)): (usize, (&Dimension, Coordinate))| ParameterAssignment {
                name: dimension.name().to_owned(),
                value: dimension.text(coordinate),
            };
        active.map(assign).collect()
    }

    /// The point of assignments, in any order; also of assignments that another program wrote. A parameter that has no
    /// effect may be among them.
    ///
    /// # Errors
    /// The first value that is missing, not in the space, or no value of its parameter.
    pub fn point(&self, assignments: &[ParameterAssignment]) -> Result<Point, Misfit> {
        let mut missing = Vec::new();
        let coordinates = self.read(assignments, |index, dimension| {
            missing.push(index);
            dimension.lowest()
        })?;
        let is_wanted = |index: &&usize| self.has_effect(&coordinates, **index);
        match missing.iter().find(is_wanted) {
            Some(index) => Err(Misfit::Missing {
                name: self.dimensions[*index].name().to_owned(),
            }),
            None => Ok(self.canonical(coordinates)),
        }
    }

    /// The same of assignments that need not be all: the other values are drawn from the space's distribution.
    ///
    /// # Errors
    /// The first value that is not in the space, or no value of its parameter.
    pub(crate) fn completed(
        &self,
        assignments: &[ParameterAssignment],
        rng: &mut ChaCha8Rng,
    ) -> Result<Point, Misfit> {
        let drawn = |_: usize, dimension: &Dimension| dimension.at(rng.random());
        Ok(self.canonical(self.read(assignments, drawn)?))
    }

    /// The coordinates of assignments, and others where they have none.
    fn read(
        &self,
        assignments: &[ParameterAssignment],
        mut other: impl FnMut(usize, &Dimension) -> Coordinate,
    ) -> Result<Vec<Coordinate>, Misfit> {
        let dimensions = Named::new(&self.dimensions, Dimension::name);
        for (index, given) in assignments.iter().enumerate() {
            if dimensions.find(index, &given.name).is_none() {
                return Err(Misfit::Unknown {
                    name: given.name.clone(),
                });
            }
        }
        let assignments = Named::new(assignments, |given| &given.name);
        let mut coordinates = Vec::with_capacity(self.dimensions.len());
        for (index, dimension) in self.dimensions.iter().enumerate() {
            coordinates.push(match assignments.find(index, dimension.name()) {
                Some(given) => dimension.read(&given.value)?,
                None => other(index, dimension),
            });
        }
        Ok(coordinates)
    }

    fn pairs(&self, point: &Point) -> impl Iterator<Item = (&Dimension, Coordinate)> {
        self.dimensions.iter().zip(point.0.iter().copied())
    }
}

/// Items by name. Most are where they are expected; for the others there is a map, made when the first of them is wanted.
struct Named<'a, T> {
    items: &'a [T],
    name_of: fn(&T) -> &str,
    places: OnceCell<HashMap<&'a str, &'a T>>,
}

impl<'a, T> Named<'a, T> {
    fn new(items: &'a [T], name_of: fn(&T) -> &str) -> Self {
        Self {
            items,
            name_of,
            places: OnceCell::new(),
        }
    }

    /// The item of a name, which is at `index` unless the orders differ.
    fn find(&self, index: usize, name: &str) -> Option<&'a T> {
        let expected = self.items.get(index);
        expected
            .filter(|item| (self.name_of)(item) == name)
            .or_else(|| self.places().get(name).copied())
    }

    /// The first item of each name.
    fn places(&self) -> &HashMap<&'a str, &'a T> {
        self.places.get_or_init(|| {
            let last_first = self.items.iter().rev();
            last_first
                .map(|item| ((self.name_of)(item), item))
                .collect()
        })
    }
}

#[cfg(test)]
mod tests;
