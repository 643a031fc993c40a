use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use k8s_openapi::ByteString;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::time_provider::TimeProvider;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::*;
use crate::admission::owner::Cluster;

const START: i64 = 1_800_000_000_000;
const DAY: i64 = 86_400_000;

/// An API server: objects by path. What is written to a webhook configuration is published.
struct Kubernetes {
    objects: Mutex<HashMap<String, Value>>,
    written: watch::Sender<Value>,
}

impl Kubernetes {
    fn answer(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let mut objects = self.objects.lock().unwrap();
        if method == "GET" {
            let absent = json!({"kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound", "message": ""});
            let found = objects.get(path).cloned();
            return found.map_or((404, absent), |object| (200, object));
        }
        let mut object: Value = serde_json::from_slice(body).unwrap();
        object["metadata"]["resourceVersion"] = json!("1");
        let name = object["metadata"]["name"].as_str().unwrap();
        let path = if method == "POST" {
            format!("{path}/{name}")
        } else {
            path.to_owned()
        };
        if path.contains("/mutatingwebhookconfigurations/") {
            self.written.send_replace(object.clone());
        }
        objects.insert(path, object.clone());
        (200, object)
    }
}

fn client(cluster: &Arc<Kubernetes>) -> Client {
    let cluster = Arc::clone(cluster);
    let service = tower::service_fn(move |request: axum::http::Request<Body>| {
        let cluster = Arc::clone(&cluster);
        async move {
            let (method, path) = (
                request.method().to_string(),
                request.uri().path().to_owned(),
            );
            let body = request.into_body().collect_bytes().await.unwrap();
            let (code, answer) = cluster.answer(&method, &path, &body);
            let answer = Body::from(answer.to_string().into_bytes());
            Ok::<_, Infallible>(
                axum::http::Response::builder()
                    .status(code)
                    .body(answer)
                    .unwrap(),
            )
        }
    });
    Client::new(service, "kubeflow")
}

/// The client's time.
#[derive(Debug)]
struct Clock(Arc<AtomicI64>);

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let millis = u64::try_from(self.0.load(Ordering::Relaxed)).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(millis)))
    }
}

/// A server that runs, seen as the API server sees it.
struct Running {
    cluster: Arc<Kubernetes>,
    written: watch::Receiver<Value>,
    clock: Arc<AtomicI64>,
    stop: watch::Sender<bool>,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    async fn start(objects: &[(&str, Value)]) -> Self {
        let (written, mut seen) = watch::channel(Value::Null);
        let objects = objects
            .iter()
            .map(|(path, object)| ((*path).to_owned(), object.clone()));
        let cluster = Arc::new(Kubernetes {
            objects: Mutex::new(objects.collect()),
            written,
        });
        let clock = Arc::new(AtomicI64::new(START));
        let time = Arc::clone(&clock);
        let client = client(&cluster);
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            reach: Reach::Host("127.0.0.1".to_owned()),
            namespace: "kubeflow".to_owned(),
            secret: "katib-webhook-cert".to_owned(),
            objects: Box::new(Cluster::new(client.clone())),
            opinion: Box::new(|_, _| Vec::new()),
            clock: Box::new(move || Timestamp::from_millis(time.load(Ordering::Relaxed))),
            look: Duration::from_millis(20),
        };
        let settings = Settings {
            algorithms: vec!["random".to_owned()],
            ..Settings::default()
        };
        let (stop, mut stopped) = watch::channel(false);
        let settings = watch::channel(settings).1;
        let served = tokio::spawn(serve(client, options, settings, async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        }));
        seen.wait_for(|written| !written.is_null()).await.unwrap();
        Self {
            cluster,
            written: seen,
            clock,
            stop,
            served,
        }
    }

    /// Where the pods' webhook is, and who is trusted there.
    fn registered(&self) -> (String, Vec<u8>) {
        let written = self.written.borrow();
        let config = &written["webhooks"][1]["clientConfig"];
        let url = config["url"].as_str().unwrap();
        let address = url
            .trim_start_matches("https://")
            .split('/')
            .next()
            .unwrap();
        let authorities: ByteString = serde_json::from_value(config["caBundle"].clone()).unwrap();
        (address.to_owned(), authorities.0)
    }

    /// The server's certificate and its answer, for a client that trusts what was registered.
    async fn call(&self, method: &str, path: &str, body: &str) -> (Vec<u8>, String) {
        let (address, authorities) = self.registered();
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(&authorities) {
            roots.add(authority.unwrap()).unwrap();
        }
        let time = Arc::new(Clock(Arc::clone(&self.clock)));
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_details(provider, time)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(&address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect(name, stream).await.unwrap();
        let certificate = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        (certificate, answer)
    }

    /// The response in the review.
    async fn review(&self, path: &str, request: Value) -> Value {
        let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
        let (_, answer) = self.call("POST", path, &review.to_string()).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let review: Value = serde_json::from_str(body).unwrap();
        assert_eq!(review["response"]["uid"], request["uid"]);
        review["response"].clone()
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.served.await.unwrap().unwrap();
    }
}

