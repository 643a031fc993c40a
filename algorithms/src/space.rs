//! The search space, compiled once: its dimensions, how many points it has, and the ways between a point, the unit
//! cube, a number and the text that trials get.

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
use diwan_core::resources::{ParameterAssignment, ParameterSpec};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

pub use dimension::{Dimension, Value};
pub use point::{Coordinate, Misfit, Point};

/// A search space.
///
/// Discrete values are ordered by size, categorical ones as they are listed.
#[derive(Clone, Debug)]
pub struct Space {
    dimensions: Vec<Dimension>,
    size: Size,
}

/// How many points a space has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// So many, at least 1.
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
        let dimensions: Vec<_> = pairs
            .map(|(spec, domain)| Dimension::new(spec, domain))
            .collect();
        let size = Size::of(&dimensions);
        Ok(Self { dimensions, size })
    }

    /// The parameters, in the order of the experiment.
    #[must_use]
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
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
        self.dimensions.iter().all(Dimension::is_uniform)
    }

    /// The point at a position in the unit cube, by each dimension's quantile function. Missing positions are 0.
    #[must_use]
    pub fn at(&self, units: impl IntoIterator<Item = f64>) -> Point {
        let units = units.into_iter().chain(std::iter::repeat(0.0));
        Point(
            self.dimensions
                .iter()
                .zip(units)
                .map(|(dimension, u)| dimension.at(u))
                .collect(),
        )
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

    /// Point number `index` in lexicographic order, the last parameter changing fastest; `None` past the end and for
    /// a continuous space.
    #[must_use]
    pub fn point_at(&self, index: u128) -> Option<Point> {
        match self.size {
            Size::Finite(count) if index < count => {}
            Size::Huge => {}
            Size::Finite(_) | Size::Continuous => return None,
        }
        let mut rest = index;
        let mut coordinates = Vec::with_capacity(self.dimensions.len());
        for dimension in self.dimensions.iter().rev() {
            let count = dimension.count()?;
            let number = u64::try_from(rest % count).ok()?;
            coordinates.push(Coordinate::number(number));
            rest /= count;
        }
        coordinates.reverse();
        Some(Point(coordinates.into()))
    }

    /// A point as a trial gets it.
    #[must_use]
    pub fn assignments(&self, point: &Point) -> Vec<ParameterAssignment> {
        let assign = |(dimension, coordinate): (&Dimension, Coordinate)| ParameterAssignment {
            name: dimension.name().to_owned(),
            value: dimension.text(coordinate),
        };
        self.pairs(point).map(assign).collect()
    }

    /// The point of assignments, in any order; also of assignments that another program wrote.
    ///
    /// # Errors
    /// The first value that is missing, not in the space, or no value of its parameter.
    pub fn point(&self, assignments: &[ParameterAssignment]) -> Result<Point, Misfit> {
        let dimensions = Named::new(&self.dimensions, Dimension::name);
        for (index, given) in assignments.iter().enumerate() {
            if dimensions.find(index, &given.name).is_none() {
                return Err(Misfit::Unknown {
                    name: given.name.clone(),
                });
            }
        }
        let assignments = Named::new(assignments, |given| &given.name);
        let read = |(index, dimension): (usize, &Dimension)| {
            let given = assignments.find(index, dimension.name());
            let missing = || Misfit::Missing {
                name: dimension.name().to_owned(),
            };
            dimension.read(&given.ok_or_else(missing)?.value)
        };
        Ok(Point(
            self.dimensions
                .iter()
                .enumerate()
                .map(read)
                .collect::<Result<_, _>>()?,
        ))
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

// === impl Size ===

impl Size {
    fn of(dimensions: &[Dimension]) -> Self {
        let counts: Option<Vec<u128>> = dimensions.iter().map(Dimension::count).collect();
        let Some(counts) = counts else {
            return Self::Continuous;
        };
        let product = counts.into_iter().try_fold(1_u128, u128::checked_mul);
        product.map_or(Self::Huge, Self::Finite)
    }
}

#[cfg(test)]
mod tests;
