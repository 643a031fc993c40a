//! What every driver must do.

use std::sync::Arc;
use std::time::Duration;

use diwan_drivers::{Driver, DriverError, End, LaunchId, Phase, TrialPlan};
use tokio::time::timeout;

/// Longer than any trial here takes; only a broken driver gets there.
const PATIENCE: Duration = Duration::from_secs(60);
/// Long enough that a trial that can end in time does.
const LONG_GRACE: Duration = Duration::from_secs(30);
/// Short enough to wait for.
const SHORT_GRACE: Duration = Duration::from_millis(50);

/// How a trial of the suite behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Ends well, at once.
    Succeeds,
    /// Ends badly, at once.
    Fails,
    /// Runs until it is asked to stop.
    Runs,
    /// Runs until it is forced to stop.
    RunsOn,
}

/// A driver under test.
pub trait Subject: Sync {
    /// A driver over the same trials as every other that this returns, as after a restart of Diwan.
    fn driver(&self) -> Arc<dyn Driver>;
    /// The first attempt of a trial that nobody has seen yet.
    fn plan(&self, behaviour: Behaviour) -> TrialPlan;
    /// How often a launch began its work, if that can be told.
    fn launches(&self, id: &LaunchId) -> Option<usize>;
    /// Resolves when a launch that was started has got so far that it behaves as planned; at once, if it always does.
    fn begun(&self, id: &LaunchId) -> impl Future<Output = ()> + Send {
        let _ = id;
        async {}
    }
}

/// Asserts that a driver keeps the contract of [`Driver`].
///
/// # Panics
/// When it does not.
pub async fn conforms(subject: &impl Subject) {
    ends_are_told(subject).await;
    unknown_launches_are_not_started(subject).await;
    starting_again_adopts(subject).await;
    a_restart_adopts(subject).await;
    attempts_are_launches_of_their_own(subject).await;
    stops_ask_and_then_force(subject).await;
    a_stop_comes_before_a_start(subject).await;
    ended_launches_stay_ended(subject).await;
}

async fn bounded<T>(what: &str, work: impl Future<Output = Result<T, DriverError>>) -> T {
    match timeout(PATIENCE, work).await {
        Ok(result) => result.unwrap_or_else(|error| panic!("{what}: {error}")),
        Err(_) => panic!("{what}: nothing for {PATIENCE:?}"),
    }
}

async fn ends_are_told(subject: &impl Subject) {
    let driver = subject.driver();
    for behaviour in [Behaviour::Succeeds, Behaviour::Fails] {
        let plan = subject.plan(behaviour);
        bounded("start", driver.start(&plan)).await;
        let end = bounded("ended", driver.ended(&plan.id())).await;
        match behaviour {
            Behaviour::Succeeds => assert_eq!(end, End::Succeeded),
            _ => assert!(matches!(end, End::Failed(_)), "{end:?}"),
        }
        assert_eq!(
            bounded("observe", driver.observe(&plan.id())).await,
            Phase::Ended(end)
        );
    }
}

async fn unknown_launches_are_not_started(subject: &impl Subject) {
    let (driver, id) = (subject.driver(), subject.plan(Behaviour::Runs).id());
    assert_eq!(
        bounded("observe", driver.observe(&id)).await,
        Phase::NotStarted
    );
    let ended = timeout(PATIENCE, driver.ended(&id)).await;
    assert!(
        matches!(ended, Ok(Err(DriverError::NotStarted(_)))),
        "{ended:?}"
    );
    bounded("forget", driver.forget(&id)).await;
}

