//! Diwan goes away and comes back. A dropped driver leaves its trials alone, as a killed Diwan does.

use std::time::Duration;

use diwan_drivers::{Driver, End, Phase};
use serde_json::json;
use tokio::time::timeout;

use crate::support::{Place, driver, eventually, is_alive, number, printed, stdout};

#[tokio::test]
async fn a_live_orphan_is_adopted() {
    let place = Place::new();
    let plan = place.shell("echo $$ >leader; until [ -e go ]; do sleep 0.01; done; echo done");
    driver().start(&plan).await.unwrap();
    let leader = number(&plan.id(), "leader").await;

    let driver = driver();
    driver.start(&plan).await.unwrap();
    assert_eq!(
        driver.observe(&plan.id()).await.unwrap(),
        Phase::Running { pid: Some(leader) }
    );
    std::fs::write(plan.id().work_directory().join("go"), "").unwrap();
    assert_eq!(driver.ended(&plan.id()).await.unwrap(), End::Succeeded);
    assert_eq!(stdout(&plan.id()), "done\n");
}

#[tokio::test]
async fn an_end_that_nobody_watched_is_found() {
    let place = Place::new();
    let plan = place.shell("echo done; exit 7");
    driver().start(&plan).await.unwrap();
    let status = plan.directory.join("attempt-1.status");
    eventually("the exit code", || {
        std::fs::read_to_string(&status)
            .ok()?
            .ends_with("\nexit 7\n")
            .then_some(())
    })
    .await;

    let driver = driver();
    driver.start(&plan).await.unwrap();
    assert_eq!(
        driver.ended(&plan.id()).await.unwrap(),
        End::Failed("exit code 7".to_owned())
    );
    assert_eq!(stdout(&plan.id()), "done\n");
}

#[tokio::test]
async fn a_directory_by_another_path_is_the_same_trial() {
    let place = Place::new();
    let mut plan = place.shell("until [ -e go ]; do sleep 0.01; done");
    driver().start(&plan).await.unwrap();
    let link = place.root().join("link");
    std::os::unix::fs::symlink(plan.directory.parent().unwrap(), &link).unwrap();
    plan.directory = link.join(&plan.trial);
    let driver = driver();
    driver.start(&plan).await.unwrap();
    let phase = driver.observe(&plan.id()).await.unwrap();
    assert!(matches!(phase, Phase::Running { .. }), "{phase:?}");
    std::fs::write(plan.id().work_directory().join("go"), "").unwrap();
    assert_eq!(driver.ended(&plan.id()).await.unwrap(), End::Succeeded);
}

#[tokio::test]
async fn a_claim_without_a_process_is_lost() {
    let place = Place::new();
    for claim in [
        "",
        "claimed 99999999\n",
        "claimed 1\nleader 99999999 1 0\n",
        "claimed 1\nleader 1 1 0\n",
    ] {
        let plan = place.command(&["true"]);
        std::fs::create_dir_all(&plan.directory).unwrap();
        std::fs::write(plan.directory.join("attempt-1.status"), claim).unwrap();
        let driver = driver();
        driver.start(&plan).await.unwrap();
        let end = driver.ended(&plan.id()).await.unwrap();
        assert!(matches!(end, End::Lost(_)), "{claim:?}: {end:?}");
        assert!(!plan.id().stdout().exists());
    }
}

/// The first driver goes away after a different number of microseconds each time, mostly before its leader has claimed the
/// attempt; some rounds have a third one in between. The work is done once, whoever claimed it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_attempt_runs_once_whenever_diwan_dies() {
    let place = Place::new();
    for round in 0..200_u64 {
        let plan = place.shell("echo ran; sleep 0.00$(($$ % 10)); exit 4");
        let first = driver();
        let _ = timeout(Duration::from_micros(round * 17 % 3000), first.start(&plan)).await;
        drop(first);
        if round % 3 == 0 {
            let _ = timeout(
                Duration::from_micros(round * 31 % 2000),
                driver().start(&plan),
            )
            .await;
        }
        let driver = driver();
        driver.start(&plan).await.unwrap();
        let end = driver.ended(&plan.id()).await.unwrap();
        assert_eq!(end, End::Failed("exit code 4".to_owned()), "round {round}");
        assert_eq!(stdout(&plan.id()), "ran\n", "round {round}");
    }
}

