use futures_util::{StreamExt as _, stream};
use tonic_reflection::pb::{v1, v1alpha};

use super::server::SERVICES;
use super::*;

async fn reflect(
    channel: Channel,
    request: v1::server_reflection_request::MessageRequest,
) -> v1::server_reflection_response::MessageResponse {
    let request = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(request),
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel);
    let replies = client.server_reflection_info(stream::iter([request])).await;
    let reply = replies.unwrap().into_inner().next().await.unwrap();
    reply.unwrap().message_response.unwrap()
}

#[tokio::test]
async fn the_services_are_listed_and_described() {
    use v1::server_reflection_request::MessageRequest;
    use v1::server_reflection_response::MessageResponse;

    let fixture = Fixture::new().await;
    let list = MessageRequest::ListServices(String::new());
    let reply = reflect(fixture.channel.clone(), list).await;
    let MessageResponse::ListServicesResponse(list) = reply else {
        panic!("no list: {reply:?}");
    };
    for name in SERVICES {
        assert!(list.service.iter().any(|known| known.name == name));
        let find = MessageRequest::FileContainingSymbol(name.to_owned());
        let found = reflect(fixture.channel.clone(), find).await;
        assert!(
            matches!(found, MessageResponse::FileDescriptorResponse(_)),
            "{name}"
        );
    }
}

async fn reflect_alpha(
    channel: Channel,
    request: v1alpha::server_reflection_request::MessageRequest,
) -> v1alpha::server_reflection_response::MessageResponse {
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(request),
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let replies = client.server_reflection_info(stream::iter([request])).await;
    let reply = replies.unwrap().into_inner().next().await.unwrap();
    reply.unwrap().message_response.unwrap()
}

#[tokio::test]
async fn older_clients_get_the_same() {
    use v1alpha::server_reflection_request::MessageRequest;
    use v1alpha::server_reflection_response::MessageResponse;

    let fixture = Fixture::new().await;
    let list = MessageRequest::ListServices(String::new());
    let reply = reflect_alpha(fixture.channel.clone(), list).await;
    let MessageResponse::ListServicesResponse(list) = reply else {
        panic!("no list: {reply:?}");
    };
    for name in SERVICES {
        assert!(list.service.iter().any(|known| known.name == name));
        let find = MessageRequest::FileContainingSymbol(name.to_owned());
        let found = reflect_alpha(fixture.channel.clone(), find).await;
        assert!(
            matches!(found, MessageResponse::FileDescriptorResponse(_)),
            "{name}"
        );
    }
}
