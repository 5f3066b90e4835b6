//! `init`: from nothing to the first digest, by flags and by questions on a terminal.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::support::terminal::Terminal;
use super::support::*;

/// A report in INBOX, and a second folder.
fn world_with_junk() -> World {
    let world = World::with_postfix();
    let report = Report::quiet("one").failing("certificate-expired", 7);
    world.dovecot.deliver(RUA, &report.mail());
    world.dovecot.login(RUA).command("CREATE Junk");
    world
}

/// A program that has no configuration yet.
fn unconfigured(world: &World) -> Tlsrptd {
    let tlsrptd = world.tlsrptd("");
    fs::remove_file(tlsrptd.config()).unwrap();
    tlsrptd
}

/// `init` with all that this world needs but for the password.
fn flags(world: &World) -> Vec<String> {
    let imap = format!("localhost:{}", world.dovecot.imaps);
    let smtp = format!(
        "localhost:{}",
        world.postfix.as_ref().map_or(1, |postfix| postfix.submission)
    );
    let ca = world.ca.root.display().to_string();
    [
        ("--address", RUA),
        ("--imap", &imap),
        ("--smtp", &smtp),
        ("--smtp-tls", "starttls"),
        ("--ca-file", &ca),
        ("--to", OPS),
        ("--timezone", "Europe/Berlin"),
        ("--owner", "root"),
        // These tests' mails bear no signature.
        ("--authentication", "off"),
    ]
    .iter()
    .flat_map(|(flag, value)| [(*flag).to_owned(), (*value).to_owned()])
    .collect()
}

