//! How a gradient changes the parameters.

use ndarray::{Array2, Zip};

use crate::network::Parameters;

const MOMENTUM: f64 = 0.9;
/// Decay of Adam's mean squares.
const SQUARES: f64 = 0.999;
/// Keeps Adam from dividing by zero.
const TINY: f64 = 1e-8;

/// A rule for a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Down the gradient.
    Sgd,
    /// Down the gradients of the past, the recent ones counting most.
    Momentum,
    /// As momentum, each parameter at its own pace (Kingma and Ba 2015).
    Adam,
}

/// A rule and what it remembers of past gradients.
pub(crate) struct Optimizer {
    rule: Rule,
    learning_rate: f64,
    steps: f64,
    velocity: Parameters,
    squares: Parameters,
}

impl Optimizer {
    /// An optimizer for parameters of this shape, before its first step.
    pub(crate) fn new(rule: Rule, learning_rate: f64, parameters: &Parameters) -> Self {
        let zeros = || -> Parameters {
            parameters
                .iter()
                .map(|layer| Array2::zeros(layer.raw_dim()))
                .collect()
        };
        Self {
            rule,
            learning_rate,
            steps: 0.0,
            velocity: zeros(),
            squares: zeros(),
        }
    }

    /// One step against `gradient`.
    pub(crate) fn step(&mut self, parameters: &mut Parameters, gradient: &Parameters) {
        self.steps += 1.0;
        for (layer, parameters) in parameters.iter_mut().enumerate() {
            match self.rule {
                Rule::Sgd => parameters.scaled_add(-self.learning_rate, &gradient[layer]),
                Rule::Momentum => self.momentum(layer, parameters, &gradient[layer]),
                Rule::Adam => self.adam(layer, parameters, &gradient[layer]),
            }
        }
    }

    fn momentum(&mut self, layer: usize, parameters: &mut Array2<f64>, gradient: &Array2<f64>) {
        let velocity = &mut self.velocity[layer];
        *velocity *= MOMENTUM;
        *velocity += gradient;
        parameters.scaled_add(-self.learning_rate, velocity);
    }

    fn adam(&mut self, layer: usize, parameters: &mut Array2<f64>, gradient: &Array2<f64>) {
        // Both averages start at zero; without this the first steps would be too small.
        let velocity_weight = 1.0 - MOMENTUM.powf(self.steps);
        let squares_weight = 1.0 - SQUARES.powf(self.steps);
        Zip::from(parameters)
            .and(&mut self.velocity[layer])
            .and(&mut self.squares[layer])
            .and(gradient)
            .for_each(|parameter, velocity, square, &slope| {
                *velocity = MOMENTUM * *velocity + (1.0 - MOMENTUM) * slope;
                *square = SQUARES * *square + (1.0 - SQUARES) * slope * slope;
                let pace = (*square / squares_weight).sqrt() + TINY;
                *parameter -= self.learning_rate * *velocity / velocity_weight / pace;
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn first_steps_are_what_the_rules_say() {
        let gradient = vec![array![[2.0, -4.0]]];
        for (rule, expected) in [
            (Rule::Sgd, [-0.2, 0.4]),
            (Rule::Momentum, [-0.2, 0.4]),
            (Rule::Adam, [-0.1, 0.1]),
        ] {
            let mut parameters = vec![array![[0.0, 0.0]]];
            Optimizer::new(rule, 0.1, &parameters).step(&mut parameters, &gradient);
            for (value, expected) in parameters[0].iter().zip(expected) {
                assert!(
                    (value - expected).abs() < 1e-8,
                    "{rule:?}: {value} but {expected}"
                );
            }
        }
    }

    #[test]
    fn every_rule_finds_the_bottom_of_a_bowl() {
        for rule in [Rule::Sgd, Rule::Momentum, Rule::Adam] {
            let mut parameters = vec![array![[3.0, -2.0]]];
            let mut optimizer = Optimizer::new(rule, 0.02, &parameters);
            for _ in 0..1000 {
                let gradient = parameters.clone();
                optimizer.step(&mut parameters, &gradient);
            }
            assert!(
                parameters[0].iter().all(|value| value.abs() < 1e-3),
                "{rule:?}: {parameters:?}"
            );
        }
    }
}
