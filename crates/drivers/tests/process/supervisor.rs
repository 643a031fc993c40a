//! The supervisor goes away, or does not come.

use std::time::Duration;

use diwan_drivers::{Driver, DriverError, End, Phase, ProcessDriver, SupervisorCommand};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgrp, getsid};

use crate::support::{Place, driver, eventually, is_alive, kill_with_heir, number};

const SCRIPT: &str = "echo $PPID >supervisor; echo $$ >pid; until [ -e go ]; do sleep 0.01; done";

fn is_running(phase: &Phase) -> bool {
    matches!(phase, Phase::Running { pid: Some(_) })
}

#[tokio::test]
async fn trials_of_a_killed_supervisor_run_on_and_new_ones_get_another() {
    let place = Place::new();
    let driver = driver();
    let (old, new) = (place.shell(SCRIPT), place.shell(SCRIPT));
    driver.start(&old).await.unwrap();
    let supervisor = number(&old.id(), "supervisor").await;
    kill(Pid::from_raw(supervisor), Signal::SIGKILL).unwrap();
    driver.start(&new).await.unwrap();
    assert_ne!(number(&new.id(), "supervisor").await, supervisor);
    assert!(is_running(&driver.observe(&old.id()).await.unwrap()));
    for plan in [&old, &new] {
        std::fs::write(plan.id().work_directory().join("go"), "").unwrap();
        assert_eq!(driver.ended(&plan.id()).await.unwrap(), End::Succeeded);
    }
}

#[tokio::test]
async fn trials_that_lose_their_supervisor_and_its_heir_run_on_and_their_ends_are_lost() {
    let place = Place::new();
    let driver = driver();
    let plan = place.shell(SCRIPT);
    driver.start(&plan).await.unwrap();
    let supervisor = number(&plan.id(), "supervisor").await;
    kill_with_heir(supervisor);
    assert!(is_running(&driver.observe(&plan.id()).await.unwrap()));
    std::fs::write(plan.id().work_directory().join("go"), "").unwrap();
    let end = driver.ended(&plan.id()).await.unwrap();
    assert!(matches!(end, End::Lost(_)), "{end:?}");
}

/// Until it is known who leads the trial.
const RECORDED: &str = "until grep -q leader ../attempt-1.status; do :; done";

/// The heir learns of both ends at once.
#[tokio::test]
async fn the_end_of_a_trial_that_kills_its_supervisor_is_known() {
    let place = Place::new();
    let driver = driver();
    for round in 0..20 {
        let plan = place.shell(&format!("{RECORDED}; kill -9 $PPID; exit 3"));
        driver.start(&plan).await.unwrap();
        let end = driver.ended(&plan.id()).await.unwrap();
        assert_eq!(end, End::Failed("exit code 3".to_owned()), "round {round}");
    }
}

#[tokio::test]
async fn a_signal_without_a_name_is_an_end_with_and_without_a_supervisor() {
    let place = Place::new();
    let driver = driver();
    for before in [":".to_owned(), format!("{RECORDED}; kill -9 $PPID")] {
        let plan = place.shell(&format!("{before}; kill -40 $$"));
        driver.start(&plan).await.unwrap();
        let end = driver.ended(&plan.id()).await.unwrap();
        assert_eq!(end, End::Failed("exit code 162".to_owned()), "{before}");
    }
}

#[tokio::test]
async fn a_trial_of_a_killed_supervisor_can_be_stopped() {
    let place = Place::new();
    let driver = driver();
    let plan = place.shell(SCRIPT);
    driver.start(&plan).await.unwrap();
    let pid = number(&plan.id(), "pid").await;
    let supervisor = number(&plan.id(), "supervisor").await;
    kill(Pid::from_raw(supervisor), Signal::SIGKILL).unwrap();
    driver
        .stop(&plan.id(), Duration::from_secs(60))
        .await
        .unwrap();
    assert!(!is_alive(pid));
}

/// A kill at any moment of a launch: it happened once and its end is known, or never and it is lost. The moments lie between the steps of the
/// supervisor, which nothing tells from outside, so they are times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_launch_hangs_or_repeats_whenever_supervisors_die() {
    let place = Place::new();
    for round in 0..60_u64 {
        let driver = driver();
        let warm = place.shell("echo $PPID >supervisor");
        driver.start(&warm).await.unwrap();
        let supervisor = Pid::from_raw(number(&warm.id(), "supervisor").await);
        let plan = place.shell("echo ran; sleep 0.1");
        let killer = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_micros(round * 37 % 2500)).await;
            kill(supervisor, Signal::SIGKILL)
        });
        driver.start(&plan).await.unwrap();
        killer.await.unwrap().unwrap();
        let end = driver.ended(&plan.id()).await.unwrap();
        let ran = crate::support::stdout(&plan.id());
        match end {
            End::Succeeded => assert_eq!(ran, "ran\n", "round {round}"),
            End::Lost(_) => assert_eq!(ran, "", "round {round}"),
            other => panic!("round {round}: {other:?}"),
        }
        let again = driver.ended(&plan.id()).await;
        assert!(again.is_ok(), "round {round}: {again:?}");
    }
}

#[tokio::test]
async fn a_supervisor_has_a_session_of_its_own_and_ends_with_its_last_trial() {
    let place = Place::new();
    let driver = driver();
    let plan = place.shell(SCRIPT);
    driver.start(&plan).await.unwrap();
    let supervisor = number(&plan.id(), "supervisor").await;
    let pid = number(&plan.id(), "pid").await;
    let session = getsid(Some(Pid::from_raw(supervisor))).unwrap();
    assert_eq!(session, Pid::from_raw(supervisor));
    assert_ne!(session, getsid(None).unwrap());
    assert_ne!(getpgrp(), Pid::from_raw(pid));
    drop(driver);
    std::fs::write(plan.id().work_directory().join("go"), "").unwrap();
    eventually("the end of the supervisor", || {
        (!is_alive(supervisor)).then_some(())
    })
    .await;
    let end = crate::support::driver().ended(&plan.id()).await.unwrap();
    assert_eq!(end, End::Succeeded);
}

#[tokio::test]
async fn a_supervisor_that_cannot_be_had_is_an_error() {
    let place = Place::new();
    let plan = place.command(&["true"]);
    for command in [["/nonexistent/diwan", "x"], ["true", "x"]] {
        let driver = ProcessDriver::new(SupervisorCommand::new(command[0], [command[1]]));
        let error = driver.start(&plan).await.unwrap_err();
        assert!(matches!(error, DriverError::Spawn { .. }), "{error}");
        assert!(!error.is_permanent());
        assert_eq!(driver.observe(&plan.id()).await.unwrap(), Phase::NotStarted);
    }
    assert_eq!(place.run(&plan).await, End::Succeeded);
}
