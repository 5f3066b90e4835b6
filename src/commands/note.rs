//! `note`: keeps what a person did or knows.

use anyhow::bail;

use super::End;
use super::fixed::proof;
use super::problems::headline;
use super::saying::{self, Said};
use crate::assess::history::{Remark, Saying};
use crate::cli::NoteArgs;
use crate::config::Config;
use crate::digest::names;
use crate::store::Store;

/// Notes something about a problem or a domain, or takes back what was noted.
pub(super) fn note(config: &Config, args: &NoteArgs) -> anyhow::Result<End> {
    let (today, by, text) = (
        saying::today(),
        saying::who(),
        saying::text(&args.text.join(" "))?,
    );
    if text.is_empty() && !args.undo {
        bail!("the note is empty; say in a few words what you did or know");
    }
    let mut store = saying::open(config, args.dry_run)?;
    let problems = store.assess(today, &config.domains)?;
    // A domain has a dot, an id has none.
    let domain = args
        .about
        .contains('.')
        .then(|| domain(&args.about))
        .transpose()?;
    let problem = match &domain {
        Some(_) => None,
        None => Some(saying::resolve_whole(&store, &problems, &args.about)?),
    };
    let about = problem
        .map(|problem| problem.id.clone())
        .or(domain)
        .unwrap_or_default();
    let shown = problem.map_or_else(
        || about.clone(),
        |problem| format!("#{about} ({})", headline(problem)),
    );
    let mut said = Said::new("noted", &about, &by, today, args.dry_run);
    (said.text, said.problem) = (&text, problem);
    let mut lines = Vec::new();
    if args.undo {
        let n = store.withdraw(&about, &Saying::Note(String::new()), today, &by)?;
        said.taken_back = Some(n);
        lines.push(if n == 0 {
            format!("nothing is noted about {shown}; nothing to take back")
        } else {
            format!("what was noted about {shown} no longer holds, by {by}; it stays on record")
        });
    } else {
        lines.push(format!("noted about {shown}, {}", saying::by(&by, &text)));
        store.remark(&Remark {
            about: about.clone(),
            day: today,
            by: by.clone(),
            saying: Saying::Note(text.clone()),
        })?;
        match problem {
            Some(problem) if problem.is_open() => lines.extend(proof(problem, today)),
            Some(_) => {}
            None => lines.extend(unknown_domain(&mut store, config, &about)?),
        }
        lines.push(format!("To take it back: tlsrptd note {about} --undo"));
    }
    let now = store.assess(today, &config.domains)?;
    said.print(args.format, lines, &now)?;
    Ok(End::Done)
}

/// A domain or host name in lower case and A-labels.
pub(super) fn domain(given: &str) -> anyhow::Result<String> {
    let domain = idna::domain_to_ascii(given.trim().trim_end_matches('.')).unwrap_or_default();
    if names::checked_host(&domain).is_none() {
        bail!(
            "{:?} is not a domain; write it as in `tlsrptd sql \"SELECT policy_domain FROM domains\"`",
            names::clean(given, names::NAME_CHARS)
        );
    }
    Ok(domain)
}

/// A word on a domain of which nothing is known: perhaps it is misspelt.
fn unknown_domain(store: &mut Store, config: &Config, domain: &str) -> anyhow::Result<Option<String>> {
    let is_configured = config
        .domains
        .mail
        .iter()
        .chain(&config.domains.mx)
        .any(|known| known == domain);
    Ok((!is_configured && !store.knows_name(domain)?)
        .then(|| format!("No report says anything of {domain} yet; the note is kept all the same.")))
}
