//! The verbs.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::authenticate::Resolver;
use crate::cli::{Cli, Show, ShowArgs, Verb};
use crate::clock;
use crate::config::{Config, ConfigError};
use crate::mailbox::files;
use crate::ping::{Ping, Pinger};
use crate::poll::{self, PollError, Polled};
use crate::store::{Lock, Store, Tally};
use crate::{daemon, deliver, import};

mod accept;
mod ack;
mod backup;
mod check;
mod debug_info;
mod digest;
mod domains;
mod explain;
mod fixed;
mod forget;
mod hint;
mod init;
mod mails;
mod note;
mod output;
mod problems;
mod progress;
mod ready;
mod reparse;
mod report;
mod reporters;
mod retire;
mod saying;
mod show;
mod show_problem;
mod sql;
mod status;

/// How a verb ended, besides errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All of it was done: exit status 0.
    Done,
    /// None of it was done: 1.
    Failed,
    /// It was done, but some mails were rejected or a mailbox failed: 3.
    Partly,
}

/// The system's configuration.
const SYSTEM_CONFIG: &str = "/etc/tlsrptd/config.toml";
/// The configuration in the current folder.
const LOCAL_CONFIG: &str = "tlsrptd.toml";
/// Where a configuration is looked for, in this order.
const USUAL_CONFIGS: [&str; 2] = [LOCAL_CONFIG, SYSTEM_CONFIG];

/// Runs a verb.
///
/// # Errors
///
/// Whatever kept it from being done, with what to do about it.
pub async fn run(cli: Cli) -> anyhow::Result<End> {
    // The documented tables don't depend on a configuration.
    if let Verb::Sql(args) = &cli.verb
        && (args.schema || args.examples)
    {
        return sql::help(args);
    }
    if let Verb::Explain { name, format } = &cli.verb {
        return explain::explain(name.as_deref(), *format);
    }
    if let Verb::Init(args) = cli.verb {
        return init::init(cli.config, *args).await;
    }
    let path = config_path(cli.config.or_else(config_from_environment), &USUAL_CONFIGS)?;
    let loaded = Config::load(&path)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let hint = hint::after(&cli.verb);
    let end = Box::pin(run_verb(cli.verb, loaded.config, &path)).await?;
    hint::tell(hint, end);
    Ok(end)
}

async fn run_verb(verb: Verb, mut config: Config, path: &Path) -> anyhow::Result<End> {
    match verb {
        Verb::Init(args) => init::init(None, *args).await,
        Verb::Explain { name, format } => explain::explain(name.as_deref(), format),
        Verb::Run => run_daemon(config, path).await,
        Verb::Poll { dry_run, no_mail } => poll_all(&config, dry_run, no_mail).await,
        Verb::Import {
            paths,
            authentication,
            dry_run,
        } => {
            config.authentication.mode = authentication.unwrap_or(config.authentication.mode);
            import_paths(&config, &paths, dry_run)
        }
        Verb::Digest(args) if args.send => digest::send(&config, args.dry_run).await,
        Verb::Digest(args) => digest::print(&config, &args),
        Verb::Sql(args) => sql::query(&config, &args),
        Verb::Check {
            offline,
            send_test,
            format,
        } => check::check(&config, path, check::Scope { offline, send_test }, format).await,
        Verb::Mails(args) => mails::mails(&config, &args),
        Verb::Status(args) => status::status(&config, &args),
        Verb::Reparse { dry_run } => reparse::reparse(&config, dry_run).await,
        Verb::Forget(args) => forget::forget(&config, &args),
        Verb::Ready(args) => ready::ready(&config, &args),
        Verb::Domains(args) => domains::domains(&config, &args),
        Verb::Reporters(args) => reporters::reporters(&config, &args),
        Verb::Backup { file } => backup::backup(&config, &file),
        Verb::Problems(args) => problems::problems(&config, &args),
        Verb::Show(ShowArgs {
            what: Some(Show::Report { id, format }),
            ..
        }) => show::report(&config, id, format),
        Verb::Show(args) => show_problem::show(&config, &args.problem.unwrap_or_default(), args.format),
        Verb::Ack(args) => ack::ack(&config, &args),
        Verb::Note(args) => note::note(&config, &args),
        Verb::Fixed(args) => fixed::fixed(&config, &args),
        Verb::Accept(args) => accept::accept(&config, &args),
        Verb::Retire(args) => retire::retire(&config, &args),
        Verb::Report { html } => report::report(&config, &html),
        Verb::DebugInfo => debug_info::debug_info(&config),
    }
}

