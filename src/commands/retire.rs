//! `retire`: says that a domain or an MX is no longer used.

use anyhow::bail;

use super::End;
use super::note::domain;
use super::problems::headline;
use super::saying::{self, Said};
use crate::assess::history::{Remark, Saying};
use crate::assess::problem::Problem;
use crate::cli::RetireArgs;
use crate::config::Config;
use crate::store::Store;

/// Retires a domain or an MX, or with `--undo` no longer.
pub(super) fn retire(config: &Config, args: &RetireArgs) -> anyhow::Result<End> {
    let (today, by, why) = (saying::today(), saying::who(), saying::text(&args.because)?);
    let name = domain(&args.name)?;
    let since = args.since.unwrap_or(today);
    if since > today {
        bail!("--since {since} lies ahead; today is {today} (UTC), say it when it is done");
    }
    let mut store = saying::open(config, args.dry_run)?;
    let before = store.assess(today, &config.domains)?;
    let mut said = Said::new("retired", &name, &by, today, args.dry_run);
    let mut lines = Vec::new();
    if args.undo {
        let n = store.withdraw(&name, &Saying::Retired, today, &by)?;
        said.taken_back = Some(n);
        lines.push(if n == 0 {
            format!("{name} was not retired; nothing to take back")
        } else {
            format!("{name} is in use again, by {by}")
        });
    } else {
        known(&store, config, &name)?;
        let remark = Remark {
            about: name.clone(),
            day: since,
            by: by.clone(),
            saying: Saying::Retired,
        };
        store.remark_because(&remark, &why)?;
        (said.since, said.text) = (Some(since), &why);
        lines.push(format!(
            "{name} is retired since {since}, {}",
            saying::by(&by, &why)
        ));
    }
    let after = store.assess(today, &config.domains)?;
    (said.closed, said.reopened) = changed(&before, &after);
    let told = |problem: &&Problem, how: &str| format!("#{} ({}) {how}", problem.id, headline(problem));
    lines.extend(
        said.closed
            .iter()
            .map(|problem| told(problem, "is closed by this.")),
    );
    lines.extend(
        said.reopened
            .iter()
            .map(|problem| told(problem, "is open again.")),
    );
    if !args.undo {
        lines.push(
            "Its later failures are only counted, in the weekly mail, for 60 days; then no longer."
                .to_owned(),
        );
        lines.push(format!("To take it back: tlsrptd retire {name} --undo"));
    }
    said.print(args.format, lines, &after)?;
    Ok(End::Done)
}

/// Refuses a name of which nothing is known: most likely it is misspelt.
fn known(store: &Store, config: &Config, name: &str) -> anyhow::Result<()> {
    let configured = config.domains.mail.iter().chain(&config.domains.mx);
    if configured.clone().any(|known| known == name) || store.knows_name(name)? {
        return Ok(());
    }
    let names = store.known_names()?;
    let near = names
        .iter()
        .chain(configured)
        .map(|known| (strsim::jaro_winkler(known, name), known))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(String::new(), |(_, known)| format!("do you mean {known}? "));
    bail!(
        "no report and no configuration names {name}; {near}`tlsrptd sql \"SELECT policy_domain FROM domains\"` lists \
         the domains, `tlsrptd problems --all` the MX hosts with problems"
    )
}

/// The problems that were open before and aren't after, and the other way round.
fn changed<'a>(before: &'a [Problem], after: &'a [Problem]) -> (Vec<&'a Problem>, Vec<&'a Problem>) {
    let is_told = |problem: &Problem| problem.is_open() && !problem.is_retired;
    let (mut closed, mut reopened) = (Vec::new(), Vec::new());
    for was in before {
        let is = after.iter().find(|is| is.id == was.id);
        match (is_told(was), is.is_some_and(is_told)) {
            (true, false) => closed.push(is.unwrap_or(was)),
            (false, true) => reopened.extend(is),
            _ => {}
        }
    }
    (closed, reopened)
}
