//! A line that fails at any byte: each poll and each digest ends in time with an error that names server and step, the
//! other mailbox is served, and the next attempt completes the work. `TLSRPTD_FAULT_SEED` repeats a run.

use std::collections::BTreeSet;
use std::time::Duration;

use super::support::*;

/// Mails in the mailbox behind the proxy.
const N_MAILS: usize = 30;
/// Bytes at which a fault strikes, for each kind of fault.
const N_POSITIONS: usize = 4;
/// The limits below and some time for a busy machine.
const IN_TIME: Duration = Duration::from_secs(25);

fn random() -> fastrand::Rng {
    let seed =
        std::env::var("TLSRPTD_FAULT_SEED").map_or_else(|_| fastrand::u64(..), |text| text.parse().unwrap());
    println!("to repeat it, set TLSRPTD_FAULT_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

/// Two mailboxes, of which the first lies behind the proxy.
struct Line {
    world: World,
    proxy: Proxy,
    tlsrptd: Tlsrptd,
    n_bytes: usize,
}

impl Line {
    fn new(tls: &str) -> Self {
        let world = World::new();
        world.dovecot.plant(RUA, reports::many(N_MAILS));
        world.dovecot.deliver(GREEK, &Report::quiet("other").mail());
        let port = if tls == "implicit" {
            world.dovecot.imaps
        } else {
            world.dovecot.imap
        };
        let proxy = Proxy::to(port);
        let first = world.mailbox_at(proxy.port, &format!("tls = {tls:?}"));
        let other = format!("name = \"other\"\nuser = {GREEK:?}\npassword = {GREEK_PASSWORD:?}");
        let limits = "[limits]\nconnect_timeout = \"2s\"\nsilence_timeout = \"2s\"\npoll_deadline = \"5s\"\nbatch_mails = 5\n";
        let tlsrptd = world.tlsrptd(&format!("{first}{}{limits}", world.mailbox(&other)));
        tlsrptd.run(&["poll", "--dry-run"]).exits(0);
        let n_bytes = proxy.n_bytes();
        assert!(n_bytes > 10_000, "{n_bytes}");
        Self {
            world,
            proxy,
            tlsrptd,
            n_bytes,
        }
    }

    /// Lets the line fail at random bytes; the last poll is undisturbed.
    fn fails(self, fault: fn(usize) -> Fault) {
        let mut random = random();
        let server = format!("localhost:{}", self.proxy.port);
        let mut n_failed = 0;
        for nth in 0..N_POSITIONS {
            // Where all was read, less is said.
            let most = if self.tlsrptd.reports() > 1 {
                self.n_bytes / 3
            } else {
                self.n_bytes
            };
            let position = if nth == 0 {
                random.usize(1..2000)
            } else {
                random.usize(1..most)
            };
            self.proxy.set(fault(position));
            println!("{:?}", fault(position));

            let ended = self.tlsrptd.run(&["poll"]).never_says(&["panicked"]);

            assert!(ended.took < IN_TIME, "{ended:?}");
            assert!(
                ended.stdout.contains("other: "),
                "the other mailbox was not served: {ended:?}"
            );
            assert_eq!(
                self.tlsrptd
                    .count("SELECT count(*) AS n FROM mails WHERE source = 'other'"),
                1
            );
            if ended.code != Some(0) {
                n_failed += 1;
                let ended = ended.exits(3).says(&[&server]);
                names_a_step(&ended.stderr, &server);
            }
        }
        assert!(n_failed > 0, "no fault struck");
        self.proxy.set(Fault::None);
        self.tlsrptd.run(&["poll"]).exits(0);
        let n_mails = i64::try_from(N_MAILS).unwrap() + 1;
        assert_eq!(
            (self.tlsrptd.mails("stored"), self.tlsrptd.mails("duplicate")),
            (n_mails, 0)
        );
        drop(self.world);
    }
}

/// `localhost:PORT: STEP` or `localhost:PORT: STEP: …`, where the step is in words.
#[track_caller]
fn names_a_step(log: &str, server: &str) {
    let steps = [
        "connect",
        "TLS",
        "greeting",
        "STARTTLS",
        "login",
        "capabilities",
        "open",
        "folder",
        "EXAMINE",
        "list",
        "fetch",
        "read",
        "MAIL FROM",
        "RCPT TO",
        "DATA",
        "log in",
        "send the mail",
    ];
    let after = log.split_once(server).map_or("", |(_, after)| after);
    let after = after.trim_start_matches([':', ' ']);
    assert!(
        steps.iter().any(|step| after.starts_with(step)),
        "no step is named in: {log}"
    );
}

#[test]
fn imap_cut_at_any_byte() {
    Line::new("none").fails(Fault::CutAfter);
}

#[test]
fn imap_over_tls_cut_at_any_byte_without_close_notify() {
    Line::new("implicit").fails(Fault::CutAfter);
}

#[test]
fn imap_reset_at_any_byte() {
    Line::new("implicit").fails(Fault::ResetAfter);
}

#[test]
fn imap_that_stalls_at_any_byte() {
    Line::new("implicit").fails(Fault::StallAfter);
}

#[test]
fn imap_at_one_byte_a_second() {
    Line::new("none").fails(Fault::CrawlAfter);
}

#[test]
fn imap_over_tls_at_one_byte_a_second() {
    Line::new("implicit").fails(Fault::CrawlAfter);
}

#[test]
fn imap_with_garbage_at_any_byte() {
    Line::new("none").fails(Fault::GarbageAfter);
}

#[test]
fn imap_over_tls_with_garbage_at_any_byte() {
    Line::new("implicit").fails(Fault::GarbageAfter);
}

/// Lets the line to the mail server fail at random bytes, one digest after another.
fn sending_fails(tls: &str, fault: fn(usize) -> Fault) {
    let mut random = random();
    let world = World::with_postfix();
    let port = if tls == "implicit" {
        world.postfix().submissions
    } else {
        world.postfix().submission
    };
    let proxy = Proxy::to(port);
    let keys = format!("port = {}\ntls = {tls:?}\ntimeout = \"2s\"", proxy.port);
    let tlsrptd = world.tlsrptd(&world.sending(&keys));
    let server = format!("localhost:{}", proxy.port);
    tlsrptd.run(&["check"]);
    let n_bytes = proxy.n_bytes();
    for nth in 0..N_POSITIONS {
        let report = Report::quiet(format!("{nth}")).failing("certificate-expired", 3);
        let report = Report {
            domain: format!("nr{nth}.example"),
            ..report
        };
        tlsrptd.run_with_input(&["import", "-"], &report.mail()).exits(0);
        // The check says about as much as a session that sends.
        proxy.set(fault(random.usize(1..n_bytes * 11 / 10)));

        let ended = tlsrptd
            .run(&["digest", "--send"])
            .never_says(&["panicked", PASSWORD]);

        assert!(ended.took < IN_TIME, "{ended:?}");
        let n_unsent = tlsrptd.count("SELECT count(*) - count(sent_at) AS n FROM digests");
        if ended.code == Some(0) {
            assert_eq!(n_unsent, 0);
        } else {
            let ended = ended.exits(1).says(&[&server]);
            names_a_step(&ended.stderr, &server);
            assert_eq!(n_unsent, 1);
        }
        proxy.set(Fault::None);
        tlsrptd.run(&["digest", "--send"]).exits(0);
        assert_eq!(
            tlsrptd.count("SELECT count(*) - count(sent_at) AS n FROM digests"),
            0
        );
    }
    let digests = tlsrptd.sql("SELECT message_id FROM digests");
    assert_eq!(digests.len(), N_POSITIONS);
    until("all digests to arrive", LONG, || {
        let mails = world.dovecot.login(OPS).mails("INBOX");
        let mails: BTreeSet<String> = mails
            .iter()
            .map(|mail| String::from_utf8_lossy(mail).into_owned())
            .collect();
        let arrived = |digest: &serde_json::Value| {
            let id = digest["message_id"].as_str().unwrap();
            mails.iter().any(|mail| mail.contains(id))
        };
        digests.iter().all(arrived).then_some(())
    });
}

#[test]
fn smtp_cut_at_any_byte() {
    sending_fails("starttls", Fault::CutAfter);
}

#[test]
fn smtp_over_tls_cut_at_any_byte_without_close_notify() {
    sending_fails("implicit", Fault::CutAfter);
}

#[test]
fn smtp_reset_at_any_byte() {
    sending_fails("starttls", Fault::ResetAfter);
}

#[test]
fn smtp_that_stalls_at_any_byte() {
    sending_fails("starttls", Fault::StallAfter);
}

#[test]
fn smtp_at_one_byte_a_second() {
    sending_fails("starttls", Fault::CrawlAfter);
}

#[test]
fn smtp_with_garbage_at_any_byte() {
    sending_fails("starttls", Fault::GarbageAfter);
}
