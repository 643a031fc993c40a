//! What the API server is told: which requests it sends, where to, and whom it trusts there.

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Error};
use serde_json::{Value, json};

/// The name of both configurations, as Katib's.
pub const NAME: &str = "katib.kubeflow.org";
/// The path that defaults experiments.
pub const MUTATE_EXPERIMENT: &str = "/mutate-experiment";
/// The path that judges experiments.
pub const VALIDATE_EXPERIMENT: &str = "/validate-experiment";
/// The path that adds collectors to pods.
pub const MUTATE_POD: &str = "/mutate-pod";

/// The label of a namespace in which Katib injects collectors. Diwan needs none, and leaves alone where it says `disabled`.
pub const INJECTION_LABEL: &str = "katib.kubeflow.org/metrics-collector-injection";
/// Who owns the fields of the configurations.
const MANAGER: &str = "diwan-webhooks";

/// How the API server reaches the webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By a Service, when the controller runs in the cluster.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its port.
        port: u16,
    },
    /// By an address, when it runs beside it: `https://HOST:PORT`, the port being the one it listens on.
    Host(String),
}

impl Reach {
    /// The names that the certificate must have.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        match self {
            Self::Service {
                namespace, name, ..
            } => vec![
                format!("{name}.{namespace}.svc"),
                format!("{name}.{namespace}"),
                name.clone(),
            ],
            Self::Host(host) => vec![host.clone()],
        }
    }

    fn client(&self, listening: u16, path: &str, authorities: &str) -> Value {
        let authorities = ByteString(authorities.as_bytes().to_vec());
        match self {
            Self::Service {
                namespace,
                name,
                port,
            } => {
                let service =
                    json!({"namespace": namespace, "name": name, "port": port, "path": path});
                json!({"service": service, "caBundle": authorities})
            }
            Self::Host(host) => {
                let host = match host.parse() {
                    Ok(std::net::IpAddr::V6(address)) => format!("[{address}]"),
                    _ => host.clone(),
                };
                json!({"url": format!("https://{host}:{listening}{path}"), "caBundle": authorities})
            }
        }
    }
}

/// Writes both configurations, whatever was there.
///
/// # Errors
/// When the API server refuses.
pub async fn register(
    client: &Client,
    reach: &Reach,
    listening: u16,
    authorities: &str,
) -> Result<(), Error> {
    let parameters = PatchParams::apply(MANAGER).force();
    let owners = owners(client).await?;
    let owned = |mut configuration: Value| {
        configuration["metadata"]["ownerReferences"] = owners.clone();
        Patch::Apply(configuration)
    };
    let judging = owned(validating(reach, listening, authorities));
    Api::<ValidatingWebhookConfiguration>::all(client.clone())
        .patch(NAME, &parameters, &judging)
        .await?;
    let changing = owned(mutating(reach, listening, authorities));
    Api::<MutatingWebhookConfiguration>::all(client.clone())
        .patch(NAME, &parameters, &changing)
        .await?;
    Ok(())
}

/// The configurations go when the definition of experiments goes: they are in no file that could be deleted.
async fn owners(client: &Client) -> Result<Value, Error> {
    let name = "experiments.kubeflow.org";
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let found = definitions.get_opt(name).await?;
    let uid = found.and_then(|definition| definition.metadata.uid);
    let owner = |uid| {
        let (version, kind) = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        json!({"apiVersion": version, "kind": kind, "name": name, "uid": uid})
    };
    Ok(uid.into_iter().map(owner).collect())
}

/// What judges experiments.
fn validating(reach: &Reach, listening: u16, authorities: &str) -> Value {
    let client = reach.client(listening, VALIDATE_EXPERIMENT, authorities);
    configuration(
        "ValidatingWebhookConfiguration",
        &json!([experiments(
            "validator.experiment.katib.kubeflow.org",
            &client
        )]),
    )
}

/// What changes experiments and pods.
fn mutating(reach: &Reach, listening: u16, authorities: &str) -> Value {
    let client = |path| reach.client(listening, path, authorities);
    let defaulter = experiments(
        "defaulter.experiment.katib.kubeflow.org",
        &client(MUTATE_EXPERIMENT),
    );
    configuration(
        "MutatingWebhookConfiguration",
        &json!([defaulter, pods(&client(MUTATE_POD))]),
    )
}

