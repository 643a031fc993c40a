use diwan_algorithms::registry::ALGORITHMS;
use diwan_core::permutation::mix;
use serde_json::{Value, json};

use super::*;

/// A trial as the program on the other side remembers it.
struct Kept {
    id: u64,
    params: Value,
    labels: Value,
    reports: Vec<Value>,
    end: Option<Value>,
}

fn said(session: &mut Session, request: Value) -> Value {
    let reply = session.answer(serde_json::from_value(request).unwrap());
    serde_json::to_value(reply.unwrap_or_else(Reply::error)).unwrap()
}

fn begin(session: &mut Session, algorithm: &str, settings: &Value) {
    let rate = match algorithm {
        "grid" => {
            json!({"name": "lr", "type": "categorical", "choices": [1, 1e-1, 1e-2, 1e-3, 1e-4]})
        }
        _ => json!({"name": "lr", "type": "float", "low": 1e-5, "high": 1, "log": true}),
    };
    let space = json!([rate, {"name": "n", "type": "int", "low": 1, "high": 9}]);
    let new = json!({"op": "new", "space": space, "seed": 1, "algorithm": algorithm, "settings": settings});
    let begun = said(session, new);
    assert_eq!(begun["ok"], true, "{algorithm}: {begun}");
}

/// A process that was just started and told of everything.
fn fresh(algorithm: &str, settings: &Value, kept: &[Kept], salt: u64) -> Session {
    let mut session = Session::default();
    begin(&mut session, algorithm, settings);
    let mut trials: Vec<&Kept> = kept.iter().collect();
    trials.sort_by_key(|trial| mix(salt ^ mix(trial.id)));
    let trials: Vec<Value> = trials.into_iter().map(Kept::observed).collect();
    let reply = said(&mut session, json!({"op": "observe", "trials": trials}));
    assert_eq!(reply, json!({"ok": true}));
    session
}

impl Kept {
    fn of(asked: &Value) -> Self {
        Self {
            id: asked["id"].as_u64().unwrap(),
            params: asked["params"].clone(),
            labels: asked["labels"].clone(),
            reports: Vec::new(),
            end: None,
        }
    }

    fn observed(&self) -> Value {
        let mut trial = json!({"id": self.id, "params": self.params, "reports": self.reports});
        let object = trial.as_object_mut().unwrap();
        if !self.labels.is_null() {
            object.insert("labels".to_owned(), self.labels.clone());
        }
        let running = json!({"state": "running"});
        let end = self.end.as_ref().unwrap_or(&running);
        object.extend(end.as_object().unwrap().clone());
        trial
    }

    /// Runs to its end in a session, or to where it is stopped.
    fn run(&mut self, session: &mut Session) {
        let (lr, n) = (&self.params["lr"], &self.params["n"]);
        let loss = (lr.as_f64().unwrap().log10() + 3.0).powi(2) + 5.0 / n.as_f64().unwrap();
        for step in 1..=3 {
            let value = loss + 1.0 / f64::from(step);
            let report = json!({"op": "report", "id": self.id, "step": step, "value": value});
            self.reports.push(json!([step, value]));
            if said(session, report)["stop"] == true {
                let prune = json!({"op": "prune", "id": self.id, "step": step, "value": value});
                said(session, prune);
                self.end = Some(json!({"values": [value], "state": "pruned"}));
                return;
            }
        }
        let end = match mix(self.id) % 8 {
            0 => json!({"values": null}),
            1 => json!({"values": [loss], "state": "killed"}),
            _ => json!({"values": [loss]}),
        };
        let mut tell = end.clone();
        let object = tell.as_object_mut().unwrap();
        object.insert("op".to_owned(), json!("tell"));
        object.insert("id".to_owned(), json!(self.id));
        assert_eq!(said(session, tell), json!({"ok": true}));
        self.end = Some(end);
    }
}

