//! The BBOB functions as a training run would show them: with noise everywhere, also at the optimum.

use diwan_core::resources::ParameterSpec;

use super::Suite;
use super::bbob::{BOUND, Function, Functions};
use crate::problem::{BadValue, Problem, Run, Values};
use crate::stream::Stream;

/// Random points that the noise is measured against.
const PROBES: usize = 400;
/// The noise's standard deviation, as a share of the spread (the interquartile range) of random points.
const SHARE: f64 = 0.05;

pub(super) struct Noisy;

impl Suite for Noisy {
    fn name(&self) -> &'static str {
        "noisy"
    }

    fn summary(&self) -> &'static str {
        "The BBOB functions with Gaussian noise of 5 % of the interquartile range of random points. Scored by the true value \
         of the point that looks best."
    }

    fn families(&self) -> Vec<String> {
        Functions.families()
    }

    fn dimensions(&self) -> Option<(usize, usize)> {
        Functions.dimensions()
    }

    fn instances(&self) -> (u32, u32) {
        Functions.instances()
    }

    fn make(&self, family: usize, dimension: usize, instance: u32) -> Box<dyn Problem> {
        let function = Function::new(family, dimension, instance);
        let deviation = SHARE * spread(&function, instance);
        Box::new(WithNoise {
            function,
            deviation,
        })
    }
}

/// The interquartile range of random points.
fn spread(function: &Function, instance: u32) -> f64 {
    let function = function.function();
    let of = u64::from(function.function()) << 32 | function.dimension() as u64;
    let mut stream = Stream::new("noisy: spread", of, instance.into());
    let mut draw = || {
        let point = (0..function.dimension()).map(|_| stream.between(-BOUND, BOUND));
        function.value(&point.collect::<Vec<_>>())
    };
    let mut values: Vec<f64> = (0..PROBES).map(|_| draw()).collect();
    values.sort_by(f64::total_cmp);
    values[PROBES * 3 / 4] - values[PROBES / 4]
}

struct WithNoise {
    function: Function,
    deviation: f64,
}

impl Problem for WithNoise {
    fn parameters(&self) -> &[ParameterSpec] {
        self.function.parameters()
    }

    fn optimum(&self) -> Option<f64> {
        self.function.optimum()
    }

    fn run(&self, values: &Values<'_>, seed: u64) -> Result<Run, BadValue> {
        let noise = Stream::new("noisy: noise", seed, 0).normal();
        let value = self.function.value(values)?;
        Ok(Run::once(value + self.deviation * noise, seed))
    }

    fn truth(&self, values: &Values<'_>) -> Result<Option<f64>, BadValue> {
        self.function.truth(values)
    }
}
