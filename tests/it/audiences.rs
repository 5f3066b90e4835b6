//! `[[digest.audience]]`: each gets its own domains, and only the recipients of `digest.to` our own trouble.

use super::support::mta::{Answer, Mta};
use super::support::*;

/// Whom a server defers or not, as a test needs it.
const TEAM: &str = "team@shop.example";

/// A report on two domains, of which each fails in its own way.
fn report() -> Vec<u8> {
    let mut report = Report::quiet("one").failing("certificate-expired", 7).json();
    let mut other = report["policies"][0].clone();
    let renamed = other.to_string().replace("example.org", "shop.example");
    other = serde_json::from_str(&renamed).unwrap();
    report["policies"].as_array_mut().unwrap().push(other);
    report.to_string().into_bytes()
}

fn audience(to: &str) -> String {
    format!("[[digest.audience]]\nname = \"shop\"\ndomains = [\"Shop.Example\"]\nto = [{to:?}]\n")
}

/// A program that has read [`report`] and a mail that can't be read.
fn filled(world: &World, to: &str) -> Tlsrptd {
    let tlsrptd = world.tlsrptd(&(world.sending("") + &audience(to)));
    tlsrptd.run_with_input(&["import", "-"], &report()).exits(0);
    let broken = Report::quiet("broken").broken_mail();
    tlsrptd.run_with_input(&["import", "-"], &broken).exits(3);
    tlsrptd
}

fn text(mail: &[u8]) -> String {
    let (subject, text) = subject_and_text(mail);
    format!("{subject}\n{text}")
}

#[test]
fn each_audience_gets_its_own_mail_and_the_default_recipients_get_all() {
    let world = World::with_postfix();
    let tlsrptd = filled(&world, GREEK);

    tlsrptd.run(&["digest", "--send"]).exits(0).says(&[OPS, GREEK]);

    let ops = text(&world.received(OPS, 1)[0]);
    assert!(
        ops.contains("example.org") && ops.contains("shop.example"),
        "{ops}"
    );
    assert!(ops.contains("could not be read"), "{ops}");
    let new = world.dovecot.maildir(GREEK, "INBOX").join("new");
    let team = until("the team's mail", LONG, || {
        let file = std::fs::read_dir(&new).ok()?.next()?.unwrap().path();
        Some(std::fs::read(file).unwrap())
    });
    let team = text(&team);
    assert!(team.contains("shop.example"), "{team}");
    for foreign in ["example.org", "could not be read", OPS] {
        assert!(!team.contains(foreign), "{foreign:?} is in:\n{team}");
    }
    let ids = tlsrptd.sql("SELECT DISTINCT message_id FROM digests WHERE sent_at IS NOT NULL");
    assert_eq!(ids.len(), 2, "{ids:?}");
    tlsrptd
        .run(&["digest", "--audience", "nobody"])
        .exits(1)
        .says(&["default, shop"]);
    tlsrptd
        .run(&["digest", "--audience", "shop"])
        .exits(0)
        .never_says(&["example.org"]);
}

#[test]
fn an_audience_that_has_to_wait_keeps_nobody_from_their_mail() {
    let world = World::with_postfix();
    let tlsrptd = filled(&world, DEFERRED);

    tlsrptd.run(&["digest", "--send"]).exits(3).says(&[DEFERRED]);

    assert_eq!(world.received(OPS, 1).len(), 1);
    let waiting = "SELECT audience FROM digests WHERE sent_at IS NULL";
    assert_eq!(tlsrptd.value(waiting), "shop");
    // Once nobody is to be told of it any more, it waits no longer.
    tlsrptd.configure(&world.sending(""));
    tlsrptd.run(&["digest", "--send"]).exits(0);
    assert_eq!(
        tlsrptd.count("SELECT count(*) AS n FROM digests WHERE sent_at IS NULL"),
        0
    );
}

#[test]
fn an_audience_that_is_refused_is_told_to_the_default_recipients() {
    let world = World::with_postfix();
    let tlsrptd = filled(&world, REFUSED);
    tlsrptd
        .run(&["digest", "--send"])
        .exits(3)
        .says(&[REFUSED, "550"]);

    tlsrptd.run(&["digest", "--send"]).exits(3);

    let second = text(&world.received(OPS, 2)[1]);
    assert!(second.contains(REFUSED), "{second}");
}

/// A program that has read [`report`] and sends through `mta`.
fn sending_through(mta: &Mta, further: &str) -> (tempfile::TempDir, Tlsrptd) {
    let folder = temporary_folder();
    let configuration = format!(
        "{further}[digest]\nfrom = \"tlsrptd@example.org\"\nto = [{OPS:?}]\n{}[smtp]\n{}timeout = \"10m\"\n",
        audience(TEAM),
        mta.keys()
    );
    let tlsrptd = Tlsrptd::new(&folder.path().join("t"), &configuration);
    tlsrptd.run_with_input(&["import", "-"], &report()).exits(0);
    (folder, tlsrptd)
}

#[test]
fn daemon_sends_an_audience_its_deferred_mail_later_and_the_others_theirs_at_once() {
    let mta = Mta::new();
    mta.set(&[("RCPT TO:<team@", Answer::Says("450 4.2.1 come later\r\n"))]);
    let folder = temporary_folder();
    let mailbox = maildir("rua", folder.path()) + "poll_interval = \"10s\"\n";
    let (_folder, tlsrptd) = sending_through(&mta, &mailbox);
    // A minute passes in two seconds.
    let mut command = tlsrptd.command(&["run"]);
    command
        .env("LD_PRELOAD", faketime::library())
        .env("FAKETIME", "@2027-01-12 12:00:00 x30");
    let run = Running::start(&mut command);
    let tries =
        || tlsrptd.count("SELECT coalesce(max(attempts), 0) AS n FROM deliveries WHERE error IS NOT NULL");
    until("a second try with the team", LONG, || {
        (tries() >= 2).then_some(())
    });
    let id = tlsrptd.value("SELECT message_id FROM digests WHERE sent_at IS NULL");

    mta.set(&[]);
    until("the team's mail", LONG, || {
        (mta.received().len() >= 2).then_some(())
    });
    run.terminate(LONG).exits(0).says(&["come later"]);

    let received = mta.received();
    let to: Vec<&[String]> = received.iter().map(|mail| mail.to.as_slice()).collect();
    assert_eq!(to, [[OPS.to_owned()], [TEAM.to_owned()]]);
    assert!(
        received[1].mail.contains(&format!("<{}>", id.as_str().unwrap())),
        "{id}"
    );
    let sent = "SELECT message_id FROM digests WHERE audience = 'shop' AND sent_at IS NOT NULL";
    assert_eq!(tlsrptd.value(sent), id);
}

#[test]
fn status_shows_the_waiting_digest_of_each_audience() {
    let mta = Mta::new();
    mta.set(&[("MAIL", Answer::Says("451 4.3.0 not now\r\n"))]);
    let (_folder, tlsrptd) = sending_through(&mta, "");
    tlsrptd.run(&["digest", "--send"]).exits(1);

    let status = tlsrptd.run(&["status", "--format", "json"]).exits(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    let waiting: Vec<(&str, &str)> = status["waiting_digests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|digest| {
            let recipient = digest["recipients"][0].as_str().unwrap();
            (digest["audience"].as_str().unwrap(), recipient)
        })
        .collect();
    assert_eq!(waiting, [("default", OPS), ("shop", TEAM)]);
    let text = tlsrptd.run(&["status"]).exits(0);
    assert_eq!(text.stdout.matches("Not accepted").count(), 2, "{}", text.stdout);
    text.says(&["  audience    shop", "not now"]);
}
