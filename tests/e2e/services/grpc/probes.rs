//! Health and reflection.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::super::listening::Listening;
use crate::harness::World;

const SERVICES: [&str; 4] = [
    "api.v1.beta1.DBManager",
    "api.v1.beta1.EarlyStopping",
    "api.v1.beta1.Suggestion",
    "diwan.v1.Suggestion",
];

#[tokio::test]
async fn every_name_that_katib_probes_is_healthy() {
    let world = World::new();
    let server = Listening::diwan(&world);
    let mut client = HealthClient::new(server.connect().await);
    let check = |service: &str| HealthCheckRequest {
        service: service.to_owned(),
    };
    for name in SERVICES
        .into_iter()
        .chain(["", "manager.v1beta1.Suggestion"])
    {
        let reply = client.check(check(name)).await.unwrap().into_inner();
        assert_eq!(reply.status(), ServingStatus::Serving, "{name:?}");
    }
    assert_eq!(
        client.check(check("nobody")).await.unwrap_err().code(),
        Code::NotFound
    );
}

#[tokio::test]
async fn reflection_lists_the_services() {
    let world = World::new();
    let server = Listening::diwan(&world);
    let mut client = ServerReflectionClient::new(server.connect().await);
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut replies = client
        .server_reflection_info(stream::iter([list]))
        .await
        .unwrap()
        .into_inner();
    let reply = replies.next().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = reply else {
        panic!("no list: {reply:?}")
    };
    let names: BTreeSet<&str> = list
        .service
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    assert!(
        SERVICES.iter().all(|name| names.contains(name)),
        "{names:?}"
    );
}
