//! `fixed`: says that a problem was repaired.

use anyhow::bail;
use jiff::civil::Date;

use super::End;
use super::problems::headline;
use super::saying::{self, Said};
use crate::assess::history::{Remark, Saying};
use crate::assess::problem::Problem;
use crate::cli::FixedArgs;
use crate::config::Config;
use crate::digest::guide;

/// Marks a problem as fixed, or with `--undo` no longer.
pub(super) fn fixed(config: &Config, args: &FixedArgs) -> anyhow::Result<End> {
    let (today, by, why) = (saying::today(), saying::who(), saying::text(&args.because)?);
    let mut store = saying::open(config, args.dry_run)?;
    let problems = store.assess(today, &config.domains)?;
    let problem = saying::resolve_whole(&store, &problems, &args.id)?;
    let (id, what) = (&problem.id, headline(problem));
    let mut said = Said::new("fixed", id, &by, today, args.dry_run);
    said.problem = Some(problem);
    let mut lines = Vec::new();
    if args.undo {
        let n = store.withdraw(id, &Saying::Fixed, today, &by)?;
        said.taken_back = Some(n);
        lines.push(if n == 0 {
            format!("#{id} ({what}) was not marked as fixed; nothing to take back")
        } else {
            format!(
                "#{id} ({what}) is no longer marked as fixed, {}",
                saying::by(&by, "")
            )
        });
    } else {
        if !problem.is_open() {
            bail!(
                "problem {id} ({what}) isn't open: {}; only what is open can be fixed",
                guide::state_in_short(problem.state)
            );
        }
        let remark = Remark {
            about: id.clone(),
            day: today,
            by: by.clone(),
            saying: Saying::Fixed,
        };
        store.remark_because(&remark, &why)?;
        said.text = &why;
        lines.push(format!(
            "#{id} ({what}) is marked as fixed, {}",
            saying::by(&by, &why)
        ));
        lines.extend(proof(problem, today));
        lines.push(format!("To take it back: tlsrptd fixed {id} --undo"));
    }
    let now = store.assess(today, &config.domains)?;
    if let Some(now) = now.iter().find(|now| now.id == *id)
        && now.state != problem.state
    {
        lines.push(format!("It is now {}.", guide::state_in_short(now.state)));
    }
    said.print(args.format, lines, &now)?;
    Ok(End::Done)
}

/// What a word that it was repaired changes, and what is known so far.
pub(super) fn proof(problem: &Problem, today: Date) -> Vec<String> {
    let mut lines = vec![format!(
        "It is over as soon as one reporter that saw it reports a clean day, {today} (UTC) or later; without this, \
         {} clean days of each of them would be needed.",
        problem.clean_days_needed
    )];
    if let Some(episode) = problem.episode() {
        lines.push(format!(
            "It last failed on {}; reports come a day late and more. If it fails again, it is told as returned.",
            episode.last_day
        ));
    }
    lines
}
