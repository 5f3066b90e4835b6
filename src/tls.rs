//! TLS client configuration, the same for every server we talk to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// Why there is no TLS configuration; a person must act.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file can't be read or holds broken PEM.
    #[error(
        "cannot read certificates from ca_file {path}: {problem}; check the path and that it is a PEM file"
    )]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// rustls refused; should not happen.
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// A configuration that trusts the system's roots (Mozilla's, as built in, where the system has none) and
/// the certificates in `ca_file`. TLS 1.2 or newer.
///
/// # Errors
///
/// [`TlsError::CaFile`] if `ca_file` can't be read or holds no usable certificate.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    // Certificates that can't be read are skipped, as every other program of the system does.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    // The provider is named, so that no other crate's choice of a process default matters.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let wrong = |problem: String| TlsError::CaFile {
        path: path.to_owned(),
        problem,
    };
    let mut n_certificates = 0_usize;
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))? {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        n_certificates = n_certificates.saturating_add(1);
    }
    if n_certificates == 0 {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_with(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn without_a_ca_file_there_are_roots() {
        assert!(client_config(None).is_ok());
    }

    #[test]
    fn missing_ca_file_is_named() {
        let error = client_config(Some(Path::new("/nonexistent/ca.pem"))).unwrap_err();
        assert!(
            error.to_string().contains("ca_file /nonexistent/ca.pem"),
            "{error}"
        );
    }

    #[test]
    fn ca_file_without_a_certificate_is_refused() {
        let file = file_with("# nothing here\n");
        let error = client_config(Some(file.path())).unwrap_err();
        assert!(error.to_string().contains("no certificate"), "{error}");
    }

    #[test]
    fn ca_file_with_a_broken_certificate_is_refused() {
        let file = file_with("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assert!(matches!(
            client_config(Some(file.path())),
            Err(TlsError::CaFile { .. })
        ));
    }
}
