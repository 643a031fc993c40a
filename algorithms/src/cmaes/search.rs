//! Runs of CMA-ES on a space: what is drawn, and what generations teach.

use std::cmp::Ordering;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use statrs::function::erf::erfc_inv;

use super::choice::Choice;
use super::options::Options;
use super::restart::{Progress, Runs, Strategy};
use super::state::State;
use super::weights::{Rates, population};
use crate::evidence::{Scale, normal, position};
use crate::sobol;
use crate::space::{Point, Space};

/// The distribution from which the present generation is drawn.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Search {
    options: Options,
    /// How many dimensions there are.
    width: usize,
    /// Dimensions with an order and more than one value, and their scales. Their part of the distribution is normal.
    ordered: Vec<(usize, Scale)>,
    /// `None`: no dimension has an order.
    state: Option<State>,
    /// By how much the normal distribution is wider in each of them, so that no value is out of reach.
    stretch: Vec<f64>,
    choices: Vec<(usize, Choice)>,
    runs: Runs,
    progress: Progress,
    population: usize,
}

/// One of a generation, as it was found.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Where it was, in all dimensions.
    pub(super) at: Vec<f64>,
    /// Smaller is better; infinity where it failed.
    pub(super) loss: f64,
    /// Whether a rule stopped it, so that the loss is not that of its end: it was behind.
    pub(super) is_stopped: bool,
}

/// No draw is rarer.
const TAIL: f64 = 1e-9;
/// The step size grows so much when the better members are no better than the best of the worse.
const ESCAPE: f64 = 0.2;

/// A position reflected at the bounds until it is within them.
fn folded(x: f64) -> f64 {
    let within = x.rem_euclid(2.0);
    within.min(2.0 - within)
}

// === impl Search ===

impl Search {
    /// The first run. Its mean is `start`, a position, or else the middle.
    pub(super) fn new(space: &Space, options: Options, start: Option<&[f64]>) -> Self {
        let (mut ordered, mut words) = (Vec::new(), Vec::new());
        for (index, scale) in Scale::of(space).into_iter().enumerate() {
            match scale {
                Scale::Ordered(1) | Scale::Nominal(1) => {}
                Scale::Nominal(count) => words.push((index, count as usize)),
                Scale::Continuous | Scale::Ordered(_) => ordered.push((index, scale)),
            }
        }
        let base = options
            .population
            .unwrap_or(population(ordered.len() + words.len()));
        let choices = words.len();
        let choice = |(index, count)| (index, Choice::new(count, choices));
        let mut search = Self {
            width: space.dimensions().len(),
            state: None,
            stretch: vec![1.0; ordered.len()],
            choices: words.into_iter().map(choice).collect(),
            ordered,
            runs: Runs::new(options.strategy, base),
            progress: Progress::default(),
            population: base,
            options,
        };
        let mean = search
            .ordered
            .iter()
            .map(|(index, _)| start.map_or(0.5, |x| x[*index]));
        search.begin(space, mean.collect(), 1.0);
        search
    }

    /// How many members a generation has, at least.
    pub(super) fn population(&self) -> usize {
        self.population
    }

    /// The middle of the distribution, with words drawn.
    pub(super) fn middle(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let mut x = self.draw_words(rng);
        for ((index, _), mean) in self.ordered.iter().zip(self.mean()) {
            x[*index] = *mean;
        }
        x
    }

