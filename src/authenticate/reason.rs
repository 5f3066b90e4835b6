//! Why a report's origin isn't proven, in words that say what to do where something can be done.

use std::fmt;

use jiff::Timestamp;

use super::tags::TagFault;

/// By these words reasons tell that a key is gone.
const KEY_GONE: &str = "its key is not in the DNS";

/// What is mostly behind a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The key is gone from the DNS.
    KeyGone,
    /// Something on the way has changed the mail.
    Changed,
    /// It came after its signature had expired.
    Expired,
    /// Nobody signed it who can speak for its sender.
    Unsigned,
    /// No name server has answered.
    NoAnswer,
    /// The MX found no good signature, or doesn't say.
    Mx,
    /// The sender signs in a way that proves nothing.
    Weak,
}

impl Cause {
    /// What is behind a reason, by its words: those that are kept.
    pub fn of(reason: &str) -> Self {
        // The first that occurs: a text may name several.
        let words = [
            ("it was made in the future", Self::Weak),
            ("your MX", Self::Mx),
            ("Authentication-Results of", Self::Mx),
            ("given up after three days", Self::NoAnswer),
            ("name server", Self::NoAnswer),
            (KEY_GONE, Self::KeyGone),
            ("changed on the way", Self::Changed),
            ("it expired at", Self::Expired),
            ("which can't speak for it", Self::Unsigned),
            ("From is not one address", Self::Unsigned),
        ];
        let found = words.iter().find(|(words, _)| reason.contains(words));
        match found {
            Some((_, cause)) => *cause,
            None if reason.starts_with("the mail ") => Self::Unsigned,
            None => Self::Weak,
        }
    }
}

/// Why the origin of a mail isn't proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// There is no header, or it is too large.
    Header,
    /// No From field.
    NoFrom,
    /// More than one From field.
    SeveralFrom,
    /// From has no address, several, or one without a domain name.
    NotOneAddress,
    /// No DKIM-Signature.
    NoSignature {
        /// The domain of From.
        from: String,
    },
    /// Every signature is of a domain that can't speak for that of From.
    NotAligned {
        /// The domain of From.
        from: String,
        /// The first domain that signed, if it can be read.
        signing: Option<String>,
    },
    /// A signature of From's domain, or a parent of it, doesn't hold.
    Signature {
        /// Its d=.
        domain: String,
        /// Its s=.
        selector: String,
        /// Why.
        fault: Fault,
    },
    /// What our MX says doesn't prove it.
    Mx(MxFault),
    /// For three days no name server has answered.
    NoAnswer {
        /// What the last attempt came to.
        last: String,
    },
}

/// Why our MX's Authentication-Results prove nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MxFault {
    /// There is none of our MX.
    Absent {
        /// The authserv-id that was looked for.
        id: String,
    },
    /// It can't be read.
    Unreadable,
    /// It names no passing signature of From's domain.
    NoPass {
        /// The domain of From.
        from: String,
    },
    /// It says that a domain signed of which the mail has no sound signature.
    NoSuchSignature {
        /// The domain.
        domain: String,
    },
}

