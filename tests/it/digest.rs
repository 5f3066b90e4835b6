//! `digest` and `show`: what is printed, what is sent, and what is remembered.

use mail_parser::MessageParser;

use super::support::*;

/// A program with a failing report, that can send by the world's Postfix.
fn filled(world: &World, sending: &str) -> Tlsrptd {
    let tlsrptd = world.tlsrptd(sending);
    let report = Report::quiet("one").failing("certificate-expired", 7);
    tlsrptd.run_with_input(&["import", "-"], &report.mail()).exits(0);
    tlsrptd
}

#[test]
fn printing_a_digest_changes_nothing() {
    let world = World::new();
    let tlsrptd = filled(&world, &world.file_sending());

    let first = tlsrptd.run(&["digest"]).exits(0);
    let second = tlsrptd.run(&["digest"]).exits(0);

    assert_eq!(first.stdout, second.stdout);
    assert_eq!(tlsrptd.count("SELECT count(*) AS n FROM digests"), 0);
}

#[test]
fn a_digest_prints_as_text_html_mail_and_json() {
    let world = World::new();
    let tlsrptd = filled(&world, &world.file_sending());
    let print = |format| tlsrptd.run(&["digest", "--format", format]).exits(0).stdout;

    let text = print("text");
    assert!(text.contains("mx1.example.org"), "{text}");
    let mut lines = text.lines();
    let subject = lines.next().unwrap().strip_prefix("Subject: ").unwrap();
    assert!(subject.chars().count() <= 70, "{subject}");
    assert!(lines.all(|line| line.chars().count() <= 72), "{text}");
    let html = print("html");
    assert!(
        html.contains("<html") && html.contains("mx1.example.org"),
        "{html}"
    );
    let mail = print("eml");
    let mail = MessageParser::default().parse(mail.as_bytes()).unwrap();
    assert!(mail.subject().unwrap().starts_with("[tlsrptd] "));
    let json: serde_json::Value = serde_json::from_str(&print("json")).unwrap();
    assert!(json.to_string().contains("mx1.example.org"));
}

#[test]
fn a_digest_is_written_as_a_file() {
    let world = World::new();
    let tlsrptd = filled(&world, &world.file_sending());

    tlsrptd.run(&["digest", "--send"]).exits(0);

    let files: Vec<_> = std::fs::read_dir(world.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].extension().unwrap(), "eml");
    let mail = std::fs::read(&files[0]).unwrap();
    assert!(
        MessageParser::default()
            .parse(&mail)
            .unwrap()
            .subject()
            .unwrap()
            .starts_with("[tlsrptd] ")
    );
}

#[test]
fn a_digest_goes_through_the_sendmail_command() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let (program, out) = (world.path("sendmail"), world.path("mail"));
    std::fs::write(
        &program,
        format!("#!/bin/sh\necho \"$@\" >{0}.args\ncat >{0}\n", out.display()),
    )
    .unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let digest = format!("[digest]\nfrom = \"tlsrptd@example.org\"\nto = [{OPS:?}]\n");
    let sendmail = format!("[smtp]\ntransport = \"sendmail\"\npath = {}\n", quoted(&program));
    let tlsrptd = filled(&world, &(digest + &sendmail));

    tlsrptd.run(&["digest", "--send"]).exits(0);

    assert!(
        std::fs::read_to_string(world.path("mail.args"))
            .unwrap()
            .contains(OPS)
    );
    assert!(
        std::fs::read_to_string(&out)
            .unwrap()
            .contains("Subject: [tlsrptd] ")
    );
}

#[test]
fn a_service_that_gains_no_privileges_is_told_what_sendmail_needs() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let program = world.path("sendmail");
    std::fs::write(&program, "#!/bin/sh\nexit 75\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let digest = format!("[digest]\nfrom = \"tlsrptd@example.org\"\nto = [{OPS:?}]\n");
    let sendmail = format!("[smtp]\ntransport = \"sendmail\"\npath = {}\n", quoted(&program));
    let tlsrptd = filled(&world, &(digest + &sendmail));
    let send = tlsrptd.command(&["digest", "--send"]);
    let mut walled = std::process::Command::new("/usr/bin/setpriv");
    walled
        .args(["--no-new-privs", "--"])
        .arg(send.get_program())
        .args(send.get_args());
    walled.current_dir(world.path("")).env_clear();
    for (name, value) in send.get_envs() {
        walled.env(name, value.unwrap_or_default());
    }

    Running::start(&mut walled)
        .wait(LONG)
        .exits(1)
        .says(&["may gain no privileges", "host = \"localhost\""]);
}

