//! Minimises a smooth function in a box: L-BFGS (Nocedal and Wright, "Numerical Optimization", 2006, algorithm 7.4) in the
//! coordinates that no bound holds, with projected backtracking.

use crate::linalg::{add_scaled, dot};

/// Where a minimisation ended.
#[derive(Clone, Debug)]
pub(crate) struct Minimum {
    pub(crate) x: Vec<f64>,
    pub(crate) value: f64,
}

/// How far a minimisation goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// At most so many evaluations, at least one.
    pub(crate) evaluations: usize,
    /// The length of the first step, before anything is known of the curvature.
    pub(crate) step: f64,
    /// A step that gains less ends it.
    pub(crate) least_gain: f64,
}

/// A step, the change of the gradient along it, and their product.
struct Correction {
    step: Vec<f64>,
    change: Vec<f64>,
    product: f64,
}

/// A point, the value there and the gradient.
#[derive(Clone)]
struct State {
    x: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// Corrections kept.
const MEMORY: usize = 6;
/// Gradients shorter than this are none.
const FLAT: f64 = 1e-9;
/// The share of the predicted decrease that a step must bring.
const SUFFICIENT: f64 = 1e-4;
/// What a step shrinks by until it brings that, and where that ends.
const BACKTRACK: f64 = 0.3;
const SHORTEST: f64 = 1e-4;

/// Minimises `f`, which gives a value and writes the gradient, from `x` within `bounds`. Values that are not finite are walls.
pub(crate) fn minimize(
    mut f: impl FnMut(&[f64], &mut [f64]) -> f64,
    x: Vec<f64>,
    bounds: &[(f64, f64)],
    effort: Effort,
) -> Minimum {
    let mut evaluate = |x: Vec<f64>| {
        let mut gradient = vec![0.0; x.len()];
        let value = f(&x, &mut gradient);
        State { x, value, gradient }
    };
    let mut at = evaluate(project(x, bounds));
    let mut corrections: Vec<Correction> = Vec::new();
    let mut left = effort.evaluations.saturating_sub(1);
    while left > 0 {
        let gradient = at.free_gradient(bounds);
        let norm = dot(&gradient, &gradient).sqrt();
        if norm.is_nan() || norm < FLAT {
            break;
        }
        let direction = direction(&gradient, &mut corrections, effort.step / norm);
        let mut length = 1.0;
        let next = loop {
            if left == 0 || length < SHORTEST {
                break None;
            }
            let mut x = at.x.clone();
            add_scaled(&mut x, length, &direction);
            let next = evaluate(project(x, bounds));
            left -= 1;
            let wanted = SUFFICIENT * dot(&gradient, &difference(&next.x, &at.x));
            if next.value.is_finite() && next.value <= at.value + wanted {
                break Some(next);
            }
            length *= BACKTRACK;
        };
        match next {
            Some(next) => {
                let gain = at.value - next.value;
                remember(&mut corrections, &at, &next);
                at = next;
                if gain < effort.least_gain {
                    break;
                }
            }
            // The curvature may mislead; without it, this is the end.
            None if corrections.is_empty() => break,
            None => corrections.clear(),
        }
    }
    Minimum {
        x: at.x,
        value: at.value,
    }
}

impl State {
    /// The gradient without the coordinates that it pushes against a bound.
    fn free_gradient(&self, bounds: &[(f64, f64)]) -> Vec<f64> {
        let free = |((&x, &slope), &(low, high)): ((&f64, &f64), &(f64, f64))| {
            let held = (x <= low && slope > 0.0) || (x >= high && slope < 0.0);
            if held { 0.0 } else { slope }
        };
        self.x
            .iter()
            .zip(&self.gradient)
            .zip(bounds)
            .map(free)
            .collect()
    }
}

/// A direction of descent in the coordinates in which the gradient is not 0. Corrections that lead elsewhere are dropped;
/// without any it is the steepest one, scaled by `steepest`.
fn direction(gradient: &[f64], corrections: &mut Vec<Correction>, steepest: f64) -> Vec<f64> {
    if let Some(quasi_newton) = quasi_newton(gradient, corrections) {
        return quasi_newton;
    }
    corrections.clear();
    gradient.iter().map(|slope| -steepest * slope).collect()
}

fn quasi_newton(gradient: &[f64], corrections: &[Correction]) -> Option<Vec<f64>> {
    let last = corrections.last()?;
    let mut q = gradient.to_vec();
    let mut factors = Vec::with_capacity(corrections.len());
    for correction in corrections.iter().rev() {
        let factor = dot(&correction.step, &q) / correction.product;
        add_scaled(&mut q, -factor, &correction.change);
        factors.push(factor);
    }
    let scale = last.product / dot(&last.change, &last.change);
    q.iter_mut().for_each(|cell| *cell *= scale);
    for (correction, factor) in corrections.iter().zip(factors.iter().rev()) {
        let back = dot(&correction.change, &q) / correction.product;
        add_scaled(&mut q, factor - back, &correction.step);
    }
    let free = q.iter().zip(gradient);
    let direction: Vec<f64> = free
        .map(|(cell, slope)| if *slope == 0.0 { 0.0 } else { -cell })
        .collect();
    (dot(&direction, gradient) < 0.0).then_some(direction)
}

/// Keeps what a step told about the curvature, where it is positive.
fn remember(corrections: &mut Vec<Correction>, before: &State, after: &State) {
    let step = difference(&after.x, &before.x);
    let change = difference(&after.gradient, &before.gradient);
    let product = dot(&step, &change);
    if product > 1e-12 * dot(&change, &change) {
        if corrections.len() == MEMORY {
            corrections.remove(0);
        }
        corrections.push(Correction {
            step,
            change,
            product,
        });
    }
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn project(mut x: Vec<f64>, bounds: &[(f64, f64)]) -> Vec<f64> {
    for (x, (low, high)) in x.iter_mut().zip(bounds) {
        *x = x.clamp(*low, *high);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rosenbrock(x: &[f64], gradient: &mut [f64]) -> f64 {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        gradient[0] = -2.0 * a - 400.0 * x[0] * b;
        gradient[1] = 200.0 * b;
        a * a + 100.0 * b * b
    }

    fn effort(step: f64) -> Effort {
        Effort {
            evaluations: 200,
            step,
            least_gain: 1e-15,
        }
    }

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        let bounds = [(-2.0, 2.0); 2];
        let end = minimize(rosenbrock, vec![-1.2, 1.0], &bounds, effort(0.1));
        assert!(end.value < 1e-12, "{end:?}");
    }

    #[test]
    fn a_bound_is_kept() {
        let bounds = [(-2.0, 0.5), (-2.0, 2.0)];
        let end = minimize(rosenbrock, vec![-1.2, 1.0], &bounds, effort(0.1));
        assert!(
            (end.x[0] - 0.5).abs() < 1e-12 && (end.x[1] - 0.25).abs() < 1e-5,
            "{end:?}"
        );
    }

    #[test]
    fn walls_and_flat_ground_end_it() {
        let wall = |x: &[f64], gradient: &mut [f64]| {
            gradient[0] = 1.0;
            if x[0] < 0.4 { f64::NAN } else { x[0] }
        };
        let end = minimize(wall, vec![0.9], &[(0.0, 1.0)], effort(0.3));
        assert!((0.4..0.9).contains(&end.x[0]), "{end:?}");
        let flat = minimize(|_, _| 3.0, vec![0.9], &[(0.0, 1.0)], effort(0.3));
        assert_eq!((flat.x[0], flat.value), (0.9, 3.0));
    }
}
