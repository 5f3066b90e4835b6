//! Parses the arguments, starts logging, runs the verb, and turns its end into an exit status.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use tlsrptd::cli::{Cli, LogFormat};
use tlsrptd::commands::{self, End};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Stack of the thread that does all the work, in bytes. The IMAP parser recurses as deep as the guard in front of it
/// lets it, which takes 4 MiB in a debug build; that must not hang on `ulimit -s`.
const STACK: usize = 16 * 1024 * 1024;

fn main() -> ExitCode {
    let worker = std::thread::Builder::new()
        .name("tlsrptd".to_owned())
        .stack_size(STACK)
        .spawn(run);
    match worker.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        // It has told of itself.
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => {
            drop(writeln!(
                std::io::stderr().lock(),
                "tlsrptd: cannot start a thread: {error}"
            ));
            ExitCode::FAILURE
        }
    }
}

fn run() -> ExitCode {
    let cli = Cli::parse(); // ends with 2 on wrong usage
    start_logging(&cli);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let end = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(cli)),
        Err(error) => Err(anyhow::Error::new(error).context("cannot start the runtime")),
    };
    match end {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Failed) => ExitCode::from(1),
        Ok(End::Partly) => ExitCode::from(3),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let name = anstyle::AnsiColor::Red.on_default().bold();
            // Colours are taken out where they don't belong.
            let is_config = error.is::<tlsrptd::config::ConfigError>();
            let told = writeln!(
                anstream::stderr().lock(),
                "{name}tlsrptd:{name:#} {error:#}{}",
                way_out(&error)
            );
            if told.is_err() || !is_config {
                ExitCode::from(1)
            } else {
                ExitCode::from(2)
            }
        }
    }
}

/// How to try a configuration that has been mended.
fn way_out(error: &anyhow::Error) -> &'static str {
    use tlsrptd::config::ConfigError::{Missing, Read, Syntax, Value};
    match error.downcast_ref() {
        Some(Syntax(_)) => "\nthen try it: tlsrptd check --offline",
        Some(Value { place, .. }) if place != "init" => "; then try it: tlsrptd check --offline",
        Some(Missing | Read { .. } | Value { .. }) | None => "",
    }
}

/// Whoever read our output went away, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

/// Logs go to standard error. Only our own modules log: async-imap's trace would print passwords.
fn start_logging(cli: &Cli) {
    let level = if cli.verbose {
        LevelFilter::DEBUG
    } else {
        LevelFilter::INFO
    };
    let filter = Targets::new().with_target("tlsrptd", level);
    let registry = tracing_subscriber::registry().with(filter);
    let under_systemd = std::env::var_os("JOURNAL_STREAM").is_some();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_target(false);
    match cli.log_format {
        LogFormat::Json => registry.with(lines.json()).init(),
        LogFormat::Text if under_systemd => registry.with(lines.without_time()).init(),
        LogFormat::Text => registry.with(lines).init(),
    }
}
