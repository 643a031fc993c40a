//! What the trials of a study tell, as numbers.

use std::cmp::Ordering;

use diwan_core::digest::{self, fnv1a};
use diwan_core::resources::ParameterType;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use crate::foresight;
use crate::space::{Point, Space};
use crate::study::{Outcome, Study, StudyTrial};

/// The trials of a study as positions in the unit cube (see [`position`]) and losses.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// Where a finite value was observed, in an order of the points alone.
    pub(crate) seen: Rows,
    /// What was observed there: smaller is better, whatever the objective.
    pub(crate) losses: Vec<f64>,
    /// The observations by loss, the best first; of equal ones in the order of `seen`.
    pub(crate) ranking: Vec<usize>,
    /// Where trials failed.
    pub(crate) failed: Rows,
    /// Where trials are under way.
    pub(crate) pending: Rows,
}

/// Positions in the unit cube, one a row.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    width: usize,
    cells: Vec<f64>,
}

/// How the positions in a dimension relate to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Any position.
    Continuous,
    /// So many positions, in order.
    Ordered(u64),
    /// So many positions, in no order.
    Nominal(u64),
}

/// The trials in an order that does not depend on when each was heard of.
pub(crate) fn in_order(study: &Study) -> Vec<&StudyTrial> {
    let mut trials: Vec<&StudyTrial> = study.trials().iter().collect();
    let number = |trial: &StudyTrial| trial.number.unwrap_or(u64::MAX);
    trials.sort_by(|a, b| number(a).cmp(&number(b)).then_with(|| by_point(a, b)));
    trials
}

fn by_point(a: &StudyTrial, b: &StudyTrial) -> Ordering {
    let bits = |trial: &StudyTrial| trial.value.map(f64::to_bits);
    a.point.cmp(&b.point).then_with(|| bits(a).cmp(&bits(b)))
}

/// A number of a position alone.
fn digest(at: &[f64]) -> u64 {
    at.iter().fold(digest::EMPTY, |digest, x| {
        fnv1a(digest, &x.to_bits().to_le_bytes())
    })
}

/// Where a point is in the unit cube; not a number in dimensions that are inactive there.
pub(crate) fn position(space: &Space, point: &Point) -> Vec<f64> {
    let units = space.unit(point);
    if !space.is_conditional() {
        return units.collect();
    }
    let active = |(index, unit)| {
        if space.is_active(point, index) {
            unit
        } else {
            f64::NAN
        }
    };
    units.enumerate().map(active).collect()
}

/// A draw from the standard normal distribution (Box and Muller, Ann. Math. Statist. 29, 1958).
pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

// === impl Evidence ===

impl Evidence {
    pub(crate) fn of(study: &Study) -> Self {
        Self::of_trials(study, in_order(study))
    }

    /// Of no trials, in so many dimensions.
    pub(crate) fn none(width: usize) -> Self {
        Self {
            seen: Rows::new(width),
            losses: Vec::new(),
            ranking: Vec::new(),
            failed: Rows::new(width),
            pending: Rows::new(width),
        }
    }

    /// What some of a study's trials tell.
    pub(crate) fn of_trials(study: &Study, trials: Vec<&StudyTrial>) -> Self {
        let mut evidence = Self::none(study.space().dimensions().len());
        let losses = foresight::losses(&trials, &study.spec.objective);
        let told = trials.into_iter().zip(losses);
        let mut told: Vec<_> = told
            .map(|(trial, loss)| {
                let at = position(study.space(), &trial.point);
                (digest(&at), at, trial, loss)
            })
            .collect();
        // The order of sums and of equal losses goes by the points, so that the answer is the same to the last digit whether
        // trials have numbers, as those of an experiment here do, or not, as those of a request. Digests prefer no corner.
        told.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| by_point(a.2, b.2)));
        for (_, at, trial, loss) in told {
            let rows = match (trial.outcome(), loss) {
                (Outcome::Observed(_), Some(loss)) => {
                    evidence.losses.push(loss);
                    &mut evidence.seen
                }
                (Outcome::Pending, _) => &mut evidence.pending,
                (Outcome::Dropped, _) => continue,
                (Outcome::Observed(_) | Outcome::Failed, _) => &mut evidence.failed,
            };
            rows.push(at);
        }
        let losses = &evidence.losses;
        let mut ranking: Vec<usize> = (0..losses.len()).collect();
        ranking.sort_by(|&a, &b| losses[a].total_cmp(&losses[b]));
        evidence.ranking = ranking;
        evidence
    }

    /// Leaves out where the points are in a dimension.
    pub(crate) fn hide(&mut self, dimension: usize) {
        for rows in [&mut self.seen, &mut self.failed, &mut self.pending] {
            for row in rows.cells.chunks_exact_mut(rows.width) {
                row[dimension] = f64::NAN;
            }
        }
    }

    /// Notes that a point is under way.
    pub(crate) fn await_point(&mut self, space: &Space, point: &Point) {
        self.pending.push(position(space, point));
    }

    /// How many trials there are whose points count: all but those stopped from outside.
    pub(crate) fn count(&self) -> usize {
        self.seen.len() + self.failed.len() + self.pending.len()
    }
}

// === impl Rows ===

impl Rows {
    pub(crate) fn new(width: usize) -> Self {
        Self {
            width,
            cells: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = f64>) {
        self.cells.extend(row.into_iter().take(self.width));
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.len() / self.width
    }

    pub(crate) fn row(&self, index: usize) -> &[f64] {
        &self.cells[index * self.width..][..self.width]
    }

    /// The last `count` of them, or all if there are fewer.
    pub(crate) fn last(&self, count: usize) -> Self {
        let skipped = self.len().saturating_sub(count);
        Self {
            width: self.width,
            cells: self.cells[skipped * self.width..].to_vec(),
        }
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &[f64]> + DoubleEndedIterator {
        self.cells.chunks_exact(self.width)
    }
}

// === impl Scale ===

impl Scale {
    /// The scales of a space's dimensions.
    pub(crate) fn of(space: &Space) -> Vec<Self> {
        let scale = |dimension: &crate::space::Dimension| {
            let count = dimension.count();
            let count = count.and_then(|count| u64::try_from(count).ok());
            match (dimension.kind(), count) {
                (ParameterType::Categorical, Some(count)) => Self::Nominal(count),
                (_, Some(count)) => Self::Ordered(count),
                (_, None) => Self::Continuous,
            }
        };
        space.dimensions().iter().map(scale).collect()
    }
}
