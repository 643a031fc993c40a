//! A category picks which of several functions holds, each shifted, rotated and of its own shape. The one with the best
//! optimum is not the one with the best average, so a search that drops categories by their mean drops it.

use super::Synthetic;
use crate::bbob::transform::Matrix;
use crate::parameters::{double, words};
use crate::problem::Values;
use crate::stream::Stream;

const MODELS: [&str; 5] = ["alpha", "beta", "gamma", "delta", "epsilon"];
const INPUTS: [&str; 4] = ["a", "b", "c", "d"];
/// How much worse the optimum of each shape is than that of the first, which is steep.
const GAPS: [f64; 5] = [0.0, 0.1, 0.3, 1.0, 2.0];

/// One of the functions: its shape, and where it stands.
struct Placed {
    shape: usize,
    place: [f64; INPUTS.len()],
    rotation: Matrix,
}

pub(super) fn make(stream: &mut Stream) -> Synthetic {
    let shapes = stream.permutation(MODELS.len());
    let placed: Vec<Placed> = shapes
        .into_iter()
        .map(|shape| place(shape, stream))
        .collect();
    let loss = move |values: &Values<'_>| {
        let placed = &placed[values.choice("model", &MODELS)?];
        let mut x = [0.0; INPUTS.len()];
        for (x, (name, place)) in x.iter_mut().zip(INPUTS.iter().zip(placed.place)) {
            *x = values.number(name)? - place;
        }
        let z = placed.rotation.apply(&x);
        Ok(Some(GAPS[placed.shape] + height(placed.shape, &z)))
    };
    let mut parameters = vec![words("model", &MODELS)];
    parameters.extend(INPUTS.map(|name| double(name, -1.0, 1.0)));
    Synthetic {
        parameters,
        loss: Box::new(loss),
    }
}

fn place(shape: usize, stream: &mut Stream) -> Placed {
    let size = INPUTS.len();
    let entries: Vec<f64> = (0..size * size).map(|_| stream.normal()).collect();
    Placed {
        shape,
        place: INPUTS.map(|_| stream.between(-0.8, 0.8)),
        rotation: Matrix::orthogonal(size, &entries),
    }
}

/// A shape's height above its optimum, which is at 0.
fn height(shape: usize, z: &[f64]) -> f64 {
    let squares = || z.iter().map(|z| z * z);
    let weighted = || {
        (0..)
            .zip(squares())
            .map(|(index, square)| 4_f64.powi(index) * square)
    };
    match shape {
        0 => 0.5 * weighted().sum::<f64>(),
        1 => squares().sum(),
        2 => squares().sum::<f64>().sqrt(),
        3 => z
            .iter()
            .map(|z| z * z + 0.1 * (1.0 - (9.0 * z).cos()))
            .sum(),
        _ => 0.2 * z.iter().map(|z| z.abs()).sum::<f64>(),
    }
}
