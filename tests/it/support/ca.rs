//! A certificate authority for one test.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

/// PEM files of an authority and of a server that it vouches for.
pub(crate) struct Ca {
    /// The authority's certificate.
    pub(crate) root: PathBuf,
    /// The server's certificate, for `localhost` and 127.0.0.1.
    pub(crate) server: PathBuf,
    /// The server's key.
    pub(crate) server_key: PathBuf,
}

impl Ca {
    /// Makes an authority whose files lie in `folder`, which is created.
    pub(crate) fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let file = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, folder.display().to_string());
        let ca_key = KeyPair::generate().unwrap();
        let ca_cert = params.self_signed(&ca_key).unwrap();
        let issuer = Issuer::new(params, ca_key);

        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &issuer).unwrap();
        Self {
            root: file("ca.pem", ca_cert.pem()),
            server: file("srv.pem", cert.pem()),
            server_key: file("srv.key", key.serialize_pem()),
        }
    }
}
