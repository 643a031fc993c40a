//! The driver of simulated trials.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diwan_core::record::ExperimentKey;
use diwan_drivers::{
    Conditions, Driver, End, LaunchId, SimulatedDriver, TrialPlan, trial_directory,
};
use diwan_testkit::driver::{Behaviour, Subject, conforms};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A directory for trials, removed at the end.
struct Place {
    root: TempDir,
    trials: AtomicUsize,
}

impl Place {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            trials: AtomicUsize::new(0),
        }
    }

    fn trial(&self, spec: Value) -> TrialPlan {
        let Value::Object(manifest) = json!({"kind": "Simulated", "spec": spec}) else {
            panic!("an object is one");
        };
        let trial = format!("tune-{}", self.trials.fetch_add(1, Ordering::Relaxed));
        TrialPlan {
            directory: trial_directory(self.root.path(), &trial),
            experiment: ExperimentKey::new("default", "tune"),
            trial,
            attempt: 1,
            source_directory: None,
            manifest,
            primary_container: String::new(),
            conditions: Conditions::default(),
        }
    }

    /// A trial that is recorded to take some 0.5 seconds.
    fn curve(&self, speed_up: f64) -> TrialPlan {
        let values = json!({
            "learning_rate": "0.00606242928", "alpha": "0.00184521205", "beta_1": "0.780746920",
            "batch_size": "221", "hidden": "8", "layers": "3",
        });
        self.trial(json!({"problem": "curves/digits/i0", "values": values, "speedUp": speed_up}))
    }
}

impl Subject for Place {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(SimulatedDriver::default())
    }

    fn plan(&self, behaviour: Behaviour) -> TrialPlan {
        let values = json!({"x0": "0.5", "x1": 1});
        let (failures, speed_up) = match behaviour {
            Behaviour::Succeeds => (0, 1e6),
            Behaviour::Fails => (1, 1e6),
            Behaviour::Runs | Behaviour::RunsOn => (0, 1e-9),
        };
        self.trial(json!({"problem": "bbob/f1/2d/i1", "values": values, "failures": failures, "speedUp": speed_up}))
    }

    fn launches(&self, _: &LaunchId) -> Option<usize> {
        None
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulations_conform() {
    conforms(&Place::new()).await;
}

fn printed(plan: &TrialPlan) -> String {
    std::fs::read_to_string(plan.id().stdout()).unwrap()
}

async fn played(driver: &SimulatedDriver, plan: &TrialPlan) -> String {
    driver.start(plan).await.unwrap();
    assert_eq!(driver.ended(&plan.id()).await.unwrap(), End::Succeeded);
    printed(plan)
}

#[tokio::test]
async fn it_goes_on_where_its_output_ends() {
    let place = Place::new();
    let whole = played(&SimulatedDriver::default(), &place.curve(100.0)).await;
    assert_eq!(whole.lines().count(), 81);
    assert!(whole.starts_with("step=1 accuracy=0."), "{whole}");
    for cut in [0, 1, 30, whole.len() / 2, whole.len() - 1, whole.len()] {
        let plan = place.curve(100.0);
        std::fs::create_dir_all(&plan.directory).unwrap();
        std::fs::write(plan.id().stdout(), &whole[..cut]).unwrap();
        assert_eq!(
            played(&SimulatedDriver::default(), &plan).await,
            whole,
            "cut at {cut}"
        );
    }
}

#[tokio::test]
async fn it_waits_until_each_report_is_judged() {
    let place = Place::new();
    let (driver, plan) = (SimulatedDriver::default(), place.curve(1e6));
    let id = plan.id();
    driver.start(&plan).await.unwrap();
    let mut judged = 0;
    let end = loop {
        tokio::select! {
            end = driver.ended(&id) => break end.unwrap(),
            written = driver.more(&id, judged) => judged = written,
        }
        assert_eq!(printed(&plan).lines().count() as u64, judged);
    };
    assert_eq!((end, judged), (End::Succeeded, 81));
}

#[tokio::test]
async fn it_takes_as_long_as_it_says() {
    let place = Place::new();
    let seconds = async |speed_up| {
        let begun = tokio::time::Instant::now();
        played(&SimulatedDriver::default(), &place.curve(speed_up)).await;
        begun.elapsed().as_secs_f64()
    };
    let (once, fast) = (seconds(4.0).await, seconds(40.0).await);
    assert!(once > 0.05 && fast > 0.005 && fast < once, "{once} {fast}");
}

#[test]
fn what_cannot_be_played_is_told_with_its_place() {
    let place = Place::new();
    let told = |spec: Value| {
        SimulatedDriver::check(&place.trial(spec))
            .unwrap_err()
            .to_string()
    };
    let values = json!({"x0": "0.5", "x1": "1"});
    for (spec, expected) in [
        (
            json!({"values": values}),
            "spec.problem: must be the name of a problem, such as bbob/f1/5d/i1",
        ),
        (
            json!({"problem": "bob/f1/2d/i1", "values": values}),
            r#"there is no suite "bob"; did you mean "bbob"?"#,
        ),
        (
            json!({"problem": "bbob/f1/2d/i1", "values": {"x0": "0"}}),
            "spec.values: the problem needs a value for x1",
        ),
        (
            json!({"problem": "bbob/f1/2d/i1", "values": {"x0": "a", "x1": "0"}}),
            r#"spec.values.x0: "a" is not a finite number"#,
        ),
        (
            json!({"problem": "bbob/f1/2d/i1", "values": values, "speedup": 2}),
            r#"spec.speedup: there is no such field; did you mean "speedUp"?"#,
        ),
        (
            json!({"problem": "bbob/f1/2d/i1", "values": values, "speedUp": 0}),
            "spec.speedUp: must be a number above 0",
        ),
        (
            json!({"problem": "bbob/f1/2d/i1", "values": values, "failures": "2"}),
            "spec.failures: must be a number from 0 to 1",
        ),
    ] {
        let told = told(spec);
        assert!(told.contains(expected), "{told}");
    }
}
