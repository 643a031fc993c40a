//! The noiseless BBOB functions.

use diwan_core::resources::ParameterSpec;

use super::Suite;
use crate::bbob::{Bbob, FUNCTIONS};
use crate::parameters::double;
use crate::problem::{BadValue, Problem, Run, Values};

/// The functions are minimised on [-5, 5]^D.
pub(super) const BOUND: f64 = 5.0;

pub(super) struct Functions;

impl Suite for Functions {
    fn name(&self) -> &'static str {
        "bbob"
    }

    fn summary(&self) -> &'static str {
        "The 24 noiseless functions of the Black-Box Optimization Benchmark: smooth and rugged, separable and not, well and \
         ill conditioned, in any dimension."
    }

    fn families(&self) -> Vec<String> {
        (1..=FUNCTIONS).map(|number| format!("f{number}")).collect()
    }

    fn dimensions(&self) -> Option<(usize, usize)> {
        Some((2, 100))
    }

    fn instances(&self) -> (u32, u32) {
        (1, 100_000)
    }

    fn make(&self, family: usize, dimension: usize, instance: u32) -> Box<dyn Problem> {
        Box::new(Function::new(family, dimension, instance))
    }
}

/// One function.
pub(super) struct Function {
    function: Bbob,
    parameters: Vec<ParameterSpec>,
}

impl Function {
    /// The function at a place of the list of functions.
    pub(super) fn new(place: usize, dimension: usize, instance: u32) -> Self {
        let number = u32::try_from(place).map_or(u32::MAX, |place| place + 1);
        let function = Bbob::new(number, instance, dimension);
        let parameter = |index| double(&format!("x{index}"), -BOUND, BOUND);
        Self {
            function: function.expect("families, dimensions and instances are those that exist"),
            parameters: (0..dimension).map(parameter).collect(),
        }
    }

    /// The function itself.
    pub(super) fn function(&self) -> &Bbob {
        &self.function
    }

    /// Its value at a trial's values.
    pub(super) fn value(&self, values: &Values<'_>) -> Result<f64, BadValue> {
        let place = |parameter: &ParameterSpec| values.number(&parameter.name);
        let x: Vec<f64> = self
            .parameters
            .iter()
            .map(place)
            .collect::<Result<_, _>>()?;
        Ok(self.function.value(&x))
    }
}

impl Problem for Function {
    fn parameters(&self) -> &[ParameterSpec] {
        &self.parameters
    }

    fn optimum(&self) -> Option<f64> {
        Some(self.function.optimum())
    }

    fn run(&self, values: &Values<'_>, seed: u64) -> Result<Run, BadValue> {
        Ok(Run::once(self.value(values)?, seed))
    }

    fn truth(&self, values: &Values<'_>) -> Result<Option<f64>, BadValue> {
        self.value(values).map(Some)
    }
}
