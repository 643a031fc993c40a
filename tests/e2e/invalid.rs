//! What is wrong is said in one go, with its place and what would be right; exit code 2, and never a backtrace.

use std::path::Path;
use std::process::Command;

use crate::harness::{Ran, World, experiment, top};

/// Nothing on stdout, no panic, and only lines of the three kinds on stderr.
fn refused(ran: &Ran, code: i32) -> &str {
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (code, ""),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    let kinds = ["error: ", "cause: ", "hint: "];
    assert!(
        ran.stderr
            .lines()
            .all(|line| kinds.iter().any(|kind| line.starts_with(kind))),
        "{}",
        ran.stderr
    );
    &ran.stderr
}

/// What `run` and `validate` say of a file: the same. Nothing is stored.
fn said_of(world: &World, path: &Path) -> String {
    let path = path.to_str().unwrap();
    let said = refused(&world.run(["validate", path]), 2).to_owned();
    // `validate` knows what is not built in as well, and so may have another hint.
    let ran = world.run(["run", path]);
    let causes = |said: &str| {
        said.lines()
            .filter(|line| !line.starts_with("hint: "))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(causes(refused(&ran, 2)), causes(&said));
    assert!(!world.path("diwan.db").exists(), "not even a database");
    said.replace(path, "FILE")
}

fn said_of_text(text: &str) -> String {
    let world = World::new();
    let path = world.file("wrong.yaml", text);
    said_of(&world, &path)
}

#[test]
fn all_problems_of_a_file_are_said_at_once() {
    let text = experiment("wrong", 3, 2, "true")
        .replace("algorithmName: random", "algorithmName: randon")
        .replace("maxTrialCount: 3", "maxTrialCount: -1\n  maxTrialCuont: 3")
        .replace("min: \"0\"", "min: \"2\"")
        .replace("parameterType: double", "parameterType: dubble")
        .replace("reference: x", "reference: y");
    let names = diwan_algorithms::registry::ALGORITHMS.iter();
    let known: Vec<String> = names.map(|one| format!("{:?}", one.name())).collect();
    let known = known.join(", ");
    assert_eq!(
        said_of_text(&text),
        format!(
            "error: FILE is not a valid experiment\n\
         cause: FILE:11:20: spec.algorithm.algorithmName: Unsupported value: \"randon\": supported values: {known}\n\
         hint: did you mean \"random\"? (a service with others is named by --suggestion-service ALGORITHM=http://HOST:PORT)\n\
         cause: FILE:16:18: spec.maxTrialCount: Invalid value: -1: must be greater than 0\n\
         cause: FILE:17:3: spec.maxTrialCuont: Unknown field: \"maxTrialCuont\"\n\
         hint: did you mean \"maxTrialCount\"?\n\
         cause: FILE:19:13: spec.parameters[0].name: Invalid value: \"x\": parameter is the reference of no \
         spec.trialTemplate.trialParameters: it would be tuned without effect\n\
         cause: FILE:20:22: spec.parameters[0].parameterType: Invalid value: \"dubble\": parameterType: dubble is not supported\n\
         hint: did you mean \"double\"?\n\
         cause: FILE:28:20: spec.trialTemplate.trialParameters[0].reference: Invalid value: \"y\": parameter reference y does \
         not exist in spec.parameters: [x]\n\
         hint: did you mean \"x\"?\n"
        )
    );
}

#[test]
fn an_unknown_algorithm_is_told_which_there_are() {
    let algorithm = |name: &str| {
        let line = format!("algorithmName: {name}");
        said_of_text(&experiment("wrong", 3, 2, "true").replace("algorithmName: random", &line))
    };
    let others =
        "a service with others is named by --suggestion-service ALGORITHM=http://HOST:PORT";
    for (name, hint) in [
        ("zzzzzz", others.to_owned()),
        (
            "bayesianoptimisation",
            format!("did you mean \"bayesianoptimization\"? ({others})"),
        ),
    ] {
        let said = algorithm(name);
        let told = format!("algorithmName: Unsupported value: {name:?}: supported values: \"");
        assert!(said.contains(&told) && !said.contains("katib"), "{said}");
        assert!(said.ends_with(&format!("\nhint: {hint}\n")), "{said}");
    }
    let rule = "\nspec:\n  earlyStopping: {algorithmName: medianstp}\n";
    let said = said_of_text(&experiment("wrong", 3, 2, "true").replacen("\nspec:\n", rule, 1));
    let told = "algorithmName: Unsupported value: \"medianstp\": supported values: \"medianstop\", \"percentile\", \"asha\", \
                \"threshold\", \"plateau\", \"wilcoxon\"\n\
                hint: did you mean \"medianstop\"?\n";
    assert!(said.ends_with(told), "{said}");
}

#[test]
fn a_file_that_is_no_experiment_is_refused() {
    let not = "error: FILE is not a valid experiment\n";
    let nested = format!("a: {}{}", "[".repeat(10_000), "]".repeat(10_000));
    let large = format!("# {}\n", "x".repeat(11 << 20));
    for (text, cause) in [
        ("", "cause: FILE: Required value: the file is empty\n"),
        (
            "hello",
            "cause: FILE:1:1: Invalid value: \"hello\": a document must be an object\n",
        ),
        ("a: [1, 2", "cause: FILE:2:1: Syntax error: "),
        (
            nested.as_str(),
            "cause: FILE:1:259: Syntax error: nested deeper than 100 levels\n",
        ),
        (
            large.as_str(),
            "cause: FILE: Syntax error: the text is too long; at most 10485760 bytes are read\n",
        ),
    ] {
        let said = said_of_text(text);
        assert!(said.starts_with(&format!("{not}{cause}")), "{said}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_refused() {
    let world = World::new();
    let missing = said_of(&world, &world.path("missing.yaml"));
    assert_eq!(
        missing,
        "error: cannot read FILE\ncause: No such file or directory (os error 2)\n"
    );
    let directory = said_of(&world, &world.path(""));
    assert_eq!(
        directory,
        "error: cannot read FILE\ncause: Is a directory (os error 21)\n"
    );
    let garbage: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let path = world.path("garbage.yaml");
    std::fs::write(&path, garbage).unwrap();
    assert_eq!(
        said_of(&world, &path),
        "error: cannot read FILE\ncause: it is not UTF-8 text\n"
    );
}

#[test]
fn what_an_optimizer_refuses_has_its_place_too() {
    let parameter = |index: u32| {
        let space = r#"feasibleSpace: {min: "0", max: "1"}"#;
        format!("    - {{name: x{index}, parameterType: double, {space}}}\n")
    };
    let used = |index: u32| format!("      - {{name: x{index}, reference: x{index}}}\n");
    let reference = |index: u32| format!("${{trialParameters.x{index}}} ");
    let many = (0..300).map(parameter).collect::<String>();
    let all = (0..300).map(used).collect::<String>();
    let script = (0..300).map(reference).collect::<String>();
    let text = experiment("wrong", 3, 2, &script)
        .replace("algorithmName: random", "algorithmName: sobol")
        .replace("  parameters:\n", &format!("  parameters:\n{many}"))
        .replace(
            "    trialParameters:\n",
            &format!("    trialParameters:\n{all}"),
        )
        .replace("\"7\"", "\"-7\"")
        .replace(
            "  parallelTrialCount",
            "  earlyStopping: {algorithmName: medianstop, algorithmSettings: [{name: start_step, value: '0'}]}\n  parallelTrialCount",
        );
    assert_eq!(
        said_of_text(&text),
        "error: FILE is not a valid experiment\n\
         cause: FILE:13:9: spec.algorithm.algorithmSettings[random_state]: Invalid value: \"-7\": must be a whole number, \
         0 or more\n\
         cause: FILE:15:66: spec.earlyStopping.algorithmSettings[start_step]: Invalid value: \"0\": must be a whole number \
         from 1 to 2147483647\n\
         cause: FILE:18:3: spec.parameters: Invalid value: 301: must be at most 256 for sobol; random has no such limit\n"
    );
}

#[test]
fn one_experiment_is_run_at_a_time() {
    let world = World::new();
    let two = format!(
        "{}---{}",
        experiment("a", 1, 1, "true"),
        experiment("b", 1, 1, "true")
    );
    let path = world.file("two.yaml", &two);
    let path = path.to_str().unwrap();
    assert_eq!(world.run(["validate", path]).code, 0);
    let ran = world.run(["run", path]);
    assert_eq!(
        refused(&ran, 2),
        format!("error: {path} holds 2 experiments; one is run at a time\n")
    );
}

#[test]
fn the_namespace_of_a_flag_may_not_contradict_the_file() {
    let world = World::new();
    let text =
        experiment("a", 1, 1, "echo score=1").replace("name: a", "namespace: team\n  name: a");
    let path = world.file("a.yaml", &text);
    let path = path.to_str().unwrap();
    let ran = world.run(["run", path, "-n", "other"]);
    assert_eq!(
        refused(&ran, 2),
        "error: the file's namespace is team, and --namespace says other\nhint: leave one of them out\n"
    );
    let ran = world.run(["run", path, "-o", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = world.run(["describe", "experiment", "a"]);
    let expected = "error: there is no experiment a in namespace default\nhint: there is one in namespace team: add --namespace team\n";
    assert_eq!(refused(&ran, 3), expected);
    let trial = world
        .run(["get", "trials", "-n", "team", "-o", "name"])
        .stdout;
    let ran = world.run(["explain", trial.trim()]);
    assert!(
        refused(&ran, 3).ends_with("hint: there is one in namespace team: add --namespace team\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn wrong_words_are_answered_with_the_nearest_right_ones() {
    let world = World::new();
    let said = |line: &str, code| refused(&world.run(line.split(' ')), code).to_owned();
    assert_eq!(
        said("rnu x", 2),
        "error: unrecognized subcommand 'rnu'\nhint: did you mean 'run'?\n"
    );
    assert_eq!(
        said("run --quite x", 2),
        "error: unexpected argument '--quite' found\nhint: a similar argument exists: '--quiet'\n"
    );
    assert_eq!(
        said("get trails", 2),
        "error: invalid value 'trails' for '<NOUN>' [possible values: experiments, trials, suggestions]\n\
         hint: a similar value exists: 'trials'\n"
    );
    assert_eq!(
        said("logs", 2),
        "error: the following required arguments were not provided: <TRIAL>\nhint: usage: diwan logs <TRIAL>\n"
    );
    assert_eq!(
        said("algorithms rando", 3),
        "error: there is no algorithm or stopping rule rando\nhint: did you mean random?\n"
    );
    assert_eq!(
        said("wait x --for worst", 2),
        "error: invalid value 'worst' for '--for <CONDITION>': expected complete, best<NUMBER or best>NUMBER\n"
    );
    assert_eq!(
        said("get trials --state runing", 2),
        "error: invalid value 'runing' for '--state <STATE>': states are Pending, Running, Succeeded, Failed, Killed, \
         EarlyStopped, MetricsUnavailable\n"
    );
    assert_eq!(
        said("--suggestion-service foo get trials", 2),
        "error: invalid value 'foo' for '--suggestion-service <ALGORITHM=URL>': expected ALGORITHM=URL, such as \
         tpe-x=http://127.0.0.1:6789\n"
    );
    assert_eq!(
        said("--suggestion-service foo=http:// get trials", 2),
        "error: invalid value 'foo=http://' for '--suggestion-service <ALGORITHM=URL>': \"http://\" has no port; expected \
         http://HOST:PORT, such as http://127.0.0.1:6789\n"
    );
    assert_eq!(
        said("stop", 2),
        "error: the following required arguments were not provided: <EXPERIMENT|--trial <TRIAL>>\n\
         hint: usage: diwan stop <EXPERIMENT|--trial <TRIAL>>\n"
    );
    for verb in [
        "get trials",
        "run FILE",
        "serve",
        "validate FILE",
        "delete x",
    ] {
        assert_eq!(
            said(&format!("{verb} -n Bad_NS"), 2),
            "error: invalid value 'Bad_NS' for '--namespace <NAME>': must be a DNS label: lower case alphanumeric \
             characters or '-', at most 63\n"
        );
    }
    let port = said(
        "--suggestion-service foo=http://localhost:99999 get trials",
        2,
    );
    assert!(
        port.contains("port \"99999\" is not within 1 to 65535; expected "),
        "{port}"
    );
    assert_eq!(
        said("serve --listen 0.0.0.0:0", 2),
        "error: 0.0.0.0:0 is reachable from other machines, and there is no authentication\n\
         hint: listen on 127.0.0.1 or [::1]; put a proxy that authenticates in front for others\n"
    );
}

#[test]
fn a_database_that_is_none_is_refused() {
    let world = World::new();
    let other = world.file("other.db", "this is a letter to my mother, and much longer than the header of a database would be, so that it is read whole");
    let directory = world.path("directory");
    std::fs::create_dir(&directory).unwrap();
    let (other, directory) = (
        other.to_str().unwrap().to_owned(),
        directory.to_str().unwrap().to_owned(),
    );
    let good = world.file("good.yaml", &experiment("case", 1, 1, "echo score=$X"));
    let by = |verb: &[&str], db: &str, code| {
        let mut command = world.diwan(verb.iter().copied());
        command.args(["--db", db]);
        refused(&Ran::of(command.output().unwrap()), code).to_owned()
    };
    let said = |db: &str, code| by(&["get", "trials"], db, code);
    let elsewhere = "hint: name another file; `diwan run` makes one that does not exist\n";
    assert_eq!(
        said(&other, 2),
        format!("error: {other} is not a database\n{elsewhere}")
    );
    assert_eq!(
        said("mysql://me:secret@localhost/x", 2),
        "error: mysql databases are not built in; supported: sqlite:PATH, sqlite::memory:, a plain path, or \
         postgres://USER:PASSWORD@HOST/DATABASE\n"
    );
    assert_eq!(
        said("postgres://me:secret@127.0.0.1:1/x", 1),
        "error: cannot open database postgres://127.0.0.1:1/x\n\
         cause: error communicating with database: Connection refused (os error 111)\n\
         hint: the server's name and port, its user and password are in the URL: \
         postgres://USER:PASSWORD@HOST:PORT/DATABASE\n"
    );
    assert_eq!(
        said("sqlite:", 2),
        "error: the database has no path; write sqlite:PATH\n"
    );
    assert_eq!(
        said(&directory, 2),
        format!(
            "error: cannot open database {directory}\n\
             cause: error returned from database: (code: 14) unable to open database file\n\
             hint: it is a directory; name a file in it, such as --db {directory}/diwan.db\n"
        )
    );
    assert_eq!(
        by(&["run", good.to_str().unwrap()], "/proc/none/diwan.db", 1),
        "error: cannot open database /proc/none/diwan.db\ncause: No such file or directory (os error 2)\n\
         hint: name a file that can be made or written with --db\n"
    );
    assert_eq!(
        std::fs::read_to_string(&other).unwrap().len(),
        111,
        "it is untouched"
    );
    let memory = "error: a database in memory is gone when this command ends\n\
                  hint: name a file with --db, such as --db sqlite:diwan.db\n";
    for verb in [&["get", "trials"][..], &["run", good.to_str().unwrap()]] {
        assert_eq!(by(verb, "sqlite::memory:", 2), memory);
    }
}

#[test]
fn a_database_that_is_not_there_is_made_by_no_verb_that_reads() {
    let world = World::new();
    let (missing, near) = (world.path("nothing.db"), world.path("diwam.db"));
    for line in [
        "get experiments",
        "describe experiment x",
        "explain x",
        "logs x",
        "wait x",
        "stop x",
        "pause x",
        "resume x",
        "delete x",
        "export x",
    ] {
        let said = |path: &Path| {
            let mut command = world.diwan(line.split(' '));
            command.arg("--db").arg(path);
            refused(&Ran::of(command.output().unwrap()), 3).to_owned()
        };
        let error = format!("error: there is no database {}\n", missing.display());
        assert_eq!(
            said(&missing),
            format!("{error}hint: `diwan run FILE` makes one\n")
        );
        world.file("diwan.db", "");
        let meant = format!(
            "hint: did you mean --db {}?\n",
            world.path("diwan.db").display()
        );
        assert!(said(&near).ends_with(&meant), "{line}");
    }
    assert!(!missing.exists() && !near.exists());
}

#[test]
fn the_default_database_is_empty_before_the_first_run() {
    let world = World::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_diwan"));
    command.env("XDG_DATA_HOME", world.path("data"));
    let ran = Ran::of(command.args(["get", "experiments"]).output().unwrap());
    let told = (ran.code, ran.stdout.as_str(), ran.stderr.as_str());
    assert_eq!(told, (0, "", "no experiments in namespace default\n"));
}

#[test]
fn a_history_that_is_none_is_refused() {
    let world = World::new();
    let quickstart = top().join("examples/quickstart.yaml");
    for (text, cause) in [
        (
            r#"{"items": [1]}"#,
            "items[0]: Invalid value: 1: must be an object\n",
        ),
        (
            r#"{"items": [{"spce": {}}]}"#,
            "items[0].spce: Unknown field: \"spce\"\nhint: did you mean \"spec\"?\n",
        ),
        (
            r#"{"kind": "Trial"}"#,
            "[0].spec.parameterAssignments: Invalid value: []: parameter learning-rate has no value\n",
        ),
    ] {
        let history = world.file("history.json", text);
        let (file, history) = (quickstart.to_str().unwrap(), history.to_str().unwrap());
        let ran = world.run(["suggest", file, "--history", history]);
        let expected = format!("error: cannot read the history {history}\ncause: {cause}");
        assert_eq!(refused(&ran, 2), expected);
    }
}

#[test]
fn what_only_a_cluster_can_run_is_valid_and_not_run() {
    let world = World::new();
    let text = experiment("images", 3, 2, "true").replace("command: [\"sh\", \"-c\", ", "args: [");
    let file = world.file("images.yaml", &text);
    let file = file.to_str().unwrap();
    let why = format!(
        "{file}:36:17: spec.trialTemplate.trialSpec.spec.template.spec.containers[0]: Invalid value: container \"main\" has no \
         command; image entrypoints are not used on a laptop, give the container a command\n"
    );
    let valid = world.run(["validate", file]);
    assert_eq!(valid.code, 0);
    assert_eq!(
        valid.stdout,
        format!("{file}: experiment images is valid\n")
    );
    let warning = "experiment images is for a cluster; this machine cannot run it:";
    assert_eq!(valid.stderr, format!("{file}: {warning}\n{why}"));
    let first = world.run(["run", file]);
    assert!(
        first.stderr.starts_with("made database "),
        "{}",
        first.stderr
    );
    let ran = world.run(["run", file]);
    let expected =
        format!("error: {file} is for a cluster; this machine cannot run it\ncause: {why}");
    assert_eq!(refused(&ran, 2), expected);
    assert_eq!(world.run(["describe", "experiment", "images"]).code, 3);
}

#[test]
fn no_file_is_waited_for_or_read_without_end() {
    let world = World::new();
    let pipe = world.path("beside.yaml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let file = world.file("a.yaml", &experiment("a", 1, 1, "true"));
    assert_eq!(world.run(["validate", file.to_str().unwrap()]).code, 0);
    assert_eq!(
        refused(&world.run(["validate", "/dev/zero"]), 2),
        "error: /dev/zero is not a valid experiment\n\
         cause: /dev/zero: Syntax error: the text is too long; at most 10485760 bytes are read\n"
    );
}