/// Why a signature doesn't hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Its tags can't be read.
    Tags(TagFault),
    /// A required tag is absent or has no usable value.
    Tag(&'static str),
    /// It has l=, which RFC 8460, Section 3 forbids.
    Length,
    /// From isn't signed.
    FromNotSigned,
    /// It names more fields than are looked at.
    TooManyFields,
    /// a= is rsa-sha1 (RFC 8301).
    Sha1,
    /// x= had passed when the mail came.
    Expired {
        /// x=.
        expired: Timestamp,
        /// When the mail came.
        received: Timestamp,
    },
    /// x= is not after t=.
    NeverValid,
    /// t= is in the future.
    Future,
    /// The body isn't the one that was signed.
    Body,
    /// No record (the name server's word for it).
    KeyAbsent(&'static str),
    /// The record is no key.
    KeyMalformed,
    /// p= is empty.
    KeyRevoked,
    /// The key is of another kind than the signature.
    KeyType,
    /// h= of the key leaves out SHA-256.
    KeyHash,
    /// s= of the key leaves out reports.
    KeyService,
    /// s= of the key is email only, and the configuration doesn't take that.
    KeyEmail,
    /// t=y: the domain is only testing.
    KeyTesting,
    /// Fewer than 1024 bits.
    KeyShort(usize),
    /// The mail's parsers disagree, or it is one that can't be checked.
    Unusable,
    /// i= isn't d= or below it, or is below it against t=s.
    Identity,
    /// The signed fields aren't those that were signed, or it is another key's signature.
    Mismatch,
    /// A name server failed.
    Server(String),
    /// No name server has answered in time.
    TimeOut,
    /// There is no name server to ask.
    NoResolver(String),
}

impl Fault {
    /// Whether it may pass by itself.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Server(_) | Self::TimeOut | Self::NoResolver(_))
    }

    /// How far the check came, so that of several signatures the one that came furthest is told.
    pub(super) fn stage(&self) -> u8 {
        match self {
            Self::Tags(_) | Self::Tag(_) => 0,
            Self::Length | Self::FromNotSigned | Self::TooManyFields | Self::Sha1 => 1,
            Self::Expired { .. } | Self::NeverValid | Self::Future => 2,
            Self::Unusable | Self::Body => 3,
            Self::Server(_) | Self::TimeOut | Self::NoResolver(_) => 4,
            Self::KeyAbsent(_)
            | Self::KeyMalformed
            | Self::KeyRevoked
            | Self::KeyType
            | Self::KeyHash
            | Self::KeyService
            | Self::KeyEmail
            | Self::KeyTesting
            | Self::KeyShort(_) => 5,
            Self::Identity | Self::Mismatch => 6,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tags(TagFault::NotText | TagFault::NotATag) => f.write_str("it can't be read"),
            Self::Tags(TagFault::Twice) => f.write_str("a tag of it occurs twice"),
            Self::Tag(name) => write!(f, "its tag {name}= is absent or has no usable value"),
            Self::Length => f.write_str("it leaves out the end of the mail (l=), which RFC 8460 forbids"),
            Self::FromNotSigned => f.write_str("it does not cover From"),
            Self::TooManyFields => f.write_str("it names too many fields (h=)"),
            Self::Sha1 => f.write_str("it uses SHA-1, which anyone may forge (RFC 8301)"),
            Self::Expired { expired, received } => {
                write!(f, "it expired at {expired}, before the mail came ({received})")
            }
            Self::NeverValid => f.write_str("it expires before it was made"),
            Self::Future => f.write_str("it was made in the future; check the clock of your MX"),
            Self::Body => f.write_str(
                "the mail's body was changed on the way; look for what adds footers or rewrites links",
            ),
            Self::KeyAbsent(what) => write!(f, "{KEY_GONE} ({what}); keys go when they are replaced"),
            Self::KeyMalformed => f.write_str("what the DNS has in place of its key is no key"),
            Self::KeyRevoked => f.write_str("its key was withdrawn"),
            Self::KeyType => f.write_str("its key is of another kind"),
            Self::KeyHash => f.write_str("its key does not allow SHA-256"),
            Self::KeyService => f.write_str("its key is not for reports (s=)"),
            Self::KeyEmail => {
                f.write_str("its key is for email only (s=email); authentication.accept_email_keys takes it")
            }
            Self::KeyTesting => f.write_str("its key is for tests only (t=y)"),
            Self::KeyShort(bits) => write!(f, "its key has {bits} bits, fewer than 1024"),
            Self::Unusable => f.write_str("it can't be checked in this mail"),
            Self::Identity => f.write_str("its i= does not belong to its d="),
            Self::Mismatch => {
                f.write_str("the fields that it covers were changed on the way, or another key made it")
            }
            Self::Server(error) => write!(f, "the name server gave no answer about its key ({error})"),
            Self::TimeOut => f.write_str("no name server has answered about its key in time"),
            Self::NoResolver(error) => write!(
                f,
                "there is no name server to ask for its key ({error}); set authentication.nameservers"
            ),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("the mail has no header, or one larger than 256 KiB"),
            Self::NoFrom => f.write_str("the mail has no From"),
            Self::SeveralFrom => f.write_str("the mail has several From fields"),
            Self::NotOneAddress => f.write_str("From is not one address"),
            Self::NoSignature { from } => write!(f, "the mail from {from} has no DKIM signature"),
            Self::NotAligned {
                from,
                signing: Some(signing),
            } => {
                write!(
                    f,
                    "the mail from {from} is signed by {signing} only, which can't speak for it"
                )
            }
            Self::NotAligned { from, signing: None } => {
                write!(f, "the mail from {from} has no DKIM signature that can be read")
            }
            Self::Signature {
                domain,
                selector,
                fault,
            } => {
                write!(f, "DKIM signature of {domain} ({selector}): {fault}")
            }
            Self::Mx(fault) => write!(f, "{fault}"),
            Self::NoAnswer { last } => write!(f, "given up after three days: {last}"),
        }
    }
}