fn init<'a>(flags: &'a [String], further: &[&'a str]) -> Vec<&'a str> {
    let flags = flags.iter().map(String::as_str);
    ["init"]
        .into_iter()
        .chain(flags)
        .chain(further.iter().copied())
        .collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn flags_lead_from_nothing_to_the_first_digest_in_far_less_than_five_minutes() {
    let world = World::with_postfix();
    let report = Report::quiet("one").failing("certificate-expired", 7);
    world.dovecot.deliver(RUA, &report.mail());
    let tlsrptd = unconfigured(&world);
    let start = Instant::now();

    let ended = tlsrptd
        .run_with_input(
            &init(
                &flags(&world),
                &[
                    "--password-stdin",
                    "--domain",
                    "example.org,example.com",
                    "--send",
                ],
            ),
            format!("{PASSWORD}\n").as_bytes(),
        )
        .exits(0)
        .never_says(&[PASSWORD]);
    let mail = String::from_utf8(world.received(OPS, 1).remove(0)).unwrap();

    let took = start.elapsed();
    println!("from nothing to the first digest in {:.1} s", took.as_secs_f64());
    assert!(took < Duration::from_mins(5), "{took:?}");
    assert!(mail.contains("Subject: [tlsrptd] First look"), "{mail}");
    ended.says(&[
        "mailbox: ok",
        "smtp: ok",
        "1 mail read: 1 stored",
        "_smtp._tls.example.com.  TXT  \"v=TLSRPTv1; rua=mailto:tls@example.org\"",
        "_mta-sts.example.org.",
        "tlsrptd run --config",
    ]);
    let password = tlsrptd.config().with_file_name("imap-password");
    assert_eq!((mode(&tlsrptd.config()), mode(&password)), (0o600, 0o600));
    assert_eq!(fs::read_to_string(&password).unwrap(), PASSWORD);
    let written = fs::read_to_string(tlsrptd.config()).unwrap();
    assert!(!written.contains(PASSWORD), "{written}");
    assert!(
        written.contains("# How far back the first poll reads"),
        "{written}"
    );
}

#[test]
fn questions_are_asked_again_until_the_servers_work() {
    let world = world_with_junk();
    let tlsrptd = unconfigured(&world);
    let config = tlsrptd.config().display().to_string();
    let ca = world.ca.root.display().to_string();
    let arguments = ["init", "--owner", "root", "--ca-file", &ca, "--config", &config];

    let mut terminal = Terminal::start(&arguments, 100, &[]);
    terminal.answers("rua=mailto:...): ", "nobody");
    terminal.answers("is no address", RUA);
    terminal.answers(
        "[imap.example.org]: ",
        &format!("localhost:{}", world.dovecot.imaps),
    );
    terminal.answers("Login name [tls@example.org]: ", "");
    terminal.answers_in_secret("Password (not shown): ", "wrong-horse");
    terminal.expect("AUTHENTICATIONFAILED");
    terminal.expect("check user and password or token, then try again");
    terminal.answers("Try again with other answers? [Y/n]: ", "");
    terminal.answers(
        "[imap.example.org]: ",
        &format!("localhost:{}", world.dovecot.imaps),
    );
    terminal.answers("Login name [tls@example.org]: ", "");
    terminal.answers_in_secret("Password (not shown): ", PASSWORD);
    terminal.expect("mailbox: ok");
    terminal.answers("Folders to read", "inbox");
    terminal.answers("Who gets the digest", RUA);
    terminal.answers("is the mailbox that is read", OPS);
    terminal.answers(
        "or sendmail) [",
        &format!("localhost:{}", world.postfix().submission),
    );
    terminal.answers("Login name there (none for no login) [tls@example.org]: ", "");
    terminal.expect("It doesn't work");
    let screen = terminal.screen();
    assert!(
        !screen.contains(PASSWORD) && !screen.contains("wrong-horse"),
        "{screen}"
    );
    drop(terminal);
    assert!(!tlsrptd.config().exists(), "it was written before all was tried");
}

#[test]
fn questions_lead_to_the_first_digest_and_chosen_folders() {
    let world = world_with_junk();
    let tlsrptd = unconfigured(&world);
    let config = tlsrptd.config().display().to_string();
    let ca = world.ca.root.display().to_string();
    let arguments = ["init", "--owner", "root", "--ca-file", &ca, "--config", &config];
    let arguments = [&arguments[..], &["--authentication", "off"]].concat();
    let smtp = format!("localhost:{}", world.postfix().submission);
    let more = ["--smtp", &smtp, "--smtp-tls", "starttls", "--address", RUA];
    let imap = format!("localhost:{}", world.dovecot.imaps);
    let arguments = [&arguments[..], &more, &["--imap", &imap, "--user", RUA]].concat();
    let mut terminal = Terminal::start(&arguments, 100, &[]);
    terminal.answers_in_secret("Password (not shown): ", PASSWORD);
    terminal.answers("Folders to read", "inbox, 2");
    terminal.answers("Who gets the digest", OPS);
    terminal.answers("Login name there", "");
    terminal.answers("Your mail domains", "");
    terminal.answers("Read the mailbox now?", "y");
    terminal.answers("Send the first digest to ops@example.org now?", "y");
    let (code, screen) = terminal.end();

    assert_eq!(code, Some(0), "{screen}");
    assert!(
        !screen.contains(PASSWORD) && !screen.contains("wrong-horse"),
        "{screen}"
    );
    let mail = String::from_utf8(world.received(OPS, 1).remove(0)).unwrap();
    assert!(mail.contains("First look"), "{mail}");
    assert!(screen.contains("_smtp._tls.example.org."), "{screen}");
    let written = fs::read_to_string(tlsrptd.config()).unwrap();
    assert!(
        written.contains("\nfolders = [\"INBOX\", \"Junk\"]\n"),
        "{written}"
    );
}

#[test]
fn a_configuration_that_is_there_stays() {
    let world = World::new();
    let tlsrptd = world.tlsrptd("# mine");
    tlsrptd
        .run(&init(
            &flags(&world),
            &["--offline", "--password-file", "/etc/hostname"],
        ))
        .exits(2)
        .says(&["tlsrptd.toml", "--force"]);
    assert!(fs::read_to_string(tlsrptd.config()).unwrap().contains("# mine"));

    tlsrptd
        .run(&init(
            &flags(&world),
            &["--offline", "--password-file", "/etc/hostname", "--force"],
        ))
        .exits(0);
    tlsrptd.run(&["check", "--offline"]).exits(0);
}

#[test]
fn servers_that_refuse_leave_nothing_behind() {
    let world = World::with_postfix();
    let tlsrptd = unconfigured(&world);
    let folder = tlsrptd.config().parent().unwrap().to_owned();
    let there = || fs::read_dir(&folder).unwrap().count();
    let before = there();

    tlsrptd
        .run_with_input(&init(&flags(&world), &["--password-stdin"]), b"wrong-horse\n")
        .exits(1)
        .says(&[
            "AUTHENTICATIONFAILED",
            "no configuration was written",
            "--offline",
        ])
        .never_says(&["wrong-horse"]);
    let mut refused = flags(&world);
    for word in refused.iter_mut().filter(|word| *word == "starttls") {
        "implicit".clone_into(word);
    }
    tlsrptd
        .run_with_input(
            &init(&refused, &["--password-stdin"]),
            format!("{PASSWORD}\n").as_bytes(),
        )
        .exits(1)
        .says(&["the mail server doesn't work"]);

    assert_eq!(there(), before);
}

#[test]
fn init_offline_contacts_nobody() {
    let world = World::new();
    let proxy = Proxy::to(world.dovecot.imaps);
    let tlsrptd = unconfigured(&world);
    let flags: Vec<String> = flags(&world)
        .into_iter()
        .map(|word| word.replace(&world.dovecot.imaps.to_string(), &proxy.port.to_string()))
        .collect();
    tlsrptd
        .run(&init(
            &flags,
            &["--offline", "--password-command", "pass show mail/tlsrpt"],
        ))
        .exits(0);
    assert_eq!(proxy.n_connections(), 0);
    let written = fs::read_to_string(tlsrptd.config()).unwrap();
    assert!(
        written.contains("\npassword_command = [\"pass\",\"show\",\"mail/tlsrpt\"]\n")
            || written.contains("\npassword_command = [\"pass\", \"show\", \"mail/tlsrpt\"]\n"),
        "{written}"
    );
}

#[test]
fn without_a_terminal_what_is_missing_is_named() {
    let world = World::new();
    let tlsrptd = unconfigured(&world);
    tlsrptd.run(&["init"]).exits(2).says(&["--address"]);
    tlsrptd
        .run(&["init", "--address", RUA])
        .exits(2)
        .says(&["--password-file", "--password-stdin"]);
    assert!(!tlsrptd.config().exists());
}
