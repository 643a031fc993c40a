//! Nothing outlives its trial.

use diwan_drivers::{Driver, End};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Place, driver, is_alive, kill_with_heir, number};

#[tokio::test]
async fn what_the_command_leaves_behind_is_killed() {
    let place = Place::new();
    for script in [
        "sh -c 'echo $$ >left; exec sleep 1000' & until [ -s left ]; do sleep 0.01; done",
        "sh -c 'trap \"\" TERM; echo $$ >left; while :; do sleep 0.01; done' & until [ -s left ]; do sleep 0.01; done",
        "setsid -f sh -c 'echo $$ >left; exec sleep 1000'; until [ -s left ]; do sleep 0.01; done",
        "setsid -f sh -c 'trap \"\" TERM; echo $$ >left; while :; do sleep 0.01; done'; until [ -s left ]; do sleep 0.01; done",
        "for i in $(seq 100); do /bin/true; done; setsid -f sh -c 'echo $$ >left; exec sleep 1000'; until [ -s left ]; do sleep 0.01; done",
    ] {
        let plan = place.shell(script);
        assert_eq!(place.run(&plan).await, End::Succeeded);
        assert!(!is_alive(number(&plan.id(), "left").await), "{script}");
    }
}

#[tokio::test]
async fn leftovers_of_a_killed_leader_are_killed_before_the_end_is_told() {
    let place = Place::new();
    let plan = place.shell("echo $$ >leader; sh -c 'echo $$ >left; exec sleep 1000' & wait");
    let driver = driver();
    driver.start(&plan).await.unwrap();
    let leader = number(&plan.id(), "leader").await;
    let left = number(&plan.id(), "left").await;
    kill(Pid::from_raw(leader), Signal::SIGKILL).unwrap();
    let end = driver.ended(&plan.id()).await.unwrap();
    assert!(matches!(end, End::Failed(_)), "{end:?}");
    assert!(!is_alive(left));
}

#[tokio::test]
async fn a_trial_whose_end_nobody_saw_is_lost_and_does_not_run_on() {
    let place = Place::new();
    let plan = place.shell(
        "echo $PPID >supervisor; echo $$ >leader; \
         sh -c 'trap \"\" TERM; echo $$ >left; while :; do sleep 0.01; done' & wait",
    );
    driver().start(&plan).await.unwrap();
    let left = number(&plan.id(), "left").await;
    kill_with_heir(number(&plan.id(), "supervisor").await);
    let leader = number(&plan.id(), "leader").await;
    kill(Pid::from_raw(leader), Signal::SIGKILL).unwrap();
    let end = driver().ended(&plan.id()).await.unwrap();
    assert!(matches!(end, End::Lost(_)), "{end:?}");
    assert!(!is_alive(left));
}
