//! What befalls the database and its disk: always a clear error, and once the cause is gone, work goes on without loss.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;

use super::support::mta::{Answer, Mta};
use super::support::*;

/// A file system in memory, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, size: &str) -> Self {
        fs::create_dir_all(at).unwrap();
        let options = format!("size={size},mode=700");
        mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], at);
        Self(at.to_owned())
    }

    /// Fills what is left of it with a file, and names that.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("rest");
        let mut file = fs::File::create(&path).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        path
    }

    fn remount(&self, options: &str) {
        mount(&["-o", &format!("remount,{options}")], &self.0);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], at: &Path) {
    let status = Command::new("mount").args(arguments).arg(at).status().unwrap();
    assert!(status.success(), "mount {arguments:?}: {status}");
}

/// A world with so many mails to read, and a program that keeps its database on a disk of its own.
fn world_with_disk(n_mails: usize, size: &str) -> (World, Disk, Tlsrptd) {
    let world = World::new();
    world.dovecot.plant(RUA, reports::many(n_mails));
    let disk = Disk::mount(&world.path("t"), size);
    let tlsrptd = world.tlsrptd(&configuration(&world));
    (world, disk, tlsrptd)
}

/// Small batches, so that something is committed before the disk is full; sending goes to files.
fn configuration(world: &World) -> String {
    let outbox = world.path("outbox");
    let digest = format!("[digest]\nfrom = \"tlsrptd@example.org\"\nto = [{OPS:?}]\n");
    let smtp = format!("[smtp]\ntransport = \"file\"\npath = {}\n", quoted(&outbox));
    let mailbox = world.mailbox("poll_interval = \"1s\"");
    format!("{mailbox}{digest}{smtp}[limits]\nbatch_mails = 20\n")
}

/// A world with one mail that has been read.
fn world_with_a_database() -> (World, Tlsrptd) {
    let world = World::new();
    world.dovecot.deliver(RUA, &Report::quiet("first").mail());
    let tlsrptd = world.tlsrptd(&configuration(&world));
    tlsrptd.run(&["poll"]).exits(0);
    (world, tlsrptd)
}

fn wait_for_reports(tlsrptd: &Tlsrptd, n_reports: i64) {
    until(&format!("{n_reports} reports"), LONG, || {
        let ended = tlsrptd.run(&["sql", "SELECT count(*) AS n FROM reports", "--format", "csv"]);
        (ended.stdout.lines().nth(1) == Some(&n_reports.to_string())).then_some(())
    });
}

#[track_caller]
fn holds_each_mail_once(tlsrptd: &Tlsrptd, n_mails: i64) {
    assert_eq!(
        (tlsrptd.mails("stored"), tlsrptd.mails("duplicate")),
        (n_mails, 0)
    );
}

#[test]
fn a_full_disk_ends_a_poll_which_goes_on_when_there_is_room() {
    let (_world, disk, tlsrptd) = world_with_disk(300, "900k");

    tlsrptd
        .run(&["poll"])
        .exits(1)
        .says(&["database or disk is full", "free space"])
        .never_says(&["panicked"]);

    disk.remount("size=64m");
    tlsrptd.run(&["poll"]).exits(0);
    holds_each_mail_once(&tlsrptd, 300);
}

#[test]
fn a_full_disk_does_not_end_the_daemon_which_goes_on_when_there_is_room() {
    let (_world, disk, tlsrptd) = world_with_disk(300, "900k");
    let run = tlsrptd.spawn(&["run"]);
    until("the disk to be full", LONG, || {
        run.log().contains("database or disk is full").then_some(())
    });

    disk.remount("size=64m");

    wait_for_reports(&tlsrptd, 300);
    run.terminate(END).exits(0);
    holds_each_mail_once(&tlsrptd, 300);
}

