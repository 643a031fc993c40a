//! The webhooks' certificates: made here, kept in a Secret that all replicas share, renewed at two thirds of their life.
//!
//! Each certificate has an authority of its own, whose key is thrown away once it has signed: nothing that is stored can sign
//! another. The authority before stays trusted until the next renewal, so replicas may take up the new certificate one by one.

mod secret;
mod serving;

use diwan_core::time::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

pub use secret::ensure;
pub use serving::Serving;

/// Days that a certificate is valid.
const LIFE_DAYS: i64 = 90;
/// How far clocks may differ.
const SKEW_SECONDS: i64 = 3600;
const DAY_SECONDS: i64 = 86_400;
const END: &str = "-----END CERTIFICATE-----";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It cannot be made.
    #[error("a certificate for {hosts} cannot be made: {cause}")]
    Make {
        /// The names in it.
        hosts: String,
        /// What is in the way.
        cause: rcgen::Error,
    },
    /// The Secret cannot be read or written.
    #[error("Secret {name} of the webhooks' certificate cannot be {verb}: {cause}")]
    Secret {
        /// The Secret.
        name: String,
        /// `read` or `written`.
        verb: &'static str,
        /// What the API server said.
        cause: Box<kube::Error>,
    },
    /// Replicas keep overwriting one another.
    #[error("Secret {0} of the webhooks' certificate changed each time it was to be written")]
    Contended(String),
    /// What the Secret has cannot be served.
    #[error("the webhooks' certificate cannot be used: {0}")]
    Unusable(String),
}

/// A certificate and what belongs to it, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Material {
    /// Whom to trust: the authority of this certificate, and of the one before while that is valid.
    pub authorities: String,
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
    /// The names in it.
    pub hosts: Vec<String>,
    /// When its life begins.
    pub from: Timestamp,
    /// When its life ends.
    pub until: Timestamp,
}

impl std::fmt::Debug for Material {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Material")
            .field("hosts", &self.hosts)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

impl Material {
    /// A new one, after the `previous` one if there is one.
    ///
    /// # Errors
    /// When one of the hosts is no name.
    pub fn make(
        hosts: &[String],
        now: Timestamp,
        previous: Option<&Self>,
    ) -> Result<Self, CertificateError> {
        let made = sign(hosts, now).map_err(|cause| CertificateError::Make {
            hosts: hosts.join(", "),
            cause,
        });
        let mut made = made?;
        if let Some(previous) = previous.filter(|previous| previous.until > now) {
            // Its own authority stands first.
            if let Some((first, _)) = previous.authorities.split_once(END) {
                made.authorities.push_str(first);
                made.authorities.push_str(END);
                made.authorities.push('\n');
            }
        }
        Ok(made)
    }

    /// Whether another one is needed: two thirds of its life are over, or it is for other hosts.
    #[must_use]
    pub fn is_due(&self, hosts: &[String], now: Timestamp) -> bool {
        let life = self.until.millis_since(self.from);
        self.hosts != hosts || now.millis_since(self.from) >= life / 3 * 2
    }
}

fn sign(hosts: &[String], now: Timestamp) -> Result<Material, rcgen::Error> {
    let from = now.plus_seconds(-SKEW_SECONDS);
    let until = now.plus_seconds(LIFE_DAYS * DAY_SECONDS);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let date = |time: Timestamp| {
        let millis = u64::try_from(time.as_millis()).unwrap_or_default();
        epoch + std::time::Duration::from_secs(millis / 1000)
    };
    let params = |name: String, hosts: &[String]| -> Result<_, rcgen::Error> {
        let mut params = CertificateParams::new(hosts)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date(from);
        params.not_after = date(until);
        Ok(params)
    };
    // Go finds authorities by their names: two must not have the same.
    let mut authority = params(format!("diwan webhooks {}", now.as_millis()), &[])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let mut leaf = params("diwan webhooks".to_owned(), hosts)?;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&key, &authority)?;
    Ok(Material {
        authorities: authority.pem(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
        hosts: hosts.to_vec(),
        from,
        until,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).plus_seconds(days * DAY_SECONDS)
    }

    #[test]
    fn it_is_renewed_at_two_thirds_of_its_life() {
        let hosts = ["localhost".to_owned()];
        let material = Material::make(&hosts, at(0), None).unwrap();
        assert!(!material.is_due(&hosts, at(59)));
        assert!(material.is_due(&hosts, at(60)));
        assert!(material.is_due(&["elsewhere".to_owned()], at(0)));
        assert!(!format!("{material:?}").contains("PRIVATE"));
    }

    #[test]
    fn two_authorities_are_trusted_at_most() {
        let hosts = ["127.0.0.1".to_owned()];
        let count = |material: &Material| material.authorities.matches(END).count();
        let first = Material::make(&hosts, at(0), None).unwrap();
        let second = Material::make(&hosts, at(60), Some(&first)).unwrap();
        let third = Material::make(&hosts, at(120), Some(&second)).unwrap();
        assert_eq!([&first, &second, &third].map(count), [1, 2, 2]);
        assert!(second.authorities.contains(first.authorities.trim()));
        assert!(!third.authorities.contains(first.authorities.trim()));
        let late = Material::make(&hosts, at(300), Some(&third)).unwrap();
        assert_eq!(count(&late), 1, "the third is not valid any more");
    }

    #[test]
    fn hosts_must_be_names() {
        let refusal = Material::make(&["é".to_owned()], at(0), None).unwrap_err();
        assert!(
            refusal
                .to_string()
                .starts_with("a certificate for é cannot be made: ")
        );
    }
}
