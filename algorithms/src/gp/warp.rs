//! Losses as a Gaussian process takes them best.

/// Of the losses, so many in ten are never cut off.
const KEPT: usize = 9;
/// The rest is cut off where it is so many times as high, after the logarithm, as the highest of them.
const HIGHEST: f64 = 2.0;

/// Losses with mean 0 and variance 1. Those above the median are drawn together by a logarithm, so that the slopes around a
/// minimum do not decide what is believed at it, and outliers are cut off; the order stays. Takes any finite values.
pub(crate) fn warp(losses: &[f64]) -> Vec<f64> {
    // The differences of values near ±1e308 would overflow.
    let mut sorted: Vec<f64> = losses.iter().map(|loss| 0.5 * loss).collect();
    sorted.sort_by(f64::total_cmp);
    let Some(&lowest) = sorted.first() else {
        return Vec::new();
    };
    let above = |index: usize| sorted[index] - lowest;
    let unit = match above(sorted.len() / 2) {
        0.0 => above(sorted.len() - 1),
        unit => unit,
    };
    let bent = |above: f64| {
        if above > unit {
            // Their ratio could overflow, too.
            1.0 + above.ln() - unit.ln()
        } else if above > 0.0 {
            above / unit
        } else {
            0.0
        }
    };
    let highest = HIGHEST * bent(above((sorted.len() - 1) * KEPT / 10));
    let cut = losses
        .iter()
        .map(|loss| bent(0.5 * loss - lowest).min(highest));
    standardize(cut.collect())
}

fn standardize(values: Vec<f64>) -> Vec<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / count;
    if variance.is_nan() || variance <= 0.0 {
        return vec![0.0; values.len()];
    }
    let deviation = variance.sqrt();
    values
        .iter()
        .map(|value| (value - mean) / deviation)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keeps_the_order_of_any_finite_losses(losses in prop::collection::vec(prop_oneof![
            -1e3..1e3, any::<f64>().prop_filter("finite", |x| x.is_finite()), Just(1e300), Just(-1e300), Just(0.0), Just(5e-324),
        ], 1..40)) {
            let warped = warp(&losses);
            prop_assert!(warped.iter().all(|value| value.is_finite()), "{warped:?}");
            for (a, wa) in losses.iter().zip(&warped) {
                for (b, wb) in losses.iter().zip(&warped) {
                    prop_assert!(a > b || wa <= wb, "{a} {b} {wa} {wb}");
                }
            }
        }
    }

    #[test]
    fn equal_losses_are_all_in_the_middle() {
        assert_eq!(warp(&[7.0; 5]), [0.0; 5]);
    }
}