#[test]
fn a_digest_accepted_while_the_disk_fills_up_goes_out_once_more_when_there_is_room_and_not_before() {
    let (_world, disk, tlsrptd) = world_with_disk(0, "16m");
    let mta = Mta::new();
    let digest = format!("[digest]\nfrom = \"tlsrptd@example.org\"\nto = [{OPS:?}]\n");
    tlsrptd.configure(&format!("{digest}[smtp]\n{}", mta.keys()));
    tlsrptd
        .run_with_input(&["import", "-"], &Report::quiet("first").mail())
        .exits(0);
    // The disk fills up while the server has the mail and has not answered.
    mta.set(&[(".", Answer::SaysWhenTold("250 taken\r\n"))]);
    let sending = tlsrptd.spawn(&["digest", "--send"]);
    until("the mail to be taken", LONG, || mta.received().pop());
    let rest = disk.fill();
    let full = ["database or disk is full", "free space"];
    mta.set(&[]);
    sending.wait(LONG).exits(1).says(&full);

    for _ in 0..2 {
        tlsrptd.run(&["digest", "--send"]).exits(1).says(&full);
        assert_eq!(
            mta.received().len(),
            1,
            "it was sent again while nothing can be recorded"
        );
    }

    fs::remove_file(rest).unwrap();
    tlsrptd.run(&["digest", "--send"]).exits(0);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    let received = mta.received();
    assert_eq!(received.len(), 2);
    assert_eq!(
        received[0], received[1],
        "the same bytes under the same Message-ID"
    );
    assert_eq!(tlsrptd.count("SELECT count(sent_at) AS n FROM digests"), 1);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let (_world, disk, tlsrptd) = world_with_disk(3, "16m");
    disk.remount("ro");
    let database = tlsrptd.database().display().to_string();

    tlsrptd.run(&["poll"]).exits(1).says(&[&database, "ead-only"]);

    disk.remount("rw");
    tlsrptd.run(&["poll"]).exits(0);
    disk.remount("ro");
    assert_eq!(tlsrptd.reports(), 3, "what is there can be read");
    tlsrptd.run(&["poll"]).exits(1).says(&[&database, "ead-only"]);
}

#[test]
fn a_disk_that_becomes_read_only_under_the_daemon_is_told_and_work_goes_on_when_it_is_writable() {
    let (world, tlsrptd) = world_with_a_database();
    let disk = FaultyDisk::new(&world.path("faulty"), &world.path("t"));
    let mut command = tlsrptd.command(&["run"]);
    disk.put_under(&mut command);
    let run = Running::start(&mut command);
    until("a poll", LONG, || run.log().contains("polled").then_some(()));

    disk.refuse_writes(true);
    world.dovecot.deliver(RUA, &Report::quiet("second").mail());
    until("the daemon to name the trouble", LONG, || {
        let log = run.log();
        (log.contains("disk I/O error") && log.contains("check the disk")).then_some(())
    });
    assert_eq!(tlsrptd.reports(), 1);

    disk.refuse_writes(false);
    wait_for_reports(&tlsrptd, 2);
    run.terminate(END).exits(0).never_says(&["panicked"]);
    holds_each_mail_once(&tlsrptd, 2);
}

