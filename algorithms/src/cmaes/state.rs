//! A normal distribution that moves to where the best of its members were.

use super::weights::Rates;
use crate::linalg::{Square, add_scaled, dot};

/// The state of one run on positions in the unit cube, or wherever the mean is put: it knows no space and no trials.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    mean: Vec<f64>,
    sigma: f64,
    covariance: Square,
    /// The covariance's principal axes as rows, and the standard deviations along them, as of `decomposed`.
    axes: Square,
    deviations: Vec<f64>,
    path_of_sigma: Vec<f64>,
    path: Vec<f64>,
    generation: u64,
    decomposed: u64,
    /// The constants for generations as large as the last one.
    rates: Option<Rates>,
}

/// What a standard deviation may be in the unit cube. Below, `f64` no longer tells members apart; above, all are at the edges.
const DEVIATIONS: (f64, f64) = (1e-14, 1.0);
/// The largest ratio of two standard deviations.
const CONDITION: f64 = 1e7;

// === impl State ===

impl State {
    /// A round distribution. `mean` is not empty, `sigma` a positive standard deviation.
    pub(crate) fn new(mean: Vec<f64>, sigma: f64) -> Self {
        let size = mean.len();
        Self {
            mean,
            sigma: sigma.clamp(DEVIATIONS.0, DEVIATIONS.1),
            covariance: Square::identity(size),
            axes: Square::identity(size),
            deviations: vec![1.0; size],
            path_of_sigma: vec![0.0; size],
            path: vec![0.0; size],
            generation: 0,
            decomposed: 0,
            rates: None,
        }
    }

    pub(crate) fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The standard deviation in a dimension.
    pub(crate) fn deviation(&self, index: usize) -> f64 {
        self.sigma * self.covariance.row(index)[index].max(0.0).sqrt()
    }

    /// The largest standard deviation in any direction.
    pub(crate) fn extent(&self) -> f64 {
        self.sigma * self.deviations.iter().copied().fold(0.0, f64::max)
    }

