use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use super::*;

/// One Secret behind an API server; each `steal` is another writer that comes first.
#[derive(Default)]
struct Server {
    secret: Option<Value>,
    version: u64,
    steals: Vec<Value>,
}

impl Server {
    fn answer(&mut self, method: &str, body: &[u8]) -> (u16, Value) {
        let status = |code: u16| {
            (
                code,
                json!({"kind": "Status", "code": code, "reason": if code == 404 { "NotFound" } else { "Conflict" }, "message": "x", "status": "Failure"}),
            )
        };
        if method == "GET" {
            return self
                .secret
                .clone()
                .map_or(status(404), |secret| (200, secret));
        }
        if let Some(stolen) = self.steals.pop() {
            self.store(stolen);
        }
        let new: Value = serde_json::from_slice(body).unwrap();
        let current = self
            .secret
            .as_ref()
            .map(|secret| &secret["metadata"]["resourceVersion"]);
        match (method, current) {
            ("POST", None) => {}
            ("PUT", Some(current)) if new["metadata"]["resourceVersion"] == *current => {}
            _ => return status(409),
        }
        self.store(new.clone());
        (200, new)
    }

    fn store(&mut self, mut secret: Value) {
        self.version += 1;
        secret["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.secret = Some(secret);
    }
}

fn api(server: &Arc<Mutex<Server>>) -> Api<Secret> {
    let server = Arc::clone(server);
    let service = tower::service_fn(move |request: axum::http::Request<Body>| {
        let server = Arc::clone(&server);
        async move {
            let method = request.method().to_string();
            let body = request.into_body().collect_bytes().await.unwrap();
            let (code, answer) = server.lock().unwrap().answer(&method, &body);
            let answer = Body::from(answer.to_string().into_bytes());
            let response = axum::http::Response::builder().status(code).body(answer);
            Ok::<_, Infallible>(response.unwrap())
        }
    });
    Api::namespaced(Client::new(service, "kubeflow"), "kubeflow")
}

fn at(days: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000).plus_seconds(days * 86_400)
}

fn hosts() -> Vec<String> {
    vec![
        "katib-controller.kubeflow.svc".to_owned(),
        "127.0.0.1".to_owned(),
    ]
}

#[tokio::test]
async fn it_is_made_once_kept_and_renewed() {
    let server = Arc::default();
    let secrets = api(&server);
    let first = ensure(&secrets, "cert", &hosts(), at(0)).await.unwrap();
    let again = ensure(&secrets, "cert", &hosts(), at(59)).await.unwrap();
    assert_eq!(
        (&again.certificate, &again.key),
        (&first.certificate, &first.key)
    );
    let renewed = ensure(&secrets, "cert", &hosts(), at(61)).await.unwrap();
    assert_ne!(renewed.certificate, first.certificate);
    assert!(renewed.authorities.contains(first.authorities.trim()));
    let kept = ensure(&secrets, "cert", &hosts(), at(62)).await.unwrap();
    assert_eq!(kept.certificate, renewed.certificate);
    let secret = server.lock().unwrap().secret.clone().unwrap();
    assert_eq!(secret["type"], "kubernetes.io/tls");
}

#[tokio::test]
async fn of_two_replicas_one_wins() {
    let elsewhere: Arc<Mutex<Server>> = Arc::default();
    let theirs = ensure(&api(&elsewhere), "cert", &hosts(), at(0))
        .await
        .unwrap();
    let stolen = elsewhere.lock().unwrap().secret.clone().unwrap();
    let server = Arc::new(Mutex::new(Server {
        steals: vec![stolen],
        ..Server::default()
    }));
    let ours = ensure(&api(&server), "cert", &hosts(), at(0))
        .await
        .unwrap();
    assert_eq!(ours.certificate, theirs.certificate);
}

#[tokio::test]
async fn a_secret_of_other_making_is_taken_over() {
    let foreign =
        json!({"metadata": {"name": "cert", "resourceVersion": "0"}, "type": "Opaque", "data": {}});
    let server = Arc::new(Mutex::new(Server {
        secret: Some(foreign.clone()),
        steals: vec![foreign.clone(); 2],
        ..Server::default()
    }));
    ensure(&api(&server), "cert", &hosts(), at(0))
        .await
        .unwrap();
    assert_eq!(
        server.lock().unwrap().secret.clone().unwrap()["type"],
        "Opaque"
    );
    let server = Arc::new(Mutex::new(Server {
        steals: vec![foreign; 9],
        ..Server::default()
    }));
    let refusal = ensure(&api(&server), "cert", &hosts(), at(0))
        .await
        .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "Secret cert of the webhooks' certificate changed each time it was to be written"
    );
}
