//! Points, made into reports that can be sent again.
//!
//! The store knows a report that was sent again by its being equal to the one before. So a report is made once and is kept
//! until it is acknowledged, and two reports of a trial are never equal.

use diwan_core::observation::MetricPoint;

/// Most points of a report.
pub(super) const MOST_POINTS: usize = 1000;

/// Most bytes of a report's texts; servers take 4 MiB. A point has at most a line of 64 KiB.
const MOST_BYTES: usize = 2 << 20;

/// In nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// Gives points that have no time of their own the one at which they were read.
///
/// Each gets another one, in their order, with a fraction of a second: Katib takes the time for the order, and the store
/// takes equal reports in whole seconds for two.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    last: i64,
}

impl Stamps {
    pub(super) fn stamp(&mut self, points: &mut [MetricPoint], now_ns: i64) {
        for point in points {
            match point.time_ns {
                Some(_) => {}
                None => {
                    let next = now_ns.max(self.last.saturating_add(1));
                    self.last = next + i64::from(next % SECOND == 0);
                    point.time_ns = Some(self.last);
                }
            }
        }
    }

    /// Goes on after these.
    pub(super) fn resume(&mut self, points: &[MetricPoint]) {
        let latest = points.iter().filter_map(|point| point.time_ns).max();
        self.last = self.last.max(latest.unwrap_or_default());
    }
}

/// Cuts points into reports. The same points are always cut the same way.
pub(super) fn cut(points: Vec<MetricPoint>) -> Vec<Vec<MetricPoint>> {
    let mut reports: Vec<Vec<MetricPoint>> = Vec::new();
    let mut bytes = 0;
    for point in points {
        let size = point.metric.len() + point.value.len();
        match reports.last_mut() {
            Some(report) if report.len() < MOST_POINTS && bytes + size <= MOST_BYTES => {
                bytes += size;
                report.push(point);
            }
            _ => {
                bytes = size;
                reports.push(vec![point]);
            }
        }
    }
    reports
}

/// Whether the store would take `report` for `before` sent again.
pub(super) fn is_equal(report: &[MetricPoint], before: &[MetricPoint]) -> bool {
    let sent = |point: &MetricPoint| (point.metric.clone(), point.value.clone(), point.time_ns);
    report.len() == before.len()
        && report
            .iter()
            .zip(before)
            .all(|(one, other)| sent(one) == sent(other))
}

#[cfg(test)]
pub(super) fn point(metric: &str, value: &str, time_ns: Option<i64>) -> MetricPoint {
    MetricPoint {
        metric: metric.to_owned(),
        value: value.to_owned(),
        time_ns,
        step: None,
        place: diwan_core::observation::Place::pushed(0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_of_their_own_stay() {
        let mut points = [
            point("acc", "1", Some(5)),
            point("acc", "2", None),
            point("acc", "3", None),
        ];
        let mut stamps = Stamps::default();
        stamps.stamp(&mut points, SECOND);
        let times: Vec<_> = points.iter().map(|point| point.time_ns).collect();
        assert_eq!(times, [Some(5), Some(SECOND + 1), Some(SECOND + 2)]);
    }

    proptest! {
        #[test]
        fn stamps_rise_whatever_the_clock_does(nows in prop::collection::vec(0..3 * SECOND, 1..30)) {
            let mut stamps = Stamps::default();
            let mut last = 0;
            for now in nows {
                let mut points = [point("acc", "1", None), point("acc", "1", None)];
                stamps.stamp(&mut points, now);
                for point in points {
                    let time = point.time_ns.unwrap();
                    prop_assert!(time > last && time % SECOND != 0);
                    last = time;
                }
            }
        }

        #[test]
        fn reports_are_all_points_in_order_and_small(
            sizes in prop::collection::vec(0_usize..(64 << 10), 0..100), many in 0_usize..3000,
        ) {
            let sizes = sizes.into_iter().chain(std::iter::repeat_n(1, many));
            let points: Vec<_> = sizes.map(|size| point("acc", &"x".repeat(size), None)).collect();
            let reports = cut(points.clone());
            for report in &reports {
                let bytes: usize = report.iter().map(|point| point.metric.len() + point.value.len()).sum();
                prop_assert!(!report.is_empty() && report.len() <= MOST_POINTS && bytes <= MOST_BYTES);
            }
            prop_assert_eq!(reports.concat(), points);
        }
    }
}
