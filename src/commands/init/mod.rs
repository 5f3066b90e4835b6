//! `init`: from nothing to a configuration that works.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use secrecy::ExposeSecret;

use self::answers::{Answers, Login};
use self::ask::{Asker, say, wrong};
use self::place::Owner;
use super::End;
use super::check;
use crate::cli::InitArgs;
use crate::config::Config;
use crate::digest::send;
use crate::mailbox::{ImapSession, once};

mod answers;
mod ask;
mod fill;
mod oauth2;
mod place;
mod providers;
mod questions;
mod records;
mod sending;

/// Where the package puts the unit.
const UNITS: [&str; 3] = [
    "/etc/systemd/system/tlsrptd.service",
    "/usr/lib/systemd/system/tlsrptd.service",
    "/lib/systemd/system/tlsrptd.service",
];

/// What stays the same throughout.
struct Setup {
    asker: Asker,
    config: PathBuf,
    owner: Option<Owner>,
    force: bool,
    /// Files that this run has written, and so may replace.
    written: BTreeSet<PathBuf>,
}

impl Setup {
    fn write(&mut self, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
        let replace = self.force || self.written.contains(path);
        if !replace && path.exists() {
            return Err(wrong(&format!(
                "{} is there already; give --force to replace it",
                path.display()
            )));
        }
        place::make_folder_of(path, self.owner.as_ref())?;
        place::write_private(path, bytes, self.owner.as_ref(), replace)?;
        self.written.insert(path.to_owned());
        Ok(())
    }

    /// A file beside the configuration.
    fn beside(&self, name: &str) -> PathBuf {
        self.config.with_file_name(name)
    }
}

/// Asks, tries, writes, and says what comes next.
pub(super) async fn init(given: Option<PathBuf>, mut args: InitArgs) -> anyhow::Result<End> {
    let given = given.or_else(super::config_from_environment);
    let config = std::path::absolute(given.unwrap_or_else(place::default_config))?;
    let mut setup = Setup {
        asker: Asker::new(args.yes),
        owner: Owner::find(args.owner.as_deref())?,
        force: args.force,
        written: BTreeSet::new(),
        config,
    };
    if setup.config.exists() && !setup.force {
        return Err(wrong(&format!(
            "{} is there already; give --force to replace it, or another place with --config FILE",
            setup.config.display()
        )));
    }
    if setup.asker.asks() {
        say(&format!(
            "This writes {}. Enter takes what stands in brackets; Ctrl-C ends it.\n",
            setup.config.display()
        ))?;
    }
    let mut answers = questions::mailbox(&mut setup, &args)?;
    while !args.offline && !try_mailbox(&setup, &args, &mut answers).await? {
        questions::forget_login(&mut args, &answers);
        answers = questions::mailbox(&mut setup, &args)?;
    }
    sending::sending(&setup, &args, &mut answers)?;
    while !args.offline && !try_sending(&setup, &answers).await? {
        sending::forget_sending(&mut args, &answers);
        sending::sending(&setup, &args, &mut answers)?;
    }
    let domains = questions::domains(&setup, &args, &answers)?;
    write(&mut setup, &answers)?;
    let oauth2 = answers.oauth2.as_ref();
    if oauth2.is_some_and(|oauth2| oauth2.trusts_topmost(answers.authentication)) {
        say(
            "What Exchange Online finds out about signatures is believed (authserv_id = \"none\"). Take that out if your \
             MX records name anything but *.mail.protection.outlook.com.",
        )?;
    }
    let end = if args.offline {
        End::Done
    } else {
        go_on(&setup, &args, &answers)?
    };
    say(&format!("\n{}", records::records(&domains, &answers.address)))?;
    say(&next_step(&setup, &answers.database))?;
    Ok(end)
}

/// Logs in and chooses folders; `false` if a person wants to try again.
async fn try_mailbox(setup: &Setup, args: &InitArgs, answers: &mut Answers) -> anyhow::Result<bool> {
    let config = answers.trial()?;
    let tried = match config.mailboxes.first() {
        Some(mailbox) => match check::mailbox_of(mailbox, &config).await {
            Ok(found) => folders(&config).await.map(|names| (found, names)),
            Err(error) => Err(error),
        },
        None => Err("there is no mailbox".to_owned()),
    };
    let (found, names) = match tried {
        Ok(tried) => tried,
        Err(error) => return once_more(setup, "the mailbox", &error),
    };
    say(&format!("mailbox: ok: {}", super::output::printable(&found)))?;
    questions::folders(&setup.asker, args, answers, &names)?;
    Ok(true)
}

async fn folders(config: &Config) -> Result<Vec<String>, String> {
    let Some(mailbox) = config.mailboxes.first() else {
        return Ok(Vec::new());
    };
    let listing = async {
        let mut session = ImapSession::connect(mailbox, &config.limits).await?;
        let names = session.folders().await?;
        session.logout().await;
        Ok::<_, crate::mailbox::MailboxError>(names)
    };
    match tokio::time::timeout(config.limits.poll_deadline, listing).await {
        Ok(listed) => listed.map_err(|error| error.once()),
        Err(_) => Err("the server lists its folders too slowly".to_owned()),
    }
}

