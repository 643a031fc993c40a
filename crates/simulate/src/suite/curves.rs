//! Recorded learning curves.

use std::sync::{Arc, LazyLock};

use diwan_core::resources::{ObjectiveType, ParameterSpec};

use super::Suite;
use crate::parameters::{double, int, log_double, log_int};
use crate::problem::{BadValue, Problem, Run, Step, Values};
use crate::stream::Stream;

/// 600 small networks, recorded over 81 epochs. Its format stands in `data/README.md`.
const DIGITS: &[u8] = include_bytes!("../../data/digits_mlp_curves.bin");
const EPOCHS: usize = 81;
const EPOCHS_NAME: &str = "epochs";
const HYPERPARAMETERS: usize = 6;
/// Bytes of one network: its hyperparameters, its hits and the time of its epochs.
const RECORD: usize = 4 * HYPERPARAMETERS + 2 * EPOCHS + 2 * EPOCHS;
/// Images that accuracy was measured on.
const VALIDATION_ROWS: f64 = 800.0;
/// Unit of the recorded time, in seconds.
const TICK: f64 = 2e-6;
/// Which share of the networks an instance has.
const PRESENT: f64 = 0.6;

pub(super) struct Curves;

impl Suite for Curves {
    fn name(&self) -> &'static str {
        "curves"
    }

    fn summary(&self) -> &'static str {
        "Learning curves that were recorded: the accuracy of 600 small networks after each of 81 epochs. A configuration is \
         answered by the nearest recorded one; an instance has 60 % of them. In digits-epochs the number of epochs is a parameter."
    }

    fn families(&self) -> Vec<String> {
        ["digits", "digits-epochs"].map(str::to_owned).to_vec()
    }

    fn make(&self, family: usize, _dimension: usize, instance: u32) -> Box<dyn Problem> {
        let mut problem = Digits::new(instance);
        if family == 1 {
            problem.parameters.push(int(EPOCHS_NAME, 1, EPOCHS as i32));
            problem.stops_at_epochs = true;
        }
        Box::new(problem)
    }
}

/// A recorded network.
struct Network {
    /// Where its hyperparameters are in the unit cube.
    place: [f64; HYPERPARAMETERS],
    curve: Vec<Step>,
}

static NETWORKS: LazyLock<Vec<Arc<Network>>> = LazyLock::new(|| {
    let records = DIGITS.chunks_exact(RECORD);
    records
        .map(|record| Arc::new(Network::read(record)))
        .collect()
});

impl Network {
    fn read(record: &[u8]) -> Self {
        let (values, curve) = record.split_at(4 * HYPERPARAMETERS);
        let (hits, ticks) = curve.split_at(2 * EPOCHS);
        let (values, _) = values.as_chunks();
        let values = values
            .iter()
            .map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
        let mut place = [0.0; HYPERPARAMETERS];
        for ((place, axis), value) in place.iter_mut().zip(&AXES).zip(values) {
            *place = axis.unit(value);
        }
        let whole = |bytes: &[u8; 2]| f64::from(u16::from_le_bytes(*bytes));
        let epochs = hits.as_chunks().0.iter().zip(ticks.as_chunks().0);
        let step = |(hits, ticks)| Step {
            value: whole(hits) / VALIDATION_ROWS,
            seconds: whole(ticks) * TICK,
        };
        Self {
            place,
            curve: epochs.map(step).collect(),
        }
    }

    fn accuracy(&self) -> f64 {
        self.curve.last().map_or(0.0, |step| step.value)
    }
}

/// The range of a hyperparameter, as the distance between networks is measured: whole numbers have half of one at each end.
struct Axis {
    name: &'static str,
    low: f64,
    high: f64,
    logarithmic: bool,
}

const AXES: [Axis; HYPERPARAMETERS] = [
    Axis::new("learning_rate", 1e-5, 0.3, true),
    Axis::new("alpha", 1e-7, 1.0, true),
    Axis::new("beta_1", 0.5, 0.995, false),
    Axis::new("batch_size", 31.5, 256.5, true),
    Axis::new("hidden", 7.5, 64.5, true),
    Axis::new("layers", 0.5, 3.5, false),
];

impl Axis {
    const fn new(name: &'static str, low: f64, high: f64, logarithmic: bool) -> Self {
        Self {
            name,
            low,
            high,
            logarithmic,
        }
    }

    fn unit(&self, value: f64) -> f64 {
        let share = |value: f64, low: f64, high: f64| (value - low) / (high - low);
        if self.logarithmic {
            share(value.ln(), self.low.ln(), self.high.ln())
        } else {
            share(value, self.low, self.high)
        }
    }

    fn read(&self, values: &Values<'_>) -> Result<f64, BadValue> {
        values.positive(self.name).map(|value| self.unit(value))
    }
}

struct Digits {
    networks: Vec<Arc<Network>>,
    /// Whether a parameter says how many epochs a trial trains.
    stops_at_epochs: bool,
    parameters: Vec<ParameterSpec>,
}

impl Digits {
    fn new(instance: u32) -> Self {
        let count = NETWORKS.len();
        let order = Stream::new("curves: networks", instance.into(), 0).permutation(count);
        let mut present: Vec<usize> = order
            .into_iter()
            .take((PRESENT * count as f64) as usize)
            .collect();
        present.sort_unstable();
        let networks = present.into_iter().filter_map(|place| NETWORKS.get(place));
        Self {
            networks: networks.cloned().collect(),
            stops_at_epochs: false,
            parameters: vec![
                log_double("learning_rate", 1e-5, 0.3),
                log_double("alpha", 1e-7, 1.0),
                double("beta_1", 0.5, 0.995),
                log_int("batch_size", 32, 256),
                log_int("hidden", 8, 64),
                int("layers", 1, 3),
            ],
        }
    }

    /// The network that is nearest in the unit cube.
    fn nearest(&self, values: &Values<'_>) -> Result<&Network, BadValue> {
        let place: Vec<f64> = AXES
            .iter()
            .map(|axis| axis.read(values))
            .collect::<Result<_, _>>()?;
        let distance = |network: &Network| -> f64 {
            let pairs = network.place.iter().zip(&place);
            pairs.map(|(a, b)| (a - b) * (a - b)).sum()
        };
        let networks = self.networks.iter().map(Arc::as_ref);
        let nearest = networks.min_by(|a, b| distance(a).total_cmp(&distance(b)));
        Ok(nearest.expect("every instance has networks"))
    }
}

impl Problem for Digits {
    fn parameters(&self) -> &[ParameterSpec] {
        &self.parameters
    }

    fn metric(&self) -> &'static str {
        "accuracy"
    }

    fn objective(&self) -> ObjectiveType {
        ObjectiveType::Maximize
    }

    fn optimum(&self) -> Option<f64> {
        let accuracies = self.networks.iter().map(|network| network.accuracy());
        accuracies.max_by(f64::total_cmp)
    }

    fn steps(&self) -> usize {
        EPOCHS
    }

    fn run(&self, values: &Values<'_>, _seed: u64) -> Result<Run, BadValue> {
        let mut curve = self.nearest(values)?.curve.clone();
        if self.stops_at_epochs {
            curve.truncate(values.positive(EPOCHS_NAME)?.ceil() as usize);
        }
        Ok(Run::Reports(curve))
    }

    fn truth(&self, values: &Values<'_>) -> Result<Option<f64>, BadValue> {
        Ok(Some(self.nearest(values)?.accuracy()))
    }
}
