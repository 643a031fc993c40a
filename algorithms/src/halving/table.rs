//! Which configuration has reached which rung, by the labels of trials.

use std::collections::BTreeMap;

use rand::rngs::ChaCha8Rng;

use super::{Resource, Source};
use crate::algorithm::{More, Suggested, SuggestedPoint};
use crate::evidence::in_order;
use crate::foresight::sign;
use crate::fresh::{Fresh, Proposer};
use crate::space::{Coordinate, Point};
use crate::study::{Outcome, Study, StudyTrial};
use diwan_core::record::TrialState;

/// A configuration on a rung of a bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Brackets are counted through all rounds.
    pub(crate) bracket: u64,
    pub(crate) rung: usize,
    /// The configuration's number in its bracket.
    pub(crate) member: u64,
}

/// What is known of a configuration on a rung.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) point: Point,
    /// Name of its trial.
    name: String,
    pub(crate) standing: Standing,
}

/// What came of it: smaller is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Standing {
    Running,
    Reached(f64),
    /// Nothing: its trial failed or was ended from outside.
    Lost,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    entries: BTreeMap<Place, Entry>,
}

/// What is to be tried next.
pub(crate) enum Next {
    /// A new configuration with so much of the resource.
    New(Place, Coordinate),
    /// A configuration that was tried with less: its point now, and the place where it was.
    Promoted(Place, Point, Place),
    /// Nothing before trials have ended.
    Wait(String),
    /// Nothing.
    End,
}

const BRACKET: &str = "bracket";
const RUNG: &str = "rung";
const MEMBER: &str = "member";
const PARENT: &str = "parent";
/// The most characters of a label's value.
const LABEL: usize = 63;

impl Table {
    pub(crate) fn of(study: &Study) -> Self {
        let mut table = Self::default();
        let sign = sign(&study.spec.objective);
        for trial in in_order(study) {
            let Some(place) = Place::of(trial) else {
                continue;
            };
            let standing = match trial.outcome() {
                Outcome::Pending => Standing::Running,
                Outcome::Observed(value) if trial.state == TrialState::Succeeded => {
                    Standing::Reached(sign * value)
                }
                Outcome::Observed(_) | Outcome::Failed | Outcome::Dropped => Standing::Lost,
            };
            let entry = Entry {
                point: trial.point.clone(),
                name: trial.name.clone(),
                standing,
            };
            // Of two trials the one that was suggested here comes first.
            table.entries.entry(place).or_insert(entry);
        }
        table
    }

    /// The members of a rung, in order.
    pub(crate) fn rung(&self, bracket: u64, rung: usize) -> impl Iterator<Item = (Place, &Entry)> {
        let place = |member| Place {
            bracket,
            rung,
            member,
        };
        let range = self.entries.range(place(0)..=place(u64::MAX));
        range.map(|(place, entry)| (*place, entry))
    }

    pub(crate) fn has(&self, place: &Place) -> bool {
        self.entries.contains_key(place)
    }

    /// The number of the next member of a rung.
    pub(crate) fn next_member(&self, bracket: u64, rung: usize) -> u64 {
        let mut expected = 0;
        for (place, _) in self.rung(bracket, rung) {
            if place.member != expected {
                break;
            }
            expected += 1;
        }
        expected
    }

    pub(crate) fn is_waiting(&self, bracket: u64, rung: usize) -> bool {
        let mut members = self.rung(bracket, rung);
        members.any(|(_, entry)| entry.standing == Standing::Running)
    }

    /// How many members of a rung have ended.
    pub(crate) fn ended(&self, bracket: u64, rung: usize) -> usize {
        let members = self.rung(bracket, rung);
        members
            .filter(|(_, entry)| entry.standing != Standing::Running)
            .count()
    }

    /// The best `count` members of a rung that have a result, the best first.
    pub(crate) fn best(&self, bracket: u64, rung: usize, count: usize) -> Vec<(Place, &Entry)> {
        let mut reached: Vec<(f64, Place, &Entry)> = self
            .rung(bracket, rung)
            .filter_map(|(place, entry)| match entry.standing {
                Standing::Reached(loss) => Some((loss, place, entry)),
                Standing::Running | Standing::Lost => None,
            })
            .collect();
        reached.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        reached.truncate(count);
        let found = reached.into_iter();
        found.map(|(_, place, entry)| (place, entry)).collect()
    }

    fn begin(&mut self, place: Place, point: Point) {
        let entry = Entry {
            point,
            name: String::new(),
            standing: Standing::Running,
        };
        self.entries.insert(place, entry);
    }
}

impl Place {
    /// Where a trial is, by its labels.
    fn of(trial: &StudyTrial) -> Option<Self> {
        let number = |label: &str| trial.labels.get(label)?.parse().ok();
        Some(Self {
            bracket: number(BRACKET)?,
            rung: usize::try_from(number(RUNG)?).ok()?,
            member: number(MEMBER)?,
        })
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let pairs = [
            (BRACKET, self.bracket.to_string()),
            (RUNG, self.rung.to_string()),
            (MEMBER, self.member.to_string()),
        ];
        let owned = |(name, value): (&str, String)| (name.to_owned(), value);
        pairs.into_iter().map(owned).collect()
    }
}

/// Asks `next` for up to `count` points. It is told of which amounts of the resource there are no new
/// configurations, after one could not be made.
pub(crate) fn fill(
    study: &Study,
    resource: &Resource,
    source: &mut Source<'_>,
    count: usize,
    rng: &mut ChaCha8Rng,
    mut next: impl FnMut(&Table, &Fresh<'_>, &[Coordinate]) -> Next,
) -> Suggested {
    let space = study.space();
    let mut table = Table::of(study);
    let mut fresh = Fresh::new(study);
    let mut points = Vec::new();
    let mut missing: Vec<Coordinate> = Vec::new();
    let mut more = More::Yes;
    while points.len() < count {
        let index = study.next.saturating_add(points.len() as u64);
        rng.set_stream(index);
        let (place, point, extra) = match next(&table, &fresh, &missing) {
            Next::New(place, coordinate) => {
                fresh.pin(resource.dimension, coordinate);
                let Some((point, label)) = fresh.take_proposed(index, source, rng) else {
                    missing.push(coordinate);
                    continue;
                };
                (place, point, label)
            }
            Next::Promoted(place, point, from) => {
                fresh.note(&point);
                let parent = table.entries.get(&from).map(|entry| entry.name.clone());
                let parent = parent.filter(|name| !name.is_empty() && name.len() <= LABEL);
                (place, point, parent.map(|name| (PARENT.to_owned(), name)))
            }
            Next::Wait(why) => {
                more = More::NotYet { why };
                break;
            }
            Next::End => {
                more = More::Exhausted;
                break;
            }
        };
        let mut suggested = SuggestedPoint::new(space, &point);
        suggested.labels = place.labels();
        suggested.labels.extend(extra);
        source.await_point(&point);
        table.begin(place, point);
        points.push(suggested);
    }
    Suggested {
        points,
        settings: Vec::new(),
        more,
    }
}
