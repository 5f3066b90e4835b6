//! The clock is set while the daemon runs: no second digest, no missing one, and polling goes on.

use std::fs;
use std::path::PathBuf;

use rusqlite::{Connection, OpenFlags};

use super::support::*;

/// A daemon whose clock the test sets.
struct Clocked {
    world: World,
    tlsrptd: Tlsrptd,
    clock: PathBuf,
    outbox: PathBuf,
    run: Running,
    n_mails: i64,
}

impl Clocked {
    /// Starts at `time` (UTC); digests are due at `at` in Berlin, every day.
    fn start(time: &str, at: &str) -> Self {
        let world = World::new();
        world.dovecot.plant(RUA, []);
        let (clock, outbox) = (world.path("clock"), world.path("outbox"));
        fs::create_dir_all(&outbox).unwrap();
        let digest = format!(
            "[digest]\nat = {at:?}\ntimezone = \"Europe/Berlin\"\nsend = \"always\"\nfrom = \"tlsrptd@example.org\"\n\
             to = [{OPS:?}]\n[smtp]\ntransport = \"file\"\npath = {}\n",
            quoted(&outbox)
        );
        // Any certificate of today would be of the future there.
        let mailbox = world.mailbox_at(world.dovecot.imap, "poll_interval = \"1s\"\ntls = \"none\"");
        let tlsrptd = world.tlsrptd(&format!("{mailbox}{digest}"));
        fs::write(&clock, offset_to(time)).unwrap();
        let mut command = tlsrptd.command(&["run"]);
        command
            .env("LD_PRELOAD", faketime::library())
            .env_remove("FAKETIME")
            .env("FAKETIME_TIMESTAMP_FILE", &clock)
            .env("FAKETIME_NO_CACHE", "1")
            // As a clock that is set: what measures durations goes on undisturbed.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let run = Running::start(&mut command);
        let mut clocked = Self {
            world,
            tlsrptd,
            clock,
            outbox,
            run,
            n_mails: 0,
        };
        clocked.polls_again();
        clocked
    }

    /// Sets the clock. The daemon looks at it after each poll.
    fn set(&mut self, time: &str) {
        let beside = self.clock.with_extension("new");
        fs::write(&beside, offset_to(time)).unwrap();
        fs::rename(&beside, &self.clock).unwrap();
        self.polls_again();
    }

    /// Waits for a mail that comes now to be stored, and for a whole round of the daemon after that.
    fn polls_again(&mut self) {
        self.n_mails += 1;
        let id = format!("{}", self.n_mails);
        self.world.dovecot.plant(RUA, [Report::quiet(id).mail()]);
        until("the next poll", LONG, || {
            (self.n_reports() >= self.n_mails).then_some(())
        });
        let n_rounds = self.n_rounds();
        until("two more rounds", LONG, || {
            (self.n_rounds() >= n_rounds + 2).then_some(())
        });
    }

    fn n_rounds(&self) -> usize {
        self.run.log().matches(" polled ").count()
    }

    fn n_reports(&self) -> i64 {
        // Making the file is up to the daemon.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let Ok(db) = Connection::open_with_flags(self.tlsrptd.database(), flags) else {
            return 0;
        };
        db.query_row("SELECT count(*) FROM reports", (), |row| row.get(0))
            .unwrap_or(0)
    }

    /// When the digests were due that were sent, each once.
    fn due(&self) -> Vec<String> {
        let rows = self
            .tlsrptd
            .sql("SELECT due_at FROM digests WHERE sent_at IS NOT NULL ORDER BY id");
        let n_files = fs::read_dir(&self.outbox).unwrap().count();
        assert_eq!(n_files, rows.len(), "{rows:?}");
        rows.iter()
            .map(|row| row["due_at"].as_str().unwrap().to_owned())
            .collect()
    }

    #[track_caller]
    fn end(self) {
        self.run
            .terminate(END)
            .exits(0)
            .never_says(&["ERROR", "panicked"]);
    }
}

/// What libfaketime adds to the clock, so that it shows `time` now.
fn offset_to(time: &str) -> String {
    let time: jiff::Timestamp = time.parse().unwrap();
    let seconds = time.as_second() - jiff::Timestamp::now().as_second();
    format!("{seconds:+}\n")
}

#[test]
fn steps_by_hours_bring_no_second_and_no_missing_digest() {
    let mut daemon = Clocked::start("2027-06-10T04:00:00Z", "07:00");
    // The first digest was due the day before at 07:00 in Berlin.
    assert_eq!(daemon.due(), ["2027-06-09T05:00:00Z"]);

    daemon.set("2027-06-10T08:00:00Z");
    assert_eq!(daemon.due().len(), 2, "three hours later it is due");
    daemon.set("2027-06-10T02:00:00Z");
    daemon.set("2027-06-10T05:30:00Z");
    assert_eq!(
        daemon.due().len(),
        2,
        "the clock has gone back, and passed 07:00 again"
    );
    daemon.set("2027-06-11T05:00:01Z");
    daemon.set("2027-06-11T04:59:00Z");
    daemon.set("2027-06-11T05:00:02Z");
    daemon.set("2027-06-12T23:00:00Z");

    let expected = [
        "2027-06-09T05:00:00Z",
        "2027-06-10T05:00:00Z",
        "2027-06-11T05:00:00Z",
        "2027-06-12T05:00:00Z",
    ];
    assert_eq!(daemon.due(), expected);
    daemon.end();
}

#[test]
fn a_clock_that_was_weeks_ahead_for_a_while_does_not_silence_the_digests() {
    let mut daemon = Clocked::start("2027-06-10T06:00:00Z", "07:00");
    daemon.set("2027-08-20T06:00:00Z");
    daemon.set("2027-06-11T06:00:00Z");
    daemon.set("2027-06-11T07:00:00Z");
    daemon.set("2027-06-12T06:00:00Z");

    let expected = [
        "2027-06-10T05:00:00Z",
        "2027-08-20T05:00:00Z",
        "2027-06-11T05:00:00Z",
        "2027-06-12T05:00:00Z",
    ];
    assert_eq!(daemon.due(), expected);
    daemon.end();
}

#[test]
fn an_hour_that_does_not_exist_has_its_digest() {
    // In Berlin, 28 March 2027 has no 02:30.
    let mut daemon = Clocked::start("2027-03-27T02:00:00Z", "02:30");
    daemon.set("2027-03-28T00:59:00Z");
    daemon.set("2027-03-28T01:10:00Z");
    daemon.set("2027-03-28T01:31:00Z");
    daemon.set("2027-03-28T23:59:00Z");
    daemon.set("2027-03-29T00:31:00Z");

    let expected = [
        "2027-03-27T01:30:00Z",
        "2027-03-28T01:30:00Z",
        "2027-03-29T00:30:00Z",
    ];
    assert_eq!(daemon.due(), expected);
    daemon.end();
}

#[test]
fn an_hour_that_comes_twice_has_one_digest() {
    // In Berlin, 31 October 2027 has 02:30 at 00:30 and at 01:30 UTC.
    let mut daemon = Clocked::start("2027-10-30T02:00:00Z", "02:30");
    daemon.set("2027-10-31T00:31:00Z");
    daemon.set("2027-10-31T01:29:00Z");
    daemon.set("2027-10-31T01:31:00Z");
    daemon.set("2027-11-01T01:31:00Z");

    let expected = [
        "2027-10-30T00:30:00Z",
        "2027-10-31T00:30:00Z",
        "2027-11-01T01:30:00Z",
    ];
    assert_eq!(daemon.due(), expected);
    daemon.end();
}