/// Three trials at a time that end in any order. After each a new process is told of all, and asked for the next; one that
/// was told of trials that run is told of their ends as well.
fn resumes(algorithm: &str, settings: &Value) {
    let mut session = Session::default();
    begin(&mut session, algorithm, settings);
    let context = format!("{algorithm} {settings}");
    let (mut kept, mut is_waiting): (Vec<Kept>, bool) = (Vec::new(), false);
    for turn in 0..40 {
        let running: Vec<usize> = (0..kept.len())
            .filter(|index| kept[*index].end.is_none())
            .collect();
        if running.len() == 3 || is_waiting {
            let chosen = mix(turn) % running.len() as u64;
            let index = running[usize::try_from(chosen).unwrap()];
            let mut other = fresh(algorithm, settings, &kept, turn);
            let reported = kept[index].reports.clone();
            kept[index].run(&mut other);
            let end = kept[index].end.take();
            kept[index].reports = reported;
            kept[index].run(&mut session);
            assert_eq!(kept[index].end, end, "{context}: another verdict");
        }
        let ask = || json!({"op": "ask", "n": 1});
        let mut other = fresh(algorithm, settings, &kept, turn);
        let asked = said(&mut session, ask());
        let again = said(&mut other, ask());
        assert_eq!(asked, again, "{context}: at turn {turn}");
        is_waiting = asked["state"] == "waiting";
        kept.extend(asked["trials"].as_array().unwrap().iter().map(Kept::of));
    }
    assert!(kept.len() >= 20, "{context}: {} trials", kept.len());
}

#[test]
fn a_process_that_is_told_of_all_trials_answers_as_the_one_before() {
    std::thread::scope(|scope| {
        for algorithm in ALGORITHMS {
            let mut settings = vec![json!({}), json!({"early_stopping": "none"})];
            if ["hyperband", "asha", "bohb"].contains(&algorithm.name()) {
                settings.push(json!({"resource_name": "n", "r_l": 9}));
            }
            for settings in settings {
                scope.spawn(move || resumes(algorithm.name(), &settings));
            }
        }
    });
}

#[test]
fn trials_without_a_number_count_as_suggested() {
    for algorithm in ["random", "sobol", "tpe", "asha", "grid"] {
        let settings = json!({});
        let mut session = Session::default();
        begin(&mut session, algorithm, &settings);
        let mut trials: Vec<Value> = Vec::new();
        for id in 0..30 {
            let mut other = Session::default();
            begin(&mut other, algorithm, &settings);
            said(&mut other, json!({"op": "observe", "trials": trials}));
            let asked = said(&mut session, json!({"op": "ask"}));
            assert_eq!(said(&mut other, json!({"op": "ask"})), asked, "{algorithm}");
            let values = [&asked["trials"][0]["params"]["lr"]];
            said(
                &mut session,
                json!({"op": "tell", "id": id, "values": values}),
            );
            let params = &asked["trials"][0]["params"];
            trials.push(json!({"params": params, "values": values}));
        }
    }
}

#[test]
fn a_study_that_names_no_algorithm_is_for_the_one_that_chooses() {
    let space = json!([{"name": "x", "type": "float", "low": 0, "high": 1}]);
    let begun = said(
        &mut Session::default(),
        json!({"op": "new", "space": space}),
    );
    let version = begun["version"].as_str().unwrap();
    assert!(version.ends_with(" auto"), "{begun}");
}

#[test]
fn a_number_stands_for_one_trial() {
    let mut session = Session::default();
    begin(&mut session, "random", &json!({}));
    said(&mut session, json!({"op": "ask"}));
    let params = json!({"lr": 0.5, "n": 3});
    let mut observe = |extra: Value| {
        let mut trial = json!({"params": params});
        trial
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        said(&mut session, json!({"op": "observe", "trials": [trial]}))
    };
    let known = "is known: it was asked for here, or observed before";
    assert_eq!(
        observe(json!({"id": 0, "values": [1]}))["error"],
        format!("trials[0]: trial 0 {known}")
    );
    assert_eq!(observe(json!({"id": 7, "values": [1]}))["ok"], true);
    assert_eq!(
        observe(json!({"id": 7, "values": [1]}))["error"],
        format!("trials[0]: trial 7 {known}")
    );
    assert_eq!(observe(json!({"values": [1]}))["ok"], true);
    assert_eq!(
        observe(json!({"id": 8, "values": [1]}))["error"],
        format!("trials[0]: trial 8 {known}")
    );
    assert_eq!(
        observe(json!({"state": "running"}))["error"],
        "trials[0]: a trial that runs needs its \"id\""
    );
    assert_eq!(
        observe(json!({"id": 1_u64 << 60, "values": [1]}))["error"],
        "trials[0]: id is 1152921504606846976; it may be at most 9007199254740992"
    );
    let asked = said(&mut session, json!({"op": "ask"}));
    assert_eq!(asked["trials"][0]["id"], 9);
    let tell = json!({"op": "tell", "id": 0, "values": [1]});
    assert_eq!(said(&mut session, tell)["ok"], true);
}
