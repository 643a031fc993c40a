//! Trial templates that stand in ConfigMaps.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::Api;
use serde_json::Value;

/// Where a template stands: namespace and name of its ConfigMap, and the key of its data.
pub(crate) type Place = [String; 3];

/// Where the template of an experiment stands, if that is in a ConfigMap.
pub(crate) fn place(experiment: &Value) -> Option<Place> {
    let source = experiment.pointer("/spec/trialTemplate/configMap")?;
    let field = |name| source.get(name)?.as_str().filter(|text| !text.is_empty());
    let place = [
        field("configMapNamespace")?,
        field("configMapName")?,
        field("templatePath")?,
    ];
    Some(place.map(str::to_owned))
}

/// The text of a template.
///
/// # Errors
/// The outer one when the cluster cannot be asked, the inner one, in words, when there is none.
pub(crate) async fn read(
    client: &Client,
    [namespace, name, path]: &Place,
) -> Result<Result<String, String>, kube::Error> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let Some(map) = maps.get_opt(name).await? else {
        let missing = format!("there is no ConfigMap {name} in namespace {namespace}");
        return Ok(Err(missing));
    };
    let data = map.data.unwrap_or_default();
    Ok(data.get(path).cloned().ok_or_else(|| {
        let keys: Vec<&str> = data.keys().map(String::as_str).collect();
        let keys = keys.join(" ");
        format!("ConfigMap {name} has no {path}; it has [{keys}]")
    }))
}
