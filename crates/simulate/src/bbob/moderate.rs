//! f6 to f9: functions of low or moderate conditioning.

use super::Function;
use super::instance::Instance;
use super::transform::{oscillated, penalty, ramp, scaled, scales, shifted, square_norm};

/// f6.
pub(super) fn attractive_sector(instance: &Instance) -> Function {
    let place = instance.place();
    let (first, second) = (instance.rotation(), instance.second_rotation());
    let scales = scales(instance.dimension(), 10.0);
    Box::new(move |x| {
        let inner = scaled(&second.apply(&shifted(x, &place)), &scales);
        let mut z = first.apply(&inner);
        for (z, place) in z.iter_mut().zip(&place) {
            if *z * place > 0.0 {
                *z *= 100.0;
            }
        }
        oscillated(square_norm(&z)).powf(0.9)
    })
}

/// f7.
pub(super) fn step_ellipsoid(instance: &Instance) -> Function {
    let place = instance.place();
    let (first, second) = (instance.rotation(), instance.second_rotation());
    let scales = scales(instance.dimension(), 10.0);
    Box::new(move |x| {
        let smooth = scaled(&second.apply(&shifted(x, &place)), &scales);
        let step = |z: &f64| match z.abs() > 0.5 {
            true => (z + 0.5).floor(),
            false => (10.0 * z + 0.5).floor() / 10.0,
        };
        let z = first.apply(&smooth.iter().map(step).collect::<Vec<_>>());
        let weights = ramp(z.len()).map(|share| 100_f64.powf(share));
        let sum: f64 = weights.zip(&z).map(|(weight, z)| weight * z * z).sum();
        0.1 * sum.max(1e-4 * smooth[0].abs()) + penalty(x)
    })
}

/// f8.
pub(super) fn rosenbrock(instance: &Instance) -> Function {
    let place: Vec<f64> = instance.place().iter().map(|x| 0.75 * x).collect();
    let factor = valley(instance.dimension());
    Box::new(move |x| {
        let shifted = shifted(x, &place);
        let z: Vec<f64> = shifted.iter().map(|x| factor * x + 1.0).collect();
        rosenbrock_terms(&z).sum()
    })
}

/// f9.
pub(super) fn rosenbrock_rotated(instance: &Instance) -> Function {
    let rotated = in_valley(instance);
    Box::new(move |x| rosenbrock_terms(&rotated(x)).sum())
}

/// What keeps the optimum of Rosenbrock's valley inside.
fn valley(dimension: usize) -> f64 {
    ((dimension as f64).sqrt() / 8.0).max(1.0)
}

/// The rotated space of f9 and f19.
pub(super) fn in_valley(instance: &Instance) -> impl Fn(&[f64]) -> Vec<f64> + Send + Sync + use<> {
    let rotation = instance.second_rotation();
    let factor = valley(instance.dimension());
    move |x| {
        let rotated = rotation.apply(x);
        rotated.iter().map(|x| factor * x + 0.5).collect()
    }
}

/// `100 (z_i² - z_(i+1))² + (z_i - 1)²`.
pub(super) fn rosenbrock_terms(z: &[f64]) -> impl Iterator<Item = f64> {
    z.windows(2).map(|pair| {
        let (curve, slope) = (pair[0] * pair[0] - pair[1], pair[0] - 1.0);
        100.0 * curve * curve + slope * slope
    })
}
