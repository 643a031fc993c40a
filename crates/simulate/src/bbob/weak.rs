//! f20, f23 and f24: functions with many optima and a weak global structure.

use std::f64::consts::TAU;

use super::Function;
use super::instance::Instance;
use super::transform::{penalty, scaled, scales, shifted, square_norm};

/// f20.
pub(super) fn schwefel(instance: &Instance) -> Function {
    /// Twice the distance of the optimum from 0 in every coordinate.
    const PLACE: f64 = 4.2096874633;
    let turns: Vec<f64> = instance
        .uniform(0, instance.dimension())
        .iter()
        .map(|u| if *u < 0.5 { -2.0 } else { 2.0 })
        .collect();
    let scales = scales(instance.dimension(), 10.0);
    Box::new(move |x| {
        let turned = scaled(x, &turns);
        let mut z = turned.clone();
        for (z, before) in z.iter_mut().skip(1).zip(&turned) {
            *z += 0.25 * (before - PLACE);
        }
        for (z, scale) in z.iter_mut().zip(&scales) {
            *z = 100.0 * (scale * (*z - PLACE) + PLACE);
        }
        let waves: f64 = z.iter().map(|z| z * z.abs().sqrt().sin()).sum();
        let outside = z.iter().map(|z| (z.abs() - 500.0).max(0.0));
        let outside: f64 = outside.map(|outside| outside * outside).sum();
        0.01 * (outside + 418.982_887_272_433_9 - waves / z.len() as f64)
    })
}

/// f23.
pub(super) fn katsuura(instance: &Instance) -> Function {
    let place = instance.place();
    let (first, second) = (instance.rotation(), instance.second_rotation());
    let scales = scales(instance.dimension(), 100.0);
    Box::new(move |x| {
        let z = first.apply(&scaled(&second.apply(&shifted(x, &place)), &scales));
        let dimension = z.len() as f64;
        let rough = |z: f64| -> f64 {
            let term = |power| {
                let zoom = 2_f64.powi(power);
                (zoom * z - (zoom * z + 0.5).floor()).abs() / zoom
            };
            (1..=32).map(term).sum()
        };
        let factor = |(index, z): (usize, &f64)| 1.0 + (index + 1) as f64 * rough(*z);
        let exponent = 10.0 / dimension.powf(1.2);
        let product: f64 = z
            .iter()
            .enumerate()
            .map(|term| factor(term).powf(exponent))
            .product();
        10.0 / dimension / dimension * (product - 1.0) + penalty(x)
    })
}

/// f24.
pub(super) fn lunacek(instance: &Instance) -> Function {
    const NEAR: f64 = 2.5;
    let dimension = instance.dimension() as f64;
    let depth = 1.0 - 0.5 / ((dimension + 20.0).sqrt() - 4.1);
    let far = -((NEAR * NEAR - 1.0) / depth).sqrt();
    let turns: Vec<f64> = instance.normal().iter().map(|g| 2.0 * g.signum()).collect();
    let (first, second) = (instance.rotation(), instance.second_rotation());
    let scales = scales(instance.dimension(), 100.0);
    Box::new(move |x| {
        let turned = scaled(x, &turns);
        let to = |place: f64| turned.iter().map(|x| x - place).collect::<Vec<_>>();
        let near = to(NEAR);
        let z = first.apply(&scaled(&second.apply(&near), &scales));
        let cosines: f64 = z.iter().map(|z| (TAU * z).cos()).sum();
        let basins = square_norm(&near).min(dimension + depth * square_norm(&to(far)));
        basins + 10.0 * (dimension - cosines) + 1e4 * penalty(x)
    })
}
