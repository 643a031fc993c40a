use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diwan_store::StoreError;
use diwan_testkit::store::Faulty;
use futures_util::StreamExt as _;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_prost::ProstCodec;

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

/// Field 1 of each of these requests is a text or a message; 0xff is neither.
#[tokio::test]
async fn bytes_that_are_no_message_are_the_sender_s_mistake() {
    let fixture = Fixture::new().await;
    for method in [
        "/api.v1.beta1.Suggestion/GetSuggestions",
        "/api.v1.beta1.DBManager/ReportObservationLog",
        "/api.v1.beta1.EarlyStopping/SetTrialStatus",
        "/diwan.v1.Suggestion/Suggest",
    ] {
        let mut client = Grpc::new(fixture.channel.clone());
        client.ready().await.unwrap();
        let codec = ProstCodec::<Vec<u8>, ()>::default();
        let request = Request::new(vec![0xff]);
        let path = PathAndQuery::from_static(method);
        let refused = client.unary(request, path, codec).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{method}: {refused}");
        let message = refused.message();
        assert!(
            message.starts_with("the request cannot be decoded: "),
            "{method}: {message}"
        );
    }
}
