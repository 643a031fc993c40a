//! Like a training job: the learning rate's best value depends on the optimizer and the batch size, depth and width trade
//! against each other, one parameter does nothing. Models of independent parameters miss the first two.

use super::Synthetic;
use crate::parameters::{double, int, log_double, log_int, words};
use crate::problem::Values;
use crate::stream::Stream;

const OPTIMIZERS: [&str; 4] = ["sgd", "momentum", "adam", "rmsprop"];
const ACTIVATIONS: [&str; 3] = ["relu", "tanh", "gelu"];
/// What other optimizers and activations than the best lose.
const LOSSES: [f64; 4] = [0.0, 0.02, 0.1, 0.3];

pub(super) fn make(stream: &mut Stream) -> Synthetic {
    let optimizers = stream.permutation(OPTIMIZERS.len());
    let activations = stream.permutation(ACTIVATIONS.len());
    // The best learning rate of each optimizer at the best batch size, as a power of ten.
    let rates: Vec<f64> = OPTIMIZERS.map(|_| stream.between(-4.0, -1.0)).to_vec();
    let batch = f64::from(16 << stream.below(4)).log2();
    let layers = 2 + stream.below(4);
    let width = f64::from(32 << stream.below(4)).log2();
    let dropout = stream.between(0.1, 0.5);
    let decay = stream.between(-5.0, -2.0);
    let loss = move |values: &Values<'_>| {
        let optimizer = values.choice("optimizer", &OPTIMIZERS)?;
        let activation = values.choice("activation", &ACTIVATIONS)?;
        let batches = values.positive("batch_size")?.log2() - batch;
        // A batch twice as large wants steps almost twice as long.
        let rate = values.positive("learning_rate")?.log10() - rates[optimizer] - 0.25 * batches;
        let depth = values.number("layers")? - layers as f64;
        let wide = values.positive("width")?.log2() - width;
        // Depth makes up for width; both together overfit unless dropout follows.
        let capacity = wide + 0.8 * depth;
        let dropout = values.number("dropout")? - dropout - 0.05 * capacity;
        let decay = values.positive("weight_decay")?.log10() - decay;
        let rough = if rate > 0.0 { 3.0 } else { 1.0 };
        let smooth = 0.2 * rough * rate * rate
            + 0.01 * batches * batches
            + 0.03 * capacity * capacity
            + 0.01 * depth * depth
            + 0.5 * dropout * dropout
            + 0.005 * decay * decay;
        let lost = LOSSES[optimizers[optimizer]] + LOSSES[activations[activation]];
        // No training is worse than guessing by much.
        Ok(Some(lost + 2.0 * (smooth / 2.0).tanh()))
    };
    Synthetic {
        parameters: vec![
            log_double("learning_rate", 1e-6, 1.0),
            words("optimizer", &OPTIMIZERS),
            log_int("batch_size", 8, 512),
            int("layers", 1, 8),
            log_int("width", 16, 1024),
            words("activation", &ACTIVATIONS),
            double("dropout", 0.0, 0.7),
            log_double("weight_decay", 1e-7, 0.1),
            int("log_every", 1, 1000),
        ],
        loss: Box::new(loss),
    }
}
