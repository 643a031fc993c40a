//! Made-up problems over mixed and conditional spaces, one family a file. Each is there for one thing that real spaces have and
//! functions of real numbers lack. An instance moves the optimum and what leads to it; the smallest value is known.

mod branches;
mod choice;
mod cliff;
mod plateaus;
mod sparse;
mod training;

use diwan_core::resources::ParameterSpec;

use super::Suite;
use crate::problem::{BadValue, Problem, Run, Values};
use crate::stream::Stream;

pub(super) struct Mixed;

/// A family: its name, and what makes an instance of it.
type Family = (&'static str, fn(&mut Stream) -> Synthetic);

const FAMILIES: &[Family] = &[
    ("training", training::make),
    ("choice", choice::make),
    ("branches", branches::make),
    ("plateaus", plateaus::make),
    ("sparse", sparse::make),
    ("cliff", cliff::make),
];

/// How long a trial takes that fails, as a share of one that does not.
const FAILED_AFTER: f64 = 0.2;

impl Suite for Mixed {
    fn name(&self) -> &'static str {
        "mixed"
    }

    fn summary(&self) -> &'static str {
        "Made-up jobs over mixed spaces: one like a training job, one where a category picks the function, one with conditional \
         branches, one of plateaus, one where few parameters matter, one whose best point is at the edge of what fails."
    }

    fn families(&self) -> Vec<String> {
        FAMILIES
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect()
    }

    fn make(&self, family: usize, _dimension: usize, instance: u32) -> Box<dyn Problem> {
        let (name, make) = FAMILIES[family];
        let mut stream = Stream::new(&format!("mixed: {name}"), instance.into(), 0);
        // A smallest value of 0 would be known to whoever takes logarithms.
        let optimum = (stream.between(-100.0, 100.0) * 100.0).round() / 100.0;
        Box::new(Shifted {
            optimum,
            synthetic: make(&mut stream),
        })
    }
}

/// A made-up problem whose smallest loss is 0.
struct Synthetic {
    parameters: Vec<ParameterSpec>,
    loss: Box<Loss>,
}

/// The loss of a trial's values, at least 0; nothing where trials fail.
type Loss = dyn Fn(&Values<'_>) -> Result<Option<f64>, BadValue> + Send + Sync;

struct Shifted {
    optimum: f64,
    synthetic: Synthetic,
}

impl Problem for Shifted {
    fn parameters(&self) -> &[ParameterSpec] {
        &self.synthetic.parameters
    }

    fn optimum(&self) -> Option<f64> {
        Some(self.optimum)
    }

    fn run(&self, values: &Values<'_>, seed: u64) -> Result<Run, BadValue> {
        let truth = self.truth(values)?;
        Ok(truth.map_or(Run::Fails(FAILED_AFTER), |value| Run::once(value, seed)))
    }

    fn truth(&self, values: &Values<'_>) -> Result<Option<f64>, BadValue> {
        let loss = (self.synthetic.loss)(values)?;
        Ok(loss.map(|loss| self.optimum + loss))
    }
}
