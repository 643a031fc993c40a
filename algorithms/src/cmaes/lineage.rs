//! The generations of a study, rebuilt from what is written on its trials.
//!
//! A generation closes when enough trials of its run have ended, at the next suggestion; which ones they were is written on every
//! suggestion after it. Those that end later count in a later generation. So the state follows from the trials alone, in
//! whatever order they are heard of, and from a kept state by what has changed since.

use std::collections::BTreeMap;

use super::harvest::Harvest;
use super::label::{Label, Origin};
use super::options::Options;
use super::search::{Member, Search};
use crate::evidence::position;
use crate::fresh;
use crate::space::Point;
use crate::study::{Outcome, Study, StudyTrial};
use diwan_core::permutation::mix;
use diwan_core::record::TrialState;

/// The generations of a study, as far as they are settled, and the one that follows if that is known.
#[derive(Default)]
pub(super) struct Lineage(Option<Kept>);

struct Kept {
    options: Options,
    /// How many of the study's changes were seen.
    seen: usize,
    /// The last generation that is written on a trial, or else the first.
    generation: u64,
    origin: Origin,
    is_settled: bool,
    search: Search,
    /// The first generation of the run.
    since: u64,
    open: Open,
    highest: Option<Key>,
    /// What was written on trials of later generations.
    origins: BTreeMap<u64, Origin>,
    /// Whether a trial is said to count that has not ended or not come: what is here will not last.
    is_doubtful: bool,
    following: Option<(Harvest, Search, bool)>,
}

/// Trials that no generation has taken.
#[derive(Default)]
struct Open {
    trials: BTreeMap<Key, Waiting>,
    ended: usize,
}

/// The number of a suggestion and the digest of its point, because a number can come twice where requests do not tell how many
/// there were.
type Key = (u64, u64);

#[derive(Clone, Copy)]
struct Waiting {
    generation: u64,
    place: usize,
    outcome: Outcome,
    state: TrialState,
}

/// The distribution to draw from, and what to write on what is drawn.
pub(super) struct Present<'a> {
    pub(super) search: &'a Search,
    pub(super) generation: u64,
    pub(super) origin: Origin,
    /// Whether nothing was drawn yet.
    pub(super) is_new: bool,
}

// === impl Lineage ===

impl Lineage {
    /// The present of a study.
    pub(super) fn present(&mut self, study: &Study) -> Present<'_> {
        let options = Options::of(&study.spec);
        let kept = self.0.take();
        let kept = kept.filter(|kept| kept.options == options && !kept.is_doubtful);
        let kept = kept.and_then(|kept| kept.follow(study));
        let kept = self
            .0
            .insert(kept.unwrap_or_else(|| Kept::rebuild(study, options)));
        kept.prepare(study);
        kept.present()
    }
}

// === impl Kept ===

impl Kept {
    fn rebuild(study: &Study, options: Options) -> Self {
        let mut labelled: Vec<(Key, usize, Label)> = Vec::new();
        for (place, trial) in study.trials().iter().enumerate() {
            if let Some(label) = Label::read(&trial.labels) {
                labelled.push(((label.index, digest(study, &trial.point)), place, label));
            }
        }
        labelled
            .sort_by_cached_key(|(key, place, label)| (*key, rank(&study.trials()[*place], label)));
        labelled.dedup_by_key(|(key, ..)| *key);
        let first = labelled.iter().find(|(.., label)| label.generation == 0);
        let written = first.map(|(.., label)| label.origin.clone());
        let origin = written
            .clone()
            .unwrap_or_else(|| best_foreign(study, &options));
        let start = start(study, &origin);
        let mut kept = Self {
            seen: study.changes().len(),
            generation: 0,
            is_settled: written.is_some(),
            is_doubtful: start.is_none() && origin != Origin::Middle,
            search: Search::new(study.space(), options.clone(), start.as_deref()),
            options,
            origin,
            since: 0,
            open: Open::default(),
            highest: None,
            origins: BTreeMap::new(),
            following: None,
        };
        for (key, place, label) in labelled {
            kept.enter(key, place, label, &study.trials()[place]);
        }
        kept.advance(study);
        kept
    }

