//! A line that fails at any byte: each poll and each digest ends in time with an error that names server and step, the
//! other mailbox is served, and the next attempt completes the work. `TLSRPTD_FAULT_SEED` repeats a run.

use std::collections::BTreeSet;
use std::time::Duration;

use super::support::*;

/// Mails in the mailbox behind the proxy.
const N_MAILS: usize = 30;
/// Bytes at which a fault strikes, for each kind of fault.
const N_POSITIONS: usize = 4;
/// The first bytes of a session, up to the first folder, in which one of them lies.
const N_FIRST: usize = 2000;
/// The last bytes of a session, which answer LOGOUT or QUIT: all has been done by then.
const N_LAST: usize = 400;
/// What a poll may take, as configured below, with whatever the line does.
const POLL_DEADLINE: Duration = Duration::from_secs(5);
/// What a step of sending may take, as configured below; ten times that for the mail itself.
const SMTP_TIMEOUT: Duration = Duration::from_secs(2);
/// What a busy machine needs besides: to start the program, and to poll the other mailbox or to say QUIT.
const MARGIN: Duration = Duration::from_secs(10);

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
    configuration: String,
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
        let limits = format!(
            "[limits]\nconnect_timeout = \"2s\"\nsilence_timeout = \"2s\"\npoll_deadline = \"{}s\"\nbatch_mails = 5\n",
            POLL_DEADLINE.as_secs()
        );
        let configuration = format!("{first}{}{limits}", world.mailbox(&other));
        Self {
            world,
            proxy,
            configuration,
        }
    }

    /// The program before its first poll.
    fn tlsrptd(&self, name: &str) -> Tlsrptd {
        Tlsrptd::new(&self.world.path(name), &self.configuration)
    }

    /// Lets the line fail at random bytes of a first poll; the next one is undisturbed.
    fn fails(self, fault: fn(usize) -> Fault) {
        let mut random = random();
        self.tlsrptd("undisturbed").run(&["poll"]).exits(0);
        let n_bytes = self.proxy.n_bytes();
        assert!(n_bytes > 10_000, "{n_bytes}");
        // One at the beginning, and one in each third of the rest.
        let third = (n_bytes - N_LAST - N_FIRST) / (N_POSITIONS - 1);
        for nth in 0..N_POSITIONS {
            let position = match nth {
                0 => random.usize(1..N_FIRST),
                nth => N_FIRST + (nth - 1) * third + random.usize(0..third),
            };
            self.fails_at(&format!("{nth}"), fault(position));
        }
    }

    fn fails_at(&self, name: &str, fault: Fault) {
        let tlsrptd = self.tlsrptd(name);
        let server = format!("localhost:{}", self.proxy.port);
        self.proxy.set(fault);
        println!("{fault:?}");

        let ended = tlsrptd.run(&["poll"]).never_says(&["panicked", PASSWORD]);

        assert_eq!(self.proxy.n_struck(), 1, "{fault:?} did not strike: {ended:?}");
        assert!(ended.took < POLL_DEADLINE + MARGIN, "{ended:?}");
        assert!(
            ended.stdout.contains("other: 1 mail read: 1 stored"),
            "the other mailbox was not served: {ended:?}"
        );
        let is_slow = matches!(fault, Fault::CrawlAfter(_));
        if is_slow && ended.stdout.contains("poll_deadline ended it") {
            // What came in time is kept, and that is no error.
            assert!(
                (2..N_MAILS).contains(&usize::try_from(tlsrptd.reports()).unwrap()),
                "{ended:?}"
            );
        } else {
            let ended = ended.exits(3).says(&[&server]);
            names_a_step(&ended.stderr, &server);
        }
        self.proxy.set(Fault::None);
        tlsrptd.run(&["poll"]).exits(0);
        let n_mails = i64::try_from(N_MAILS).unwrap() + 1;
        assert_eq!(
            (
                tlsrptd.mails("stored"),
                tlsrptd.mails("duplicate"),
                tlsrptd.mails("rejected")
            ),
            (n_mails, 0, 0)
        );
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
    let seconds = SMTP_TIMEOUT.as_secs();
    let keys = format!("port = {}\ntls = {tls:?}\ntimeout = \"{seconds}s\"", proxy.port);
    let tlsrptd = world.tlsrptd(&world.sending(&keys));
    let server = format!("localhost:{}", proxy.port);
    let has_news = |nth: usize| {
        let report = Report::quiet(format!("{nth}")).failing("certificate-expired", 3);
        let report = Report {
            domain: format!("nr{nth}.example"),
            ..report
        };
        tlsrptd.run_with_input(&["import", "-"], &report.mail()).exits(0);
    };
    let n_unsent = || tlsrptd.count("SELECT count(*) - count(sent_at) AS n FROM digests");
    has_news(0);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    // The length of an answer varies by some bytes: the number of a mail, a signature.
    let quarter = (proxy.n_bytes() - 20) / N_POSITIONS;
    for nth in 1..=N_POSITIONS {
        has_news(nth);
        let fault = fault((nth - 1) * quarter + random.usize(1..=quarter));
        println!("{fault:?}");
        proxy.set(fault);

        let ended = tlsrptd
            .run(&["digest", "--send"])
            .never_says(&["panicked", PASSWORD]);

        assert_eq!(proxy.n_struck(), 1, "{fault:?} did not strike: {ended:?}");
        let is_mail_itself = ended.stderr.contains("send the mail");
        let limit = SMTP_TIMEOUT * if is_mail_itself { 10 } else { 1 };
        assert!(ended.took < limit + MARGIN, "{ended:?}");
        if ended.code == Some(0) {
            // It was accepted, and only the farewell is missing; or garbage was part of a text that nobody reads.
            assert_eq!(n_unsent(), 0, "{ended:?}");
            let is_garbage = matches!(fault, Fault::GarbageAfter(_));
            assert!(nth == N_POSITIONS || is_garbage, "{ended:?}");
        } else {
            let ended = ended.exits(1).says(&[&server]);
            names_a_step(&ended.stderr, &server);
            assert_eq!(n_unsent(), 1);
        }
        proxy.set(Fault::None);
        tlsrptd.run(&["digest", "--send"]).exits(0);
        assert_eq!(n_unsent(), 0);
    }
    all_digests_arrive(&world, &tlsrptd);
}

fn all_digests_arrive(world: &World, tlsrptd: &Tlsrptd) {
    let digests = tlsrptd.sql("SELECT message_id FROM digests");
    assert_eq!(digests.len(), N_POSITIONS + 1);
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
