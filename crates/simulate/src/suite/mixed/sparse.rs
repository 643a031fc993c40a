//! Twenty parameters of which four matter: the rest only cost a search that does not notice.

use super::Synthetic;
use crate::parameters::{double, int, log_double, words};
use crate::problem::Values;
use crate::stream::Stream;

const EACH: usize = 5;
const FLAGS: [&str; 3] = ["on", "off", "auto"];

pub(super) fn make(stream: &mut Stream) -> Synthetic {
    let [real, scale, count, flag] = [0; 4].map(|_| 1 + stream.below(EACH));
    let (x, power) = (stream.between(-0.8, 0.8), stream.between(-4.0, -1.0));
    let (whole, flags) = (stream.below(17), stream.permutation(FLAGS.len()));
    let loss = move |values: &Values<'_>| {
        let real = values.number(&format!("real{real}"))? - x;
        let scale = values.positive(&format!("scale{scale}"))?.log10() - power;
        let count = values.number(&format!("count{count}"))? - whole as f64;
        let flag = values.choice(&format!("flag{flag}"), &FLAGS)?;
        let smooth = real * real + 0.2 * (scale + real) * (scale + real) + 0.01 * count * count;
        Ok(Some(smooth + 0.3 * flags[flag] as f64))
    };
    let mut parameters = Vec::new();
    for index in 1..=EACH {
        parameters.extend([
            double(&format!("real{index}"), -1.0, 1.0),
            log_double(&format!("scale{index}"), 1e-5, 1.0),
            int(&format!("count{index}"), 0, 16),
            words(&format!("flag{index}"), &FLAGS),
        ]);
    }
    Synthetic {
        parameters,
        loss: Box::new(loss),
    }
}
