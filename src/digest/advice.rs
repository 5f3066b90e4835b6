//! What may have caused a problem, how to look, and what to do. Pure.

use crate::assess::cause::Cause;
use crate::assess::place::Place;
use crate::assess::problem::{Named, Whose};
use crate::digest::fill::Fill;
use crate::digest::names;
use crate::digest::parts::{Block, Row};
use crate::digest::reading::Reading;
use crate::digest::texts::{self, InMail};

impl Reading<'_> {
    /// Commands that show it, with checked names only.
    pub(crate) fn check(&self) -> Row {
        let host = match &self.problem.place {
            Place::Mx(mx) => names::checked_host(mx),
            _ => None,
        };
        let domain = self
            .problem
            .domains
            .first()
            .map(String::as_str)
            .or(match &self.problem.place {
                Place::Policy(domain) | Place::Unnamed(domain) => Some(domain.as_str()),
                Place::Mx(_) => None,
            });
        let domain = domain.and_then(names::checked_host);
        let fill = Fill {
            mx: host.unwrap_or("MX").to_owned(),
            host: host.unwrap_or("MX").to_owned(),
            domain: domain.unwrap_or("DOMAIN").to_owned(),
            ..Fill::default()
        };
        let (check, how_to_read) = self
            .named()
            .and_then(|named| named.check)
            .unwrap_or((self.text.check, self.text.reading));
        let uses = |gap: &str| check.iter().any(|command| command.contains(gap));
        let lists_mx = uses("dig +short MX");
        let mut blocks = Vec::new();
        if host.is_none() && uses("{mx}") && !lists_mx {
            blocks.push(Block::Command(fill.apply("dig +short MX {domain}")));
        }
        let only_ipv6 = self.problem.spot.only_ipv6;
        blocks.extend(check.iter().map(|command| {
            let command = fill.apply(command);
            Block::Command(if only_ipv6 {
                command.replace("openssl s_client -starttls", "openssl s_client -6 -starttls")
            } else {
                command
            })
        }));
        let mut reading = Vec::new();
        if host.is_none() && uses("{mx}") {
            reading.push("MX stands for each host that the first command lists.".to_owned());
        }
        if domain.is_none() && (uses("{domain}") || host.is_none()) {
            reading.push("Put your domain in for DOMAIN.".to_owned());
        }
        if !how_to_read.is_empty() {
            reading.push(self.short.apply(how_to_read));
        }
        if !reading.is_empty() {
            blocks.push(Block::Text(reading.join(" ")));
        }
        Row {
            label: "Check",
            blocks,
        }
    }

    /// What mends it.
    pub(crate) fn fix(&self) -> Row {
        let named = self.named().and_then(|named| named.fix);
        let mut blocks = vec![Block::Text(self.short.apply(named.unwrap_or(self.text.fix)))];
        if self.problem.cause == Cause::MxNotInPolicy
            && let Place::Mx(mx) = &self.problem.place
            && let Some(host) = names::checked_host(mx)
        {
            blocks.push(Block::Text("Test its certificate as well:".to_owned()));
            blocks.push(Block::Command(format!(
                "openssl s_client -starttls smtp -verify_return_error -brief -verify_hostname {host} -connect \
                 {host}:25 </dev/null"
            )));
        }
        Row { label: "Fix", blocks }
    }

    /// The usual causes, unless something else tells them.
    pub(crate) fn causes(&self) -> Option<String> {
        // Whose it is says what to look for.
        if self.problem.cause == Cause::PolicyFetch && self.is_only_one() {
            return None;
        }
        let named = self.named().and_then(|named| named.causes);
        Some(self.short.apply(named.unwrap_or(self.text.causes)))
    }

    /// Better words than those of the cause, where several findings together tell more.
    fn named(&self) -> Option<&'static InMail> {
        let named = match (self.problem.named, self.problem.cause) {
            (None, Cause::PolicyFetch) if self.problem.whose == Whose::OnlyOne => {
                Some(Named::C10PolicyBlocked)
            }
            // Renewal explains nothing but an old date.
            (Some(Named::C1NodeLeftBehind), cause) if cause != Cause::Expired => None,
            // What takes half of the mail is no backup.
            (Some(Named::C2BackupMxForgotten), _)
                if self.problem.failed.known.saturating_mul(2) >= self.problem.total.known =>
            {
                None
            }
            (named, _) => named,
        };
        named.and_then(texts::combination).map(|known| &known.in_mail)
    }
}