#[test]
fn a_dry_run_sends_and_records_nothing() {
    let world = World::with_postfix();
    let tlsrptd = filled(&world, &world.sending(""));

    tlsrptd.run(&["digest", "--send", "--dry-run"]).exits(0);

    assert_eq!(tlsrptd.count("SELECT count(*) AS n FROM digests"), 0);
    assert!(world.dovecot.login(OPS).uids("INBOX").is_empty());
}

#[test]
fn a_refused_digest_is_sent_again_under_the_same_message_id() {
    let world = World::with_postfix();
    let tlsrptd = filled(&world, &world.sending_to(&[REFUSED], ""));
    tlsrptd
        .run(&["digest", "--send"])
        .exits(1)
        .says(&[REFUSED, "550", "no such user"]);
    let first = tlsrptd.sql("SELECT id, message_id, last_report FROM digests WHERE sent_at IS NULL");
    assert_eq!(first.len(), 1);
    // What comes in between waits for the next digest.
    let later = Report::quiet("later").by("later.example");
    tlsrptd.run_with_input(&["import", "-"], &later.mail()).exits(0);
    world.postfix().relent();

    until("Postfix to relent", LONG, || {
        (tlsrptd.run(&["digest", "--send"]).code == Some(0)).then_some(())
    });

    let second = tlsrptd.sql("SELECT id, message_id, last_report FROM digests WHERE sent_at IS NOT NULL");
    assert_eq!(second, first);
    let mail = only_mail_of(&world, REFUSED);
    assert!(mail.contains(first[0]["message_id"].as_str().unwrap()), "{mail}");
    assert!(!mail.contains("later.example"), "{mail}");
}

#[test]
fn a_recipient_that_accepted_is_not_mailed_again_because_another_has_to_wait() {
    let world = World::with_postfix();
    let tlsrptd = filled(&world, &world.sending_to(&[OPS, DEFERRED], ""));
    tlsrptd
        .run(&["digest", "--send"])
        .exits(3)
        .says(&[DEFERRED, "450", "come later"]);
    assert_eq!(world.received(OPS, 1).len(), 1);
    assert_eq!(
        tlsrptd.count("SELECT count(*) AS n FROM digests WHERE sent_at IS NULL"),
        1
    );
    world.postfix().relent();

    until("Postfix to relent", LONG, || {
        (tlsrptd.run(&["digest", "--send"]).code == Some(0)).then_some(())
    });

    let late = only_mail_of(&world, DEFERRED);
    let message_id = tlsrptd.value("SELECT message_id FROM digests WHERE sent_at IS NOT NULL");
    assert!(late.contains(message_id.as_str().unwrap()), "{late}");
    assert_eq!(world.received(OPS, 1).len(), 1);
}

#[test]
fn a_recipient_refused_for_good_is_named_in_the_next_digest_to_the_others() {
    let world = World::with_postfix();
    let tlsrptd = filled(&world, &world.sending_to(&[OPS, REFUSED], ""));
    tlsrptd
        .run(&["digest", "--send"])
        .exits(3)
        .says(&[REFUSED, "550", "no such user"]);

    tlsrptd.run(&["digest", "--send"]).exits(3);

    let digests = world.received(OPS, 2);
    let second = MessageParser::default().parse(&digests[1]).unwrap();
    assert!(
        second.body_text(0).unwrap().contains(REFUSED),
        "{}",
        second.body_text(0).unwrap()
    );
}

/// The one mail that `user`, who has no password, gets.
fn only_mail_of(world: &World, user: &str) -> String {
    let new = world.dovecot.maildir(user, "INBOX").join("new");
    let files = until("the mail to arrive", LONG, || {
        let files: Vec<_> = std::fs::read_dir(&new)
            .ok()?
            .map(|entry| entry.unwrap().path())
            .collect();
        (!files.is_empty()).then_some(files)
    });
    assert_eq!(files.len(), 1);
    std::fs::read_to_string(&files[0]).unwrap()
}

