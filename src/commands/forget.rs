//! `forget`: erases a domain.

use std::io::Write;

use anyhow::bail;

use super::End;
use crate::cli::ForgetArgs;
use crate::clock;
use crate::config::Config;
use crate::store::{Forgotten, Lock, Store};

/// Erases a domain with `--yes`; else says what that would erase.
pub(super) fn forget(config: &Config, args: &ForgetArgs) -> anyhow::Result<End> {
    let given = args.domain.trim_end_matches('.');
    let domain = match idna::domain_to_ascii(given) {
        Ok(domain) if !domain.is_empty() => domain,
        _ => bail!(
            "{given:?} is not a domain; write it as in `tlsrptd sql \"SELECT policy_domain FROM domains\"`"
        ),
    };
    let erases = args.yes && !args.dry_run;
    let forgotten = if erases {
        let _lock = Lock::take(&config.store)?;
        let mut store = Store::open_existing(&config.store)?;
        let forgotten = store.forget(&domain)?;
        // What other domains share with it is counted anew.
        let today = clock::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        store.assess(today, &config.domains)?;
        forgotten
    } else {
        Store::open_dry_run_existing(&config.store)?.forget(&domain)?
    };
    let mut out = std::io::stdout().lock();
    if forgotten.is_nothing() {
        writeln!(
            out,
            "nothing is stored about {domain}; `tlsrptd sql \"SELECT policy_domain FROM domains\"` lists the domains"
        )?;
        return Ok(End::Done);
    }
    write!(out, "{}", text(&domain, &forgotten, erases))?;
    if erases {
        return Ok(End::Done);
    }
    let dry_run = args.dry_run;
    let how = if dry_run {
        "dry run: nothing was erased"
    } else {
        "nothing was erased; to do it, add --yes"
    };
    writeln!(out, "{how}")?;
    Ok(if dry_run { End::Done } else { End::Failed })
}

fn text(domain: &str, forgotten: &Forgotten, erases: bool) -> String {
    let Forgotten {
        reports,
        shortened_reports,
        policy_results,
        failure_types,
        problems,
        remarks,
        raw_mails,
        reasons,
        digests,
        waiting_digests,
    } = *forgotten;
    let verb = if erases { "erased" } else { "would be erased" };
    let rows = [
        (reports, "reports about it alone"),
        (
            shortened_reports,
            "texts as sent of reports about other domains too",
        ),
        (policy_results, "entries of reports, with their failure details"),
        (failure_types, "failure types"),
        (problems, "problems of it alone"),
        (remarks, "notes and other remarks on it"),
        (
            raw_mails,
            "bytes of rejected mails, all of them, since nobody can tell what they are about",
        ),
        (reasons, "reasons of rejected mails that name it"),
        (digests, "texts of sent digests that name it"),
    ];
    let rows = rows
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("  {n:>6} {what}\n"));
    let mut text = format!("{domain}: {verb}\n{}", rows.collect::<String>());
    if waiting_digests > 0 {
        text.push_str(
            "a digest that names it is still to be sent, and stays; run this again once it is sent\n",
        );
    }
    text.push_str(
        "what stays, and how to keep it from coming back: docs/privacy.md. Copies made earlier are not touched: \
         backups and FILE.v<N>.bak\n",
    );
    text
}