fn patch_of(response: &Value) -> Value {
    let patch: ByteString = serde_json::from_value(response["patch"].clone()).unwrap();
    serde_json::from_slice(&patch.0).unwrap()
}

#[tokio::test]
async fn a_client_that_trusts_what_is_registered_is_answered() {
    let running = Running::start(&[]).await;
    let (_, answer) = running.call("GET", "/healthz", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok"),
        "{answer}"
    );
    let (_, answer) = running.call("POST", "/mutate-pod", "{}").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(
        answer.contains("the body must be an AdmissionReview of admission.k8s.io/v1"),
        "{answer}"
    );
    running.end().await;
}

#[tokio::test]
async fn experiments_are_judged() {
    let template = json!({"data": {"other": "text"}});
    let running =
        Running::start(&[("/api/v1/namespaces/team/configmaps/templates", template)]).await;
    let source =
        json!({"configMapName": "templates", "configMapNamespace": "team", "templatePath": "job"});
    let experiment =
        json!({"metadata": {"name": "a"}, "spec": {"trialTemplate": {"configMap": source}}});
    let request =
        json!({"uid": "1", "operation": "CREATE", "namespace": "team", "object": experiment});
    let response = running
        .review("/validate-experiment", request.clone())
        .await;
    let message = response["status"]["message"].as_str().unwrap();
    for part in [
        "spec.objective: Required value: must be specified",
        "ConfigMap templates has no job; it has [other]",
    ] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
    assert_eq!(response["status"]["code"], 400);
    let response = running.review("/mutate-experiment", request).await;
    assert_eq!(response["allowed"], true);
    let paths = patch_of(&response);
    assert!(
        paths.to_string().contains("/spec/parallelTrialCount"),
        "{paths}"
    );
    running.end().await;
}

#[tokio::test]
async fn pods_of_trials_get_a_collector_and_others_nothing() {
    let owner = json!([{"apiVersion": "kubeflow.org/v1beta1", "kind": "Trial", "name": "tune-a", "uid": "t"}]);
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "tune-a", "uid": "j", "ownerReferences": owner}});
    let trial = json!({"apiVersion": "kubeflow.org/v1beta1", "kind": "Trial", "metadata": {"name": "tune-a", "uid": "t"},
        "spec": {"primaryContainerName": "training", "objective": {"objectiveMetricName": "acc"}}});
    let running = Running::start(&[
        ("/apis/batch/v1/namespaces/team/jobs/tune-a", job),
        (
            "/apis/kubeflow.org/v1beta1/namespaces/team/trials/tune-a",
            trial,
        ),
    ])
    .await;
    let review = |uid: &str| {
        let owner =
            json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "tune-a", "uid": uid}]);
        let container = json!({"name": "training", "command": ["train"]});
        let pod =
            json!({"metadata": {"ownerReferences": owner}, "spec": {"containers": [container]}});
        let request =
            json!({"uid": "1", "operation": "CREATE", "namespace": "team", "object": pod});
        running.review("/mutate-pod", request)
    };
    let response = review("j").await;
    assert_eq!(response["allowed"], true);
    assert!(patch_of(&response).to_string().contains("diwan-collect"));
    let response = review("another").await;
    assert_eq!(response, json!({"uid": "1", "allowed": true}));
    running.end().await;
}

#[tokio::test]
async fn a_renewed_certificate_is_trusted_before_it_is_served() {
    let mut running = Running::start(&[]).await;
    let (first, _) = running.call("GET", "/healthz", "").await;
    let (_, before) = running.registered();
    running.clock.store(START + 61 * DAY, Ordering::Relaxed);
    let renewed = |written: &Value| {
        let bundle = &written["webhooks"][1]["clientConfig"]["caBundle"];
        let bundle: ByteString = serde_json::from_value(bundle.clone()).unwrap();
        bundle.0 != before
    };
    running.written.wait_for(renewed).await.unwrap();
    // Until it is taken up, the old one is served, and still trusted.
    while running.call("GET", "/healthz", "").await.0 == first {}
    let secret = "/api/v1/namespaces/kubeflow/secrets/katib-webhook-cert";
    assert!(running.cluster.objects.lock().unwrap().contains_key(secret));
    running.end().await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let cluster = Arc::new(Kubernetes {
        objects: Mutex::default(),
        written: watch::Sender::new(Value::Null),
    });
    let options = Options {
        listen: address,
        reach: Reach::Host("127.0.0.1".to_owned()),
        namespace: "kubeflow".to_owned(),
        secret: "cert".to_owned(),
        objects: Box::new(Cluster::new(client(&cluster))),
        opinion: Box::new(|_, _| Vec::new()),
        clock: Box::new(|| Timestamp::from_millis(START)),
        look: Duration::from_secs(1),
    };
    let settings = watch::channel(Settings::default()).1;
    let refusal = serve(client(&cluster), options, settings, std::future::pending()).await;
    let refusal = refusal.unwrap_err().to_string();
    let wanted = format!("the webhooks cannot listen on {address}: ");
    assert!(refusal.starts_with(&wanted), "{refusal}");
}
