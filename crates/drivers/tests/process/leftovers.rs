//! Nothing outlives its trial.

use diwan_drivers::{Driver, End, ProcessDriver};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Place, is_alive, number};

#[tokio::test]
async fn what_the_command_leaves_behind_is_killed() {
    let place = Place::new();
    for script in [
        "sh -c 'echo $$ >left; exec sleep 1000' & until [ -s left ]; do sleep 0.01; done",
        "sh -c 'trap \"\" TERM; echo $$ >left; while :; do sleep 0.01; done' & until [ -s left ]; do sleep 0.01; done",
    ] {
        let plan = place.shell(script);
        assert_eq!(place.run(&plan).await, End::Succeeded);
        assert!(!is_alive(number(&plan.id(), "left").await), "{script}");
    }
}

#[tokio::test]
async fn leftovers_of_a_killed_leader_are_killed_before_the_end_is_told() {
    let place = Place::new();
    let plan = place.shell("echo $PPID >leader; echo $$ >command; exec sleep 1000");
    let driver = ProcessDriver::new();
    driver.start(&plan).await.unwrap();
    let leader = number(&plan.id(), "leader").await;
    let command = number(&plan.id(), "command").await;
    kill(Pid::from_raw(leader), Signal::SIGKILL).unwrap();
    let end = driver.ended(&plan.id()).await.unwrap();
    assert!(matches!(end, End::Failed(_)), "{end:?}");
    assert!(!is_alive(command));
}

#[tokio::test]
async fn a_trial_whose_leader_died_unseen_is_lost_and_does_not_run_on() {
    let place = Place::new();
    let plan = place
        .shell("echo $PPID >leader; trap '' TERM; echo $$ >command; while :; do sleep 0.01; done");
    ProcessDriver::new().start(&plan).await.unwrap();
    let leader = number(&plan.id(), "leader").await;
    let command = number(&plan.id(), "command").await;
    kill(Pid::from_raw(leader), Signal::SIGKILL).unwrap();
    let driver = ProcessDriver::new();
    let end = driver.ended(&plan.id()).await.unwrap();
    assert!(matches!(end, End::Lost(_)), "{end:?}");
    assert!(!is_alive(command));
}
