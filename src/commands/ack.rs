//! `ack`: keeps a problem out of the mails for some days.

use anyhow::bail;
use jiff::ToSpan;

use super::End;
use super::problems::headline;
use super::saying::{self, Said};
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
    let mut said = Said::new("acknowledged", id, &by, today, args.dry_run);
    said.problem = Some(problem);
    let mut lines = Vec::new();
    if args.days == 0 {
        let n = store.withdraw(id, &Saying::Acknowledged(today), today, &by)?;
        said.taken_back = Some(n);
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
        (said.until, said.text) = (Some(until), &why);
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
    let now = store.assess(today, &config.domains)?;
    said.print(args.format, lines, &now)?;
    Ok(End::Done)
}
