//! The larger the model the better, until it does not fit into memory: trials fail there, and the best point is at the edge.

use super::Synthetic;
use crate::parameters::{log_double, log_int, words};
use crate::problem::Values;
use crate::stream::Stream;

const PRECISIONS: [&str; 3] = ["float16", "bfloat16", "float32"];
/// Bytes of a number, as a power of two.
const BYTES: [f64; 3] = [1.0, 1.0, 2.0];

pub(super) fn make(stream: &mut Stream) -> Synthetic {
    let batch = 3 + stream.below(5);
    let memory = (batch + 6 + stream.below(4)) as f64 + BYTES[1];
    let rate = stream.between(-4.0, -1.5);
    let loss = move |values: &Values<'_>| {
        let precision = values.choice("precision", &PRECISIONS)?;
        let batches = values.positive("batch_size")?.log2();
        let width = values.positive("width")?.log2();
        let spare = memory - (batches + width + BYTES[precision]);
        // Logarithms of whole numbers are rounded.
        if spare < -1e-9 {
            return Ok(None);
        }
        let rate =
            values.positive("learning_rate")?.log10() - rate - 0.2 * (batches - batch as f64);
        // Only the middle precision loses nothing.
        let lost = [0.2, 0.0, 0.1][precision];
        let off = batches - batch as f64;
        Ok(Some(
            0.15 * spare.max(0.0) + 0.02 * off * off + 0.3 * rate * rate + lost,
        ))
    };
    Synthetic {
        parameters: vec![
            log_int("batch_size", 4, 512),
            log_int("width", 16, 2048),
            words("precision", &PRECISIONS),
            log_double("learning_rate", 1e-5, 0.3),
        ],
        loss: Box::new(loss),
    }
}