/// Logs in to the mail server; `false` if a person wants to try again.
async fn try_sending(setup: &Setup, answers: &Answers) -> anyhow::Result<bool> {
    let config = answers.trial()?;
    match send::check(&config.smtp).await {
        Ok(found) => {
            say(&format!("smtp: ok: {}", super::output::printable(&found)))?;
            Ok(true)
        }
        Err(error) => once_more(setup, "the mail server", &once(error.to_string())),
    }
}

fn once_more(setup: &Setup, what: &str, error: &str) -> anyhow::Result<bool> {
    if !setup.asker.asks() {
        anyhow::bail!(
            "{what} doesn't work: {error}; no configuration was written. Correct the flags, or give --offline to \
             write it untried"
        );
    }
    say(&format!("  It doesn't work: {}", super::output::printable(error)))?;
    if setup.asker.confirm("Try again with other answers?", true)? {
        return Ok(false);
    }
    anyhow::bail!(
        "no configuration was written; run tlsrptd init again, or with --offline to write it untried"
    )
}

/// Passwords first, so that a configuration that is there is complete.
fn write(setup: &mut Setup, answers: &Answers) -> anyhow::Result<()> {
    let text = answers.configuration()?;
    if let Login::Password(password) = &answers.mailbox.login {
        setup.write(&answers.imap_password, password.expose_secret().as_bytes())?;
    }
    if let Some(password) = answers.smtp_secret() {
        setup.write(&answers.smtp_password, password.expose_secret().as_bytes())?;
    }
    place::make_folder_of(&answers.database, setup.owner.as_ref())?;
    let config = setup.config.clone();
    setup.write(&config, text.as_bytes())?;
    let whose = setup
        .owner
        .as_ref()
        .map_or_else(String::new, |owner| format!(", for the user {}", owner.name));
    say("")?;
    for path in &setup.written {
        say(&format!("written: {} (mode 0600{whose})", path.display()))?;
    }
    Ok(())
}

/// `check`, and if wanted the first poll and the first digest.
fn go_on(setup: &Setup, args: &InitArgs, answers: &Answers) -> anyhow::Result<End> {
    say("")?;
    let mut end = verb(setup, &["check"])?;
    if end != End::Done {
        return Ok(end);
    }
    let polls = args.poll || args.send;
    if polls
        || setup
            .asker
            .confirm("\nRead the mailbox now? Nothing in it is changed.", false)?
    {
        end = verb(setup, &["poll", "--no-mail"])?;
        let question = format!("Send the first digest to {} now?", answers.to.join(", "));
        if end != End::Failed && (args.send || !polls && setup.asker.confirm(&question, false)?) {
            let sent = verb(setup, &["digest", "--send"])?;
            end = if sent == End::Done { end } else { sent };
        }
    }
    Ok(end)
}

/// Runs a verb as the owner of the files will.
fn verb(setup: &Setup, arguments: &[&str]) -> anyhow::Result<End> {
    let program = std::env::current_exe().context("cannot find this program; run the verbs by hand")?;
    say(&format!(
        "$ tlsrptd {}{}",
        arguments.join(" "),
        config_flag(setup)
    ))?;
    let mut command = Command::new(&program);
    command.args(arguments).arg("--config").arg(&setup.config);
    if let Some(owner) = &setup.owner {
        command.uid(owner.uid).gid(owner.gid).current_dir("/");
    }
    let status = command.status().with_context(|| {
        let user = setup
            .owner
            .as_ref()
            .map_or("this user", |owner| owner.name.as_str());
        format!(
            "cannot run {} as {user}; install it where every user may run it, such as /usr/local/bin",
            program.display()
        )
    })?;
    Ok(match status.code() {
        Some(0) => End::Done,
        Some(3) => End::Partly,
        _ => End::Failed,
    })
}

/// ` --config FILE` where the verbs wouldn't find it by themselves.
fn config_flag(setup: &Setup) -> String {
    let is_found = setup.config == Path::new(super::SYSTEM_CONFIG)
        || std::path::absolute(super::LOCAL_CONFIG).is_ok_and(|local| local == setup.config);
    if is_found {
        String::new()
    } else {
        format!(" --config {}", setup.config.display())
    }
}

fn next_step(setup: &Setup, database: &Path) -> String {
    let flag = config_flag(setup);
    let look = if database.exists() {
        format!("tlsrptd digest{flag}   shows what the next digest says, and sends nothing")
    } else {
        format!("tlsrptd poll{flag}   reads the mailbox for the first time, and changes nothing there")
    };
    let has_unit = UNITS.iter().any(|unit| Path::new(unit).exists());
    let start = if has_unit && setup.config == Path::new(super::SYSTEM_CONFIG) {
        "systemctl enable --now tlsrptd".to_owned()
    } else {
        format!("tlsrptd run{flag}")
    };
    let user = match &setup.owner {
        None if nix::unistd::Uid::effective().is_root() => {
            "\nThese files are root's. If tlsrptd is to run as another user, give them to it: chown USER: FILE"
        }
        _ => "",
    };
    format!(
        "Next: {look}\n      \
         {start}   polls and sends from now on{user}"
    )
}
