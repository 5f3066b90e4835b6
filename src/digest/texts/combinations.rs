//! Combinations of findings that are worth a name of their own: what each is, and the words with which mails tell it.

pub use super::patterns::COMBINATIONS;
use crate::assess::problem::Named;

/// What is needed to tell a combination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// The reports alone.
    Reports,
    /// A look at DNS or the web server, which tlsrptd doesn't take.
    ALook,
}

/// A combination of findings.
#[derive(Debug, Clone, Copy)]
pub struct Combination {
    /// `C1` to `C23`.
    pub number: &'static str,
    /// Its name for machines: in the view `problems`, and for `explain`.
    pub word: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// What must hold in the reports.
    pub pattern: &'static str,
    /// What it means, in a sentence.
    pub says: &'static str,
    /// What mends it, and who.
    pub fix: &'static str,
    /// What is needed to tell it.
    pub needs: Needs,
    /// Its words in mails.
    pub in_mail: InMail,
}

/// Words that stand in for those of the cause where several findings together tell more than each of them; `None` where
/// the cause's are as good.
#[derive(Debug, Clone, Copy)]
pub struct InMail {
    /// For the label Cause.
    pub causes: Option<&'static str>,
    /// For the label Fix.
    pub fix: Option<&'static str>,
    /// For the label Check: the commands, and how to read their output.
    pub check: Option<(&'static [&'static str], &'static str)>,
}

impl InMail {
    /// Those of the cause.
    pub(super) const NONE: Self = Self {
        causes: None,
        fix: None,
        check: None,
    };
}

/// The combination that a problem is part of.
pub fn combination(named: Named) -> Option<&'static Combination> {
    let number = match named {
        Named::C1NodeLeftBehind => "C1",
        Named::C2BackupMxForgotten => "C2",
        Named::C3WildcardTooShort => "C3",
        Named::C6PolicyRemoved => "C6",
        Named::C7MxMove => "C7",
        Named::C8PolicyHostExpired => "C8",
        Named::C10PolicyBlocked => "C10",
        Named::C11TlsaNotUpdated => "C11",
        Named::C12TlsaOverlapTooShort => "C12",
        Named::C14DnssecExpired => "C14",
        Named::C15StarttlsStripped => "C15",
        Named::C16OldTls => "C16",
        Named::C17RateLimit => "C17",
        Named::C18CertificateForDomain => "C18",
        Named::C20ReporterTrouble => "C20",
        Named::C21OneSender => "C21",
        Named::C23TlsaChangedFirst => "C23",
    };
    COMBINATIONS.iter().find(|known| known.number == number)
}
