//! TLS with a certificate that can change while it is served.

use std::fmt;
use std::sync::{Arc, RwLock};

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ServerConfig, crypto::CryptoProvider};

use super::{CertificateError, Material};

/// What new connections are served with.
pub struct Serving {
    current: RwLock<Arc<CertifiedKey>>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").finish_non_exhaustive()
    }
}

impl Serving {
    /// Begins with this certificate.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(material: &Material) -> Result<Arc<Self>, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        Ok(Arc::new(Self {
            current: RwLock::new(certified(material, &provider)?),
            provider,
        }))
    }

    /// From now on, this one.
    ///
    /// # Errors
    /// When it is none.
    pub fn renew(&self, material: &Material) -> Result<(), CertificateError> {
        let new = certified(material, &self.provider)?;
        match self.current.write() {
            Ok(mut current) => *current = new,
            Err(poisoned) => *poisoned.into_inner() = new,
        }
        Ok(())
    }

    /// The server's side of TLS, for HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    /// When the provider of algorithms has none that TLS needs.
    pub fn tls(self: &Arc<Self>) -> Result<ServerConfig, CertificateError> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let resolver: Arc<Self> = Arc::clone(self);
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().ok()?;
        Some(Arc::clone(&current))
    }
}

fn certified(
    material: &Material,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, CertificateError> {
    let chain = CertificateDer::pem_slice_iter(material.certificate.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(unusable)?;
    let key = PrivateKeyDer::from_pem_slice(material.key.as_bytes()).map_err(unusable)?;
    let certified = CertifiedKey::from_der(chain, key, provider).map_err(unusable)?;
    Ok(Arc::new(certified))
}

fn unusable(error: impl fmt::Display) -> CertificateError {
    CertificateError::Unusable(error.to_string())
}
