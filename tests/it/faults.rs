//! A line that fails at any byte: each poll and each digest ends in time with an error that names server and step, the
//! other mailbox is served, and the next attempt completes the work. `TLSRPTD_FAULT_SEED` repeats a run.

use std::collections::BTreeSet;
use std::time::Duration;

use super::support::tlsrptd::Ended;
use super::support::*;

/// Mails in the mailbox behind the proxy.
const N_MAILS: usize = 30;
/// Bytes at which a fault strikes, for each kind of fault.
const N_POSITIONS: usize = 4;
/// The first bytes of a session, up to the first folder, in which one of them lies.
const N_FIRST: usize = 2000;
/// The last bytes of a session, which answer LOGOUT: all has been done by then.
const N_LAST: usize = 400;
/// The last bytes of a session, which answer QUIT, and what lengths vary by: the number of a mail, a signature. Whoever
/// says good-bye may hang up before he has read all of them.
const N_FAREWELL: usize = 100;
/// What a poll may take, as configured below, where the line makes it wait.
const POLL_DEADLINE: Duration = Duration::from_secs(12);
/// What a step of connecting, polling or sending may take, where the line makes it wait; ten times that for the mail
/// itself.
const STEP: Duration = Duration::from_secs(5);
/// What only a limit that has ended something says.
const IN_VAIN: [&str; 4] = ["silent for", "no answer within", "timed out", "poll_deadline"];

/// Whether a limit must end it. All else is noticed at once, so that it may take its time: a busy machine is slow, too.
fn is_waited_for(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::StallAfter(_) | Fault::CrawlAfter(_) | Fault::GarbageAfter(_)
    )
}

/// Demands that a fault that is noticed at once was not waited out. What is waited for ends within the limits above, or
/// [`Tlsrptd::run`] gives up.
#[track_caller]
fn in_time(fault: Fault, ended: Ended) -> Ended {
    if is_waited_for(fault) {
        ended
    } else {
        ended.never_says(&IN_VAIN)
    }
}

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
    mailboxes: String,
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
        let mailboxes = format!("{first}{}", world.mailbox(&other));
        Self {
            world,
            proxy,
            mailboxes,
        }
    }

    /// The program before its first poll, which the line will treat so.
    fn tlsrptd(&self, name: &str, fault: Fault) -> Tlsrptd {
        Tlsrptd::new(&self.world.path(name), &self.configuration(fault))
    }

    fn configuration(&self, fault: Fault) -> String {
        let limits = if is_waited_for(fault) {
            format!(
                "connect_timeout = \"{0}s\"\nsilence_timeout = \"{0}s\"\npoll_deadline = \"{1}s\"\n",
                STEP.as_secs(),
                POLL_DEADLINE.as_secs()
            )
        } else {
            String::new()
        };
        format!("{}[limits]\nbatch_mails = 5\n{limits}", self.mailboxes)
    }

    /// Lets the line fail at random bytes of a first poll; the next one is undisturbed.
    fn fails(self, fault: fn(usize) -> Fault) {
        let mut random = random();
        self.tlsrptd("undisturbed", Fault::None).run(&["poll"]).exits(0);
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
        let tlsrptd = self.tlsrptd(name, fault);
        let server = format!("localhost:{}", self.proxy.port);
        self.proxy.set(fault);
        println!("{fault:?}");

        let ended = tlsrptd.run(&["poll"]).never_says(&["panicked", PASSWORD]);

        assert_eq!(self.proxy.n_struck(), 1, "{fault:?} did not strike: {ended:?}");
        let ended = in_time(fault, ended);
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
        tlsrptd.configure(&self.configuration(Fault::None));
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

/// A mail server behind the proxy, and the program that sends.
struct Sending {
    world: World,
    proxy: Proxy,
    tls: &'static str,
    tlsrptd: Tlsrptd,
    /// What the server says in a session that nothing disturbs, in bytes.
    n_bytes: usize,
}

impl Sending {
    fn new(tls: &'static str) -> Self {
        let world = World::with_postfix();
        let port = if tls == "implicit" {
            world.postfix().submissions
        } else {
            world.postfix().submission
        };
        let proxy = Proxy::to(port);
        let tlsrptd = world.tlsrptd("");
        let mut line = Self {
            world,
            proxy,
            tls,
            tlsrptd,
            n_bytes: 0,
        };
        line.has_news(0);
        line.sends_undisturbed();
        line.n_bytes = line.proxy.n_bytes();
        line
    }

    /// Chooses what the line does, and configures how long the program waits then.
    fn set(&self, fault: Fault) {
        self.proxy.set(fault);
        let keys = format!("port = {}\ntls = {:?}", self.proxy.port, self.tls);
        let timeout = format!("\ntimeout = \"{}s\"", STEP.as_secs());
        let keys = keys + if is_waited_for(fault) { &timeout } else { "" };
        self.tlsrptd.configure(&self.world.sending(&keys));
    }

    fn has_news(&self, nth: usize) {
        let report = Report::quiet(format!("{nth}")).failing("certificate-expired", 3);
        let report = Report {
            domain: format!("nr{nth}.example"),
            ..report
        };
        self.tlsrptd
            .run_with_input(&["import", "-"], &report.mail())
            .exits(0);
    }

    fn n_unsent(&self) -> i64 {
        self.tlsrptd
            .count("SELECT count(*) - count(sent_at) AS n FROM digests")
    }

    fn sends_undisturbed(&self) {
        self.set(Fault::None);
        self.tlsrptd.run(&["digest", "--send"]).exits(0);
        assert_eq!(self.n_unsent(), 0);
    }

    /// Sends a digest over a line that fails at this byte, the `nth`.
    fn fails_at(&self, nth: usize, position: usize, fault: Fault) {
        println!("{fault:?} of {}", self.n_bytes);
        self.set(fault);

        let ended = self
            .tlsrptd
            .run(&["digest", "--send"])
            .never_says(&["panicked", PASSWORD]);

        let is_overtaken = position > self.n_bytes - N_FAREWELL && ended.code == Some(0);
        assert!(
            self.proxy.n_struck() == 1 || is_overtaken,
            "{fault:?} did not strike: {ended:?}"
        );
        let ended = in_time(fault, ended);
        if ended.code == Some(0) {
            // It was accepted, and only the farewell is missing; or garbage was part of a text that nobody reads.
            assert_eq!(self.n_unsent(), 0, "{ended:?}");
            let is_garbage = matches!(fault, Fault::GarbageAfter(_));
            assert!(nth == N_POSITIONS || is_garbage, "{ended:?}");
        } else {
            let server = format!("localhost:{}", self.proxy.port);
            let ended = ended.exits(1).says(&[&server]);
            names_a_step(&ended.stderr, &server);
            assert_eq!(self.n_unsent(), 1);
        }
    }
}

/// Lets the line to the mail server fail at random bytes, one digest after another.
fn sending_fails(tls: &'static str, fault: fn(usize) -> Fault) {
    let mut random = random();
    let line = Sending::new(tls);
    let quarter = line.n_bytes / N_POSITIONS;
    assert!(quarter > N_FAREWELL, "{}", line.n_bytes);
    for nth in 1..=N_POSITIONS {
        line.has_news(nth);
        let position = (nth - 1) * quarter + random.usize(1..=quarter);
        line.fails_at(nth, position, fault(position));
        line.sends_undisturbed();
    }
    all_digests_arrive(&line.world, &line.tlsrptd);
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