/// What `$TLSRPTD_CONFIG` names.
fn config_from_environment() -> Option<PathBuf> {
    std::env::var_os("TLSRPTD_CONFIG")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// What was named, else the first of `places` that is there, or that can't be looked at: its error says more than that
/// there is none.
fn config_path(given: Option<PathBuf>, places: &[&str]) -> Result<PathBuf, ConfigError> {
    given
        .or_else(|| {
            let mut places = places.iter().map(PathBuf::from);
            places.find(|path| path.try_exists().unwrap_or(true))
        })
        .ok_or(ConfigError::Missing)
}

async fn run_daemon(config: Config, path: &Path) -> anyhow::Result<End> {
    config.require_mailboxes()?;
    config.require_sending()?;
    let lock = Lock::take(&config.store)?;
    let store = Store::open(&config.store)?;
    daemon::run(config, path, store).await?;
    drop(lock);
    Ok(End::Done)
}

async fn poll_all(config: &Config, dry_run: bool, no_mail: bool) -> anyhow::Result<End> {
    config.require_mailboxes()?;
    let _lock = if dry_run {
        None
    } else {
        Some(Lock::take(&config.store)?)
    };
    if dry_run {
        return poll_each(config, &mut Store::open_dry_run(&config.store)?, true)
            .await
            .map(|(end, _)| end);
    }
    let pinger = Pinger::new(&config.monitor);
    pinger.send(Ping::Start);
    let (polled, is_well) = match Store::open(&config.store) {
        Ok(mut store) => {
            let polled = poll_each(config, &mut store, false).await;
            let is_well = matches!(polled, Ok((_, 0))) && !deliver::has_trouble(config, &store);
            (polled.map(|(end, _)| (end, store)), is_well)
        }
        Err(error) => (Err(error.into()), false),
    };
    pinger.send(if is_well { Ping::Success } else { Ping::Fail });
    pinger.finish().await;
    let (end, mut store) = polled?;
    // Without recipients there is nobody to mail to, which is no fault of a poll.
    if no_mail || config.require_sending().is_err() {
        return Ok(end);
    }
    Ok(match digest::send_urgent(config, &mut store).await? {
        End::Done => end,
        _ if end == End::Failed => End::Failed,
        _ => End::Partly,
    })
}

/// Polls every mailbox once; gives how many failed too.
async fn poll_each(config: &Config, store: &mut Store, dry_run: bool) -> anyhow::Result<(End, usize)> {
    let (mut n_failed, mut total) = (0_usize, Tally::default());
    let mut resolver = Resolver::new(&config.authentication);
    for mailbox in &config.mailboxes {
        let mut bar = progress::Bar::new(&mailbox.name, "mails");
        let polled = poll::poll(
            mailbox,
            config,
            store,
            &mut resolver,
            dry_run,
            &mut |done, all| {
                bar.set(done, all);
            },
        )
        .await;
        bar.finish();
        tell(&mailbox.name, &polled)?;
        total.add(polled.tally);
        if matches!(polled.result, Err(PollError::Store(_))) {
            // The others would fail by it too, perhaps after a long wait each.
            return Ok((End::Failed, config.mailboxes.len()));
        }
        n_failed = n_failed.saturating_add(usize::from(polled.result.is_err()));
    }
    if dry_run {
        writeln!(std::io::stdout().lock(), "dry run: nothing was kept")?;
    } else {
        store.retain(config.store.retention, clock::now())?;
    }
    let end = match n_failed {
        0 if total.rejected == 0 => End::Done,
        n if n == config.mailboxes.len() && total.mails == 0 => End::Failed,
        _ => End::Partly,
    };
    Ok((end, n_failed))
}

/// Prints how a poll of a mailbox went.
fn tell(name: &str, polled: &Polled) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for remark in &polled.remarks {
        writeln!(out, "{name}: {remark}")?;
    }
    let summary = summary(&polled.tally);
    match &polled.result {
        Ok(()) => match polled.cut_by {
            Some(limit) => writeln!(
                out,
                "{name}: {summary}; {limit} ended it, poll again for the rest"
            ),
            None => writeln!(out, "{name}: {summary}"),
        },
        Err(error) => {
            if polled.tally.mails > 0 {
                writeln!(out, "{name}: {summary}, then it failed")?;
            }
            writeln!(std::io::stderr().lock(), "tlsrptd: mailbox {name:?}: {error}")
        }
    }
}