    /// Whether it is so flat that numbers no longer tell its directions.
    pub(crate) fn is_degenerate(&self) -> bool {
        let least = self
            .deviations
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min);
        self.sigma * least * CONDITION <= self.extent()
    }

    /// The member that a draw `z` from the standard normal distribution stands for.
    pub(crate) fn ask(&self, z: &[f64]) -> Vec<f64> {
        let mut x = self.mean.clone();
        for (i, (z, deviation)) in z.iter().zip(&self.deviations).enumerate() {
            add_scaled(&mut x, self.sigma * deviation * z, self.axes.row(i));
        }
        x
    }

    /// Learns from a generation: at least two members by rank, the best first. Those of other origin may be among them; how
    /// far they reach is bounded (Hansen, "Injecting External Solutions Into CMA-ES", 2011).
    pub(crate) fn tell(&mut self, members: &[Vec<f64>]) {
        if members.len() < 2 {
            return;
        }
        let n = self.mean.len();
        let rates = self.rates.take();
        let rates = rates.filter(|rates| rates.weights.len() == members.len());
        let rates = rates.unwrap_or_else(|| Rates::new(n, members.len()));
        let steps: Vec<Step> = members.iter().map(|x| self.step(x)).collect();
        let mut shift = Step::zero(n);
        for (step, &weight) in steps.iter().zip(&rates.weights) {
            if weight > 0.0 {
                add_scaled(&mut shift.ahead, weight, &step.ahead);
                add_scaled(&mut shift.whitened, weight, &step.whitened);
            }
        }
        add_scaled(&mut self.mean, self.sigma, &shift.ahead);
        self.generation += 1;
        let moving = self.follow_paths(&shift, &rates);
        self.learn_covariance(&steps, &rates, moving);
        if (self.generation - self.decomposed) as f64 * 10.0 * n as f64 * (rates.one + rates.many)
            >= 1.0
        {
            self.decompose();
        }
        let growth = norm(&self.path_of_sigma) / rates.length - 1.0;
        self.widen((rates.sigma / rates.damping * growth).min(1.0).exp());
        self.rates = Some(rates);
    }

    /// Multiplies the step size.
    pub(crate) fn widen(&mut self, factor: f64) {
        let widest = self.deviations.iter().copied().fold(0.0, f64::max);
        let wide = (self.sigma * factor * widest).clamp(DEVIATIONS.0, DEVIATIONS.1);
        self.sigma = wide / widest;
    }

    /// The step from the mean to a member, in units of the step size.
    fn step(&self, member: &[f64]) -> Step {
        let n = self.mean.len();
        let ahead = member.iter().zip(&self.mean);
        let mut step = Step {
            ahead: ahead.map(|(x, mean)| (x - mean) / self.sigma).collect(),
            whitened: vec![0.0; n],
            length: 0.0,
        };
        for (i, deviation) in self.deviations.iter().enumerate() {
            let along = dot(self.axes.row(i), &step.ahead) / deviation;
            add_scaled(&mut step.whitened, along, self.axes.row(i));
        }
        step.length = norm(&step.whitened);
        let furthest = (n as f64).sqrt() + 2.0 * n as f64 / (n as f64 + 2.0);
        if step.length > furthest {
            let factor = furthest / step.length;
            step.ahead.iter_mut().for_each(|y| *y *= factor);
            step.whitened.iter_mut().for_each(|y| *y *= factor);
            step.length = furthest;
        }
        step
    }

    /// Adds a step of the mean to the paths; `false` if they are so long that the step size must grow first.
    fn follow_paths(&mut self, shift: &Step, rates: &Rates) -> bool {
        let n = self.mean.len() as f64;
        let keep = 1.0 - rates.sigma;
        self.path_of_sigma.iter_mut().for_each(|p| *p *= keep);
        let fresh = (rates.sigma * (2.0 - rates.sigma) * rates.effective).sqrt();
        add_scaled(&mut self.path_of_sigma, fresh, &shift.whitened);
        let warm = 1.0 - keep.powf(2.0 * self.generation as f64);
        let moving =
            norm(&self.path_of_sigma) / warm.sqrt() < (1.4 + 2.0 / (n + 1.0)) * rates.length;
        self.path.iter_mut().for_each(|p| *p *= 1.0 - rates.path);
        if moving {
            let fresh = (rates.path * (2.0 - rates.path) * rates.effective).sqrt();
            add_scaled(&mut self.path, fresh, &shift.ahead);
        }
        moving
    }

    fn learn_covariance(&mut self, steps: &[Step], rates: &Rates, moving: bool) {
        let n = self.mean.len();
        let stalled = if moving {
            0.0
        } else {
            rates.path * (2.0 - rates.path)
        };
        let sum: f64 = rates.weights.iter().sum();
        let keep = 1.0 + rates.one * stalled - rates.one - rates.many * sum;
        for i in 0..n {
            let row = &mut self.covariance.row_mut(i)[..=i];
            row.iter_mut().for_each(|c| *c *= keep);
            add_scaled(row, rates.one * self.path[i], &self.path);
            for (step, &weight) in steps.iter().zip(&rates.weights) {
                let weight = if weight < 0.0 {
                    // Long steps of bad members would make it negative, short ones say nothing.
                    weight * n as f64 / (step.length * step.length).max(f64::MIN_POSITIVE)
                } else {
                    weight
                };
                add_scaled(row, rates.many * weight * step.ahead[i], &step.ahead);
            }
            for j in 0..i {
                self.covariance.row_mut(j)[i] = self.covariance.row(i)[j];
            }
        }
    }

    /// Finds the principal axes, and rounds up what is too flat.
    fn decompose(&mut self) {
        let (values, axes) = self.covariance.clone().eigen();
        let most = values.iter().copied().fold(0.0, f64::max);
        if !(most > 0.0 && most.is_finite() && values.iter().all(|value| value.is_finite())) {
            *self = Self::new(self.mean.clone(), self.sigma);
            return;
        }
        let least = most / (CONDITION * CONDITION);
        self.deviations = values.iter().map(|v| v.max(least).sqrt()).collect();
        self.axes = axes;
        self.decomposed = self.generation;
    }
}

