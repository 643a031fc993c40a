//! What is printed: stdout is data, stderr is talk.

mod lists;
mod run;
mod tools;
mod trial;

use std::path::Path;

use diwan_core::engine::{Event, Point};
use diwan_core::record::{ExperimentKey, OptimizerState};
use diwan_core::resources::ParameterAssignment;
use serde_json::Value;

use crate::harness::{World, experiment};

/// A world with a finished experiment of three trials.
fn finished() -> (World, String) {
    let world = World::new();
    let file = world.file(
        "case.yaml",
        &experiment(
            "case",
            3,
            1,
            "for i in 1 2 3; do echo epoch=$i score=$X; done; echo bye >&2",
        ),
    );
    let file = file.to_str().unwrap().to_owned();
    let ran = world.run(["run", &file]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    (world, file)
}

/// What was printed as YAML, the items of a list one by one.
fn yaml(world: &World, arguments: &[&str]) -> Vec<Value> {
    let ran = world.run(arguments.iter().copied());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let documents = diwan_core::manifest::documents(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", ran.stdout));
    documents
        .iter()
        .map(diwan_core::manifest::Document::value)
        .collect()
}

fn lines(world: &World, arguments: &[&str]) -> Vec<String> {
    let ran = world.run(arguments.iter().copied());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    ran.stdout.lines().map(str::to_owned).collect()
}

/// The same by the names of the columns.
fn csv(world: &World, arguments: &[&str]) -> Vec<Value> {
    let lines = lines(world, arguments);
    let titles: Vec<&str> = lines[0].split(',').collect();
    let row = |line: &String| -> Value {
        titles
            .iter()
            .map(|title| (*title).to_owned())
            .zip(line.split(',').map(Value::from))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    lines[1..].iter().map(row).collect()
}

/// Puts so many waiting trials into an experiment.
fn fill(database: &Path, count: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = diwan_store::open(database.to_str().unwrap()).await.unwrap();
        let key = ExperimentKey::new("default", "case");
        let mut snapshot = store.load(&key).await.unwrap().unwrap();
        let now = snapshot.record.progress.start_time.unwrap();
        let mut spec = snapshot.record.spec.clone();
        spec.max_trial_count = None;
        snapshot.apply(Event::Edited(Box::new(spec)), now).unwrap();
        let point = |number: usize| Point {
            assignments: vec![ParameterAssignment {
                name: "x".into(),
                value: number.to_string(),
            }],
            ..Point::default()
        };
        let points = (0..count).map(point).collect();
        snapshot
            .apply(
                Event::Suggested {
                    points,
                    settings: Vec::new(),
                    next: OptimizerState::Ready,
                },
                now,
            )
            .unwrap();
        store
            .commit(&key, snapshot.version, &snapshot.take_change())
            .await
            .unwrap();
        store.close().await;
    });
}
