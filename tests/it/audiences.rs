//! `[[digest.audience]]`: each gets its own domains, and only the recipients of `digest.to` our own trouble.

use mail_parser::MessageParser;

use super::support::*;

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
    let mail = MessageParser::default().parse(mail).unwrap();
    format!("{}\n{}", mail.subject().unwrap(), mail.body_text(0).unwrap())
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
