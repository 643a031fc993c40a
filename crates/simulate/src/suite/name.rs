//! Names of problems: `bbob/f1/10d/i3`, `mixed/training/i0`.

use std::fmt;
use std::str::FromStr;

use super::{NoProblem, Suite, hint, of};
use crate::problem::Problem;

/// A problem that there is, by its name.
#[derive(Clone)]
pub struct ProblemName {
    suite: &'static dyn Suite,
    family: usize,
    dimension: usize,
    instance: u32,
}

impl ProblemName {
    /// The problem.
    #[must_use]
    pub fn make(&self) -> Box<dyn Problem> {
        self.suite.make(self.family, self.dimension, self.instance)
    }

    /// Problems of one group are of one kind and size, so that results on them may be averaged: `bbob/10d`, `mixed`.
    #[must_use]
    pub fn group(&self) -> String {
        match self.suite.dimensions() {
            Some(_) => format!("{}/{}d", self.suite.name(), self.dimension),
            None => self.suite.name().to_owned(),
        }
    }

    /// The problem whatever its instance: `bbob/f1/10d`.
    #[must_use]
    pub fn family(&self) -> String {
        let families = self.suite.families();
        let family = families.get(self.family).map_or("", String::as_str);
        let name = format!("{}/{family}", self.suite.name());
        match self.suite.dimensions() {
            Some(_) => format!("{name}/{}d", self.dimension),
            None => name,
        }
    }

    fn read(text: &str) -> Result<Self, String> {
        let mut parts = text.split('/');
        let suite = of(parts.next().unwrap_or_default())?;
        let parts: Vec<&str> = parts.collect();
        let form = form(suite);
        let (family, dimension, instance) = match (parts.as_slice(), suite.dimensions()) {
            ([family, dimension, instance], Some(range)) => {
                let dimension = dimension.strip_suffix('d').unwrap_or_default();
                (
                    family,
                    number("dimension", dimension, range, &form)?,
                    instance,
                )
            }
            ([family, instance], None) => (family, 0, instance),
            _ => return Err(format!("expected {form}")),
        };
        let families = suite.families();
        let place = families.iter().position(|known| known == family);
        let known = families.iter().map(String::as_str);
        let no_family = || {
            let name = suite.name();
            format!("{name} has no {family:?}; {}", hint(family, known))
        };
        let instance = instance.strip_prefix('i').unwrap_or_default();
        Ok(Self {
            suite,
            family: place.ok_or_else(no_family)?,
            dimension,
            instance: number("instance", instance, suite.instances(), &form)?,
        })
    }
}

/// What names of a suite look like.
fn form(suite: &dyn Suite) -> String {
    let dimension = suite.dimensions().map_or("", |_| "/5d");
    let family = suite.families().into_iter().next().unwrap_or_default();
    format!(
        "{}/{family}{dimension}/i{}",
        suite.name(),
        suite.instances().0
    )
}

fn number<T: FromStr + PartialOrd + fmt::Display>(
    what: &str,
    text: &str,
    (least, most): (T, T),
    form: &str,
) -> Result<T, String> {
    match text.parse::<T>() {
        Ok(number) if number < least || number > most => {
            Err(format!("{what} {number} is not from {least} to {most}"))
        }
        Ok(number) => Ok(number),
        Err(_) => Err(format!("it has no {what}; expected {form}")),
    }
}

impl FromStr for ProblemName {
    type Err = NoProblem;

    fn from_str(text: &str) -> Result<Self, NoProblem> {
        Self::read(text).map_err(|reason| NoProblem {
            name: text.to_owned(),
            reason,
        })
    }
}

impl fmt::Display for ProblemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/i{}", self.family(), self.instance)
    }
}

impl fmt::Debug for ProblemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
