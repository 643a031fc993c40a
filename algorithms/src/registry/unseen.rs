//! Where a study goes on of which nobody knows how many points were suggested before.

/// Suggestions that were asked for together.
pub(super) struct Batch<T> {
    /// What came.
    pub(super) points: T,
    /// Number of the last suggestion among them that has come before, if one has.
    pub(super) old: Option<u64>,
}

/// The first batch without an old suggestion, at number `next` or later: its number and what came. Where old suggestions are
/// followed by new ones, it begins right behind the old ones.
///
/// Batches are dear, so it goes ahead in steps that double, then back by halves. No more than `run`
/// suggestions can be old: where steps are longer and end at old ones all the same, chance repeats points, and they are taken.
pub(super) fn first<T, E>(
    next: u64,
    run: u64,
    mut ask: impl FnMut(u64) -> Result<Batch<T>, E>,
) -> Result<(u64, T), E> {
    let (mut first, mut batch) = (next, ask(next)?);
    // Numbers below it are old.
    let mut behind = next;
    let mut step = 1;
    while let Some(old) = batch.old {
        if step > run.saturating_mul(2) {
            return Ok((first, batch.points));
        }
        behind = old.saturating_add(1);
        first = old.saturating_add(step);
        batch = ask(first)?;
        step = step.saturating_mul(2);
    }
    while behind < first {
        let middle = behind.midpoint(first);
        let earlier = ask(middle)?;
        match earlier.old {
            Some(old) => behind = old.saturating_add(1).min(first),
            None => (first, batch) = (middle, earlier),
        }
    }
    Ok((first, batch.points))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Batches of `count` where some suggestions are old; how many were asked for goes into `asked`.
    fn batches<'a>(
        count: u64,
        is_old: impl Fn(u64) -> bool + 'a,
        asked: &'a mut u32,
    ) -> impl FnMut(u64) -> Result<Batch<u64>, ()> + 'a {
        move |number| {
            *asked += 1;
            Ok(Batch {
                points: number,
                old: (number..number + count).rfind(|number| is_old(*number)),
            })
        }
    }

    proptest! {
        #[test]
        fn it_begins_right_behind_the_old_ones(next in 0..100_u64, run in 0..100_000_u64, count in 1..50_u64) {
            let mut asked = 0;
            let end = next + run;
            let found = first(next, run, batches(count, |number| number < end, &mut asked));
            prop_assert_eq!(found, Ok((end, end)));
            prop_assert!(asked <= 2 * (run + 1).ilog2() + 3, "{asked} batches for {run} old suggestions");
        }

        #[test]
        fn gaps_are_no_reason_to_repeat_an_old_one(old in prop::collection::btree_set(0..60_u64, 0..40), count in 1..5_u64) {
            let mut asked = 0;
            let found = first(0, 40 * count, batches(count, |number| old.contains(&number), &mut asked));
            let (begin, _) = found.unwrap();
            prop_assert!((begin..begin + count).all(|number| !old.contains(&number)));
        }
    }

    #[test]
    fn chance_that_repeats_points_has_an_end() {
        let mut asked = 0;
        let found = first(0, 10_000, batches(1, |_| true, &mut asked));
        assert!(found.is_ok() && asked < 20, "{asked}");
    }
}
