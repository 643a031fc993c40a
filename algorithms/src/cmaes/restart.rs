//! When a run has ended, and what the next one is like.

use std::collections::VecDeque;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

/// How runs follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Strategy {
    /// There is one run.
    None,
    /// Each has twice the population (Auger and Hansen, "A Restart CMA Evolution Strategy With Increasing Population Size",
    /// CEC 2005).
    Ipop,
    /// Such runs and small ones that begin narrow, about as many evaluations of each (Hansen, "Benchmarking a BI-Population
    /// CMA-ES on the BBOB-2009 Function Testbed", GECCO 2009).
    Bipop,
}

/// The runs so far.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Runs {
    strategy: Strategy,
    base: usize,
    /// How often the population was doubled.
    doublings: u32,
    /// Evaluations of large and of small runs. The first run counts as neither.
    spent: (u64, u64),
    is_small: Option<bool>,
}

/// A run to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) population: usize,
    /// Factor of the first step size.
    pub(super) narrowing: f64,
}

/// The best values of the last generations.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Progress {
    bests: VecDeque<f64>,
}

/// Populations do not double beyond this.
const LARGEST: usize = 1 << 16;
/// Differences below this share of a value are rounding.
const ROUNDING: f64 = 1e-12;

// === impl Runs ===

impl Runs {
    /// Before the first run, of `base` members a generation.
    pub(super) fn new(strategy: Strategy, base: usize) -> Self {
        Self {
            strategy,
            base,
            doublings: 0,
            spent: (0, 0),
            is_small: None,
        }
    }

    pub(super) fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Notes evaluations of the present run.
    pub(super) fn spend(&mut self, evaluations: usize) {
        match self.is_small {
            None => {}
            Some(false) => self.spent.0 += evaluations as u64,
            Some(true) => self.spent.1 += evaluations as u64,
        }
    }

    /// The run after the present one.
    pub(super) fn next(&mut self, rng: &mut ChaCha8Rng) -> Run {
        let is_small = self.strategy == Strategy::Bipop && self.spent.1 < self.spent.0;
        self.is_small = Some(is_small);
        if !is_small {
            self.doublings += 1;
            return Run {
                population: self.large(),
                narrowing: 1.0,
            };
        }
        let (size, width): (f64, f64) = (rng.random(), rng.random());
        let ratio = self.large() as f64 / self.base as f64 / 2.0;
        Run {
            population: (self.base as f64 * ratio.powf(size * size)) as usize,
            narrowing: 10_f64.powf(-2.0 * width),
        }
    }

    fn large(&self) -> usize {
        let doubled = self.base.checked_shl(self.doublings.min(40));
        doubled.unwrap_or(LARGEST).min(LARGEST.max(self.base))
    }
}

// === impl Progress ===

impl Progress {
    /// Notes the best value of a generation, and tells whether the last ones of a run in so many `dimensions` were all alike.
    pub(super) fn has_ended(&mut self, best: f64, dimensions: usize, population: usize) -> bool {
        let window = 10 + (30 * dimensions).div_ceil(population);
        self.bests.push_back(best);
        if self.bests.len() > window {
            self.bests.pop_front();
        }
        let low = self.bests.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.bests.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        self.bests.len() == window && high - low <= ROUNDING * low.abs().max(high.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn ipop_doubles() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut runs = Runs::new(Strategy::Ipop, 10);
        let sizes = [(); 4].map(|()| runs.next(&mut rng).population);
        assert_eq!(sizes, [20, 40, 80, 160]);
        let last = (0..100).map(|_| runs.next(&mut rng).population).last();
        assert_eq!(last, Some(LARGEST));
    }

    #[test]
    fn bipop_gives_small_runs_as_many_evaluations_as_large_ones() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut runs = Runs::new(Strategy::Bipop, 10);
        runs.spend(500);
        let (mut large, mut spent) = (10, [0_usize; 2]);
        for turn in 0..60 {
            let run = runs.next(&mut rng);
            let is_small = run.population < 2 * large && run.narrowing < 1.0;
            assert_eq!(is_small, spent[1] < spent[0], "{turn}");
            if is_small {
                assert!((10..=large.max(10)).contains(&run.population));
                assert!((0.01..=1.0).contains(&run.narrowing));
            } else {
                assert_eq!(
                    run,
                    Run {
                        population: (2 * large).min(LARGEST),
                        narrowing: 1.0
                    }
                );
                large = run.population;
            }
            let evaluations = 30 * run.population;
            runs.spend(evaluations);
            spent[usize::from(is_small)] += evaluations;
        }
    }

    #[test]
    fn a_run_ends_when_its_values_no_longer_differ() {
        let mut progress = Progress::default();
        let falling = (0..100).any(|g| progress.has_ended(1e300 / f64::from(g + 1), 10, 10));
        assert!(!falling);
        let alike = (0..).position(|_| progress.has_ended(-1e300, 10, 10));
        assert_eq!(alike, Some(39));
    }
}