    /// Takes in what has changed in the study; `None` if that is not only something new.
    fn follow(mut self, study: &Study) -> Option<Self> {
        for &place in study.changes().get(self.seen..)? {
            let trial = &study.trials()[place];
            let Some(label) = Label::read(&trial.labels) else {
                // Trials of other programs can be where the search begins.
                if self.is_settled {
                    continue;
                }
                return None;
            };
            let key = (label.index, digest(study, &trial.point));
            // What becomes of a trial that it has learned from changes it.
            self.following
                .take_if(|(harvest, ..)| harvest.contains(label.index));
            if !self.open.update(key, place, trial) {
                if self.highest.is_some_and(|highest| key <= highest) {
                    return None;
                }
                if label.generation == 0 && label.origin != self.origin {
                    return None;
                }
                self.is_settled = true;
                self.enter(key, place, label, trial);
            }
        }
        self.seen = study.changes().len();
        self.advance(study);
        Some(self)
    }

    fn enter(&mut self, key: Key, place: usize, label: Label, trial: &StudyTrial) {
        self.highest = Some(key);
        if label.generation > self.generation {
            self.origins.entry(label.generation).or_insert(label.origin);
        }
        self.open.insert(key, place, label.generation, trial);
    }

    /// Closes every generation of which a later trial says how.
    fn advance(&mut self, study: &Study) {
        while let Some(Origin::Generation(harvest)) = self.origins.remove(&(self.generation + 1)) {
            let meant = |key: &Key, waiting: &Waiting| {
                waiting.generation >= self.since && harvest.contains(key.0)
            };
            let pending = |(key, waiting)| meant(key, waiting) && !waiting.has_ended();
            self.is_doubtful |= self.open.trials.iter().any(pending);
            // A label that names trials to come is no label of this study.
            self.is_doubtful |= self.highest.is_some_and(|(index, _)| index < harvest.last);
            let (search, is_new_run) = match self.following.take() {
                Some((expected, search, is_new_run)) if expected == harvest => (search, is_new_run),
                _ => self.closed(study, &harvest),
            };
            let since = self.since;
            self.open
                .take(|key, waiting| waiting.generation >= since && harvest.contains(key.0));
            self.search = search;
            self.generation += 1;
            self.is_settled = true;
            if is_new_run {
                self.since = self.generation;
                self.open
                    .take(|_, waiting| waiting.generation < self.generation);
            }
            self.origin = Origin::Generation(harvest);
        }
    }

    /// Finds the generation after the present one, if enough trials have ended.
    fn prepare(&mut self, study: &Study) {
        let harvest = self.harvest();
        if self.following.as_ref().map(|(known, ..)| known) != harvest.as_ref() {
            self.following = harvest.map(|harvest| {
                let (search, is_new_run) = self.closed(study, &harvest);
                (harvest, search, is_new_run)
            });
        }
    }

    fn harvest(&self) -> Option<Harvest> {
        let wanted = self.search.population();
        if self.open.ended < wanted {
            return None;
        }
        let of_run = |(_, waiting): &(&Key, &Waiting)| waiting.generation >= self.since;
        let open = self.open.trials.iter().filter(of_run);
        let ends = open.map(|(key, waiting)| (key.0, waiting.has_ended()));
        let harvest = Harvest::of(ends)?;
        let is_enough = self.members(&harvest).count() >= wanted;
        is_enough.then_some(harvest)
    }

    /// The trials that a harvest takes.
    fn members(&self, harvest: &Harvest) -> impl Iterator<Item = (&Key, &Waiting)> {
        self.open.trials.iter().filter(|(key, waiting)| {
            waiting.has_ended() && waiting.generation >= self.since && harvest.contains(key.0)
        })
    }

    /// The distribution after the present one, and whether a run begins with it.
    fn closed(&self, study: &Study, harvest: &Harvest) -> (Search, bool) {
        let members = self
            .members(harvest)
            .map(|(key, waiting)| self.member(study, key.0, *waiting));
        let mut search = self.search.clone();
        let mut rng = study.spec.rng(harvest.last);
        let is_new_run = search.tell(study.space(), members.collect(), &mut rng);
        (search, is_new_run)
    }

    fn member(&self, study: &Study, index: u64, waiting: Waiting) -> Member {
        let trial = &study.trials()[waiting.place];
        let space = study.space();
        let is_exact = !space.may_repeat() && !space.is_conditional();
        let drawn = (!is_exact && waiting.generation == self.generation).then(|| {
            let mut rng = study.spec.rng(index);
            let mut draws = self.search.draws(index, &mut rng).take(fresh::DRAWS);
            draws.find(|x| space.at(x.iter().copied()) == trial.point)
        });
        let at = drawn
            .flatten()
            .unwrap_or_else(|| self.search.place(space, &trial.point));
        let loss = match trial.outcome() {
            Outcome::Observed(value) => self.options.sign * value,
            Outcome::Failed | Outcome::Pending | Outcome::Dropped => f64::INFINITY,
        };
        Member {
            at,
            loss,
            is_stopped: trial.state == TrialState::EarlyStopped,
        }
    }

