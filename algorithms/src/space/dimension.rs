//! One parameter of a search space, compiled.

use diwan_core::domain::{self, Range, finite};
use diwan_core::resources::{ParameterSpec, ParameterType};

use super::condition::Condition;
use super::double::{Interval, Stepped};
use super::list::List;
use super::point::{Coordinate, Misfit};
use super::whole::Whole;

/// One parameter: what values it takes and how likely each is.
///
/// Every dimension maps the unit interval to its values by its quantile function: a uniform `u` gives a value of the
/// dimension's distribution, and a larger `u` never a smaller value.
#[derive(Clone, Debug)]
pub struct Dimension {
    name: String,
    domain: Domain,
    pub(super) condition: Option<Condition>,
}

#[derive(Clone, Debug)]
enum Domain {
    Double(Interval),
    Stepped(Stepped),
    Int(Whole),
    Discrete(List),
    Categorical(List),
}

/// A value with its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A real number.
    Double(f64),
    /// A whole number.
    Int(i64),
    /// A number from a list.
    Discrete(f64),
    /// A word from a list.
    Categorical(&'a str),
}

// === impl Dimension ===

impl Dimension {
    /// Compiles a parameter and the domain that was read from it, as yet without its condition.
    pub(super) fn new(spec: &ParameterSpec, domain: domain::Domain) -> Self {
        let list = &spec.feasible_space.list;
        let domain = match domain {
            domain::Domain::Double(range) => double(range),
            domain::Domain::Int(range) => Domain::Int(Whole::new(range)),
            domain::Domain::Discrete(numbers) => Domain::Discrete(List::numbers(list, numbers)),
            domain::Domain::Categorical => Domain::Categorical(List::words(list)),
        };
        Self {
            name: spec.name.clone(),
            domain,
            condition: None,
        }
    }

    /// The parameter's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The parameter's type.
    #[must_use]
    pub fn kind(&self) -> ParameterType {
        match self.domain {
            Domain::Double(_) | Domain::Stepped(_) => ParameterType::Double,
            Domain::Int(_) => ParameterType::Int,
            Domain::Discrete(_) => ParameterType::Discrete,
            Domain::Categorical(_) => ParameterType::Categorical,
        }
    }