#[test]
fn a_database_held_by_another_program_is_waited_for_and_then_named() {
    let (world, tlsrptd) = world_with_a_database();
    world.dovecot.deliver(RUA, &Report::quiet("second").mail());
    let other = Connection::open(tlsrptd.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();

    let ended = tlsrptd
        .run(&["poll"])
        .exits(1)
        .says(&["locked", "another program"]);

    assert!(ended.took > Duration::from_secs(20), "{:?}", ended.took);
    other.execute_batch("COMMIT").unwrap();
    tlsrptd.run(&["poll"]).exits(0);
    holds_each_mail_once(&tlsrptd, 2);
}

#[test]
fn a_daemon_whose_database_is_held_for_long_says_so_and_goes_on_by_itself() {
    let (world, tlsrptd) = world_with_a_database();
    let run = tlsrptd.spawn(&["run"]);
    until("a poll", LONG, || run.log().contains("polled").then_some(()));
    let other = Connection::open(tlsrptd.database()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    world.dovecot.deliver(RUA, &Report::quiet("second").mail());

    until("the daemon to name the trouble", LONG, || {
        run.log()
            .contains("another program holds the database")
            .then_some(())
    });

    other.execute_batch("COMMIT").unwrap();
    wait_for_reports(&tlsrptd, 2);
    run.terminate(END).exits(0).never_says(&["panicked"]);
    holds_each_mail_once(&tlsrptd, 2);
}

#[test]
fn sigterm_ends_a_daemon_that_waits_for_the_database() {
    let (world, tlsrptd) = world_with_a_database();
    let run = tlsrptd.spawn(&["run"]);
    until("a poll", LONG, || run.log().contains("polled").then_some(()));
    let other = Connection::open(tlsrptd.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    world.dovecot.deliver(RUA, &Report::quiet("second").mail());
    until("the daemon to wait for the database", LONG, || {
        // It sleeps between two looks; at all other times it waits for events.
        process::of_threads(run.pid(), "stack")
            .contains("nanosleep")
            .then_some(())
    });

    run.terminate(END).exits(0);

    other.execute_batch("COMMIT").unwrap();
    tlsrptd.run(&["poll"]).exits(0);
    holds_each_mail_once(&tlsrptd, 2);
}

#[test]
fn a_long_reader_keeps_its_view_and_nobody_waiting() {
    let (world, tlsrptd) = world_with_a_database();
    let reader = Connection::open(tlsrptd.database()).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let count = || -> i64 {
        reader
            .query_row("SELECT count(*) FROM reports", (), |row| row.get(0))
            .unwrap()
    };
    assert_eq!(count(), 1);
    world.dovecot.plant(RUA, reports::many(300));

    let run = tlsrptd.spawn(&["run"]);
    wait_for_reports(&tlsrptd, 301);
    run.terminate(END).exits(0).never_says(&["ERROR", "locked"]);

    assert_eq!(count(), 1);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(count(), 301);
}

/// What the program lets the WAL keep between transactions.
const WAL_BYTES: u64 = 8 * 1024 * 1024;

#[test]
fn what_the_wal_grew_to_beside_a_long_reader_is_given_back() {
    let (world, tlsrptd) = world_with_a_database();
    let reader = Connection::open(tlsrptd.database()).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")
        .unwrap();
    let large = (0..14).map(|n| {
        let report = Report::quiet(format!("large {n}"));
        let json = report
            .json()
            .to_string()
            .replacen('{', &format!("{{{}", " ".repeat(1024 * 1024)), 1);
        report.mail_with(&reports::gzip(json.as_bytes()))
    });
    world.dovecot.plant(RUA, large);
    let wal = PathBuf::from(format!("{}-wal", tlsrptd.database().display()));
    let size = || fs::metadata(&wal).unwrap().len();

    let run = tlsrptd.spawn(&["run"]);
    wait_for_reports(&tlsrptd, 15);
    let grown = size();
    assert!(grown > WAL_BYTES, "{grown}");
    reader.execute_batch("COMMIT").unwrap();

    // Each poll writes when it was; no mail is needed for that.
    until("the WAL to be cut", LONG, || (size() <= WAL_BYTES).then_some(()));
    run.terminate(END).exits(0).never_says(&["ERROR", "locked"]);
}

#[test]
fn a_damaged_file_is_named_and_a_backup_takes_its_place() {
    let (world, tlsrptd) = world_with_a_database();
    let database = tlsrptd.database();
    let backup = world.path("backup");
    fs::copy(&database, &backup).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&database).unwrap();
    let n_bytes = usize::try_from(file.metadata().unwrap().len()).unwrap();
    file.write_all_at(&vec![0xA5; n_bytes - 4096], 4096).unwrap();
    world.dovecot.deliver(RUA, &Report::quiet("second").mail());

    for verb in [
        ["poll"].as_slice(),
        &["run"],
        &["sql", "SELECT * FROM mails"],
        &["check"],
    ] {
        let ended = tlsrptd.run(verb).never_says(&["panicked"]);
        assert!(matches!(ended.code, Some(1 | 3)), "{ended:?}");
        ended.says(&["backup"]);
    }

    fs::copy(&backup, &database).unwrap();
    tlsrptd.run(&["poll"]).exits(0);
    holds_each_mail_once(&tlsrptd, 2);
}

#[test]
fn a_backup_made_while_the_daemon_writes_is_the_database_of_one_moment() {
    const N_MAILS: i64 = 1000;
    let world = World::new();
    world
        .dovecot
        .plant(RUA, reports::many(N_MAILS.try_into().unwrap()));
    let proxy = Proxy::to(world.dovecot.imaps);
    let by_proxy = format!("port = {}\n", proxy.port);
    let tlsrptd = world
        .tlsrptd(&configuration(&world).replace(&format!("port = {}\n", world.dovecot.imaps), &by_proxy));
    // The first copy is made before all was written, however long that takes; the others while more is written.
    proxy.set(Fault::StallAfter(500_000));
    let run = tlsrptd.spawn(&["run"]);
    proxy.wait_for_stall();
    until("the first batch", LONG, || {
        (count_in(&tlsrptd.database(), "report")? > 0).then_some(())
    });
    let mut copies = Vec::new();
    while copies.last().is_none_or(|(_, n_mails)| *n_mails < N_MAILS) {
        let copy = world.path(&format!("copy {}", copies.len()));
        tlsrptd.run(&["backup", &copy.display().to_string()]).exits(0);
        let n_mails = count_in(&copy, "mail").unwrap();
        copies.push((copy, n_mails));
        proxy.set(Fault::None);
    }
    run.terminate(END).exits(0).never_says(&["ERROR", "locked"]);

    assert!(copies[0].1 < N_MAILS, "all was written before the first copy");
    for (copy, n_mails) in copies {
        let db = Connection::open(copy).unwrap();
        let text = |sql: &str| -> String { db.query_row(sql, (), |row| row.get(0)).unwrap() };
        assert_eq!(text("PRAGMA integrity_check"), "ok");
        assert_eq!(
            text("SELECT CAST(last_uid AS TEXT) FROM folder"),
            n_mails.to_string()
        );
        db.execute("ATTACH ?1 AS late", [tlsrptd.database().display().to_string()])
            .unwrap();
        for table in ["mail", "mail_report", "report", "reports_all", "policy_result"] {
            let n_missing: i64 = db
                .query_row(
                    &format!(
                        "SELECT abs((SELECT count(*) FROM main.{table}) - {n_mails})
                             + (SELECT count(*) FROM (SELECT * FROM main.{table} EXCEPT SELECT * FROM late.{table}))"
                    ),
                    (),
                    |row| row.get(0),
                )
                .unwrap();
            assert_eq!(n_missing, 0, "{table} of the first {n_mails} mails");
        }
    }
}

/// How many rows a table has, once it is there.
fn count_in(database: &Path, table: &str) -> Option<i64> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = Connection::open_with_flags(database, flags).ok()?;
    db.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0))
        .ok()
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&configuration(&world));
    fs::write(
        tlsrptd.database(),
        "Dear diary, today nothing happened.\n".repeat(99),
    )
    .unwrap();
    let before = fs::read(tlsrptd.database()).unwrap();

    for verb in [["poll"].as_slice(), &["run"], &["sql", "SELECT * FROM mails"]] {
        tlsrptd.run(verb).exits(1).says(&["is not a database of tlsrptd"]);
    }

    assert_eq!(fs::read(tlsrptd.database()).unwrap(), before);
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let (_world, tlsrptd) = world_with_a_database();
    set_version(&tlsrptd, 99);
    let before = fs::read(tlsrptd.database()).unwrap();

    for verb in [["poll"].as_slice(), &["run"], &["digest"], &["sql", "SELECT 1"]] {
        tlsrptd.run(verb).exits(1).says(&["schema 99", "upgrade tlsrptd"]);
    }

    assert_eq!(fs::read(tlsrptd.database()).unwrap(), before);
    set_version(&tlsrptd, 1);
    tlsrptd.run(&["poll"]).exits(0);
}

