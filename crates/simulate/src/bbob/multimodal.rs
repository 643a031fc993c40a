//! f15 to f19: functions with many optima and a global structure.

use std::f64::consts::{PI, TAU};

use super::Function;
use super::instance::Instance;
use super::moderate::{in_valley, rosenbrock_terms};
use super::separable::rastrigin_of;
use super::transform::{oscillate, penalty, scaled, scales, shifted, stretch};

/// f15.
pub(super) fn rastrigin(instance: &Instance) -> Function {
    let place = instance.place();
    let (first, second) = (instance.rotation(), instance.second_rotation());
    let scales = scales(instance.dimension(), 10.0);
    Box::new(move |x| {
        let bent = stretch(oscillate(first.apply(&shifted(x, &place))), 0.2);
        rastrigin_of(&first.apply(&scaled(&second.apply(&bent), &scales)))
    })
}

/// Terms of Weierstrass' series.
const TERMS: i32 = 12;

/// f16.
pub(super) fn weierstrass(instance: &Instance) -> Function {
    let place = instance.place();
    let (first, second) = (instance.rotation(), instance.second_rotation());
    let scales = scales(instance.dimension(), 0.01);
    let least: f64 = (0..TERMS)
        .map(|term| 0.5_f64.powi(term) * (PI * 3_f64.powi(term)).cos())
        .sum();
    Box::new(move |x| {
        let bent = oscillate(first.apply(&shifted(x, &place)));
        let z = first.apply(&scaled(&second.apply(&bent), &scales));
        let series = |z: f64| -> f64 {
            let term = |term| 0.5_f64.powi(term) * (TAU * 3_f64.powi(term) * (z + 0.5)).cos();
            (0..TERMS).map(term).sum()
        };
        let mean = z.iter().map(|z| series(*z)).sum::<f64>() / z.len() as f64;
        10.0 * (mean - least).powi(3) + 10.0 / z.len() as f64 * penalty(x)
    })
}

/// f17.
pub(super) fn schaffers(instance: &Instance) -> Function {
    schaffers_of(instance, 10.0)
}

/// f18.
pub(super) fn schaffers_ill_conditioned(instance: &Instance) -> Function {
    schaffers_of(instance, 1000.0)
}

fn schaffers_of(instance: &Instance, conditioning: f64) -> Function {
    let place = instance.place();
    let (first, second) = (instance.rotation(), instance.second_rotation());
    let scales = scales(instance.dimension(), conditioning);
    Box::new(move |x| {
        let bent = stretch(first.apply(&shifted(x, &place)), 0.5);
        let z = scaled(&second.apply(&bent), &scales);
        let wave = |pair: &[f64]| {
            let square = pair[0] * pair[0] + pair[1] * pair[1];
            square.powf(0.25) * (1.0 + (50.0 * square.powf(0.1)).sin().powi(2))
        };
        let mean = z.windows(2).map(wave).sum::<f64>() / (z.len() - 1) as f64;
        mean * mean + 10.0 * penalty(x)
    })
}

/// f19.
pub(super) fn griewank_rosenbrock(instance: &Instance) -> Function {
    let rotated = in_valley(instance);
    Box::new(move |x| {
        let z = rotated(x);
        let sum: f64 = rosenbrock_terms(&z).map(|s| s / 4000.0 - s.cos()).sum();
        10.0 + 10.0 * sum / (z.len() - 1) as f64
    })
}
