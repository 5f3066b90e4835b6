//! Whether a mail is from whom it says (RFC 8460, Section 3): by its DKIM signature (RFC 6376), or by what our own MX
//! found. Pure but for `dns`: [`questions`] says which keys are needed, [`Resolver`] gets them, [`verify`] judges.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::config::{AuthenticationConfig, AuthenticationMode};

mod alignment;
mod asker;
mod dns;
mod engine;
mod header;
mod key;
mod lexer;
mod reason;
mod results;
mod signature;
mod tags;

#[cfg(test)]
mod tests;

pub use alignment::organisation;
pub use asker::Asker;
pub use dns::{Answer, Keys, Resolver};
pub use reason::{Cause, Fault, MxFault, Reason};
pub(crate) use results::NO_ID;
pub use tags::TagFault;

use engine::Engine;
use header::{Field, FromFault};
use signature::Candidate;

/// What is known of a mail's origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A DKIM signature of its From domain, or of a parent of it, holds.
    Verified {
        /// d= of the signature.
        domain: String,
        /// s= of the signature.
        selector: String,
        /// What the key is for.
        service: KeyService,
    },
    /// Our own MX has found such a signature good.
    MxVerified {
        /// The domain that signed.
        domain: String,
    },
    /// Its origin isn't proven.
    Unauthenticated {
        /// Why.
        reason: Reason,
    },
    /// Its origin can't be judged now.
    Temporary {
        /// Why.
        reason: Reason,
    },
    /// Nobody has looked.
    Unchecked,
}

/// What the owner of a key has published it for (`s=`; RFC 6376, Section 3.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyService {
    /// Anything.
    Any,
    /// Reports (`tlsrpt`; RFC 8460, Section 3).
    Reports,
    /// Mail only.
    Email,
}

impl Verdict {
    /// The domain that is proven, if one is.
    pub fn domain(&self) -> Option<&str> {
        match self {
            Self::Verified { domain, .. } | Self::MxVerified { domain } => Some(domain),
            Self::Unauthenticated { .. } | Self::Temporary { .. } | Self::Unchecked => None,
        }
    }

    /// Why none is, if that was looked at.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Unauthenticated { reason } | Self::Temporary { reason } => Some(reason),
            Self::Verified { .. } | Self::MxVerified { .. } | Self::Unchecked => None,
        }
    }

    /// The word for it in `reports.authentication`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Verified { .. } => "dkim",
            Self::MxVerified { .. } => "trusted-mx",
            Self::Unauthenticated {
                reason: Reason::Signature { .. } | Reason::NoAnswer { .. },
            } => "failed",
            Self::Unauthenticated { .. } => "none",
            Self::Temporary { .. } => "temporary",
            Self::Unchecked => "unchecked",
        }
    }
}

/// When a mail came.
#[derive(Debug, Clone, Copy)]
pub struct Receipt {
    /// By the mailbox (INTERNALDATE), if it says.
    pub received_at: Option<Timestamp>,
    /// This moment.
    pub now: Timestamp,
}

impl Receipt {
    /// The earlier of the mailbox's word and the topmost Received, which a copy into another mailbox leaves alone.
    fn moment(self, fields: &[Field<'_>]) -> Timestamp {
        let said = [self.received_at, header::received(fields)];
        said.into_iter().flatten().fold(self.now, Timestamp::min)
    }
}

/// The names of the keys that judging this mail needs.
pub fn questions(mail: &[u8], config: &AuthenticationConfig) -> Vec<String> {
    match config.mode {
        AuthenticationMode::Off | AuthenticationMode::TrustMx => return Vec::new(),
        AuthenticationMode::Auto | AuthenticationMode::Verify => {}
    }
    let Some(fields) = header::fields(without_leading_lines(mail)) else {
        return Vec::new();
    };
    let Ok(from) = header::from_domain(&fields) else {
        return Vec::new();
    };
    let candidates = Candidate::all(&fields, &from);
    let sound = candidates.iter().filter(|candidate| candidate.form.is_ok());
    sound.map(Candidate::key_name).collect()
}

/// Judges a mail by the keys that are at hand.
pub fn verify(mail: &[u8], receipt: Receipt, config: &AuthenticationConfig, keys: &Keys) -> Verdict {
    let mail = with_crlf(without_leading_lines(mail));
    let (trusts_mx, verifies) = match config.mode {
        AuthenticationMode::Off => return Verdict::Unchecked,
        AuthenticationMode::Auto => (!config.authserv_id.is_empty(), true),
        AuthenticationMode::Verify => (false, true),
        AuthenticationMode::TrustMx => (true, false),
    };
    let header = match Header::read(&mail) {
        Ok(header) => header,
        Err(reason) => return Verdict::Unauthenticated { reason },
    };
    let verified = verifies.then(|| by_dkim(&mail, &header, receipt, config.accept_email_keys, keys));
    match verified {
        Some(verdict @ Verdict::Verified { .. }) => verdict,
        verdict if trusts_mx => match results::signed_by(&header.fields, &config.authserv_id, &header.from) {
            Ok(domain) => Verdict::MxVerified { domain },
            Err(fault) => verdict.unwrap_or(Verdict::Unauthenticated {
                reason: Reason::Mx(fault),
            }),
        },
        Some(verdict) => verdict,
        None => Verdict::Unchecked,
    }
}

/// A header with one From.
struct Header<'a> {
    fields: Vec<Field<'a>>,
    from: String,
}