impl fmt::Display for MxFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { id } => write!(f, "the mail has no Authentication-Results of {id}"),
            Self::Unreadable => f.write_str("the Authentication-Results of your MX can't be read"),
            Self::NoPass { from } => write!(f, "your MX found no valid DKIM signature of {from}"),
            Self::NoSuchSignature { domain } => {
                write!(
                    f,
                    "your MX names a signature of {domain}, and the mail has no sound one"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(fault: Fault) -> Reason {
        Reason::Signature {
            domain: "example.com".to_owned(),
            selector: "s1".to_owned(),
            fault,
        }
    }

    fn text() -> String {
        "x".to_owned()
    }

    #[test]
    fn every_reason_tells_its_cause_by_its_words() {
        for (reason, cause) in [
            (Reason::Header, Cause::Unsigned),
            (Reason::NoFrom, Cause::Unsigned),
            (Reason::SeveralFrom, Cause::Unsigned),
            (Reason::NotOneAddress, Cause::Unsigned),
            (Reason::NoSignature { from: text() }, Cause::Unsigned),
            (
                Reason::NotAligned {
                    from: text(),
                    signing: Some(text()),
                },
                Cause::Unsigned,
            ),
            (
                Reason::NotAligned {
                    from: text(),
                    signing: None,
                },
                Cause::Unsigned,
            ),
            (Reason::Mx(MxFault::Absent { id: text() }), Cause::Mx),
            (Reason::Mx(MxFault::Unreadable), Cause::Mx),
            (Reason::Mx(MxFault::NoPass { from: text() }), Cause::Mx),
            (Reason::Mx(MxFault::NoSuchSignature { domain: text() }), Cause::Mx),
            (
                Reason::NoAnswer {
                    last: Fault::KeyAbsent("NXDOMAIN").to_string(),
                },
                Cause::NoAnswer,
            ),
        ] {
            assert_eq!(Cause::of(&reason.to_string()), cause, "{reason}");
        }
    }

    #[test]
    fn every_fault_of_a_signature_tells_its_cause_by_its_words() {
        let at = Timestamp::UNIX_EPOCH;
        let expired = Fault::Expired {
            expired: at,
            received: at,
        };
        for (reason, cause) in [
            (signature(Fault::KeyAbsent("NXDOMAIN")), Cause::KeyGone),
            (signature(Fault::Body), Cause::Changed),
            (signature(Fault::Mismatch), Cause::Changed),
            (signature(expired), Cause::Expired),
            (signature(Fault::NeverValid), Cause::Weak),
            (signature(Fault::Future), Cause::Weak),
            (signature(Fault::Server(text())), Cause::NoAnswer),
            (signature(Fault::TimeOut), Cause::NoAnswer),
            (signature(Fault::NoResolver(text())), Cause::NoAnswer),
            (signature(Fault::Tag("d")), Cause::Weak),
            (signature(Fault::Tags(TagFault::Twice)), Cause::Weak),
            (signature(Fault::Length), Cause::Weak),
            (signature(Fault::FromNotSigned), Cause::Weak),
            (signature(Fault::TooManyFields), Cause::Weak),
            (signature(Fault::Sha1), Cause::Weak),
            (signature(Fault::KeyMalformed), Cause::Weak),
            (signature(Fault::KeyRevoked), Cause::Weak),
            (signature(Fault::KeyType), Cause::Weak),
            (signature(Fault::KeyHash), Cause::Weak),
            (signature(Fault::KeyService), Cause::Weak),
            (signature(Fault::KeyEmail), Cause::Weak),
            (signature(Fault::KeyTesting), Cause::Weak),
            (signature(Fault::KeyShort(512)), Cause::Weak),
            (signature(Fault::Unusable), Cause::Weak),
            (signature(Fault::Identity), Cause::Weak),
        ] {
            assert_eq!(Cause::of(&reason.to_string()), cause, "{reason}");
        }
    }
}
