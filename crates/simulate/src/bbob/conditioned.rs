//! f10 to f14: functions of high conditioning with one optimum.

use super::Function;
use super::instance::Instance;
use super::separable::ellipsoid_of;
use super::transform::{oscillate, ramp, scaled, scales, shifted, square_norm, stretch};

/// f10.
pub(super) fn ellipsoid(instance: &Instance) -> Function {
    let rotated = rotated(instance);
    Box::new(move |x| ellipsoid_of(&oscillate(rotated(x))))
}

/// f11.
pub(super) fn discus(instance: &Instance) -> Function {
    let rotated = rotated(instance);
    Box::new(move |x| {
        let z = oscillate(rotated(x));
        square_norm(&z) + (1e6 - 1.0) * z[0] * z[0]
    })
}

/// f12.
pub(super) fn bent_cigar(instance: &Instance) -> Function {
    let place = instance.place_of(1_000_000);
    let rotation = instance.rotation();
    Box::new(move |x| {
        let bent = stretch(rotation.apply(&shifted(x, &place)), 0.5);
        let z = rotation.apply(&bent);
        z[0] * z[0] + 1e6 * square_norm(&z[1..])
    })
}

/// f13.
pub(super) fn sharp_ridge(instance: &Instance) -> Function {
    let place = instance.place();
    let (first, second) = (instance.rotation(), instance.second_rotation());
    let scales = scales(instance.dimension(), 10.0);
    Box::new(move |x| {
        let z = first.apply(&scaled(&second.apply(&shifted(x, &place)), &scales));
        z[0] * z[0] + 100.0 * square_norm(&z[1..]).sqrt()
    })
}

/// f14.
pub(super) fn different_powers(instance: &Instance) -> Function {
    let rotated = rotated(instance);
    Box::new(move |x| {
        let z = rotated(x);
        let terms = ramp(z.len()).zip(&z);
        let sum: f64 = terms
            .map(|(share, z)| z.abs().powf(2.0 + 4.0 * share))
            .sum();
        sum.sqrt()
    })
}

fn rotated(instance: &Instance) -> impl Fn(&[f64]) -> Vec<f64> + Send + Sync + use<> {
    let (place, rotation) = (instance.place(), instance.rotation());
    move |x| rotation.apply(&shifted(x, &place))
}