/// As above, but the second Diwan wants the trial to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_attempt_stays_stopped_whenever_diwan_dies() {
    let place = Place::new();
    for round in 0..50_u64 {
        let plan = place.shell("echo $$ >pid; exec sleep 1000");
        let first = driver();
        let _ = timeout(Duration::from_micros(round * 61 % 3000), first.start(&plan)).await;
        drop(first);
        let driver = driver();
        driver
            .stop(&plan.id(), Duration::from_millis(200))
            .await
            .unwrap();
        let end = driver.ended(&plan.id()).await.unwrap();
        assert!(!matches!(end, End::Succeeded), "round {round}: {end:?}");
        driver.start(&plan).await.unwrap();
        let phase = driver.observe(&plan.id()).await.unwrap();
        assert!(matches!(phase, Phase::Ended(_)), "round {round}: {phase:?}");
    }
    let left = std::process::Command::new("ps")
        .args(["-Aww", "-o", "command="])
        .output()
        .unwrap();
    let left = String::from_utf8_lossy(&left.stdout).into_owned();
    let root = place.root().to_str().unwrap();
    assert!(!left.lines().any(|line| line.contains(root)), "{left}");
}

#[tokio::test]
async fn two_trials_do_not_see_each_other() {
    let place = Place::new();
    let (one, two) = (
        place.shell("echo ready; exec sleep 1000"),
        place.shell("exit 0"),
    );
    let driver = driver();
    driver.start(&one).await.unwrap();
    printed(&one.id(), "ready").await;
    driver.start(&two).await.unwrap();
    assert_eq!(driver.ended(&two.id()).await.unwrap(), End::Succeeded);
    assert!(matches!(
        driver.observe(&one.id()).await.unwrap(),
        Phase::Running { .. }
    ));
    driver
        .stop(&one.id(), Duration::from_secs(60))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_orphan_without_a_directory_is_ended_before_it_is_launched_again() {
    let place = Place::new();
    let plan = place.shell("echo $$ >pid; exec sleep 1000");
    let before = driver();
    before.start(&plan).await.unwrap();
    let orphan = number(&plan.id(), "pid").await;
    drop(before);
    std::fs::remove_dir_all(&plan.directory).unwrap();
    let driver = driver();
    driver.recover(&[plan.id()]).await.unwrap();
    assert!(!is_alive(orphan));
    driver.start(&plan).await.unwrap();
    assert_ne!(number(&plan.id(), "pid").await, orphan);
    driver.stop(&plan.id(), Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn an_orphan_with_its_record_is_left_alone() {
    let place = Place::new();
    let plan = place.shell("echo $$ >pid; until [ -e go ]; do sleep 0.01; done");
    driver().start(&plan).await.unwrap();
    let orphan = number(&plan.id(), "pid").await;
    let driver = driver();
    driver.recover(&[plan.id()]).await.unwrap();
    driver.start(&plan).await.unwrap();
    assert!(is_alive(orphan));
    std::fs::write(plan.id().work_directory().join("go"), "").unwrap();
    assert_eq!(driver.ended(&plan.id()).await.unwrap(), End::Succeeded);
}

#[tokio::test]
async fn an_orphan_whose_working_directory_is_gone_is_adopted() {
    let place = Place::new();
    let elsewhere = place.root().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let script = "cd $DIWAN_TRIAL_DIR; echo $$$$ >pid; until [ -e go ]; do sleep 0.01; done";
    let plan = place.container(json!({
        "command": ["sh", "-c", script],
        "workingDir": elsewhere.to_str().unwrap(),
    }));
    driver().start(&plan).await.unwrap();
    number(&plan.id(), "pid").await;
    std::fs::remove_dir(&elsewhere).unwrap();
    let driver = driver();
    driver.start(&plan).await.unwrap();
    std::fs::write(plan.id().work_directory().join("go"), "").unwrap();
    assert_eq!(driver.ended(&plan.id()).await.unwrap(), End::Succeeded);
}
