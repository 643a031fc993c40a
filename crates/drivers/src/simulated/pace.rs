//! How a simulated trial waits until what it has reported is judged: its steps may be faster than any verdict.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// After this time without a verdict a trial goes on as if nobody judged it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a trial has written, and how much of that is judged.
#[derive(Debug)]
pub(super) struct Pace {
    written: watch::Sender<u64>,
    /// None: nobody judges it.
    judged: watch::Sender<Option<u64>>,
    patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(PATIENCE)
    }
}

impl Pace {
    fn new(patience: Duration) -> Self {
        Self {
            written: watch::Sender::new(0),
            judged: watch::Sender::new(None),
            patience,
        }
    }

    pub(super) fn is_judged(&self) -> bool {
        self.judged.borrow().is_some()
    }

    /// The trial has written; resolves when it may go on.
    pub(super) async fn wrote(&self) {
        self.written.send_modify(|written| *written += 1);
        let written = *self.written.borrow();
        let mut judged = self.judged.subscribe();
        let enough = judged.wait_for(|judged| judged.is_none_or(|judged| judged >= written));
        if timeout(self.patience, enough).await.is_err() {
            self.judged.send_replace(None);
        }
    }

    /// So much is judged; resolves with how much there is when there is more.
    pub(super) async fn more(&self, judged: u64) -> u64 {
        self.judged.send_replace(Some(judged));
        let mut written = self.written.subscribe();
        let more = written.wait_for(|written| *written > judged).await;
        *more.expect("the sender is here")
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn what_is_written_waits_for_its_verdict() {
        let pace = Pace::new(Duration::MAX);
        pace.wrote().await;
        assert!(!pace.is_judged(), "nobody asked for more");
        assert_eq!(pace.more(0).await, 1);
        tokio::select! {
            biased;
            () = pace.wrote() => panic!("it is not judged"),
            () = yield_now() => {}
        }
        tokio::select! {
            biased;
            () = async { assert_eq!(pace.more(2).await, 3) } => {}
            () = pace.wrote() => panic!("the third is not judged"),
        }
    }

    #[tokio::test]
    async fn a_judge_that_says_nothing_is_waited_for_no_more() {
        let pace = Pace::new(Duration::ZERO);
        pace.judged.send_replace(Some(0));
        pace.wrote().await;
        assert!(!pace.is_judged());
    }
}
