//! Whole numbers, numbers of a list and numbers on a grid: all is flat between steps, many points are equally good, and the
//! space is finite.

use super::Synthetic;
use crate::parameters::{int, log_int, numbers, stepped};
use crate::problem::Values;
use crate::stream::Stream;

const SIZES: [&str; 6] = ["16", "32", "64", "128", "256", "512"];
const RATES: [&str; 7] = ["0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1"];
const MOST_LAYERS: i32 = 10;
const MOST_TREES: i32 = 1000;
const STEPS: usize = 20;

pub(super) fn make(stream: &mut Stream) -> Synthetic {
    let size = stream.below(SIZES.len());
    let rate = stream.below(RATES.len());
    let layers = 1 + stream.below(MOST_LAYERS as usize);
    let trees = stream.between(1.0, 6.0).exp2().round();
    let (share, momentum) = (stream.below(STEPS + 1), stream.below(STEPS + 1));
    let loss = move |values: &Values<'_>| {
        let size = values.number("size")?.log2() - (4 + size) as f64;
        let rate =
            values.number("rate")?.log10() - RATES[rate].parse::<f64>().map_or(0.0, f64::log10);
        let layers = values.number("layers")? - layers as f64;
        // More trees help ever less: only doublings count.
        let trees = (values.positive("trees")?.log2() - trees.log2()).round();
        let share = values.number("share")? * STEPS as f64 - share as f64;
        let momentum = values.number("momentum")? * STEPS as f64 - momentum as f64;
        // The grid's numbers are rounded in their text.
        let coupled = (share - momentum).round() / 5.0;
        let terms = [
            (rate + 0.3 * size).abs(),
            0.4 * size.abs(),
            0.3 * (layers / 2.0).trunc().abs(),
            0.2 * trees.abs(),
            coupled.abs(),
            0.1 * (momentum / 3.0).round().abs(),
        ];
        Ok(Some(terms.iter().sum()))
    };
    let step = 1.0 / STEPS as f64;
    Synthetic {
        parameters: vec![
            numbers("size", &SIZES),
            numbers("rate", &RATES),
            int("layers", 1, MOST_LAYERS),
            log_int("trees", 1, MOST_TREES),
            stepped("share", 0.0, 1.0, step),
            stepped("momentum", 0.0, 1.0, step),
        ],
        loss: Box::new(loss),
    }
}
