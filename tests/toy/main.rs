//! An optimizer is added as one file, one `mod` and one line of the registry: everything else follows from them.
//!
//! Shown on a copy of the workspace below `target/`, to which toys are added. What the workspace's own build made of its
//! dependencies serves the copy as well, and what is built of the copy is kept for the next time.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod copy;

use std::process::{Command, Output};
use std::sync::LazyLock;

use copy::Copy;

/// Where an optimizer is declared, and where it is listed.
const MODULES: &str = "algorithms/src/lib.rs";
const REGISTRY: &str = "algorithms/src/registry.rs";

/// The sound toy.
const TOY: &str = include_str!("toy.rs");

/// Toys that break a rule: their names, where they differ from the sound one, how instead, and what the suite must say.
const UNSOUND: [(&str, &str, &str, &str); 3] = [
    (
        "repeating",
        "Ok(fresh::proposed(study, count, rng, middle))",
        "Ok(Suggested::first(count, study.space(), std::iter::repeat_with(|| middle.space.at([0.5; 9]))))",
        "a point came twice",
    ),
    (
        "order-bound",
        "turn: 0,",
        "turn: study.trials().last().map_or(0, |last| mix(last.value.unwrap_or(0.0).to_bits() ^ last.number.unwrap_or(7))),",
        "not restart-safe",
    ),
    (
        "remembering",
        "turn: 0,",
        "turn: {\n\
            static CALLS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);\n\
            CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed)\n\
        },",
        "not a function",
    ),
];

/// The copy with all toys, built.
static WORKSPACE: LazyLock<Copy> = LazyLock::new(|| {
    let copy = Copy::new(&[MODULES, REGISTRY]);
    let (mut modules, mut registry) = (copy.original(MODULES), copy.original(REGISTRY));
    let list = "pub const ALGORITHMS: &[&dyn Algorithm] = &[\n";
    assert!(registry.contains(list), "the list has another name");
    let mut toys = vec![("toy", TOY.to_owned())];
    for (name, from, to, _) in UNSOUND {
        assert!(TOY.contains(from), "{from}");
        let toy = TOY.replace("\"toy\"", &format!("{name:?}"));
        toys.push((name, toy.replace(from, to)));
    }
    for (name, text) in toys {
        let module = name.replace('-', "_");
        copy.put(&format!("algorithms/src/{module}.rs"), text.as_bytes());
        modules.push_str(&format!("mod {module};\n"));
        let line = format!("    &crate::{module}::Toy,\n");
        registry = registry.replace(list, &format!("{list}{line}"));
    }
    copy.put(MODULES, modules.as_bytes());
    copy.put(REGISTRY, registry.as_bytes());
    // With the features that `cargo test --workspace` builds dependencies with.
    copy.build(&["--workspace", "--bin", "diwan", "--example", "conforms"]);
    copy
});

fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{err}")
}

fn diwan(arguments: &[&str]) -> Output {
    let mut command = Command::new(WORKSPACE.built("diwan"));
    command.args(arguments).output().unwrap()
}

#[test]
fn the_command_line_lists_it() {
    let names = text(&diwan(&["algorithms", "-o", "name"]));
    assert!(names.lines().any(|name| name == "toy"), "{names}");
    let told = text(&diwan(&["algorithms", "toy"]));
    assert!(told.contains("Stays near the middle."), "{told}");
    let draws = "draws: so many points are drawn, of which one becomes a trial (a whole number from 1 to 100; default: 8)";
    assert!(told.contains(draws), "{told}");
}

#[test]
fn the_documentation_lists_it() {
    let readme = "algorithms/README.md";
    let row = "| `toy` | Stays near the middle. For nothing but a test. | `draws`: so many points";
    WORKSPACE.put(readme, WORKSPACE.original(readme).as_bytes());
    assert!(!WORKSPACE.read(readme).contains(row));
    // The command that the README names.
    let mut update = WORKSPACE.cargo();
    update
        .env("UPDATE", "1")
        .args(["test", "-p", "diwan-algorithms", "readme"]);
    let updated = update.output().unwrap();
    assert!(updated.status.success(), "{}", text(&updated));
    assert!(WORKSPACE.read(readme).contains(row));
}

#[test]
fn its_settings_are_validated_and_it_optimizes() {
    let bench = |algorithm: &str| {
        let algorithm = format!("--algorithms={algorithm}");
        diwan(&[
            "bench",
            "--problems=bbob/f1/2d",
            "--budget=5",
            "--seeds=0",
            "-q",
            "-o",
            "csv",
            &algorithm,
        ])
    };
    let refused = |algorithm: &str, why: &str| {
        let output = bench(algorithm);
        let told = text(&output);
        assert!(
            output.status.code() == Some(2) && told.contains(why),
            "{told}"
        );
    };
    refused("tou", "did you mean toy?");
    refused("toy:draw=3", "draws");
    refused("toy:draws=101", "must be a whole number from 1 to 100");
    let output = bench("toy:draws=100");
    let told = text(&output);
    assert!(
        output.status.success() && told.contains("toy:draws=100,"),
        "{told}"
    );
}

#[test]
fn it_must_conform() {
    let conforms = |name: &str| {
        let mut command = Command::new(WORKSPACE.built("examples/conforms"));
        command.arg(name).output().unwrap()
    };
    let sound = conforms("toy");
    assert!(sound.status.success(), "{}", text(&sound));
    assert_eq!(text(&sound), "toy conforms\n");
    for (name, _, _, why) in UNSOUND {
        let unsound = conforms(name);
        let told = text(&unsound);
        assert!(
            !unsound.status.success() && told.contains(why),
            "{name}: {told}"
        );
    }
}
