//! DKIM signatures as reporters make them: one key a reporter.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use mail_auth::common::crypto::{RsaKey, Sha256};
use mail_auth::common::headers::HeaderWriter as _;
use mail_auth::dkim::{DkimSigner, Done};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// The name under which each reporter publishes its key.
const SELECTOR: &str = "reports";
/// About what the signature of a key of 2048 bits takes of a mail.
pub(super) const SIGNATURE_BYTES: usize = 612;

/// The keys in a folder: REPORTER.pem, RSA.
pub(super) struct Signers {
    folder: PathBuf,
    signers: BTreeMap<String, DkimSigner<RsaKey<Sha256>, Done>>,
}

impl Signers {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            signers: BTreeMap::new(),
        }
    }

    /// The mail with the signature of `reporter` on top. Its t= is now; all else is the same each time.
    pub(super) fn sign(&mut self, reporter: &str, mail: &[u8]) -> Vec<u8> {
        let signer = self.signers.entry(reporter.to_owned()).or_insert_with(|| {
            let pem = fs::read(self.folder.join(format!("{reporter}.pem"))).unwrap();
            let der = PrivateKeyDer::from_pem_slice(&pem).unwrap();
            DkimSigner::from_key(RsaKey::<Sha256>::from_key_der(der).unwrap())
                .domain(reporter)
                .selector(SELECTOR)
                .headers([
                    "From",
                    "To",
                    "Subject",
                    "Date",
                    "Message-ID",
                    "MIME-Version",
                    "Content-Type",
                    "TLS-Report-Domain",
                    "TLS-Report-Submitter",
                ])
        });
        let signature = signer.sign(mail).unwrap().to_header();
        [signature.as_bytes(), mail].concat()
    }
}
