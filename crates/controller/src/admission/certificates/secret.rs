//! The Secret of the certificate.

use std::collections::BTreeMap;

use diwan_core::time::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PostParams};
use kube::core::ObjectMeta;

use super::{CertificateError, Material};

const AUTHORITIES: &str = "ca.crt";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const HOSTS: &str = "diwan.dev/hosts";
const FROM: &str = "diwan.dev/valid-from";
const UNTIL: &str = "diwan.dev/valid-until";

/// Writers that may come in between before it is an error.
const TRIES: usize = 5;

/// The certificate of a Secret; a new one, which is written there, if there is none or it is due.
///
/// Replicas that do this at once end up with the same: the version of the Secret decides who wrote first.
///
/// # Errors
/// When the Secret cannot be read or written.
pub async fn ensure(
    secrets: &Api<Secret>,
    name: &str,
    hosts: &[String],
    now: Timestamp,
) -> Result<Material, CertificateError> {
    let failed = |verb| {
        move |cause: kube::Error| CertificateError::Secret {
            name: name.to_owned(),
            verb,
            cause: Box::new(cause),
        }
    };
    for _ in 0..TRIES {
        let found = secrets.get_opt(name).await.map_err(failed("read"))?;
        let current = found.as_ref().and_then(read);
        if let Some(current) = current.clone().filter(|one| !one.is_due(hosts, now)) {
            return Ok(current);
        }
        let material = Material::make(hosts, now, current.as_ref())?;
        let written = match found {
            Some(mut secret) => {
                write(&material, &mut secret);
                secrets.replace(name, &PostParams::default(), &secret).await
            }
            None => {
                let mut secret = blank(name);
                write(&material, &mut secret);
                secrets.create(&PostParams::default(), &secret).await
            }
        };
        match written {
            Ok(_) => return Ok(material),
            Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => {}
            Err(error) => return Err(failed("written")(error)),
        }
    }
    Err(CertificateError::Contended(name.to_owned()))
}

fn blank(name: &str) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/tls".to_owned()),
        ..Secret::default()
    }
}

/// `None` if it is not of Diwan's making.
fn read(secret: &Secret) -> Option<Material> {
    let data = secret.data.as_ref()?;
    let text = |key| String::from_utf8(data.get(key)?.0.clone()).ok();
    let annotations = secret.metadata.annotations.as_ref()?;
    let time = |key| Timestamp::parse(annotations.get(key)?).ok();
    Some(Material {
        authorities: text(AUTHORITIES)?,
        certificate: text(CERTIFICATE)?,
        key: text(KEY)?,
        hosts: annotations
            .get(HOSTS)?
            .split(',')
            .map(str::to_owned)
            .collect(),
        from: time(FROM)?,
        until: time(UNTIL)?,
    })
}

fn write(material: &Material, secret: &mut Secret) {
    let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
    secret.data = Some(BTreeMap::from([
        (AUTHORITIES.to_owned(), bytes(&material.authorities)),
        (CERTIFICATE.to_owned(), bytes(&material.certificate)),
        (KEY.to_owned(), bytes(&material.key)),
    ]));
    let annotations = secret.metadata.annotations.get_or_insert_default();
    annotations.insert(HOSTS.to_owned(), material.hosts.join(","));
    annotations.insert(FROM.to_owned(), material.from.to_string());
    annotations.insert(UNTIL.to_owned(), material.until.to_string());
}

#[cfg(test)]
mod tests;