fn set_version(tlsrptd: &Tlsrptd, version: u32) {
    let db = Connection::open(tlsrptd.database()).unwrap();
    db.pragma_update(None, "user_version", version).unwrap();
}

#[test]
fn two_daemons_on_one_database_are_one_too_many_by_whatever_path() {
    let (world, tlsrptd) = world_with_a_database();
    let other = Tlsrptd::new(&world.path("other"), &configuration(&world));
    std::os::unix::fs::symlink(tlsrptd.database(), other.database()).unwrap();
    let run = tlsrptd.spawn(&["run"]);
    until("a poll", LONG, || run.log().contains("polled").then_some(()));

    other.run(&["run"]).exits(1).says(&[&run.pid().to_string()]);

    run.terminate(END).exits(0);
}

#[test]
fn the_wal_that_a_crash_has_left_is_read() {
    let (world, tlsrptd) = world_with_a_database();
    world.dovecot.plant(RUA, reports::many(50));
    let run = tlsrptd.spawn(&["run"]);
    wait_for_reports(&tlsrptd, 51);
    run.kill();
    let wal = PathBuf::from(format!("{}-wal", tlsrptd.database().display()));
    assert!(fs::metadata(&wal).unwrap().len() > 0);

    assert_eq!(tlsrptd.reports(), 51);
    tlsrptd.run(&["poll"]).exits(0);
    holds_each_mail_once(&tlsrptd, 51);
}

