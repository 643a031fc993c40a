//! When a dimension has an effect.

use std::collections::BTreeSet;

use diwan_core::problem::{Problem, Problems};
use diwan_core::resources::ParameterSpec;

use super::dimension::Dimension;
use super::point::Coordinate;

/// A dimension has an effect while another one, its parent, has an effect and one of some coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    parent: usize,
    coordinates: BTreeSet<Coordinate>,
}

// === impl Condition ===

impl Condition {
    /// The conditions of parameters, each with its dimension; `path` is that of their list.
    ///
    /// # Errors
    /// When a parent is none of them, or cannot have one of the values.
    pub(super) fn read_all(
        path: &str,
        parameters: &[ParameterSpec],
        dimensions: &[Dimension],
    ) -> Result<Vec<Option<Self>>, Problems> {
        let mut problems = Vec::new();
        let mut conditions = Vec::with_capacity(parameters.len());
        for (index, parameter) in parameters.iter().enumerate() {
            let at = format!("{path}[{index}].condition");
            conditions.push(Self::read(&at, parameter, dimensions, &mut problems));
        }
        Problems(problems).or(conditions)
    }

    fn read(
        at: &str,
        parameter: &ParameterSpec,
        dimensions: &[Dimension],
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let condition = parameter.condition.as_ref()?;
        let named = |dimension: &Dimension| dimension.name() == condition.parent;
        let Some(parent) = dimensions.iter().position(named) else {
            let message = "is no parameter of the search space";
            let at = format!("{at}.parent");
            problems.push(Problem::invalid(at, condition.parent.as_str(), message));
            return None;
        };
        let mut coordinates = BTreeSet::new();
        for (index, text) in condition.values.iter().enumerate() {
            match dimensions[parent].read(text) {
                Ok(coordinate) => {
                    coordinates.insert(coordinate);
                }
                Err(misfit) => {
                    let at = format!("{at}.values[{index}]");
                    problems.push(Problem::invalid(at, text.as_str(), misfit.to_string()));
                }
            }
        }
        Some(Self {
            parent,
            coordinates,
        })
    }

    /// The index of the other dimension, before or after this one.
    #[must_use]
    pub fn parent(&self) -> usize {
        self.parent
    }

    /// The coordinates that the parent must have one of: one or more, from the lowest on.
    pub fn coordinates(&self) -> impl ExactSizeIterator<Item = Coordinate> {
        self.coordinates.iter().copied()
    }

    /// Whether the parent may have this coordinate.
    #[must_use]
    pub fn admits(&self, coordinate: Coordinate) -> bool {
        self.coordinates.contains(&coordinate)
    }
}
