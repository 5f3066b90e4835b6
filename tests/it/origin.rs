//! The whole line with the origin of reports proven: Postfix and Dovecot, a name server, and what the mails say.

use std::fs;
use std::time::{Duration, SystemTime};

use super::support::*;
use nsd::{Nsd, txt};

/// Signs for reporter.example.
const REPORTER: &str = "reporter.example";

/// A name server that knows the key of [`REPORTER`], and the configuration that asks it; the mode is the default one.
fn name_server(world: &World) -> (Nsd, String) {
    let record = txt(&format!("v=DKIM1; p={}", dkim::Key::usual().public));
    let zone = format!("s1._domainkey {record}");
    let nsd = Nsd::start(
        &world.path("nsd"),
        &[(REPORTER, &zone), ("big.example", "@ A 127.0.0.1")],
    );
    let section = format!("[authentication]\nnameservers = [\"127.0.0.1:{}\"]\n", nsd.port);
    (nsd, section)
}

fn signed(report: &Report) -> Vec<u8> {
    dkim::Key::usual().sign(&report.mail(), REPORTER, "s1")
}

/// As a gateway leaves it that adds a footer to every mail.
fn with_footer(mail: &[u8]) -> Vec<u8> {
    [mail, b"\r\n-- \r\nThis mail was checked by a gateway.\r\n"].concat()
}

