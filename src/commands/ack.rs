//! `ack`: keeps a problem out of the mails for some days.

use std::io::Write;

use anyhow::bail;
use jiff::ToSpan;

use super::End;
use super::problems::headline;
use super::saying::{self, DRY_RUN};
use crate::assess::history::{Remark, Saying};
use crate::cli::AckArgs;
use crate::config::Config;
use crate::digest::guide;

/// Acknowledges a problem, or with `--days 0` no longer.
pub(super) fn ack(config: &Config, args: &AckArgs) -> anyhow::Result<End> {
    let (today, by, why) = (saying::today(), saying::who(), saying::text(&args.because)?);
    let mut store = saying::open(config, args.dry_run)?;
    let problems = store.assess(today, &config.domains)?;
    let problem = saying::resolve_whole(&store, &problems, &args.id)?;
    let (id, what) = (&problem.id, headline(problem));
    let until = today.checked_add(i64::from(args.days).days())?;
    let mut lines = Vec::new();
    if args.days == 0 {
        let n = store.withdraw(id, &Saying::Acknowledged(today), today, &by)?;
        lines.push(if n == 0 {
            format!("#{id} ({what}) was not acknowledged; nothing to take back")
        } else {
            format!(
                "#{id} ({what}) is no longer acknowledged, {}",
                saying::by(&by, &why)
            )
        });
        if n > 0 && problem.is_open() {
            lines.push("While it goes on, the mails tell it again.".to_owned());
        }
    } else {
        if !problem.is_open() {
            bail!(
                "problem {id} ({what}) isn't open: {}; only what is open can be acknowledged",
                guide::state_in_short(problem.state)
            );
        }
        let remark = Remark {
            about: id.clone(),
            day: today,
            by: by.clone(),
            saying: Saying::Acknowledged(until),
        };
        store.remark_because(&remark, &why)?;
        lines.push(format!(
            "#{id} ({what}) is acknowledged until {until}, {}",
            saying::by(&by, &why)
        ));
        lines.push(
            "Mails only count it, unless it gets worse. If it still fails after that day, it is told again."
                .to_owned(),
        );
        lines.push(format!("To take it back: tlsrptd ack {id} --days 0"));
    }
    store.assess(today, &config.domains)?;
    if args.dry_run {
        lines.push(DRY_RUN.to_owned());
    }
    writeln!(std::io::stdout().lock(), "{}", lines.join("\n"))?;
    Ok(End::Done)
}