    /// Members that suggestion number `index` can be, without end, in order of preference: positions in every dimension. The
    /// first ones of successive suggestions are a Sobol sequence, which is spread more evenly than chance does (Teytaud and
    /// Gelly, "DCMA: Yet Another Derandomization in Covariance-Matrix-Adaptation", GECCO 2007).
    pub(super) fn draws<'a>(
        &'a self,
        index: u64,
        rng: &'a mut ChaCha8Rng,
    ) -> impl Iterator<Item = Vec<f64>> + 'a {
        let even = self.ordered.len() <= sobol_burley::NUM_DIMENSIONS as usize;
        (0_u64..).map(move |draw| {
            let z: Vec<f64> = if draw == 0 && even {
                let fractions = sobol::fractions(index, self.options.seed, rng);
                fractions
                    .take(self.ordered.len())
                    .map(normal_quantile)
                    .collect()
            } else {
                self.ordered.iter().map(|_| normal(rng)).collect()
            };
            let at_bounds = match draw {
                0 => |x: f64| x.clamp(0.0, 1.0),
                _ => folded,
            };
            self.member(&z, self.draw_words(rng), at_bounds)
        })
    }

    /// A member by its place in the normal distribution. What is out of bounds goes to the bound, where the optimum often is; as a
    /// corner has been tried then, later draws are folded back at the bounds instead.
    fn member(&self, z: &[f64], mut x: Vec<f64>, at_bounds: fn(f64) -> f64) -> Vec<f64> {
        if let Some(state) = &self.state {
            let drawn = state.ask(z);
            for (k, (index, _)) in self.ordered.iter().enumerate() {
                let mean = state.mean()[k];
                let wide = mean + self.stretch[k] * (drawn[k] - mean);
                x[*index] = at_bounds(wide);
            }
        }
        x
    }

    fn draw_words(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let mut x = vec![0.5; self.width];
        for (index, choice) in &self.choices {
            x[*index] = choice.draw(rng);
        }
        x
    }

    /// Where a point is; dimensions without effect are at the mean, so that nothing is learned of them.
    pub(super) fn place(&self, space: &Space, point: &Point) -> Vec<f64> {
        let mut x = position(space, point);
        for ((index, _), mean) in self.ordered.iter().zip(self.mean()) {
            if !space.is_active(point, *index) {
                x[*index] = *mean;
            }
        }
        x
    }

    fn mean(&self) -> &[f64] {
        self.state.as_ref().map_or(&[], State::mean)
    }

    /// Learns from a generation, and begins another run if this one has ended; `true` if so.
    pub(super) fn tell(
        &mut self,
        space: &Space,
        mut members: Vec<Member>,
        rng: &mut ChaCha8Rng,
    ) -> bool {
        members.sort_by(Member::compare);
        self.runs.spend(members.len());
        let Some(best) = members.first().map(|best| best.loss) else {
            return false;
        };
        if best.is_finite() {
            self.learn(&members);
        }
        let ended = best.is_finite()
            && self
                .progress
                .has_ended(best, self.ordered.len(), members.len());
        if (ended || self.is_spent()) && self.runs.strategy() != Strategy::None {
            let run = self.runs.next(rng);
            self.population = run.population;
            let mean = self.ordered.iter().map(|_| rng.random());
            self.begin(space, mean.collect(), run.narrowing);
            return true;
        }
        self.stretch(space);
        false
    }

    fn learn(&mut self, members: &[Member]) {
        let rates = Rates::new(self.ordered.len().max(1), members.len().max(2));
        for (index, choice) in &mut self.choices {
            let better = members
                .iter()
                .zip(&rates.weights)
                .filter(|(_, weight)| **weight > 0.0);
            choice.tell(
                better.map(|(member, &weight)| (member.at[*index], weight)),
                rates.effective,
            );
        }
        let Some(state) = &mut self.state else {
            return;
        };
        let positions: Vec<Vec<f64>> = members
            .iter()
            .map(|member| {
                let ordered = self.ordered.iter().zip(state.mean()).zip(&self.stretch);
                ordered
                    .map(|(((index, _), mean), stretch)| {
                        mean + (member.at[*index] - mean) / stretch
                    })
                    .collect()
            })
            .collect();
        state.tell(&positions);
        if members[0].loss == members[members.len() / 2].loss {
            state.widen(ESCAPE.exp());
        }
    }

    /// Whether the distribution is too small for `f64`, or too flat.
    fn is_spent(&self) -> bool {
        let is_spent = |state: &State| state.extent() < 1e-12 || state.is_degenerate();
        self.state.as_ref().is_some_and(is_spent)
    }

    fn begin(&mut self, space: &Space, mean: Vec<f64>, narrowing: f64) {
        let sigma = self.options.sigma * narrowing;
        self.state = (!mean.is_empty()).then(|| State::new(mean, sigma));
        let choices = self.choices.len();
        for (index, choice) in &mut self.choices {
            let count = space.dimensions()[*index].count().unwrap_or(1);
            *choice = Choice::new(count as usize, choices);
        }
        self.progress = Progress::default();
        self.stretch(space);
    }

    /// Finds how much wider each dimension must be so that another value than the mean's has a chance (Hamano, Saito, Nomura and
    /// Shirakawa, "CMA-ES with Margin", GECCO 2022; here the mean stays, and one other value is enough).
    fn stretch(&mut self, space: &Space) {
        let Some(state) = &self.state else {
            return;
        };
        let chance = 1.0 / (self.ordered.len() * self.population) as f64;
        let reach = -normal_quantile(chance.min(0.4));
        for (k, (index, scale)) in self.ordered.iter().enumerate() {
            if *scale == Scale::Continuous {
                continue;
            }
            let (mean, dimension) = (state.mean()[k], &space.dimensions()[*index]);
            let (low, high) = dimension.share(dimension.at(mean));
            let below = if low > 0.0 { mean - low } else { f64::INFINITY };
            let above = if high < 1.0 {
                high - mean
            } else {
                f64::INFINITY
            };
            let wanted = below.min(above) / reach;
            let deviation = state.deviation(k);
            self.stretch[k] = if wanted.is_finite() && deviation > 0.0 && wanted > deviation {
                wanted / deviation
            } else {
                1.0
            };
        }
    }
}

// === impl Member ===

impl Member {
    /// The better first. What a stopped trial would have reached depends on trials that end later, and so does not count: a
    /// generation says the same whenever it is looked at.
    fn compare(&self, other: &Self) -> Ordering {
        let class = |member: &Self| (member.loss == f64::INFINITY, member.is_stopped);
        let by_class = class(self).cmp(&class(other));
        by_class.then(self.loss.total_cmp(&other.loss))
    }
}

/// Below which a fraction of the standard normal distribution lies, away from its endless tails.
fn normal_quantile(fraction: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * fraction.clamp(TAIL, 1.0 - TAIL))
}
