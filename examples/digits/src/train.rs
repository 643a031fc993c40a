//! Training: epochs over shuffled batches, each followed by a look at the validation images.

use std::fmt;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;

use crate::data::{CLASSES, Digits, PIXELS};
use crate::network::{Activation, Network};
use crate::optimizer::{Optimizer, Rule};

/// The hyperparameters, and the seed of everything random.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Size of a step, above 0.
    pub(crate) learning_rate: f64,
    /// Units of each hidden layer, from 1.
    pub(crate) hidden: usize,
    /// Hidden layers.
    pub(crate) layers: usize,
    /// Of the hidden units.
    pub(crate) activation: Activation,
    /// Probability to leave a hidden unit out of a step, below 1.
    pub(crate) dropout: f64,
    /// How a step is made.
    pub(crate) optimizer: Rule,
    /// Images of a step, from 1.
    pub(crate) batch_size: usize,
    /// How often every image is seen.
    pub(crate) epochs: usize,
    /// Two runs with the same settings print the same numbers.
    pub(crate) seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            learning_rate: 0.01,
            hidden: 64,
            layers: 2,
            activation: Activation::Relu,
            dropout: 0.0,
            optimizer: Rule::Momentum,
            batch_size: 32,
            epochs: 20,
            seed: 0,
        }
    }
}

/// What an epoch achieved. Displayed, it is a line of `name=value` pairs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch {
    /// Counted from 1.
    pub(crate) number: usize,
    /// Mean over the epoch's batches.
    pub(crate) train_loss: f64,
    /// Share of the validation images that were told right.
    pub(crate) validation_accuracy: f64,
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "epoch={} train-loss={:.4} validation-accuracy={:.4}",
            self.number, self.train_loss, self.validation_accuracy
        )
    }
}

/// Trains a network and gives each epoch to `report`, whose first error ends the training.
pub(crate) fn train<E>(
    digits: &Digits,
    settings: &Settings,
    mut report: impl FnMut(Epoch) -> Result<(), E>,
) -> Result<(), E> {
    let (training, validation) = digits.split();
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut network = new_network(settings, &mut rng);
    let mut optimizer = Optimizer::new(
        settings.optimizer,
        settings.learning_rate,
        &network.parameters,
    );
    let mut order: Vec<usize> = (0..training.len()).collect();
    for number in 1..=settings.epochs {
        order.shuffle(&mut rng);
        let mut loss_sum = 0.0;
        for rows in order.chunks(settings.batch_size) {
            let (loss, gradient) = network.gradient(&training.select(rows), &mut rng);
            optimizer.step(&mut network.parameters, &gradient);
            loss_sum += loss * rows.len() as f64;
        }
        report(Epoch {
            number,
            train_loss: loss_sum / training.len() as f64,
            validation_accuracy: accuracy(&network, &validation),
        })?;
    }
    Ok(())
}

fn new_network(settings: &Settings, rng: &mut ChaCha8Rng) -> Network {
    let mut sizes = vec![PIXELS];
    sizes.extend(std::iter::repeat_n(settings.hidden, settings.layers));
    sizes.push(CLASSES);
    Network::new(&sizes, settings.activation, settings.dropout, rng)
}

fn accuracy(network: &Network, digits: &Digits) -> f64 {
    let predicted = network.predict(digits.images.view());
    let right = predicted.iter().zip(&digits.labels).filter(|(a, b)| a == b);
    right.count() as f64 / digits.len() as f64
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn epochs_of(settings: &Settings) -> Vec<Epoch> {
        let mut epochs = Vec::new();
        let collect = |epoch| -> Result<(), Infallible> {
            epochs.push(epoch);
            Ok(())
        };
        train(&Digits::embedded().unwrap(), settings, collect).unwrap();
        epochs
    }

    fn accuracy_after_5_epochs(settings: Settings) -> f64 {
        epochs_of(&Settings {
            epochs: 5,
            ..settings
        })[4]
            .validation_accuracy
    }

    #[test]
    fn every_optimizer_and_activation_learns() {
        for (optimizer, learning_rate) in [
            (Rule::Sgd, 0.1),
            (Rule::Momentum, 0.02),
            (Rule::Adam, 0.003),
        ] {
            for activation in [Activation::Relu, Activation::Tanh] {
                let accuracy = accuracy_after_5_epochs(Settings {
                    optimizer,
                    learning_rate,
                    activation,
                    ..Settings::default()
                });
                assert!(accuracy > 0.9, "{optimizer:?} {activation:?}: {accuracy}");
            }
        }
    }

    #[test]
    fn bad_learning_rates_do_not_learn() {
        for learning_rate in [1e-5, 30.0] {
            let accuracy = accuracy_after_5_epochs(Settings {
                learning_rate,
                ..Settings::default()
            });
            assert!(accuracy < 0.5, "{learning_rate}: {accuracy}");
        }
    }

    #[test]
    fn the_seed_fixes_every_number() {
        let lines = |seed| {
            let settings = Settings {
                seed,
                epochs: 2,
                dropout: 0.2,
                ..Settings::default()
            };
            epochs_of(&settings)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(7), lines(7));
        assert_ne!(lines(7), lines(8));
    }

    #[test]
    fn an_epoch_is_one_line_of_metrics() {
        let epoch = Epoch {
            number: 3,
            train_loss: 0.2134,
            validation_accuracy: 0.951,
        };
        assert_eq!(
            epoch.to_string(),
            "epoch=3 train-loss=0.2134 validation-accuracy=0.9510"
        );
    }
}
