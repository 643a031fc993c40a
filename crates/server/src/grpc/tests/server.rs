use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diwan_store::StoreError;
use diwan_testkit::store::Faulty;
use futures_util::{StreamExt as _, stream};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use super::*;

const SERVICES: [&str; 4] = [
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

async fn reflect(channel: Channel, request: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(request),
    };
    let mut client = ServerReflectionClient::new(channel);
    let mut replies = client
        .server_reflection_info(stream::iter([request]))
        .await
        .unwrap()
        .into_inner();
    let reply: ServerReflectionResponse = replies.next().await.unwrap().unwrap();
    reply.message_response.unwrap()
}

#[tokio::test]
async fn reflection_lists_and_describes_the_services() {
    let fixture = Fixture::new().await;
    let list = MessageRequest::ListServices(String::new());
    let MessageResponse::ListServicesResponse(list) = reflect(fixture.channel.clone(), list).await
    else {
        panic!("no list of services");
    };
    let names: Vec<String> = list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    for name in SERVICES {
        assert!(
            names.iter().any(|known| known == name),
            "{name} in {names:?}"
        );
        let find = MessageRequest::FileContainingSymbol(name.to_owned());
        let found = reflect(fixture.channel.clone(), find).await;
        assert!(
            matches!(found, MessageResponse::FileDescriptorResponse(_)),
            "{name}"
        );
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
