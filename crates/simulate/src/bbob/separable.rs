//! f1 to f5: separable functions.

use std::f64::consts::TAU;

use super::Function;
use super::instance::Instance;
use super::transform::{oscillate, penalty, ramp, scaled, scales, shifted, square_norm, stretch};

/// f1.
pub(super) fn sphere(instance: &Instance) -> Function {
    let place = instance.place();
    Box::new(move |x| square_norm(&shifted(x, &place)))
}

/// f2.
pub(super) fn ellipsoid(instance: &Instance) -> Function {
    let place = instance.place();
    Box::new(move |x| ellipsoid_of(&oscillate(shifted(x, &place))))
}

/// `Σ 10^(6 i / (D - 1)) z²`.
pub(super) fn ellipsoid_of(z: &[f64]) -> f64 {
    let weights = ramp(z.len()).map(|share| 1e6_f64.powf(share));
    weights.zip(z).map(|(weight, z)| weight * z * z).sum()
}

/// f3.
pub(super) fn rastrigin(instance: &Instance) -> Function {
    let place = instance.place();
    let scales = scales(instance.dimension(), 10.0);
    Box::new(move |x| {
        let z = stretch(oscillate(shifted(x, &place)), 0.2);
        rastrigin_of(&scaled(&z, &scales))
    })
}

/// `10 (D - Σ cos 2πz) + |z|²`.
pub(super) fn rastrigin_of(z: &[f64]) -> f64 {
    let cosines: f64 = z.iter().map(|z| (TAU * z).cos()).sum();
    10.0 * (z.len() as f64 - cosines) + square_norm(z)
}

/// f4.
pub(super) fn bueche_rastrigin(instance: &Instance) -> Function {
    let mut place = instance.place();
    place.iter_mut().step_by(2).for_each(|x| *x = x.abs());
    let scales = scales(instance.dimension(), 10.0);
    Box::new(move |x| {
        let mut z = oscillate(shifted(x, &place));
        for (index, (z, scale)) in z.iter_mut().zip(&scales).enumerate() {
            let skew = if *z > 0.0 && index % 2 == 0 {
                10.0
            } else {
                1.0
            };
            *z *= skew * scale;
        }
        rastrigin_of(&z) + 100.0 * penalty(x)
    })
}

/// f5.
pub(super) fn linear_slope(instance: &Instance) -> Function {
    let place = instance.place();
    let corner: Vec<f64> = place.iter().map(|x| 5.0_f64.copysign(*x)).collect();
    let slopes: Vec<f64> = ramp(corner.len())
        .zip(&corner)
        .map(|(share, corner)| 10_f64.powf(share).copysign(*corner))
        .collect();
    Box::new(move |x| {
        let terms = x.iter().zip(&corner).zip(&slopes);
        let term = |((x, corner), slope): ((&f64, &f64), &f64)| {
            let z = if x * corner < 25.0 { x } else { corner };
            5.0 * slope.abs() - slope * z
        };
        terms.map(term).sum()
    })
}
