//! `reparse`: reads rejected mails and stored reports again, after an upgrade.

use std::io::Write;

use super::End;
use super::output::printable;
use super::progress::Bar;
use crate::config::Config;
use crate::reparse::{self, Reparsed, Told};
use crate::store::{Lock, Store};

/// Reads everything again and says what changed.
pub(super) async fn reparse(config: &Config, dry_run: bool) -> anyhow::Result<End> {
    let _lock = if dry_run {
        None
    } else {
        Some(Lock::take(&config.store)?)
    };
    let mut store = if dry_run {
        Store::open_dry_run_existing(&config.store)?
    } else {
        Store::open_existing(&config.store)?
    };
    let mut told = Ok(());
    let mut bar = Bar::new("reparse", "mails and reports");
    let done = reparse::reparse(config, &mut store, &mut |news| match news {
        Told::Progress(done, all) => bar.set(done, all),
        Told::Change(line) if told.is_ok() => {
            told = bar.aside(|| writeln!(std::io::stdout().lock(), "{}", printable(line)));
        }
        Told::Change(_) => {}
    })
    .await?;
    bar.finish();
    told?;
    let mut out = std::io::stdout().lock();
    write!(out, "{}", summary(&done))?;
    if dry_run {
        writeln!(out, "dry run: nothing was kept")?;
    }
    let still_rejected = done.mails > done.accepted;
    Ok(if still_rejected || done.unreadable > 0 {
        End::Partly
    } else {
        End::Done
    })
}

fn summary(done: &Reparsed) -> String {
    let Reparsed {
        mails,
        accepted,
        unavailable,
        reports,
        changed,
        unreadable,
    } = *done;
    let some = |n: u64, what: &str| {
        if n > 0 {
            format!(", {n} {what}")
        } else {
            String::new()
        }
    };
    let gone = some(unavailable, "can't be had again");
    let lost = some(unreadable, "can't be read any more");
    let next = if accepted > 0 {
        "the next digest tells what was found\n"
    } else {
        ""
    };
    format!(
        "{mails} rejected mails: {accepted} are read now{gone}\n\
         {reports} stored reports: {changed} changed{lost}\n{next}"
    )
}
