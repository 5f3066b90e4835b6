//! The daemon over a long time with a server that comes and goes: nothing grows, every mail is stored once.
//!
//! Half a minute in `./test`; `./soak [MINUTES]` takes longer.

use std::fs;
use std::time::{Duration, Instant};

use super::support::*;

/// What the daemon holds at a moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// Memory of its own; what it maps of files comes and goes as the machine needs.
    rss_kib: u64,
    n_files: usize,
}

fn sample(pid: u32) -> Sample {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let rss = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .unwrap();
    Sample {
        rss_kib: rss.trim().trim_end_matches(" kB").parse().unwrap(),
        n_files: fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count(),
    }
}

/// The least that was held, which is at rest: whether a sample meets a poll is chance, and what isn't given back is
/// missing at rest, too.
fn least(samples: &[Sample]) -> Sample {
    Sample {
        rss_kib: samples.iter().map(|sample| sample.rss_kib).min().unwrap(),
        n_files: samples.iter().map(|sample| sample.n_files).min().unwrap(),
    }
}

/// Polls that went well, and polls that failed.
fn polls(log: &str) -> (usize, usize) {
    (
        log.matches(" polled ").count(),
        log.matches("poll failed").count(),
    )
}

/// Takes the server away until a poll has failed, and waits for polling to go on.
fn restart(world: &mut World, run: &Running) {
    let (_, n_failed) = polls(&run.log());
    world.dovecot.stop();
    until("a poll to fail", LONG, || {
        (polls(&run.log()).1 > n_failed).then_some(())
    });
    let (n_polled, _) = polls(&run.log());
    world.dovecot.start_again();
    until("polling to go on", LONG, || {
        (polls(&run.log()).0 > n_polled).then_some(())
    });
}

#[test]
fn nothing_grows_while_the_server_comes_and_goes_and_every_mail_is_stored_once() {
    let seconds = std::env::var("TLSRPTD_SOAK_SECONDS").map_or(30, |text| text.parse().unwrap());
    let length = Duration::from_secs(seconds);
    let restart_every = (length / 6).min(Duration::from_secs(20));
    let mut world = World::new();
    world.dovecot.plant(RUA, []);
    let outbox = world.path("outbox");
    let tlsrptd = world.tlsrptd(&format!(
        "{}[digest]\nfrom = \"tlsrptd@example.org\"\nto = [{OPS:?}]\n[smtp]\ntransport = \"file\"\npath = {}\n",
        world.mailbox("poll_interval = \"1s\""),
        quoted(&outbox)
    ));
    let run = tlsrptd.spawn(&["run"]);
    let (start, mut restarted) = (Instant::now(), Instant::now());
    let (mut n_mails, mut n_restarts) = (0, 0);
    let mut samples = Vec::new();
    while start.elapsed() < length {
        let report = Report::quiet(format!("soak-{n_mails}"))
            .by(&format!("reporter{}.example", n_mails % 50))
            .failing("certificate-expired", 1);
        world.dovecot.plant(RUA, [report.mail()]);
        n_mails += 1;
        if restarted.elapsed() > restart_every {
            restart(&mut world, &run);
            restarted = Instant::now();
            n_restarts += 1;
        }
        samples.push(sample(run.pid()));
        // The pace of the mails.
        std::thread::sleep(Duration::from_millis(250));
    }
    let quarter = samples.len() / 4;
    let early = least(&samples[quarter..2 * quarter]);
    until("the daemon to hold no more files than before", LONG, || {
        samples.push(sample(run.pid()));
        (samples.last()?.n_files <= early.n_files).then_some(())
    });
    let late = least(&samples[3 * quarter..]);
    let log = run.log();
    run.terminate(END).exits(0);

    let (n_polls, n_failed) = polls(&log);
    println!(
        "{seconds} s: {n_mails} mails, {n_polls} polls, {n_failed} failed, {n_restarts} restarts of Dovecot; \
         second quarter {early:?}, last quarter {late:?}"
    );
    assert!(
        n_restarts > 0,
        "it took {seconds} s to come as far as the first restart"
    );
    // A page cache of SQLite (2 MiB) may still fill; a leak of a kilobyte a poll would show in the long form.
    assert!(
        late.rss_kib < early.rss_kib * 11 / 10 + 4096,
        "{early:?} became {late:?}"
    );
    tlsrptd.run(&["poll"]).exits(0);
    assert_eq!(
        (tlsrptd.mails("stored"), tlsrptd.mails("duplicate")),
        (n_mails, 0)
    );
    assert_eq!(tlsrptd.count("SELECT count(*) AS n FROM mails"), n_mails);
}
