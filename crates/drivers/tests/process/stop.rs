//! TERM, grace, KILL.

use std::time::Duration;

use diwan_drivers::{Driver, End};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Place, driver, is_alive, number, printed};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn term_gives_time_to_finish() {
    let place = Place::new();
    let plan =
        place.shell("trap 'echo saved; exit 5' TERM; echo ready; while :; do sleep 0.01; done");
    let driver = driver();
    driver.start(&plan).await.unwrap();
    printed(&plan.id(), "ready").await;
    driver.stop(&plan.id(), LONG).await.unwrap();
    printed(&plan.id(), "saved").await;
    let end = driver.ended(&plan.id()).await.unwrap();
    assert!(
        matches!(&end, End::Left(message) if message.contains("exit code 5")),
        "{end:?}"
    );
}

/// Whoever leaves well because of a TERM may have more to do; whoever was done before has not.
#[tokio::test]
async fn a_good_end_before_a_stop_is_told_from_one_after_it() {
    let place = Place::new();
    let leaves = place.shell("trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done");
    let driver = driver();
    driver.start(&leaves).await.unwrap();
    printed(&leaves.id(), "ready").await;
    driver.stop(&leaves.id(), LONG).await.unwrap();
    let done = place.shell("exit 0");
    assert_eq!(place.run(&done).await, End::Succeeded);
    driver.stop(&done.id(), LONG).await.unwrap();
    for driver in [driver, crate::support::driver()] {
        let end = driver.ended(&leaves.id()).await.unwrap();
        assert!(matches!(end, End::Left(_)), "{end:?}");
        assert_eq!(driver.ended(&done.id()).await.unwrap(), End::Succeeded);
    }
}

#[tokio::test]
async fn kill_comes_after_the_grace() {
    let place = Place::new();
    let plan = place.shell("trap '' TERM; echo $$ >pid; while :; do sleep 0.01; done");
    let driver = driver();
    driver.start(&plan).await.unwrap();
    let pid = number(&plan.id(), "pid").await;
    let start = Instant::now();
    driver.stop(&plan.id(), SHORT).await.unwrap();
    assert!(start.elapsed() >= SHORT);
    assert!(!is_alive(pid));
    let end = driver.ended(&plan.id()).await.unwrap();
    assert!(
        matches!(&end, End::Left(message) if message.contains("exit code 137")),
        "{end:?}"
    );
    // The next Diwan hears the same.
    let next = crate::support::driver();
    assert_eq!(next.ended(&plan.id()).await.unwrap(), end);
}

#[tokio::test]
async fn grandchildren_are_stopped_too() {
    let place = Place::new();
    let plan = place.shell("sh -c 'echo $$ >grandchild; exec sleep 1000' & echo $$ >child; wait");
    let driver = driver();
    driver.start(&plan).await.unwrap();
    let pids = [
        number(&plan.id(), "child").await,
        number(&plan.id(), "grandchild").await,
    ];
    driver.stop(&plan.id(), LONG).await.unwrap();
    assert!(!pids.into_iter().any(is_alive));
}

#[tokio::test]
async fn an_adopted_trial_is_stopped() {
    let place = Place::new();
    let plan = place.shell("trap '' TERM; echo $$ >pid; while :; do sleep 0.01; done");
    driver().start(&plan).await.unwrap();
    let pid = number(&plan.id(), "pid").await;
    let driver = driver();
    driver.stop(&plan.id(), SHORT).await.unwrap();
    assert!(!is_alive(pid));
    let end = driver.ended(&plan.id()).await.unwrap();
    assert!(!matches!(end, End::Succeeded), "{end:?}");
}

/// TERM reaches a launch in its first moments too, while its leader is still getting ready. Nothing tells from outside how
/// far it is, so the moments are times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_moment_is_too_early_to_stop() {
    let place = Place::new();
    let driver = driver();
    for round in 0..150_u64 {
        let plan = place.command(&["sleep", "1000"]);
        driver.start(&plan).await.unwrap();
        sleep(Duration::from_micros(round * 37 % 4000)).await;
        let stopped = timeout(LONG / 2, driver.stop(&plan.id(), LONG)).await;
        assert!(matches!(stopped, Ok(Ok(()))), "round {round}: {stopped:?}");
    }
}
