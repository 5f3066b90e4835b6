//! Canonicalisation and cryptography, which mail-auth does; what its `Pass` leaves open is checked around it.

use std::borrow::Borrow;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use mail_auth::common::verify::DomainKey;
use mail_auth::dkim::{DkimError, Signature};
use mail_auth::{
    AuthenticatedMessage, DkimResult, Error, MessageAuthenticator, Parameters, ResolverCache, Txt,
};

use super::dns;
use super::reason::Fault;
use super::signature::Candidate;

/// A mail as mail-auth reads it, with the hashes of its body.
pub(super) struct Engine<'a> {
    message: AuthenticatedMessage<'a>,
    signatures: Vec<mail_auth::common::headers::Header<'a, Signature>>,
}

impl<'a> Engine<'a> {
    /// `None` if it finds no header, or more or less than one From.
    pub(super) fn new(mail: &'a [u8]) -> Option<Self> {
        let parse = AssertUnwindSafe(|| AuthenticatedMessage::parse_with_opts(mail, None, true));
        let mut message = catch_unwind(parse).ok().flatten()?;
        let is_from = |name: &[u8]| name.trim_ascii().eq_ignore_ascii_case(b"from");
        let n_from = message.headers.iter().filter(|(name, _)| is_from(name)).count();
        if n_from != 1 || message.from.len() != 1 {
            return None;
        }
        message.errors.clear();
        let signatures = std::mem::take(&mut message.dkim_headers);
        Some(Self { message, signatures })
    }

    /// The signature of a candidate, if both readers see the same in it and the body is the one that was signed.
    pub(super) fn find(&self, candidate: &Candidate<'_>) -> Result<usize, Fault> {
        let at = self
            .signatures
            .iter()
            .position(|header| header.value.trim_ascii_end() == candidate.value)
            .ok_or(Fault::Unusable)?;
        let signature = self
            .signatures
            .get(at)
            .map(|found| &found.header)
            .ok_or(Fault::Unusable)?;
        let is_same = signature.d.eq_ignore_ascii_case(&candidate.domain)
            && signature.s.eq_ignore_ascii_case(&candidate.selector)
            && signature.l == 0
            && signature.h.iter().any(|name| name.eq_ignore_ascii_case("from"));
        if !is_same {
            return Err(Fault::Unusable);
        }
        let has_body =
            self.message.body_hashes.iter().any(|(form, _, length, hash)| {
                *form == signature.cb && *length == 0 && *hash == signature.bh
            });
        if has_body { Ok(at) } else { Err(Fault::Body) }
    }

    /// Checks a signature that was found against its key.
    pub(super) fn verify(&mut self, at: usize, key_name: &str, key: DomainKey) -> Result<(), Fault> {
        let mut header = self.signatures.get(at).cloned().ok_or(Fault::Unusable)?;
        // Judged before, at the moment when the mail came; mail-auth knows only the present.
        header.header.x = 0;
        // Each would be another look-up.
        header.header.r = false;
        header.header.atps = None;
        self.message.dkim_headers = vec![header];
        let key = OneKey {
            name: key_name,
            key: Txt::from(key),
        };
        let verify = AssertUnwindSafe(|| check(&self.message, &key));
        catch_unwind(verify).unwrap_or(Err(Fault::Unusable))
    }
}

fn check(message: &AuthenticatedMessage<'_>, key: &OneKey<'_>) -> Result<(), Fault> {
    static OFFLINE: OnceLock<Option<MessageAuthenticator>> = OnceLock::new();
    let engine = OFFLINE
        .get_or_init(|| dns::offline().ok())
        .as_ref()
        .ok_or(Fault::Unusable)?;
    // With the key at hand there is nothing to wait for.
    let verify = pin!(engine.verify_dkim(Parameters::new(message).with_txt_cache(key)));
    let Poll::Ready(outputs) = verify.poll(&mut Context::from_waker(Waker::noop())) else {
        return Err(Fault::Unusable);
    };
    match outputs.as_slice() {
        [output] => match output.result() {
            DkimResult::Pass => Ok(()),
            DkimResult::Fail(Error::Dkim(DkimError::FailedAuidMatch)) => Err(Fault::Identity),
            DkimResult::Fail(_) => Err(Fault::Mismatch),
            DkimResult::Neutral(Error::Dkim(DkimError::FailedBodyHashMatch)) => Err(Fault::Body),
            _ => Err(Fault::Unusable),
        },
        _ => Err(Fault::Unusable),
    }
}

/// The one key that was asked for, as mail-auth's cache.
struct OneKey<'a> {
    name: &'a str,
    key: Txt,
}

impl ResolverCache<Box<str>, Txt> for OneKey<'_> {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let own: Box<str> = self.name.into();
        (own.borrow() == name).then(|| self.key.clone())
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: std::time::Instant) {}
}
