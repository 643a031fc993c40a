//! `examples/sklearn.yaml`, with fewer trials.

use std::env;
use std::fs;

use crate::harness::{World, python, top};

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the example runs the `python3` of the PATH"
)]
fn the_python_example_finds_a_good_model() {
    let world = World::new();
    fs::create_dir(world.path("sklearn")).unwrap();
    fs::copy(
        top().join("examples/sklearn/train.py"),
        world.path("sklearn/train.py"),
    )
    .unwrap();
    let text = fs::read_to_string(top().join("examples/sklearn.yaml")).unwrap();
    let fewer = text.replace("maxTrialCount: 20", "maxTrialCount: 6");
    assert_ne!(fewer, text);
    let file = world.file("sklearn.yaml", &fewer);

    let mut path = python().parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(env::var("PATH").unwrap());
    let ran = world
        .diwan(["run", file.to_str().unwrap(), "--quiet"])
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let status = world.status("sklearn");
    let accuracy = &status["currentOptimalTrial"]["observation"]["metrics"][0];
    assert_eq!(accuracy["name"], "accuracy");
    assert!(
        accuracy["max"].as_str().unwrap().parse::<f64>().unwrap() > 0.9,
        "{accuracy}"
    );
}