impl<'a> Header<'a> {
    fn read(mail: &'a [u8]) -> Result<Self, Reason> {
        let fields = header::fields(mail).ok_or(Reason::Header)?;
        let from = header::from_domain(&fields).map_err(|fault| match fault {
            FromFault::Absent => Reason::NoFrom,
            FromFault::Several => Reason::SeveralFrom,
            FromFault::NotOneAddress => Reason::NotOneAddress,
        })?;
        Ok(Self { fields, from })
    }
}

fn by_dkim(mail: &[u8], header: &Header<'_>, receipt: Receipt, accept_email: bool, keys: &Keys) -> Verdict {
    let candidates = Candidate::all(&header.fields, &header.from);
    if candidates.is_empty() {
        return Verdict::Unauthenticated {
            reason: unsigned(header),
        };
    }
    let received = receipt.moment(&header.fields);
    // Reading the whole mail is worth it only where a signature may hold.
    let any_sound = candidates
        .iter()
        .any(|candidate| candidate.judge(received, receipt.now).is_ok());
    let mut engine = any_sound.then(|| Engine::new(mail)).flatten();
    let mut worst: Option<(Fault, &Candidate<'_>)> = None;
    for candidate in &candidates {
        let verified = candidate.judge(received, receipt.now).and_then(|algorithm| {
            let engine = engine.as_mut().ok_or(Fault::Unusable)?;
            let at = engine.find(candidate)?;
            let name = candidate.key_name();
            let records = match keys.get(&name) {
                Answer::Records(records) => records,
                Answer::Absent(what) => return Err(Fault::KeyAbsent(what)),
                Answer::Failed(fault) => return Err(fault),
            };
            // Answers have no order, so where there are several keys each is tried.
            let mut outcome = Err(Fault::KeyMalformed);
            for (key, service) in key::usable(&records, algorithm, accept_email)? {
                outcome = engine.verify(at, &name, key).map(|()| service);
                if outcome.is_ok() {
                    break;
                }
            }
            outcome
        });
        match verified {
            Ok(service) => {
                return Verdict::Verified {
                    domain: candidate.domain.clone(),
                    selector: candidate.selector.clone(),
                    service,
                };
            }
            Err(fault) => {
                // One without an answer may still prove it; else the one that came furthest says most.
                let weight = |fault: &Fault| (fault.is_temporary(), fault.stage());
                if worst
                    .as_ref()
                    .is_none_or(|(known, _)| weight(&fault) > weight(known))
                {
                    worst = Some((fault, candidate));
                }
            }
        }
    }
    match worst {
        Some((fault, candidate)) => failed(fault, candidate),
        None => Verdict::Unchecked,
    }
}

fn failed(fault: Fault, candidate: &Candidate<'_>) -> Verdict {
    let is_temporary = fault.is_temporary();
    let reason = Reason::Signature {
        domain: candidate.domain.clone(),
        selector: candidate.selector.clone(),
        fault,
    };
    if is_temporary {
        Verdict::Temporary { reason }
    } else {
        Verdict::Unauthenticated { reason }
    }
}

/// Why a mail without a signature of From's domain is unauthenticated.
fn unsigned(header: &Header<'_>) -> Reason {
    let from = header.from.clone();
    let mut signatures = header.fields.iter().filter(|field| field.is("dkim-signature"));
    let Some(first) = signatures.next() else {
        return Reason::NoSignature { from };
    };
    let signing = Candidate::of(first.value).map(|candidate| candidate.domain);
    Reason::NotAligned { from, signing }
}

/// Some files begin with empty lines, which no mail does.
fn without_leading_lines(mut mail: &[u8]) -> &[u8] {
    while let Some(rest) = mail.strip_prefix(b"\n").or_else(|| mail.strip_prefix(b"\r\n")) {
        mail = rest;
    }
    mail
}

/// The mail as it went over the wire: files often have LF alone, and signers saw CR LF.
fn with_crlf(mail: &[u8]) -> Cow<'_, [u8]> {
    let lone = |at: usize| {
        at.checked_sub(1)
            .is_none_or(|before| mail.get(before) != Some(&b'\r'))
    };
    if !memchr::memchr_iter(b'\n', mail).any(lone) {
        return Cow::Borrowed(mail);
    }
    let mut converted = Vec::with_capacity(mail.len().saturating_add(mail.len() / 32));
    let mut start = 0;
    for at in memchr::memchr_iter(b'\n', mail).filter(|at| lone(*at)) {
        converted.extend_from_slice(mail.get(start..at).unwrap_or_default());
        converted.push(b'\r');
        start = at;
    }
    converted.extend_from_slice(mail.get(start..).unwrap_or_default());
    Cow::Owned(converted)
}