    fn present(&self) -> Present<'_> {
        let (search, generation, origin) = match &self.following {
            Some((harvest, search, _)) => {
                let origin = Origin::Generation(harvest.clone());
                (search, self.generation + 1, origin)
            }
            None => (&self.search, self.generation, self.origin.clone()),
        };
        Present {
            search,
            generation,
            origin,
            is_new: self.highest.is_none(),
        }
    }
}

/// A number that stands for a point.
fn digest(study: &Study, point: &Point) -> u64 {
    let units = study.space().unit(point);
    units.fold(0, |digest, unit| mix(digest ^ unit.to_bits()))
}

/// Of two trials of one suggestion that which has ended is meant; they are told apart by what they say alone, because they may
/// come in any order.
fn rank(trial: &StudyTrial, label: &Label) -> impl Ord + use<> {
    let outcome = match trial.outcome() {
        Outcome::Observed(_) => 0,
        Outcome::Failed => 1,
        Outcome::Dropped => 2,
        Outcome::Pending => 3,
    };
    let is_stopped = trial.state == TrialState::EarlyStopped;
    let value = trial.value.map_or(0, f64::to_bits);
    let origin = label.write().into_values().collect::<Vec<String>>();
    (outcome, is_stopped, value, origin)
}

/// The best point that another program has tried, to the end if there is one.
fn best_foreign(study: &Study, options: &Options) -> Origin {
    let foreign = study
        .trials()
        .iter()
        .filter(|trial| Label::read(&trial.labels).is_none());
    let observed = foreign.filter_map(|trial| match trial.outcome() {
        Outcome::Observed(value) => {
            let is_stopped = trial.state == TrialState::EarlyStopped;
            Some((is_stopped, options.sign * value, &trial.point))
        }
        Outcome::Pending | Outcome::Failed | Outcome::Dropped => None,
    });
    let best = observed.min_by(|(p, a, x), (q, b, y)| {
        let by_state = p.cmp(q);
        by_state.then(a.total_cmp(b)).then_with(|| x.cmp(y))
    });
    best.map_or(Origin::Middle, |(.., point)| {
        Origin::Foreign(digest(study, point))
    })
}

/// The position that the first generation is drawn round, in the middle where the point's parameters have no effect; `None`: the
/// middle, or no trial has this point.
fn start(study: &Study, origin: &Origin) -> Option<Vec<f64>> {
    let Origin::Foreign(wanted) = origin else {
        return None;
    };
    let mut points = study.trials().iter().map(|trial| &trial.point);
    let point = points.find(|point| digest(study, point) == *wanted)?;
    let mut at = position(study.space(), point);
    for inactive in at.iter_mut().filter(|x| x.is_nan()) {
        *inactive = 0.5;
    }
    Some(at)
}

// === impl Open ===

impl Open {
    fn insert(&mut self, key: Key, place: usize, generation: u64, trial: &StudyTrial) {
        let outcome = trial.outcome();
        if outcome == Outcome::Dropped {
            return;
        }
        let waiting = Waiting {
            generation,
            place,
            outcome,
            state: trial.state,
        };
        self.ended += usize::from(waiting.has_ended());
        self.trials.insert(key, waiting);
    }

    /// Notes what has become of a trial; `false` if it is none of these, or ended otherwise before.
    fn update(&mut self, key: Key, place: usize, trial: &StudyTrial) -> bool {
        let known = self.trials.get_mut(&key);
        let Some(waiting) = known.filter(|known| known.place == place) else {
            return false;
        };
        if waiting.has_ended() {
            return waiting.outcome == trial.outcome() && waiting.state == trial.state;
        }
        let outcome = trial.outcome();
        (waiting.outcome, waiting.state) = (outcome, trial.state);
        self.ended += usize::from(waiting.has_ended());
        if outcome == Outcome::Dropped {
            self.trials.remove(&key);
        }
        true
    }

    /// Removes trials that have ended.
    fn take(&mut self, is_meant: impl Fn(&Key, &Waiting) -> bool) {
        self.trials
            .retain(|key, waiting| !(waiting.has_ended() && is_meant(key, waiting)));
        let left = self.trials.values();
        self.ended = left.filter(|waiting| waiting.has_ended()).count();
    }
}

// === impl Waiting ===

impl Waiting {
    fn has_ended(&self) -> bool {
        matches!(self.outcome, Outcome::Observed(_) | Outcome::Failed)
    }
}
