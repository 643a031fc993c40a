//! f21 and f22: Gallagher's Gaussian peaks, all but one of them misleading.

use super::Function;
use super::instance::Instance;
use super::transform::{oscillated, penalty, ramp};

/// f21.
pub(super) fn peaks_101(instance: &Instance) -> Function {
    peaks(instance, 101, 1000_f64.sqrt(), 10.0)
}

/// f22.
pub(super) fn peaks_21(instance: &Instance) -> Function {
    peaks(instance, 21, 1000.0, 9.8)
}

/// A peak, in rotated coordinates.
struct Peak {
    height: f64,
    place: Vec<f64>,
    scales: Vec<f64>,
}

/// `conditioning` is that of the highest peak (its root), `width` that of the box in which peaks are.
fn peaks(instance: &Instance, count: usize, conditioning: f64, width: f64) -> Function {
    let dimension = instance.dimension();
    let rotation = instance.second_rotation();
    let order = ranks(&instance.uniform(0, count - 1));
    let places = instance.uniform(0, dimension * count);
    let share = |index: usize| index as f64 / (count - 2) as f64;
    let peak = |number: usize, place: &[f64]| {
        let (height, conditioning, reach) = match number.checked_sub(1) {
            None => (10.0, conditioning, 0.8),
            Some(other) => {
                let height = 1.1 + 8.0 * share(other);
                (height, 1000_f64.powf(share(order[other])), 1.0)
            }
        };
        let stream = 1000 * i64::try_from(number).unwrap_or_default();
        let shares: Vec<f64> = ramp(dimension).collect();
        let scale = |rank: usize| conditioning.powf(shares[rank] - 0.5);
        let scales = ranks(&instance.uniform(stream, dimension));
        let unrotated = place.iter().map(|u| reach * (width * u - width / 2.0));
        Peak {
            height,
            place: rotation.apply(&unrotated.collect::<Vec<_>>()),
            scales: scales.into_iter().map(scale).collect(),
        }
    };
    let places = places.chunks(dimension).enumerate();
    let peaks: Vec<Peak> = places.map(|(number, place)| peak(number, place)).collect();
    Box::new(move |x| {
        let rotated = rotation.apply(x);
        let heights = peaks.iter().map(|peak| peak.at(&rotated));
        let highest = heights.fold(0.0, f64::max);
        oscillated(10.0 - highest).powi(2) + penalty(x)
    })
}

impl Peak {
    fn at(&self, x: &[f64]) -> f64 {
        let terms = x.iter().zip(&self.place).zip(&self.scales);
        let square: f64 = terms
            .map(|((x, place), scale)| scale * (x - place) * (x - place))
            .sum();
        self.height * (-0.5 / x.len() as f64 * square).exp()
    }
}

/// Where each of the sorted numbers was.
fn ranks(numbers: &[f64]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..numbers.len()).collect();
    places.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
    places
}
