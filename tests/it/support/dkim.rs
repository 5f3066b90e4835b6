//! Mails signed as reporters sign them.

use std::process::Command;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_auth::common::crypto::{RsaKey, Sha256};
use mail_auth::common::headers::HeaderWriter as _;
use mail_auth::dkim::DkimSigner;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// A key, made once for all tests.
pub(crate) struct Key {
    pem: Vec<u8>,
    /// As p= of its record has it.
    pub(crate) public: String,
}

impl Key {
    fn new() -> Self {
        let pem = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &pem).unwrap();
        let path = file.path().to_str().unwrap();
        let der = openssl(&["pkey", "-in", path, "-pubout", "-outform", "DER"]);
        Self {
            pem,
            public: STANDARD.encode(der),
        }
    }

    /// RSA with 2048 bits.
    pub(crate) fn usual() -> &'static Self {
        static KEY: OnceLock<Key> = OnceLock::new();
        KEY.get_or_init(Self::new)
    }

    /// The mail with a signature of `domain` on top.
    pub(crate) fn sign(&self, mail: &[u8], domain: &str, selector: &str) -> Vec<u8> {
        let der = PrivateKeyDer::from_pem_slice(&self.pem).unwrap();
        let signature = DkimSigner::from_key(RsaKey::<Sha256>::from_key_der(der).unwrap())
            .domain(domain)
            .selector(selector)
            .headers(["From", "To", "Subject", "Date", "Message-ID"])
            .sign(mail)
            .unwrap()
            .to_header();
        [signature.as_bytes(), mail].concat()
    }
}

fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("/usr/bin/openssl").args(arguments).output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}");
    output.stdout
}