async fn starting_again_adopts(subject: &impl Subject) {
    let (driver, plan) = (subject.driver(), subject.plan(Behaviour::Runs));
    let starts = (0..8).map(|_| {
        let (driver, plan) = (Arc::clone(&driver), plan.clone());
        tokio::spawn(async move { bounded("start", driver.start(&plan)).await })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.expect("a start does not panic");
    }
    assert_running(&*driver, &plan.id()).await;
    bounded("stop", driver.stop(&plan.id(), LONG_GRACE)).await;
    bounded("start", driver.start(&plan)).await;
    assert_ended(&*driver, &plan.id()).await;
    assert_launches(subject, &plan.id(), 1);
}

async fn a_restart_adopts(subject: &impl Subject) {
    let plan = subject.plan(Behaviour::Runs);
    for _ in 0..3 {
        let driver = subject.driver();
        bounded("start", driver.start(&plan)).await;
        assert_running(&*driver, &plan.id()).await;
    }
    let driver = subject.driver();
    bounded("start", driver.start(&plan)).await;
    bounded("stop", driver.stop(&plan.id(), LONG_GRACE)).await;
    let driver = subject.driver();
    bounded("start", driver.start(&plan)).await;
    assert_ended(&*driver, &plan.id()).await;
    assert_launches(subject, &plan.id(), 1);

    let plan = subject.plan(Behaviour::Succeeds);
    bounded("start", subject.driver().start(&plan)).await;
    let driver = subject.driver();
    bounded("start", driver.start(&plan)).await;
    assert_eq!(
        bounded("ended", driver.ended(&plan.id())).await,
        End::Succeeded
    );
    assert_launches(subject, &plan.id(), 1);
}

async fn attempts_are_launches_of_their_own(subject: &impl Subject) {
    let (driver, mut plan) = (subject.driver(), subject.plan(Behaviour::Fails));
    bounded("start", driver.start(&plan)).await;
    bounded("ended", driver.ended(&plan.id())).await;
    plan.attempt += 1;
    assert_eq!(
        bounded("observe", driver.observe(&plan.id())).await,
        Phase::NotStarted
    );
    bounded("start", driver.start(&plan)).await;
    bounded("ended", driver.ended(&plan.id())).await;
    assert_launches(subject, &plan.id(), 1);
}

async fn stops_ask_and_then_force(subject: &impl Subject) {
    let driver = subject.driver();
    for (behaviour, grace) in [
        (Behaviour::Runs, LONG_GRACE),
        (Behaviour::RunsOn, SHORT_GRACE),
    ] {
        let plan = subject.plan(behaviour);
        bounded("start", driver.start(&plan)).await;
        let begun = async {
            subject.begun(&plan.id()).await;
            Ok(())
        };
        bounded("begin", begun).await;
        let waiting = {
            let (driver, id) = (Arc::clone(&driver), plan.id());
            tokio::spawn(async move { bounded("ended", driver.ended(&id)).await })
        };
        bounded("stop", driver.stop(&plan.id(), grace)).await;
        assert_ended(&*driver, &plan.id()).await;
        let end = waiting.await.expect("waiting does not panic");
        assert!(matches!(end, End::Left(_)), "{end:?}");
        bounded("stop again", driver.stop(&plan.id(), grace)).await;
    }
}

async fn a_stop_comes_before_a_start(subject: &impl Subject) {
    let (driver, plan) = (subject.driver(), subject.plan(Behaviour::Runs));
    bounded("stop", driver.stop(&plan.id(), LONG_GRACE)).await;
    bounded("start", driver.start(&plan)).await;
    assert_ended(&*driver, &plan.id()).await;
    assert_launches(subject, &plan.id(), 0);
}

async fn ended_launches_stay_ended(subject: &impl Subject) {
    let (driver, plan) = (subject.driver(), subject.plan(Behaviour::Fails));
    bounded("start", driver.start(&plan)).await;
    let end = bounded("ended", driver.ended(&plan.id())).await;
    let later = subject.driver();
    bounded("start", later.start(&plan)).await;
    bounded("stop", later.stop(&plan.id(), LONG_GRACE)).await;
    assert_eq!(bounded("ended", later.ended(&plan.id())).await, end);
    bounded("forget", later.forget(&plan.id())).await;
    bounded("forget again", later.forget(&plan.id())).await;
}

async fn assert_running(driver: &dyn Driver, id: &LaunchId) {
    let phase = bounded("observe", driver.observe(id)).await;
    assert!(matches!(phase, Phase::Running { .. }), "{phase:?}");
}

async fn assert_ended(driver: &dyn Driver, id: &LaunchId) {
    let phase = bounded("observe", driver.observe(id)).await;
    assert!(matches!(phase, Phase::Ended(_)), "{phase:?}");
}

fn assert_launches(subject: &impl Subject, id: &LaunchId, expected: usize) {
    if let Some(launches) = subject.launches(id) {
        assert_eq!(launches, expected, "{id} was launched");
    }
}
