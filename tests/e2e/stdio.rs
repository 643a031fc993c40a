//! An optimizer that another program drives, a line a request.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::harness::World;

/// The binary, and the two ends of the conversation.
struct Partner {
    process: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl Partner {
    fn new() -> Self {
        let mut command = World::new().diwan(["suggest", "--stdio"]);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = piped.spawn().unwrap();
        Self {
            requests: process.stdin.take().unwrap(),
            replies: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    /// With a study begun.
    fn of(space: &Value, algorithm: &str, settings: &Value) -> Self {
        let mut partner = Self::new();
        let begun = partner.ask(&json!({
            "op": "new", "space": space, "direction": "minimize", "objectives": 1, "seed": 1,
            "algorithm": algorithm, "settings": settings,
        }));
        assert_eq!(begun["ok"], true, "{begun}");
        let version = begun["version"].as_str().unwrap();
        assert!(
            version.starts_with("diwan ") && version.ends_with(algorithm),
            "{version}"
        );
        partner
    }

    fn say(&mut self, line: &[u8]) -> Value {
        self.requests.write_all(line).unwrap();
        self.requests.write_all(b"\n").unwrap();
        let mut reply = String::new();
        self.replies.read_line(&mut reply).unwrap();
        let reply: Value = serde_json::from_str(&reply).unwrap();
        assert!(reply["cpu"].as_f64().unwrap() >= 0.0, "{reply}");
        reply
    }

    fn ask(&mut self, request: &Value) -> Value {
        self.say(request.to_string().as_bytes())
    }

    fn error(&mut self, request: &Value) -> String {
        let reply = self.ask(request);
        reply["error"]
            .as_str()
            .unwrap_or_else(|| panic!("{request}: {reply}"))
            .to_owned()
    }

    /// The parameters of the next trial, which must be number `id`.
    fn next(&mut self, id: u64) -> Value {
        let reply = self.ask(&json!({"op": "ask", "n": 1}));
        assert_eq!(reply["trials"][0]["id"], id, "{reply}");
        reply["trials"][0]["params"].clone()
    }

    fn report(&mut self, id: u64, step: u64, value: &str) -> Value {
        let line = format!(r#"{{"op":"report","id":{id},"step":{step},"value":{value}}}"#);
        self.say(line.as_bytes())
    }

    fn close(mut self) {
        assert_eq!(self.ask(&json!({"op": "close"}))["ok"], true);
        assert!(self.process.wait().unwrap().success());
    }
}

fn job() -> Value {
    json!([
        {"name": "lr", "type": "float", "low": 1e-5, "high": 0.1, "log": true},
        {"name": "depth", "type": "int", "low": 1, "high": 8, "log": false},
        {"name": "kind", "type": "categorical", "choices": ["a", 2, true]},
    ])
}

#[test]
fn a_study_is_driven_from_outside() {
    let mut partner = Partner::of(&job(), "random", &json!({}));
    let mut seen = Vec::new();
    for id in 0..20 {
        let params = partner.next(id);
        let lr = params["lr"].as_f64().unwrap();
        assert!((1e-5..=0.1).contains(&lr), "{params}");
        assert!(
            (1..=8).contains(&params["depth"].as_i64().unwrap()),
            "{params}"
        );
        assert!(
            [json!("a"), json!(2), json!(true)].contains(&params["kind"]),
            "{params}"
        );
        assert_eq!(
            partner.ask(&json!({"op": "report", "id": id, "step": 1, "value": 0.5}))["stop"],
            false
        );
        let end = match id % 4 {
            0 => json!({"op": "tell", "id": id, "values": [lr]}),
            1 => json!({"op": "tell", "id": id, "values": null}),
            2 => json!({"op": "tell", "id": id, "values": [lr], "state": "failed"}),
            _ => json!({"op": "prune", "id": id, "step": 1, "value": lr}),
        };
        assert_eq!(partner.ask(&end)["ok"], true);
        seen.push(params);
    }
    // What it writes reads back as the very same numbers.
    let trials: Vec<Value> = seen
        .iter()
        .map(|params| json!({"params": params, "values": [1.0]}))
        .collect();
    assert_eq!(
        partner.ask(&json!({"op": "observe", "trials": trials}))["ok"],
        true
    );
    partner.close();
    let mut again = Partner::of(&job(), "random", &json!({}));
    let first: Vec<Value> = (0..20).map(|id| again.next(id)).collect();
    assert_eq!(first, seen, "the seed decides");
    again.close();
}

#[test]
fn a_parameter_without_effect_has_no_value() {
    let space = json!([
        {"name": "kind", "type": "categorical", "choices": [1, 2]},
        {"name": "x", "type": "float", "low": 0, "high": 1, "condition": {"parent": "kind", "values": [2]}},
    ]);
    let mut partner = Partner::of(&space, "random", &json!({}));
    let mut alone = 0;
    for id in 0..20 {
        let params = partner.next(id);
        assert_eq!(params.get("x").is_some(), params["kind"] == 2, "{params}");
        alone += usize::from(params["kind"] == 1);
    }
    assert_eq!(alone, 1, "no point comes twice");
    let with = json!([{"params": {"kind": 1, "x": 0.5}, "values": [1.0]}]);
    assert_eq!(
        partner.ask(&json!({"op": "observe", "trials": with}))["ok"],
        true
    );
    partner.close();
}

/// Whether the third of three trials is stopped at its first step, being the worst.
fn stops_the_worst(algorithm: &str, settings: &Value) -> bool {
    let mut partner = Partner::of(&job(), algorithm, settings);
    for id in 0..3 {
        partner.next(id);
    }
    let stops = [0, 1, 2].map(|id| partner.report(id, 1, &format!("0.{id}"))["stop"] == true);
    partner.close();
    assert_eq!(stops[..1], [false]);
    stops[2]
}

#[test]
fn a_report_is_answered_by_asha_unless_another_rule_is_named() {
    assert!(stops_the_worst("auto", &json!({})));
    assert!(stops_the_worst("tpe", &json!({})));
    assert!(!stops_the_worst("tpe", &json!({"early_stopping": "none"})));
    assert!(!stops_the_worst("asha", &json!({"early_stopping": "none"})));
    assert!(!stops_the_worst(
        "auto",
        &json!({"early_stopping": "medianstop"})
    ));
}

#[test]
fn a_stopping_rule_stops_what_is_not_worth_its_end() {
    let rule = json!({"algorithm": "asha", "settings": {"eta": 2, "r_max": 4}});
    let mut partner = Partner::of(&job(), "random", &json!({"early_stopping": rule}));
    assert!(
        partner.report(0, 1, "0.5")["error"].is_string(),
        "it does not run yet"
    );
    for id in 0..3 {
        partner.next(id);
    }
    assert_eq!(partner.report(0, 1, "0.5")["stop"], false);
    let worse = partner.report(1, 1, "0.6");
    assert_eq!(worse["stop"], true);
    assert_eq!(
        worse["why"],
        "asha: value 0.6 is not among the best 1 of 2 at the rung of step 1"
    );
    assert_eq!(partner.report(0, 2, "0.5")["stop"], false);
    assert_eq!(partner.report(2, 1, "NaN")["stop"], true);
    assert_eq!(
        partner.ask(&json!({"op": "prune", "id": 1, "step": 1, "value": 0.6}))["ok"],
        true
    );
    partner.close();
    let mut partner = Partner::new();
    let wrong = |rule: Value| json!({"op": "new", "space": job(), "algorithm": "random", "settings": {"early_stopping": rule}});
    let misspelt = partner.error(&wrong(json!("ahsa")));
    assert_eq!(
        misspelt,
        "unknown stopping rule \"ahsa\"; did you mean asha?"
    );
    let setting = partner.error(&wrong(json!({"algorithm": "asha", "settings": {"eta": 1}})));
    assert!(
        setting.ends_with("must be a whole number from 2 to 2147483647"),
        "{setting}"
    );
    assert!(
        partner
            .error(&wrong(json!(7)))
            .starts_with("\"early_stopping\" must be ")
    );
    partner.close();
}

#[test]
fn a_search_says_when_it_is_exhausted() {
    let space = json!([{"name": "n", "type": "int", "low": 1, "high": 3}]);
    let mut partner = Partner::of(&space, "grid", &json!({}));
    let reply = partner.ask(&json!({"op": "ask", "n": 5}));
    let values: Vec<&Value> = reply["trials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["params"]["n"])
        .collect();
    assert_eq!(values, [1, 2, 3]);
    assert_eq!(reply["state"], "exhausted");
    partner.close();
}

#[test]
fn what_cannot_be_served_is_said_and_the_next_request_is_read() {
    let mut partner = Partner::new();
    assert_eq!(
        partner.error(&json!({"op": "ask"})),
        "no study has begun; the first request is \"new\""
    );
    for line in [
        "",
        "nonsense",
        "[]",
        "\"ask\"",
        "{\"op\":\"ask\"",
        "{\"op\":\"ask\",\"n\":-1}",
        "{\"op\":\"asks\"}",
        "\u{7}",
    ] {
        if !line.is_empty() {
            let reply = partner.say(line.as_bytes());
            assert!(reply["error"].is_string(), "{line}: {reply}");
        }
    }
    assert!(partner.say(b"{\"op\":\"\xff\"}")["error"].is_string());
    let new = |change: &Value| {
        let mut request = json!({"op": "new", "space": job(), "direction": "minimize", "seed": 1, "algorithm": "random"});
        request
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        request
    };
    let misspelt = partner.error(&new(&json!({"algorithm": "ramdom"})));
    assert_eq!(
        misspelt,
        "unknown algorithm \"ramdom\"; did you mean random?"
    );
    let setting = partner.error(&new(&json!({"settings": {"random_sate": 1}})));
    assert!(
        setting.contains("did you mean \"random_state\"?"),
        "{setting}"
    );
    let several = partner.error(&new(&json!({"objectives": 2})));
    assert_eq!(several, "2 objectives; one is supported");
    let space = json!([{"name": "x", "type": "float", "low": 1, "high": 0}]);
    let range = partner.error(&new(&json!({"space": space})));
    assert!(
        range.starts_with("spec.parameters[0].feasibleSpace.max: "),
        "{range}"
    );
    assert_eq!(
        partner.ask(&new(&json!({"direction": ["maximize"], "seed": -1})))["ok"],
        true
    );
    assert_eq!(
        partner.error(&json!({"op": "tell", "id": 0, "values": [1]})),
        "trial 0 does not run: it was not asked for, or has ended"
    );
    partner.next(0);
    for values in [json!([]), json!([1, 2]), json!("1")] {
        partner.error(&json!({"op": "tell", "id": 0, "values": values}));
    }
    partner.error(&json!({"op": "tell", "id": 0, "value": 1}));
    assert_eq!(
        partner.say(br#"{"op":"tell","id":0,"values":[NaN]}"#)["ok"],
        true
    );
    let outside = json!([{"params": {"lr": 1, "depth": 1, "kind": "a"}, "values": [1]}]);
    let outside = partner.error(&json!({"op": "observe", "trials": outside}));
    assert_eq!(
        outside,
        "trials[0]: parameter lr: 1 is not within 1e-5 to 0.1"
    );
    partner.close();
}

#[test]
fn trials_are_started_again_with_more() {
    let space = json!([
        {"name": "lr", "type": "float", "low": 0, "high": 1},
        {"name": "epochs", "type": "int", "low": 1, "high": 9},
    ]);
    let settings = json!({"resource_name": "epochs", "r_l": 9});
    let mut partner = Partner::of(&space, "hyperband", &settings);
    let mut counts = Vec::new();
    for id in 0..22 {
        let params = partner.next(id);
        counts.push(params["epochs"].as_u64().unwrap());
        let tell = json!({"op": "tell", "id": id, "values": [params["lr"]]});
        assert_eq!(partner.ask(&tell)["ok"], true);
    }
    let expected = [&[1; 9][..], &[3; 3], &[9], &[3; 5], &[9], &[9; 3]].concat();
    assert_eq!(counts, expected);
    let end = partner.ask(&json!({"op": "ask", "n": 1}));
    assert_eq!(
        (&end["trials"], &end["state"]),
        (&json!([]), &json!("exhausted"))
    );
    partner.close();
}

#[test]
fn an_algorithm_stops_trials_by_its_own_rule() {
    let mut partner = Partner::of(&job(), "bohb", &json!({"r_l": 9}));
    let mut stopped = 0;
    for id in 0..30 {
        let params = partner.next(id);
        let loss = (params["lr"].as_f64().unwrap().log10() + 3.0).powi(2);
        let stop = (1..=9).find(|step| {
            let value = (loss + 1.0 / *step as f64).to_string();
            partner.report(id, *step, &value)["stop"] == true
        });
        stopped += usize::from(stop.is_some());
        let end = match stop {
            Some(step) => json!({"op": "prune", "id": id, "step": step, "value": loss}),
            None => json!({"op": "tell", "id": id, "values": [loss]}),
        };
        assert_eq!(partner.ask(&end)["ok"], true);
    }
    assert!((10..30).contains(&stopped), "{stopped}");
    partner.close();
}