fn configuration(kind: &str, webhooks: &Value) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": NAME, "labels": {"katib.kubeflow.org/component": "controller"}},
        "webhooks": webhooks,
    })
}

/// An experiment that nobody has judged must not be stored. One that is stored can always be labelled and deleted: nobody is
/// asked about that (nor would there be anything to say: see `Request::is_settled`).
fn experiments(name: &str, client: &Value) -> Value {
    let asks = "request.operation == 'CREATE' || (!has(object.metadata.deletionTimestamp) && \
                (!has(object.spec) || !has(oldObject.spec) || object.spec != oldObject.spec))";
    json!({
        "name": name,
        "clientConfig": client,
        "rules": [{
            "apiGroups": ["kubeflow.org"],
            "apiVersions": ["v1beta1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["experiments"],
            "scope": "Namespaced",
        }],
        "matchConditions": [{"name": "asks-for-something", "expression": asks}],
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "timeoutSeconds": 10,
        "admissionReviewVersions": ["v1"],
    })
}

/// A pod is created whether Diwan answers or not. Those of Deployments and of nobody, which are most, are not even asked about.
fn pods(client: &Value) -> Value {
    let owned = "has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(owner, \
                 !(owner.kind in ['ReplicaSet', 'DaemonSet', 'Node']))";
    json!({
        "name": "mutator.pod.katib.kubeflow.org",
        "clientConfig": client,
        "rules": [{
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": ["pods"],
            "scope": "Namespaced",
        }],
        "namespaceSelector": {"matchExpressions": [
            {"key": INJECTION_LABEL, "operator": "NotIn", "values": ["disabled"]},
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]},
        ]},
        "matchConditions": [{"name": "has-an-owner", "expression": owned}],
        "failurePolicy": "Ignore",
        "sideEffects": "None",
        "timeoutSeconds": 5,
        "admissionReviewVersions": ["v1"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Reach {
        Reach::Service {
            namespace: "kubeflow".to_owned(),
            name: "katib-controller".to_owned(),
            port: 443,
        }
    }

    #[test]
    fn a_service_is_reached_by_its_name() {
        let reach = service();
        let hosts = [
            "katib-controller.kubeflow.svc",
            "katib-controller.kubeflow",
            "katib-controller",
        ];
        assert_eq!(reach.hosts(), hosts);
        let written = validating(&reach, 8443, "pem");
        let client = &written["webhooks"][0]["clientConfig"];
        let service = json!({"namespace": "kubeflow", "name": "katib-controller", "port": 443, "path": "/validate-experiment"});
        assert_eq!(*client, json!({"service": service, "caBundle": "cGVt"}));
        assert_eq!(written["webhooks"][0]["failurePolicy"], "Fail");
    }

    #[test]
    fn a_host_is_reached_by_the_port_it_listens_on() {
        for (host, url) in [
            ("127.0.0.1", "https://127.0.0.1:8443/mutate-pod"),
            ("::1", "https://[::1]:8443/mutate-pod"),
            ("laptop", "https://laptop:8443/mutate-pod"),
        ] {
            let reach = Reach::Host(host.to_owned());
            let written = mutating(&reach, 8443, "pem");
            assert_eq!(written["webhooks"][1]["clientConfig"]["url"], url);
            assert_eq!(written["webhooks"][1]["failurePolicy"], "Ignore");
            assert_eq!(reach.hosts(), [host]);
        }
    }

    #[test]
    fn they_are_configurations() {
        let changing =
            serde_json::from_value::<MutatingWebhookConfiguration>(mutating(&service(), 1, "pem"));
        assert_eq!(changing.unwrap().webhooks.unwrap().len(), 2);
        let judging = serde_json::from_value::<ValidatingWebhookConfiguration>(validating(
            &service(),
            1,
            "pem",
        ));
        assert_eq!(judging.unwrap().webhooks.unwrap().len(), 1);
    }
}
