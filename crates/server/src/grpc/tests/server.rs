use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diwan_store::StoreError;
use diwan_testkit::store::Faulty;
use futures_util::StreamExt as _;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::*;

pub(super) const SERVICES: [&str; 4] = [
    "api.v1.beta1.DBManager",
    "api.v1.beta1.EarlyStopping",
    "api.v1.beta1.Suggestion",
    "diwan.v1.Suggestion",
];

fn health(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

#[tokio::test]
async fn every_name_that_somebody_probes_is_healthy() {
    let fixture = Fixture::new().await;
    let mut client = HealthClient::new(fixture.channel);
    for name in
        SERVICES
            .into_iter()
            .chain(["", "manager.v1beta1.Suggestion", "grpc.health.v1.Health"])
    {
        let reply = client.check(health(name)).await.unwrap().into_inner();
        assert_eq!(reply.status(), ServingStatus::Serving, "{name:?}");
    }
    assert_eq!(
        client.check(health("nobody")).await.unwrap_err().code(),
        Code::NotFound
    );
}

#[tokio::test]
async fn a_store_that_cannot_be_read_serves_nothing_that_needs_it() {
    let is_broken = Arc::new(AtomicBool::new(true));
    let told = is_broken.clone();
    let fault = move |_| told.load(Ordering::Relaxed).then_some(StoreError::Busy);
    let store = diwan_store::open("sqlite::memory:").await.unwrap();
    let fixture = Fixture::on(Arc::new(Faulty::new(store, fault))).await;
    let mut client = HealthClient::new(fixture.channel.clone());
    let mut watch = client.watch(health("")).await.unwrap().into_inner();
    for expected in [
        ServingStatus::NotServing,
        ServingStatus::Serving,
        ServingStatus::NotServing,
    ] {
        let next = tokio::time::timeout(Duration::from_secs(30), watch.next()).await;
        let status = next.expect("it changes in time").unwrap().unwrap();
        assert_eq!(status.status(), expected);
        for (name, expected) in [
            ("api.v1.beta1.DBManager", expected),
            ("grpc.health.v1.Health", expected),
            ("api.v1.beta1.Suggestion", ServingStatus::Serving),
            ("manager.v1beta1.Suggestion", ServingStatus::Serving),
        ] {
            let reply = client.check(health(name)).await.unwrap().into_inner();
            assert_eq!(reply.status(), expected, "{name}");
        }
        is_broken.fetch_xor(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_watcher_does_not_keep_the_server_from_ending() {
    let fixture = Fixture::new().await;
    let mut client = HealthClient::new(fixture.channel.clone());
    let mut watch = client.watch(health("")).await.unwrap().into_inner();
    assert_eq!(
        watch.next().await.unwrap().unwrap().status(),
        ServingStatus::Serving
    );
    fixture.stop.send(()).unwrap();
    assert_eq!(
        watch.next().await.unwrap().unwrap().status(),
        ServingStatus::NotServing
    );
    let ended = tokio::time::timeout(Duration::from_secs(30), fixture.server).await;
    ended.expect("the server ends in time").unwrap().unwrap();
}