/// What was read, in words.
fn summary(tally: &Tally) -> String {
    let parts = [
        (tally.stored, "stored"),
        (tally.duplicates, "duplicate"),
        (tally.conflicts, "in conflict"),
        (tally.set_aside, "set aside"),
        (tally.too_old, "too old"),
        (tally.rejected, "rejected"),
        (tally.not_reports, "without a report"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(n, word)| *n > 0 || *word == "stored")
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    let mails = if tally.mails == 1 { "mail" } else { "mails" };
    let hint = if tally.rejected > 0 || tally.set_aside > 0 {
        "; `tlsrptd mails` says which and why"
    } else {
        ""
    };
    format!("{} {mails} read: {}{hint}", tally.mails, parts.join(", "))
}

fn import_paths(config: &Config, paths: &[PathBuf], dry_run: bool) -> anyhow::Result<End> {
    for path in paths.iter().filter(|path| path.as_os_str() != "-") {
        std::fs::symlink_metadata(path)
            .with_context(|| format!("cannot import {}; check the path", path.display()))?;
    }
    let mut store = if dry_run {
        Store::open_dry_run(&config.store)?
    } else {
        Store::open(&config.store)?
    };
    let mut bar = progress::Bar::of_bytes("import", || files::size_of(paths));
    let tally = import::import(
        config,
        &mut store,
        paths,
        &mut std::io::stdin().lock(),
        clock::now(),
        &mut |tally, n_bytes| bar.count(tally.mails, n_bytes),
    )?;
    bar.finish();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", summary(&tally))?;
    if dry_run {
        writeln!(out, "dry run: nothing was kept")?;
    }
    Ok(if tally.rejected > 0 {
        End::Partly
    } else {
        End::Done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_that_is_named_goes_before_those_that_are_there() {
        let found = config_path(Some(PathBuf::from("named.toml")), &["/"]).unwrap();
        assert_eq!(found, Path::new("named.toml"));
    }

    #[test]
    fn the_first_configuration_that_is_there_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, "").unwrap();
        let path = file.to_str().unwrap();
        assert_eq!(config_path(None, &["/nonexistent/one", path, "/"]).unwrap(), file);
    }

    #[test]
    fn a_configuration_that_may_not_be_looked_at_is_not_taken_for_missing() {
        // Below a file nothing can be looked for: ENOTDIR, for root too.
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().join("config.toml");
        let found = config_path(None, &[path.to_str().unwrap()]).unwrap();
        assert_eq!(found, path);
    }

    #[test]
    fn without_any_the_way_to_one_is_told() {
        let found = config_path(None, &["/nonexistent/config.toml"]);
        assert!(matches!(found, Err(ConfigError::Missing)), "{found:?}");
    }
}
