//! Means, medians, ranks, and how sure they are.

use crate::stream::Stream;

/// Samples that an interval is made of.
const SAMPLES: usize = 1000;
/// With fewer values an interval says nothing.
const FEWEST: usize = 3;

/// The mean; 0 of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The middle value, or the mean of the two middle ones; 0 of nothing.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.get(half), values.len().is_multiple_of(2)) {
        (Some(upper), true) => f64::midpoint(values[half - 1], *upper),
        (Some(middle), false) => *middle,
        (None, _) => 0.0,
    }
}

/// Says where means of so many values lie with 95 % confidence, by the bootstrap's percentiles.
pub(super) struct Bootstrap {
    count: usize,
    /// Which values are in each sample, one sample after the other.
    drawn: Vec<usize>,
}

impl Bootstrap {
    pub(super) fn new(count: usize) -> Self {
        let mut stream = Stream::new("bench: bootstrap", count as u64, 0);
        let drawn = if count < FEWEST { 0 } else { SAMPLES * count };
        Self {
            count,
            drawn: (0..drawn).map(|_| stream.below(count)).collect(),
        }
    }

    /// Where the mean of these values lies; nothing if there are fewer than three, or not as many as was said.
    pub(super) fn interval(&self, values: &[f64]) -> Option<[f64; 2]> {
        if self.drawn.is_empty() || values.len() != self.count {
            return None;
        }
        let mean = |sample: &[usize]| {
            let sum: f64 = sample.iter().map(|drawn| values[*drawn]).sum();
            sum / self.count as f64
        };
        let mut means: Vec<f64> = self.drawn.chunks_exact(self.count).map(mean).collect();
        means.sort_by(f64::total_cmp);
        Some([means[SAMPLES / 40], means[SAMPLES - 1 - SAMPLES / 40]])
    }
}

/// The rank of each score, 1 for the smallest; equal ones share theirs.
pub(super) fn ranks(scores: &[f64]) -> Vec<f64> {
    let rank = |score: &f64| {
        let smaller = scores.iter().filter(|other| *other < score).count();
        let equal = scores.iter().filter(|other| *other == score).count();
        1.0 + smaller as f64 + (equal.max(1) - 1) as f64 / 2.0
    };
    scores.iter().map(rank).collect()
}

/// The share that each score has in the win: one for the smallest, parts of it for equal ones.
pub(super) fn wins(scores: &[f64]) -> Vec<f64> {
    let ranks = ranks(scores);
    let first = ranks.iter().copied().fold(f64::INFINITY, f64::min);
    let winners = ranks.iter().filter(|rank| **rank == first).count();
    let share = |rank: &f64| match *rank == first {
        true => 1.0 / winners as f64,
        false => 0.0,
    };
    ranks.iter().map(share).collect()
}

/// How much of a cell the first score has won against the other: a draw is half a win.
pub(super) fn won(own: f64, other: f64) -> f64 {
    wins(&[own, other])[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_found() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!((median(&[]), mean(&[])), (0.0, 0.0));
    }

    #[test]
    fn equal_scores_share_rank_and_win() {
        assert_eq!(ranks(&[2.0, 1.0, 1.0, 5.0]), [3.0, 1.5, 1.5, 4.0]);
        assert_eq!(wins(&[2.0, 1.0, 1.0, 5.0]), [0.0, 0.5, 0.5, 0.0]);
        assert_eq!(won(1.0, 1.0), 0.5);
    }

    #[test]
    fn the_smallest_difference_decides_rank_win_and_duel() {
        let (less, more) = (1.0, 1.0 + f64::EPSILON);
        assert_eq!(ranks(&[more, less]), [2.0, 1.0]);
        assert_eq!(wins(&[more, less]), [0.0, 1.0]);
        assert_eq!((won(more, less), won(less, more)), (0.0, 1.0));
    }

    /// The normal approximation has the mean ± 1.96 standard errors.
    #[test]
    fn an_interval_is_as_wide_as_the_normal_one() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let [low, high] = Bootstrap::new(100).interval(&values).unwrap();
        let error = 28.866 / 10.0 * 1.96;
        assert!((49.5 - error - low).abs() < 0.7, "{low}");
        assert!((49.5 + error - high).abs() < 0.7, "{high}");
        assert_eq!(Bootstrap::new(2).interval(&values[..2]), None);
    }
}
