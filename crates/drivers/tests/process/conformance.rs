use std::sync::Arc;

use diwan_drivers::{Driver, End, LaunchId, TrialPlan};
use diwan_testkit::driver::{Behaviour, Script, Scripted, Subject, conforms};

use crate::support::{Place, driver};

impl Subject for Place {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(driver())
    }

    fn plan(&self, behaviour: Behaviour) -> TrialPlan {
        let then = match behaviour {
            Behaviour::Succeeds => "exit 0",
            Behaviour::Fails => "exit 1",
            Behaviour::Runs => "exec sleep 1000",
            Behaviour::RunsOn => "trap '' TERM; while :; do sleep 0.01; done",
        };
        self.shell(&format!("echo >>launches-$DIWAN_ATTEMPT; {then}"))
    }

    fn launches(&self, id: &LaunchId) -> Option<usize> {
        let path = id.work_directory().join(format!("launches-{}", id.attempt));
        let launches = std::fs::read_to_string(path)
            .unwrap_or_default()
            .lines()
            .count();
        // A trial that was stopped in its first moment has not come to write its line.
        (launches != 0 || !id.work_directory().exists()).then_some(launches)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_conform() {
    conforms(&Place::new()).await;
}

struct Fake {
    place: Place,
    driver: Scripted,
}

impl Subject for Fake {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(self.driver.clone())
    }

    fn plan(&self, behaviour: Behaviour) -> TrialPlan {
        let mut plan = self.place.command(&["fake"]);
        plan.primary_container = format!("{behaviour:?}");
        plan
    }

    fn launches(&self, _: &LaunchId) -> Option<usize> {
        None
    }
}

#[tokio::test]
async fn the_scripted_driver_conforms() {
    let driver = Scripted::new(|plan| match plan.primary_container.as_str() {
        "Succeeds" => Script::prints(""),
        "Fails" => Script::Ends(String::new(), End::Failed("no luck".to_owned())),
        _ => Script::Runs,
    });
    let fake = Fake {
        place: Place::new(),
        driver,
    };
    conforms(&fake).await;
    assert_eq!(fake.driver.running(), []);
    assert!(fake.driver.started() > 0);
}