#[test]
fn a_failure_told_once_is_ongoing_in_the_next_digest() {
    let world = World::new();
    let tlsrptd = filled(&world, &world.file_sending());
    tlsrptd.run(&["digest"]).exits(0).says(&["First look", "OPEN"]);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    let again = Report::quiet("again").failing("certificate-expired", 2);
    tlsrptd.run_with_input(&["import", "-"], &again.mail()).exits(0);

    let mail = tlsrptd.run(&["digest", "--format", "eml"]).exits(0).stdout;

    let mail = MessageParser::default().parse(mail.as_bytes()).unwrap();
    assert!(
        mail.subject().unwrap().contains("Nothing new: 1 problem goes on"),
        "{:?}",
        mail.subject()
    );
}

#[test]
fn show_gives_a_report_as_a_person_reads_it_and_as_sent() {
    let world = World::new();
    let tlsrptd = filled(&world, "");
    let id = tlsrptd.count("SELECT id FROM reports").to_string();

    tlsrptd.run(&["show", "report", &id]).exits(0).says(&[
        "reporter.example",
        "example.org",
        "certificate-expired",
    ]);
    let json = tlsrptd.run(&["show", "report", &id, "--format", "json"]).exits(0);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(json.to_string().contains("certificate-expired"));
    tlsrptd.run(&["show", "report", "999"]).exits(1).says(&["999"]);
}

/// A zone in which it is about noon now, so that an urgent mail may go out.
fn zone_of_noon() -> String {
    let hour = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).hour();
    // West of Greenwich is plus in these names.
    match hour - 12 {
        0 => "Etc/UTC".to_owned(),
        west => format!("Etc/GMT{west:+}"),
    }
}

/// A program that has had its first look, with a mailbox that holds news of held mail.
fn with_held_mail(world: &World) -> Tlsrptd {
    let zone = format!("[digest]\ntimezone = {:?}\n", zone_of_noon());
    let sending = world.file_sending().replace("[digest]\n", &zone);
    let tlsrptd = world.tlsrptd(&(world.mailbox("") + &sending));
    tlsrptd.run(&["poll"]).exits(0);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    let held = Report::quiet("held").failing("certificate-expired", 7);
    world.dovecot.deliver(RUA, &held.mail());
    tlsrptd
}

fn n_mails_written(world: &World) -> usize {
    std::fs::read_dir(world.path("out")).unwrap().count()
}

#[test]
fn a_poll_that_finds_held_mail_says_so_once() {
    let world = World::new();
    let tlsrptd = with_held_mail(&world);

    tlsrptd
        .run(&["poll"])
        .exits(0)
        .says(&["URGENT", "mx1.example.org"]);
    tlsrptd.run(&["poll"]).exits(0).never_says(&["URGENT"]);

    assert_eq!(n_mails_written(&world), 2);
    let kinds = tlsrptd.sql("SELECT kind FROM digests ORDER BY id");
    assert_eq!(kinds.len(), 2);
    assert_eq!(kinds[1]["kind"], "urgent");
}

#[test]
fn a_daemon_that_finds_held_mail_says_so_at_once() {
    let world = World::new();
    let tlsrptd = with_held_mail(&world);

    let run = Running::start(&mut tlsrptd.command(&["run"]));
    until("the urgent mail", LONG, || {
        (n_mails_written(&world) == 2).then_some(())
    });
    run.terminate(END).exits(0);

    let kinds = tlsrptd.sql("SELECT kind FROM digests ORDER BY id");
    assert_eq!(kinds.len(), 2);
    assert_eq!(kinds[1]["kind"], "urgent");
}

#[test]
fn a_poll_without_mail_leaves_held_mail_to_the_digest() {
    let world = World::new();
    let tlsrptd = with_held_mail(&world);

    tlsrptd.run(&["poll", "--no-mail"]).exits(0);

    assert_eq!(n_mails_written(&world), 1);
    tlsrptd
        .run(&["digest", "--send"])
        .exits(0)
        .says(&["mx1.example.org: certificate expired, mail held back"]);
}

#[test]
fn a_mail_on_a_known_problem_answers_the_first_about_it() {
    let world = World::new();
    let tlsrptd = with_held_mail(&world);
    tlsrptd.run(&["poll"]).exits(0).says(&["URGENT"]);
    let urgent = tlsrptd.value("SELECT message_id FROM digests WHERE kind = 'urgent'");

    let mail = tlsrptd.run(&["digest", "--format", "eml"]).exits(0).stdout;

    let mail = MessageParser::default().parse(mail.as_bytes()).unwrap();
    assert_eq!(mail.in_reply_to().as_text(), urgent.as_str());
    assert_eq!(mail.references().as_text(), urgent.as_str());
}