/// A step from the mean, in units of the step size.
struct Step {
    ahead: Vec<f64>,
    /// The same where the covariance is a ball.
    whitened: Vec<f64>,
    /// Its length there.
    length: f64,
}

impl Step {
    fn zero(n: usize) -> Self {
        Self {
            ahead: vec![0.0; n],
            whitened: vec![0.0; n],
            length: 0.0,
        }
    }
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::normal;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    /// How many evaluations it takes to get below 1e-10.
    fn evaluations(n: usize, members: usize, loss: impl Fn(&[f64]) -> f64) -> usize {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut state = State::new(vec![0.5; n], 0.15);
        for generation in 1..20_000 {
            let mut drawn: Vec<(f64, Vec<f64>)> = (0..members)
                .map(|_| {
                    let z: Vec<f64> = (0..n).map(|_| normal(&mut rng)).collect();
                    let x = state.ask(&z);
                    (loss(&x), x)
                })
                .collect();
            drawn.sort_by(|a, b| a.0.total_cmp(&b.0));
            if drawn[0].0 < 1e-10 {
                return generation * members;
            }
            let ranked: Vec<Vec<f64>> = drawn.into_iter().map(|(_, x)| x).collect();
            state.tell(&ranked);
        }
        usize::MAX
    }

    #[test]
    fn bowls_and_a_bent_valley_are_descended() {
        let bowl = |x: &[f64]| x.iter().map(|x| (x - 0.3).powi(2)).sum();
        assert!(evaluations(1, 4, bowl) < 400);
        assert!(evaluations(10, 8, bowl) < 3_000);
        let ellipsoid = |x: &[f64]| {
            let axes = x.iter().enumerate();
            axes.map(|(i, x)| 10_f64.powf(6.0 * i as f64 / 9.0) * (x - 0.3).powi(2))
                .sum()
        };
        assert!(evaluations(10, 8, ellipsoid) < 12_000);
        let rosenbrock = |x: &[f64]| {
            let pairs = x.windows(2);
            pairs
                .map(|x| 100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2))
                .sum()
        };
        assert!(evaluations(5, 8, rosenbrock) < 12_000);
    }

    #[test]
    fn a_hundred_dimensions_are_descended() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut state = State::new(vec![0.5; 100], 0.15);
        let loss = |x: &[f64]| -> f64 { x.iter().map(|x| (x - 0.3).powi(2)).sum() };
        for _ in 0..100 {
            let mut drawn: Vec<Vec<f64>> = (0..16)
                .map(|_| state.ask(&(0..100).map(|_| normal(&mut rng)).collect::<Vec<f64>>()))
                .collect();
            drawn.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
            state.tell(&drawn);
        }
        assert!(loss(state.mean()) < 2.0, "{}", loss(state.mean()));
    }

    proptest! {
        #[test]
        fn any_members_leave_it_finite(
            n in 1_usize..6,
            generations in prop::collection::vec(prop::collection::vec(prop::collection::vec(prop_oneof![0.0..=1.0, Just(0.5), Just(0.0), Just(1.0)], 6), 2..8), 1..60),
        ) {
            let mut state = State::new(vec![0.5; n], 0.2);
            for generation in generations {
                let members: Vec<Vec<f64>> = generation.into_iter().map(|x| x[..n].to_vec()).collect();
                state.tell(&members);
                let x = state.ask(&vec![1.0; n]);
                prop_assert!(x.iter().all(|x| x.is_finite()), "{state:?}");
                let extent = state.extent();
                prop_assert!((DEVIATIONS.0 * 0.99..=DEVIATIONS.1 * 1.01).contains(&extent), "{extent}");
            }
        }
    }
}
