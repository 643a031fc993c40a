//! A fully connected network: its prediction, its loss (mean softmax cross-entropy) and the exact gradient of that.

use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use crate::data::Digits;

/// A matrix per layer: a row of weights for each input, and the biases as the last row.
pub(crate) type Parameters = Vec<Array2<f64>>;

/// What a hidden unit makes of the sum of its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// The positive part.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
}

impl Activation {
    fn apply(self, sum: f64) -> f64 {
        match self {
            Self::Relu => sum.max(0.0),
            Self::Tanh => sum.tanh(),
        }
    }

    /// The derivative, told from the value.
    fn slope(self, value: f64) -> f64 {
        match self {
            Self::Relu => f64::from(u8::from(value > 0.0)),
            Self::Tanh => 1.0 - value * value,
        }
    }
}

/// A fully connected network with softmax outputs.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    /// What training changes.
    pub(crate) parameters: Parameters,
    activation: Activation,
    dropout: f64,
}

impl Network {
    /// A network with random weights. `sizes` goes from the inputs to the outputs; `dropout`, below 1, is the probability
    /// that training leaves a hidden unit out.
    pub(crate) fn new(
        sizes: &[usize],
        activation: Activation,
        dropout: f64,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let parameters = sizes
            .windows(2)
            .map(|pair| random_layer(pair[0], pair[1], rng))
            .collect();
        Self {
            parameters,
            activation,
            dropout,
        }
    }

    /// The likeliest class of each image.
    pub(crate) fn predict(&self, images: ArrayView2<'_, f64>) -> Vec<usize> {
        let (output, hidden) = self.layers();
        let values = hidden.iter().fold(images.to_owned(), |values, layer| {
            sums(layer, &values).mapv_into(|sum| self.activation.apply(sum))
        });
        sums(output, &values)
            .rows()
            .into_iter()
            .map(|row| largest(row.iter().copied()))
            .collect()
    }

    /// The loss on a batch and its gradient, with units dropped as `rng` says.
    pub(crate) fn gradient(&self, batch: &Digits, rng: &mut ChaCha8Rng) -> (f64, Parameters) {
        let (output, hidden) = self.layers();
        let mut inputs = vec![batch.images.clone()];
        let mut slopes = Vec::new();
        for layer in hidden {
            let (values, slope) = self.hidden_layer(layer, &inputs[inputs.len() - 1], rng);
            inputs.push(values);
            slopes.push(slope);
        }
        let (loss, mut errors) = cross_entropy(sums(output, &inputs[hidden.len()]), &batch.labels);
        let mut gradient = Vec::new();
        while let Some(values) = inputs.pop() {
            gradient.push(layer_gradient(&values, &errors));
            if let Some(slope) = slopes.pop() {
                errors = errors.dot(&weights(&self.parameters[inputs.len()]).t()) * slope;
            }
        }
        gradient.reverse();
        (loss, gradient)
    }

    fn layers(&self) -> (&Array2<f64>, &[Array2<f64>]) {
        self.parameters
            .split_last()
            .expect("a network has at least the output layer")
    }

    /// The values of a hidden layer and how they change with the sums behind them.
    fn hidden_layer(
        &self,
        layer: &Array2<f64>,
        inputs: &Array2<f64>,
        rng: &mut ChaCha8Rng,
    ) -> (Array2<f64>, Array2<f64>) {
        let mut values = sums(layer, inputs).mapv_into(|sum| self.activation.apply(sum));
        let mut slope = values.mapv(|value| self.activation.slope(value));
        if self.dropout > 0.0 {
            // Kept units are scaled up, so that prediction, which drops none, sees the same sums.
            let kept = 1.0 / (1.0 - self.dropout);
            let mask = Array2::from_shape_simple_fn(values.raw_dim(), || {
                if rng.random::<f64>() < self.dropout {
                    0.0
                } else {
                    kept
                }
            });
            values *= &mask;
            slope *= &mask;
        }
        (values, slope)
    }
}

/// Weights of a variance that keeps the size of what flows through the layer (He et al. 2015); biases of zero.
fn random_layer(inputs: usize, outputs: usize, rng: &mut ChaCha8Rng) -> Array2<f64> {
    let bound = (6.0 / inputs as f64).sqrt();
    Array2::from_shape_fn((inputs + 1, outputs), |(row, _)| {
        if row == inputs {
            0.0
        } else {
            rng.random_range(-bound..bound)
        }
    })
}

