//! Observations that nothing explains: a trial that went wrong and reported a number all the same.

use super::fit::{Prior, fit};
use super::posterior::{Data, Posterior};

/// A model that explains so much, in nats for each observation (white noise costs 1.4), has no outlier that matters.
const CLEAR: f64 = 0.0;
/// So many robust standard deviations above what the others predict.
const FAR: f64 = 3.0;
/// The standard deviation of a normal distribution whose median absolute value is 1 (Hampel, "The Influence Curve and Its Role
/// in Robust Estimation", J. Am. Stat. Assoc. 69, 1974).
const OF_MEDIAN: f64 = 1.4826;
/// At most one of so many is an outlier: more are a part of the function.
const ONE_OF: usize = 3;
/// What an outlier costs, in nats: one trial in twenty is one, and then it may be anywhere.
const COST: f64 = 7.0;
/// Outliers hide each other.
const ROUNDS: usize = 3;
/// Evaluations of a fit without those that are suspected.
const LIMIT: usize = 20;
/// Observations of such a fit. They come in no order.
const FITTED: usize = 100;

/// A model of those of some observations that are no outliers, where `model` makes one of any of them by a fit from `prior`.
///
/// A trial is an outlier if the others are explained so much better without it that this pays for it (the two components of
/// Jaynes, "Probability Theory", 2003, section 21.3).
pub(crate) fn without_outliers(
    mut observations: Vec<usize>,
    prior: Prior,
    model: impl Fn(&[usize]) -> Option<Posterior>,
) -> Option<Posterior> {
    let mut found = model(&observations)?;
    for _ in 0..ROUNDS {
        let Some(suspects) = suspects(&found) else {
            break;
        };
        let mut rest = Data::new(found.data.metric.clone());
        let mut fitted = rest.clone();
        for (index, row) in found.data.points.iter().enumerate() {
            if !suspects[index] {
                rest.push(row, found.data.values[index]);
                if fitted.len() < FITTED {
                    fitted.push(row, found.data.values[index]);
                }
            }
        }
        let count = found.data.len() - rest.len();
        let hyper = fit(&fitted, prior, LIMIT);
        let without = Posterior::new(rest, hyper)?;
        if found.misfit() < without.misfit() + COST * count as f64 {
            break;
        }
        let mut suspects = suspects.into_iter();
        observations.retain(|_| suspects.next() == Some(false));
        found = model(&observations)?;
    }
    Some(found)
}

/// Which of a model's observations are far above what the others predict, if any are. Those below may be what is looked for.
fn suspects(model: &Posterior) -> Option<Vec<bool>> {
    let count = model.data.len();
    if model.misfit() < CLEAR * count as f64 {
        return None;
    }
    let surprises = model.surprises();
    let mut sizes: Vec<f64> = surprises.iter().map(|surprise| surprise.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let limit = FAR * OF_MEDIAN * sizes[count / 2];
    let suspects: Vec<bool> = surprises.iter().map(|surprise| *surprise > limit).collect();
    let found = suspects.iter().filter(|suspect| **suspect).count();
    (found > 0 && found * ONE_OF <= count).then_some(suspects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gp::Metric;

    const PRIOR: Prior = Prior {
        length: -0.7,
        noise: -13.0,
        bends: false,
    };

    #[test]
    fn a_value_that_its_neighbours_contradict_is_left_out_and_a_hill_is_not() {
        let made = |wrong: &[usize], chosen: &[usize]| {
            let mut data = Data::new(Metric::numeric(2));
            for &i in chosen {
                let at = [(i % 6) as f64 / 5.0, (i / 6) as f64 / 5.0];
                let hill = if at[0] > 0.7 { 5.0 } else { 0.0 };
                let value = at[0] * at[0] + at[1] + hill;
                data.push(&at, if wrong.contains(&i) { 9.0 } else { value });
            }
            let hyper = fit(&data, PRIOR, 30);
            Posterior::new(data, hyper)
        };
        for wrong in [&[][..], &[14], &[2, 14, 19, 33]] {
            let model =
                without_outliers((0..36).collect(), PRIOR, |chosen| made(wrong, chosen)).unwrap();
            let left = model.data.len();
            assert!((35..=36).contains(&(left + wrong.len())), "{left}");
            assert!(model.data.values.iter().all(|value| *value < 9.0));
        }
    }
}
