//! What the algorithms of successive halving share: many configurations get little of a resource, and the best of them more.
//!
//! They work in one of two ways. If a setting names the parameter that is the resource, a configuration is tried again with more
//! of it, as Katib's hyperband does. Otherwise configurations are tried once, and a stopping rule ends those trials that are
//! behind while they run.

mod ladder;
mod resource;
mod source;
mod table;

use diwan_core::problem::Problem;

use crate::settings::{Kind, Setting, Settings};
use crate::stopping::Stopping;
use crate::study::StudySpec;

pub(crate) use ladder::Ladder;
pub(crate) use resource::Resource;
pub(crate) use source::Source;
pub(crate) use table::{Next, Place, Table, fill};

/// The most of the resource.
pub(crate) const R_L: Setting = Setting {
    name: "r_l",
    kind: Kind::Between {
        above: 0.0,
        below: 1e15,
    },
    default: "none",
    help: "the most of the resource that a trial gets: needed with resource_name; without it, the last step of a trial",
};

/// How much less many get more.
pub(crate) const ETA: Setting = Setting {
    name: "eta",
    kind: Kind::Int { min: 2, max: 1_000 },
    default: "3",
    help: "one of so many configurations gets so many times more of the resource",
};

/// What the resource is.
pub(crate) const RESOURCE_NAME: Setting = Setting {
    name: "resource_name",
    kind: Kind::Text,
    default: "none",
    help: "the parameter that says how much of the resource a trial gets, for trials that are started again with more; without \
           it, trials are stopped by what they report",
};

/// Notes what is wrong with these settings beyond their names and ranges.
pub(crate) fn check(spec: &StudySpec, problems: &mut Vec<Problem>) {
    if spec.settings.text(RESOURCE_NAME.name).is_some()
        && let Err(problem) = Resource::of(spec)
    {
        problems.push(problem);
    }
}

/// The setting `eta`.
pub(crate) fn eta(settings: &Settings) -> i64 {
    settings.int(ETA.name).unwrap_or(3).max(2)
}

/// The stopping rule of a study whose trials are not started again: successive halving with so many brackets.
pub(crate) fn stopping(spec: &StudySpec, brackets: u32) -> Option<Stopping> {
    if spec.settings.text(RESOURCE_NAME.name).is_some() {
        return None;
    }
    let (eta, brackets) = (eta(&spec.settings).to_string(), brackets.to_string());
    let last = spec.settings.real(R_L.name).map(|most| most as i64);
    // A last step that is not above the first rung leaves no rung.
    let last = last.filter(|last| *last > 1).map(|last| last.to_string());
    let mut settings = vec![("eta", eta.as_str()), ("brackets", brackets.as_str())];
    settings.extend(last.as_deref().map(|last| ("r_max", last)));
    Stopping::admit("asha", Settings::from_iter(settings)).ok()
}

#[cfg(test)]
mod tests;