/// Subject and text of the newest digest.
fn digest(world: &World, n_digests: usize) -> (String, String) {
    let mails = world.received(OPS, n_digests);
    let (subject, text) = subject_and_text(mails.last().unwrap());
    (subject, text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[track_caller]
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}

#[test]
fn verified_report_counts_and_an_unsigned_forgery_is_set_aside_and_told() {
    let world = World::with_postfix();
    let (_nsd, section) = name_server(&world);
    let tlsrptd = world.tlsrptd(&(section + &world.mailbox("") + &world.sending("")));
    world.receive(&signed(&Report::quiet("true").failing("certificate-expired", 7)));
    let forged = Report::quiet("forged").failing("starttls-not-supported", 900);
    world.receive(&forged.by("big.example").mail());

    tlsrptd.run(&["poll"]).exits(0).says(&["1 stored", "1 set aside"]);
    assert_eq!(
        tlsrptd.sql("SELECT report_id, authentication, signing_domain FROM reports"),
        [serde_json::json!({ "report_id": "true", "authentication": "dkim", "signing_domain": REPORTER })]
    );
    tlsrptd.run(&["digest", "--send"]).exits(0);
    let (_, text) = digest(&world, 1);
    says(
        &text,
        &[
            "mx1.example.org",
            "expired",
            "1 of 2 reports set aside",
            "1 without a signature of who is in From.",
            "tlsrptd mails --outcome set-aside",
        ],
    );
    assert!(!text.contains("900"), "the forged figure is in:\n{text}");
    tlsrptd
        .run(&["mails", "--outcome", "set-aside"])
        .exits(0)
        .says(&["the mail from big.example has no DKIM signature"]);
}

#[test]
fn footer_of_a_gateway_is_told_first_and_hides_no_failure() {
    let world = World::with_postfix();
    let (_nsd, section) = name_server(&world);
    let tlsrptd = world.tlsrptd(&(section + &world.mailbox("") + &world.sending("")));
    tlsrptd.run(&["poll"]).exits(0);
    for n in 9..=24 {
        let report = Report::quiet(format!("good {n}")).on(days_ago(n));
        world.dovecot.deliver(RUA, &signed(&report));
    }
    tlsrptd.run(&["poll"]).exits(0).says(&["16 stored"]);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    assert!(!digest(&world, 1).0.contains("proven"));
    // From now on every mail gets one, and the certificate expires.
    for n in 1..=7 {
        let report = Report::quiet(format!("changed {n}")).on(days_ago(n));
        let report = if n <= 2 {
            report.failing("certificate-expired", 9)
        } else {
            report
        };
        world.dovecot.deliver(RUA, &with_footer(&signed(&report)));
    }
    tlsrptd.run(&["poll"]).exits(0);
    assert_eq!(
        tlsrptd.count(
            "SELECT count(*) AS n FROM reports WHERE authentication = 'failed'
             AND authentication_reason LIKE '%body was changed on the way%'"
        ),
        7
    );
    tlsrptd.run(&["digest", "--send"]).exits(0);
    let (subject, text) = digest(&world, 2);
    says(&subject, &["reports not proven, counted as before"]);
    says(
        &text,
        &["authserv_id or unauthenticated", "expired", "mx1.example.org"],
    );
    tlsrptd.run(&["status"]).exits(0).says(&["Not proven"]);
}

#[test]
fn reports_about_others_are_told_and_count_once_their_domain_is_listed() {
    let world = World::with_postfix();
    let (_nsd, section) = name_server(&world);
    let rest = section + &world.mailbox("") + &world.sending("");
    let tlsrptd = world.tlsrptd(&format!("[domains]\nmail = [\"example.net\"]\n{rest}"));
    world.dovecot.deliver(RUA, &signed(&Report::quiet("1")));
    tlsrptd.run(&["poll"]).exits(0).says(&["1 set aside"]);
    tlsrptd
        .run(&["mails"])
        .exits(0)
        .says(&["it is about example.org, not about your domains.mail"]);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    let (subject, text) = digest(&world, 1);
    says(&subject, &["First look: 1 report, none about your domains"]);
    says(
        &text,
        &["Reports about 1 domain that you don't list: example.org."],
    );
    tlsrptd.configure(&format!(
        "[domains]\nmail = [\"example.net\", \"example.org\"]\n{rest}"
    ));
    tlsrptd.run(&["poll"]).exits(0).says(&["1 stored"]);
    assert_eq!(tlsrptd.reports(), 1);
}

#[test]
fn mails_beyond_the_limit_of_a_poll_wait_for_the_next() {
    let world = World::new();
    let mailbox = world.mailbox("folders = [\"INBOX\"]");
    let tlsrptd = world.tlsrptd(&format!("{mailbox}[limits]\npoll_mails = 3\nbatch_mails = 2\n"));
    for n in 0..7 {
        world.dovecot.deliver(RUA, &Report::quiet(n.to_string()).mail());
    }
    for (n_stored, is_cut) in [(3, true), (6, true), (7, false), (7, false)] {
        let ended = tlsrptd.run(&["poll"]).exits(0);
        assert_eq!(
            ended.stdout.contains("limits.poll_mails ended it"),
            is_cut,
            "{ended:?}"
        );
        assert_eq!(tlsrptd.reports(), n_stored);
    }
    assert_eq!(tlsrptd.count("SELECT count(*) AS n FROM mails"), 7);
}

#[test]
fn first_look_at_a_maildir_that_takes_several_polls_reads_nothing_older_than_since() {
    let world = World::new();
    let folder = world.path("m");
    let mailbox = maildir("rua", &folder);
    let now = SystemTime::now();
    for n in 0..5 {
        let file = folder.join(format!("new/{n}"));
        fs::write(&file, Report::quiet(n.to_string()).mail()).unwrap();
        let age = if n < 3 { 0 } else { 30 * 24 * 3600 };
        fs::File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_modified(now - Duration::from_secs(age))
            .unwrap();
    }
    let tlsrptd = world.tlsrptd(&format!(
        "[authentication]\nmode = \"off\"\n{mailbox}since = \"7d\"\n[limits]\npoll_mails = 2\n"
    ));
    for n_stored in [2, 3, 3] {
        tlsrptd.run(&["poll"]).exits(0);
        assert_eq!(tlsrptd.reports(), n_stored);
    }
}

#[test]
fn sender_of_far_too_many_is_cut_off_and_can_be_read_later() {
    let world = World::with_postfix();
    let (_nsd, section) = name_server(&world);
    let folder = world.path("m");
    let mailbox = maildir("rua", &folder) + "[limits]\nreports_a_day = 5\n";
    let tlsrptd = world.tlsrptd(&(section + &mailbox + &world.sending("")));
    tlsrptd.run(&["poll"]).exits(0);
    // All on one day, whatever the clock says meanwhile.
    let came = SystemTime::now();
    for n in 0..9 {
        let file = folder.join(format!("new/{n}"));
        fs::write(&file, signed(&Report::quiet(n.to_string()))).unwrap();
        fs::File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_modified(came)
            .unwrap();
    }
    tlsrptd.run(&["poll"]).exits(0).says(&["5 stored", "4 set aside"]);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    says(
        &digest(&world, 1).1,
        &["4 reports of reporter.example cut off: far more than usual"],
    );
    tlsrptd
        .run(&["mails"])
        .exits(0)
        .says(&["far more reports came from this sender that day than usual"]);
    tlsrptd
        .run(&["accept", "--from", REPORTER])
        .exits(0)
        .says(&["4 reports", "4 of them count"]);
    assert_eq!(tlsrptd.reports(), 9);
}
