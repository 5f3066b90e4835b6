//! What comes next after a verb, for a person who looks.

use std::io::{IsTerminal, Write};

use super::End;
use super::output::dim;
use crate::cli::{AckArgs, FixedArgs, NoteArgs, RetireArgs, ShowArgs, TextOrJson, Verb};

/// The next step after a verb; `None`: there is none, or a program reads the output.
pub(super) fn after(verb: &Verb) -> Option<&'static str> {
    let is_text = |format: &TextOrJson| *format == TextOrJson::Text;
    Some(match verb {
        Verb::Poll { dry_run: true, .. } => "tlsrptd poll keeps what was read",
        Verb::Import { dry_run: true, .. } => "the same without --dry-run keeps what was read",
        Verb::Poll { .. } | Verb::Import { .. } => {
            "tlsrptd problems lists what is to be repaired, tlsrptd digest shows what the next mail says"
        }
        Verb::Digest(args) if args.send => "tlsrptd status says when the next one is due",
        Verb::Digest(_) => "tlsrptd digest --send sends it",
        Verb::Check { offline: true, .. } => "tlsrptd check tries the servers too",
        Verb::Check { format, .. } if is_text(format) => {
            "tlsrptd poll reads the mailboxes, tlsrptd run goes on doing so"
        }
        Verb::Sql(args) if args.schema => "tlsrptd sql --examples prints queries to start from",
        Verb::Sql(args) if args.examples => "tlsrptd sql \"QUERY\" runs one",
        Verb::Mails(_) => "tlsrptd reparse reads rejected mails again, after an upgrade",
        Verb::Status(args) if is_text(&args.format) && !args.health => {
            "tlsrptd problems lists what is to be repaired"
        }
        Verb::Ready(args) if is_text(&args.format) && args.domain.is_none() => {
            "tlsrptd ready DOMAIN shows every condition"
        }
        Verb::Ready(args) if is_text(&args.format) => "tlsrptd problems lists what is to be repaired",
        Verb::Domains(args) if is_text(&args.format) => {
            "tlsrptd ready DOMAIN shows whether it may go to enforce"
        }
        Verb::Backup { .. } => "keep it on another disk; docs/operations.md says how to restore it",
        Verb::Reparse { .. } => "tlsrptd digest shows what the next mail says of it",
        Verb::Forget(args) if !args.yes => "tlsrptd forget DOMAIN --yes erases it, and there is no way back",
        Verb::Problems(_) => "tlsrptd show ID tells all of one",
        Verb::Show(ShowArgs {
            what: None, format, ..
        }) if is_text(format) => "tlsrptd fixed ID once it is repaired, tlsrptd ack ID if it is to wait",
        Verb::Ack(AckArgs { format, .. })
        | Verb::Note(NoteArgs { format, .. })
        | Verb::Fixed(FixedArgs { format, .. })
        | Verb::Retire(RetireArgs { format, .. })
            if is_text(format) =>
        {
            "tlsrptd problems shows how all stand"
        }
        _ => return None,
    })
}

/// Prints it, on standard error and only where people look at both.
pub(super) fn tell(hint: Option<&str>, end: End) {
    let is_seen = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    if let Some(hint) = hint.filter(|_| is_seen && end != End::Failed) {
        drop(writeln!(
            std::io::stderr().lock(),
            "{}",
            dim(&format!("next: {hint}"))
        ));
    }
}