fn weights(layer: &Array2<f64>) -> ArrayView2<'_, f64> {
    layer.view().split_at(Axis(0), layer.nrows() - 1).0
}

fn sums(layer: &Array2<f64>, inputs: &Array2<f64>) -> Array2<f64> {
    inputs.dot(&weights(layer)) + layer.row(layer.nrows() - 1)
}

/// The mean loss of a batch and its derivative by each sum of the output layer.
fn cross_entropy(mut sums: Array2<f64>, labels: &[usize]) -> (f64, Array2<f64>) {
    let count = labels.len() as f64;
    let mut loss = 0.0;
    for (mut row, &label) in sums.rows_mut().into_iter().zip(labels) {
        let top = row.fold(f64::NEG_INFINITY, |top, &sum| top.max(sum));
        row -= top;
        let total = row.mapv(f64::exp).sum();
        loss += total.ln() - row[label];
        row.mapv_inplace(|sum| sum.exp() / total / count);
        row[label] -= 1.0 / count;
    }
    (loss / count, sums)
}

fn layer_gradient(inputs: &Array2<f64>, errors: &Array2<f64>) -> Array2<f64> {
    let bias = errors.sum_axis(Axis(0)).insert_axis(Axis(0));
    concatenate![Axis(0), inputs.t().dot(errors), bias]
}

/// The place of the largest value; NaN is never the largest.
fn largest(values: impl Iterator<Item = f64>) -> usize {
    let start = (0, f64::NEG_INFINITY);
    let step = |best: (usize, f64), (place, value)| {
        if value > best.1 { (place, value) } else { best }
    };
    values.enumerate().fold(start, step).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn batch(rng: &mut ChaCha8Rng) -> Digits {
        Digits {
            images: Array2::from_shape_simple_fn((7, 5), || rng.random()),
            labels: vec![0, 1, 2, 0, 1, 2, 2],
        }
    }

    /// The same seed before each call drops the same units.
    fn loss(network: &Network, batch: &Digits) -> (f64, Parameters) {
        network.gradient(batch, &mut ChaCha8Rng::seed_from_u64(1))
    }

    fn check_gradient(sizes: &[usize], activation: Activation, dropout: f64) {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let batch = batch(&mut rng);
        let mut network = Network::new(sizes, activation, dropout, &mut rng);
        // With biases of zero, a unit without inputs stands on the kink of relu, where there is no derivative.
        for layer in &mut network.parameters {
            layer.mapv_inplace(|value| value + rng.random_range(-0.5..0.5));
        }
        let (_, gradient) = loss(&network, &batch);
        let step = 1e-6;
        for (layer, expected) in gradient.iter().enumerate() {
            for (place, expected) in expected.indexed_iter() {
                let mut loss_at = |offset: f64| {
                    network.parameters[layer][place] += offset;
                    let value = loss(&network, &batch).0;
                    network.parameters[layer][place] -= offset;
                    value
                };
                let measured = (loss_at(step) - loss_at(-step)) / (2.0 * step);
                assert!(
                    (measured - expected).abs() < 1e-7,
                    "{sizes:?} {activation:?} {dropout}, layer {layer} {place:?}: {measured} but {expected}"
                );
            }
        }
    }

    #[test]
    fn the_gradient_agrees_with_central_differences() {
        for activation in [Activation::Relu, Activation::Tanh] {
            for dropout in [0.0, 0.4] {
                check_gradient(&[5, 3], activation, dropout);
                check_gradient(&[5, 6, 3], activation, dropout);
                check_gradient(&[5, 6, 4, 3], activation, dropout);
            }
        }
    }

    #[test]
    fn an_undecided_network_has_the_loss_of_guessing() {
        let (loss, errors) = cross_entropy(Array2::zeros((2, 10)), &[3, 4]);
        assert!((loss - 10f64.ln()).abs() < 1e-12);
        assert!(errors.sum().abs() < 1e-12);
    }

    #[test]
    fn huge_sums_do_not_overflow() {
        let (loss, errors) = cross_entropy(ndarray::array![[1e300, 0.0], [0.0, -1e300]], &[0, 0]);
        assert_eq!(loss, 0.0);
        assert!(errors.iter().all(|error| error.is_finite()));
    }

    #[test]
    fn nan_is_never_predicted() {
        assert_eq!(largest([f64::NAN, 1.0, f64::NAN, 3.0, 2.0].into_iter()), 3);
        assert_eq!(largest([f64::NAN, f64::NAN].into_iter()), 0);
    }
}
