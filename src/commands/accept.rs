//! `accept`: lets reports count that were set aside.

use std::io::Write;

use anyhow::bail;

use super::End;
use super::saying::{self, DRY_RUN};
use crate::cli::AcceptArgs;
use crate::clock;
use crate::config::Config;
use crate::store::Accept;

/// Counts the reports of a mail, or of a reporter.
pub(super) fn accept(config: &Config, args: &AcceptArgs) -> anyhow::Result<End> {
    let which = match (&args.mail, &args.from) {
        (Some(mail), _) => Accept::Mail(*mail),
        (None, Some(domain)) => Accept::Reporter(domain),
        (None, None) => {
            bail!("name a mail by its id, as `tlsrptd mails` lists it, or a reporter with --from DOMAIN")
        }
    };
    let mut store = saying::open(config, args.dry_run)?;
    let (n_found, n_counted) = store.accept(which, clock::now(), &config.domains)?;
    if n_found == 0 {
        bail!("nothing of it is set aside; `tlsrptd mails --outcome set-aside` lists what is");
    }
    let mut out = std::io::stdout().lock();
    let reports = if n_found == 1 { "report is" } else { "reports are" };
    writeln!(
        out,
        "{n_found} {reports} no longer set aside; {n_counted} of them count"
    )?;
    if n_counted < n_found {
        writeln!(
            out,
            "for the others another report of the same sender, id, period and domains counts"
        )?;
    }
    if args.dry_run {
        writeln!(out, "{DRY_RUN}")?;
    }
    Ok(End::Done)
}
