//! Conditional branches: the model decides which of the other parameters count, and one of its parameters decides again. What a
//! trial has for the others means nothing, and may be missing.

use super::Synthetic;
use crate::parameters::{double, int, log_double, log_int, under, words};
use crate::problem::Values;
use crate::stream::Stream;

const MODELS: [&str; 3] = ["linear", "boosting", "network"];
const GROWTHS: [&str; 2] = ["depthwise", "leafwise"];
const SCHEDULES: [&str; 3] = ["constant", "cosine", "step"];

pub(super) fn make(stream: &mut Stream) -> Synthetic {
    let gaps = stream.permutation(MODELS.len());
    let growth = stream.below(GROWTHS.len());
    let schedules = stream.permutation(SCHEDULES.len());
    let penalty = [stream.between(-4.0, 1.0), stream.between(-4.0, 1.0)];
    let eta = stream.between(-2.5, -0.5);
    let depth = 4 + stream.below(5);
    let leaves = f64::from(8 << stream.below(4)).log2();
    let rate = stream.between(-4.0, -2.0);
    let hidden = f64::from(16 << stream.below(4)).log2();
    let decay = stream.between(0.2, 0.8);
    let square = |x: f64| x * x;
    let loss = move |values: &Values<'_>| {
        let model = values.choice("model", &MODELS)?;
        let log10 = |name| Ok(values.positive(name)?.log10());
        let own = match model {
            0 => 0.02 * (square(log10("l1")? - penalty[0]) + square(log10("l2")? - penalty[1])),
            1 => {
                let given = values.choice("growth", &GROWTHS)?;
                let size = match given {
                    0 => square(0.3 * (values.number("max_depth")? - depth as f64)),
                    _ => square(0.5 * (values.positive("leaves")?.log2() - leaves)),
                };
                let other = if given == growth { 0.0 } else { 0.1 };
                other + 0.1 * size + 0.3 * square(log10("eta")? - eta)
            }
            _ => {
                let schedule = values.choice("schedule", &SCHEDULES)?;
                let step = match schedule {
                    2 => 0.5 * square(values.number("decay")? - decay),
                    _ => 0.0,
                };
                let rate = square(log10("learning_rate")? - rate);
                let width = square(values.positive("hidden")?.log2() - hidden);
                0.1 * schedules[schedule] as f64 + step + 0.2 * rate + 0.02 * width
            }
        };
        Ok(Some(0.2 * gaps[model] as f64 + own))
    };
    Synthetic {
        parameters: vec![
            words("model", &MODELS),
            under("model", "linear", log_double("l1", 1e-5, 100.0)),
            under("model", "linear", log_double("l2", 1e-5, 100.0)),
            under("model", "boosting", log_double("eta", 1e-3, 1.0)),
            under("model", "boosting", words("growth", &GROWTHS)),
            under("growth", "depthwise", int("max_depth", 2, 12)),
            under("growth", "leafwise", log_int("leaves", 4, 256)),
            under("model", "network", log_double("learning_rate", 1e-5, 0.1)),
            under("model", "network", log_int("hidden", 8, 512)),
            under("model", "network", words("schedule", &SCHEDULES)),
            under("schedule", "step", double("decay", 0.0, 1.0)),
        ],
        loss: Box::new(loss),
    }
}