    /// When it has an effect; `None`: always.
    #[must_use]
    pub fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }

    /// The coordinate of the smallest or first value. It stands for any value while the dimension has no effect.
    #[must_use]
    pub fn lowest(&self) -> Coordinate {
        match &self.domain {
            Domain::Double(interval) => Coordinate::real(interval.low()),
            Domain::Stepped(_) | Domain::Int(_) | Domain::Discrete(_) | Domain::Categorical(_) => {
                Coordinate::number(0)
            }
        }
    }

    /// How many values there are; `None`: as many as `f64` has in the range. A step so small that `f64` cannot tell
    /// its values apart (2^53 steps or more) counts as no step.
    #[must_use]
    pub fn count(&self) -> Option<u128> {
        match &self.domain {
            Domain::Double(_) => None,
            Domain::Stepped(stepped) => Some(u128::from(stepped.rungs.last()) + 1),
            Domain::Int(whole) => Some(u128::from(whole.rungs.last()) + 1),
            Domain::Discrete(list) | Domain::Categorical(list) => Some(list.len() as u128),
        }
    }

    /// Whether all values are equally likely.
    #[must_use]
    pub fn is_uniform(&self) -> bool {
        match &self.domain {
            Domain::Double(interval) => interval.is_uniform(),
            Domain::Stepped(stepped) => stepped.rungs.is_uniform(),
            Domain::Int(whole) => whole.rungs.is_uniform(),
            Domain::Discrete(_) | Domain::Categorical(_) => true,
        }
    }

    /// The value at a fraction `u` of the probability; `u` is taken into 0…1 (NaN as 0).
    #[must_use]
    pub fn at(&self, u: f64) -> Coordinate {
        let whole = if u >= 0.0 { u.min(1.0) } else { 0.0 };
        let u = whole.min(1.0_f64.next_down());
        match &self.domain {
            Domain::Double(interval) => Coordinate::real(interval.at(whole)),
            Domain::Stepped(stepped) => Coordinate::number(stepped.rungs.at(u)),
            Domain::Int(whole) => Coordinate::number(whole.rungs.at(u)),
            Domain::Discrete(list) | Domain::Categorical(list) => Coordinate::number(list.at(u)),
        }
    }

    /// The fraction of the probability below a value, or below its middle if it has a share: [`Dimension::at`] leads
    /// back to the value, up to the rounding of `f64` (exactly for up to 2^32 uniform values).
    #[must_use]
    pub fn unit(&self, coordinate: Coordinate) -> f64 {
        match &self.domain {
            Domain::Double(interval) => interval.unit(coordinate.as_real()),
            Domain::Stepped(stepped) => stepped.rungs.unit(coordinate.as_number()),
            Domain::Int(whole) => whole.rungs.unit(coordinate.as_number()),
            Domain::Discrete(list) | Domain::Categorical(list) => list.unit(coordinate.as_number()),
        }
    }

    /// The fractions of the probability below a value, and below and at it: equal if it is one of a continuum.
    pub(crate) fn share(&self, coordinate: Coordinate) -> (f64, f64) {
        match &self.domain {
            Domain::Double(_) => {
                let unit = self.unit(coordinate);
                (unit, unit)
            }
            Domain::Stepped(stepped) => stepped.rungs.share(coordinate.as_number()),
            Domain::Int(whole) => whole.rungs.share(coordinate.as_number()),
            Domain::Discrete(list) | Domain::Categorical(list) => {
                let (number, count) = (coordinate.as_number() as f64, list.len() as f64);
                (number / count, (number + 1.0) / count)
            }
        }
    }

    /// The number that is nearest to another one; `None`: the dimension has words.
    pub(crate) fn nearest(&self, number: f64) -> Option<Coordinate> {
        let count = match (&self.domain, self.count()) {
            (Domain::Categorical(_), _) => return None,
            (Domain::Double(interval), _) => {
                let (low, high) = (interval.low(), interval.high());
                return Some(Coordinate::real(number.clamp(low, high)));
            }
            (_, count) => u64::try_from(count?).ok()?,
        };
        let value = |place: u64| self.real(Coordinate::number(place)).unwrap_or(f64::NAN);
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            if value(middle) < number {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let above = low.min(count - 1);
        let below = above.saturating_sub(1);
        let is_above = value(above) - number <= number - value(below);
        Some(Coordinate::number(if is_above { above } else { below }))
    }

    /// The value as a number; `None`: it is a word.
    pub(crate) fn real(&self, coordinate: Coordinate) -> Option<f64> {
        match self.value(coordinate) {
            Value::Double(value) | Value::Discrete(value) => Some(value),
            Value::Int(value) => Some(value as f64),
            Value::Categorical(_) => None,
        }
    }

    /// The value, with its type.
    #[must_use]
    pub fn value(&self, coordinate: Coordinate) -> Value<'_> {
        match &self.domain {
            Domain::Double(_) => Value::Double(coordinate.as_real()),
            Domain::Stepped(stepped) => Value::Double(stepped.value(coordinate.as_number())),
            Domain::Int(whole) => Value::Int(whole.value(coordinate.as_number())),
            Domain::Discrete(list) => Value::Discrete(list.number(coordinate.as_number())),
            Domain::Categorical(list) => Value::Categorical(list.text(coordinate.as_number())),
        }
    }

    /// The value as a trial gets it: the shortest text that reads back as the same value; words and listed numbers as
    /// they were written.
    #[must_use]
    pub fn text(&self, coordinate: Coordinate) -> String {
        match (&self.domain, self.value(coordinate)) {
            (Domain::Discrete(list) | Domain::Categorical(list), _) => {
                list.text(coordinate.as_number()).to_owned()
            }
            (_, Value::Int(value)) => value.to_string(),
            (_, Value::Double(value) | Value::Discrete(value)) => format!("{value:?}"),
            (_, Value::Categorical(word)) => word.to_owned(),
        }
    }

    /// Reads a value, also as other programs write it: `3.0` for a whole number, `0.10` for a listed 0.1, an end or a
    /// step missed by rounding.
    ///
    /// # Errors
    /// When it is no number where one is wanted, or not in the range or list.
    pub fn read(&self, text: &str) -> Result<Coordinate, Misfit> {
        let not = |wanted| Misfit::NotANumber {
            name: self.name.clone(),
            text: text.to_owned(),
            wanted,
        };
        let real = || finite(text).ok_or_else(|| not("a finite number"));
        let found = match &self.domain {
            Domain::Double(all) => all.admit(real()?).map(Coordinate::real),
            Domain::Stepped(all) => all.admit(real()?).map(Coordinate::number),
            Domain::Int(all) => {
                let value = domain::whole(text).ok_or_else(|| not("a whole number"))?;
                all.admit(value).map(Coordinate::number)
            }
            Domain::Discrete(list) | Domain::Categorical(list) => {
                list.admit(text).map(Coordinate::number)
            }
        };
        found.ok_or_else(|| self.stranger(text))
    }

    fn stranger(&self, text: &str) -> Misfit {
        let (name, text) = (self.name.clone(), text.to_owned());
        let range = match &self.domain {
            Domain::Double(all) => all.range(),
            Domain::Stepped(all) => all.range(),
            Domain::Int(all) => all.range(),
            Domain::Discrete(_) | Domain::Categorical(_) => {
                return Misfit::NotListed { name, text };
            }
        };
        Misfit::OutOfRange { name, text, range }
    }
}

fn double(range: Range<f64>) -> Domain {
    let Range { min, max, .. } = range;
    match Stepped::new(range) {
        Some(stepped) => Domain::Stepped(stepped),
        None if min == max => Domain::Stepped(Stepped::single(min)),
        None => Domain::Double(Interval::new(range.distribution, min, max)),
    }
}