#[test]
fn a_database_deleted_under_the_daemon_is_missed_at_once_and_may_be_put_back() {
    let (world, tlsrptd) = world_with_a_database();
    let run = tlsrptd.spawn(&["run"]);
    until("a poll", LONG, || run.log().contains("polled").then_some(()));
    let away = world.path("away");

    fs::rename(tlsrptd.database(), &away).unwrap();
    world.dovecot.deliver(RUA, &Report::quiet("second").mail());

    until("the loss to be noticed", LONG, || {
        run.log().contains("was deleted while in use").then_some(())
    });
    assert!(!tlsrptd.database().exists(), "an empty one was made in its place");
    fs::rename(&away, tlsrptd.database()).unwrap();
    wait_for_reports(&tlsrptd, 2);
    run.terminate(END).exits(0);
    holds_each_mail_once(&tlsrptd, 2);
}

#[test]
fn a_backup_put_in_place_under_the_daemon_is_used() {
    let (world, tlsrptd) = world_with_a_database();
    let backup = world.path("t").join("backup");
    let db = Connection::open(tlsrptd.database()).unwrap();
    db.execute("VACUUM INTO ?1", [backup.display().to_string()])
        .unwrap();
    drop(db);
    world.dovecot.plant(RUA, reports::many(50));
    let run = tlsrptd.spawn(&["run"]);
    wait_for_reports(&tlsrptd, 51);

    fs::rename(&backup, tlsrptd.database()).unwrap();

    until("it to be noticed", LONG, || {
        run.log().contains("was replaced by another file").then_some(())
    });
    // What came after the backup is read again.
    wait_for_reports(&tlsrptd, 51);
    world.dovecot.deliver(RUA, &Report::quiet("third").mail());
    wait_for_reports(&tlsrptd, 52);
    run.terminate(END).exits(0);
    holds_each_mail_once(&tlsrptd, 52);
    let intact = tlsrptd.run(&["check"]);
    intact.says(&["intact"]);
}
