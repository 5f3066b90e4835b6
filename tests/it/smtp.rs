//! What mail servers do to a digest: refusals, hang-ups, silence. Sent means accepted.

use std::fs;

use super::support::mta::{Answer, Mta, Received};
use super::support::*;

/// A further recipient.
const OTHER: &str = "boss@example.org";

/// A program with a digest to send through `mta`.
fn program(mta: &Mta, to: &[&str], further: &str) -> (tempfile::TempDir, Tlsrptd) {
    let folder = temporary_folder();
    let configuration = format!(
        "{further}[digest]\nfrom = \"tlsrptd@example.org\"\nto = {to:?}\n[smtp]\n{}timeout = \"1m\"\n",
        mta.keys()
    );
    let tlsrptd = Tlsrptd::new(&folder.path().join("t"), &configuration);
    fail(&tlsrptd, "first", "certificate-expired");
    (folder, tlsrptd)
}

/// Stores a report of a failure.
fn fail(tlsrptd: &Tlsrptd, id: &str, result_type: &'static str) {
    let report = Report::quiet(id).failing(result_type, 3);
    tlsrptd.run_with_input(&["import", "-"], &report.mail()).exits(0);
}

fn n_sent(tlsrptd: &Tlsrptd) -> i64 {
    tlsrptd.count("SELECT count(sent_at) AS n FROM digests")
}

/// Sends while `rule` holds, which must fail naming the server and `words`, and again when it doesn't any more.
#[track_caller]
fn is_sent_again_after(rule: (&'static str, Answer), words: &[&str]) {
    let mta = Mta::new();
    let (_folder, tlsrptd) = program(&mta, &[OPS], "");
    mta.set(&[rule]);
    let server = format!("localhost:{}", mta.port);
    let patient = fs::read_to_string(tlsrptd.config()).unwrap();
    if rule.1 == Answer::IsSilent {
        fs::write(tlsrptd.config(), patient.replace("\"1m\"", "\"5s\"")).unwrap();
    }

    tlsrptd
        .run(&["digest", "--send"])
        .exits(1)
        .says(&[&server, OPS])
        .says(words)
        .never_says(&["panicked"]);

    assert_eq!(n_sent(&tlsrptd), 0);
    let id = tlsrptd.value("SELECT message_id FROM digests");
    let doubted = mta.received();
    mta.set(&[]);
    fs::write(tlsrptd.config(), patient).unwrap();
    tlsrptd.run(&["digest", "--send"]).exits(0).says(&[OPS]);
    assert_eq!(n_sent(&tlsrptd), 1);
    assert_eq!(tlsrptd.value("SELECT message_id FROM digests"), id);
    let received = mta.received();
    let last = received.last().unwrap();
    assert_eq!(last.to, [OPS]);
    assert!(last.mail.contains(id.as_str().unwrap()));
    // Where the server took the mail and didn't say so, it gets the same mail once more.
    assert!(doubted.iter().all(|mail| mail == last), "{received:#?}");
    tlsrptd.run(&["digest", "--send"]).exits(0);
    assert_eq!(mta.received(), received, "it was sent once more");
}

#[test]
fn server_that_is_busy_gets_the_digest_later() {
    is_sent_again_after(("", Answer::Says("421 busy\r\n")), &["greeting", "421"]);
}

#[test]
fn server_that_defers_the_sender_gets_the_digest_later() {
    is_sent_again_after(
        ("MAIL", Answer::Says("451 4.3.0 not now\r\n")),
        &["MAIL FROM", "not now"],
    );
}

#[test]
fn server_that_refuses_the_sender_gets_the_digest_later() {
    is_sent_again_after(
        ("MAIL", Answer::Says("550 5.7.1 who are you\r\n")),
        &["MAIL FROM", "who are you", "digest.from"],
    );
}

#[test]
fn server_that_defers_the_recipient_gets_the_digest_later() {
    is_sent_again_after(
        ("RCPT", Answer::Says("450 4.2.1 greylisted\r\n")),
        &["greylisted"],
    );
}

#[test]
fn server_that_defers_the_data_gets_the_digest_later() {
    is_sent_again_after(
        ("DATA", Answer::Says("452 4.3.1 disk full\r\n")),
        &["DATA", "disk full"],
    );
}

#[test]
fn server_that_defers_the_mail_gets_the_digest_later() {
    is_sent_again_after(
        (".", Answer::Says("451 4.3.0 not now\r\n")),
        &["send the mail", "not now"],
    );
}

#[test]
fn server_that_refuses_the_mail_gets_the_digest_later() {
    is_sent_again_after(
        (".", Answer::Says("554 5.7.1 spam\r\n")),
        &["send the mail", "spam"],
    );
}

#[test]
fn connection_lost_after_the_final_dot_brings_the_same_mail_again() {
    is_sent_again_after((".", Answer::HangsUp), &["send the mail"]);
}

#[test]
fn connection_lost_before_the_greeting_is_tried_again() {
    is_sent_again_after(("", Answer::HangsUp), &["greeting"]);
}

#[test]
fn server_that_never_greets_is_left_within_the_timeout() {
    is_sent_again_after(("", Answer::IsSilent), &["greeting", "no answer within 5 s"]);
}

#[test]
fn server_that_never_answers_a_recipient_is_left_within_the_timeout() {
    is_sent_again_after(("RCPT", Answer::IsSilent), &["RCPT TO", "no answer"]);
}

#[test]
fn server_whose_answer_is_garbage_is_named() {
    is_sent_again_after(("EHLO", Answer::Says("\u{1}\u{2}pardon?\r\n")), &["greeting"]);
}

#[test]
fn hanging_up_at_quit_does_not_matter() {
    let mta = Mta::new();
    let (_folder, tlsrptd) = program(&mta, &[OPS], "");
    mta.set(&[("QUIT", Answer::HangsUp)]);

    tlsrptd.run(&["digest", "--send"]).exits(0);

    assert_eq!(n_sent(&tlsrptd), 1);
}

#[test]
fn recipient_that_is_refused_is_named_to_the_others_until_mended() {
    let mta = Mta::new();
    let (_folder, tlsrptd) = program(&mta, &[OPS, OTHER], "");
    let refuses_other = ("RCPT TO:<boss@", Answer::Says("550 5.1.1 no such user\r\n"));
    mta.set(&[refuses_other]);
    tlsrptd
        .run(&["digest", "--send"])
        .exits(3)
        .says(&[OTHER, "no such user"]);
    let digests = || {
        let told = |Received { to, mail }: &Received| {
            let mut to = to.clone();
            to.sort();
            (to, mail.contains("no such user"))
        };
        mta.received().iter().map(told).collect::<Vec<_>>()
    };
    let to = |recipients: &[&str]| recipients.iter().map(|to| (*to).to_owned()).collect::<Vec<_>>();
    let first = (to(&[OPS]), false);
    assert_eq!(digests(), std::slice::from_ref(&first));

    fail(&tlsrptd, "second", "certificate-not-trusted");
    tlsrptd.run(&["digest", "--send"]).exits(3);
    fail(&tlsrptd, "third", "certificate-host-mismatch");
    mta.set(&[]);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    fail(&tlsrptd, "fourth", "sts-webpki-invalid");
    tlsrptd.run(&["digest", "--send"]).exits(0);

    let all = [
        first,
        (to(&[OPS]), true),
        (to(&[OTHER, OPS]), true),
        (to(&[OTHER, OPS]), false),
    ];
    assert_eq!(digests(), all);
}

#[test]
fn recipient_that_is_deferred_gets_the_digest_later_and_the_others_only_once() {
    let mta = Mta::new();
    let (_folder, tlsrptd) = program(&mta, &[OPS, OTHER], "");
    mta.set(&[("RCPT TO:<boss@", Answer::Says("450 4.2.1 greylisted\r\n"))]);
    tlsrptd
        .run(&["digest", "--send"])
        .exits(3)
        .says(&[OTHER, "greylisted"]);
    assert_eq!(n_sent(&tlsrptd), 0);
    mta.set(&[]);

    tlsrptd.run(&["digest", "--send"]).exits(0).never_says(&[OPS]);

    let received = mta.received();
    let to: Vec<&[String]> = received.iter().map(|mail| mail.to.as_slice()).collect();
    assert_eq!(to, [[OPS.to_owned()], [OTHER.to_owned()]]);
    assert_eq!(received[0].mail, received[1].mail);
    assert_eq!(n_sent(&tlsrptd), 1);
}

#[test]
fn daemon_backs_off_and_a_restart_sends_the_same_digest() {
    let world = World::new();
    let mta = Mta::new();
    mta.set(&[("MAIL", Answer::Says("451 4.3.0 not now\r\n"))]);
    let mailbox = world.mailbox("poll_interval = \"1s\"");
    let (_folder, tlsrptd) = program(&mta, &[OPS], &mailbox);
    let run = tlsrptd.spawn(&["run"]);
    let n_polls = || run.log().matches("mailbox=rua").count();
    until("the first attempt", LONG, || {
        (mta.n_connections() > 0).then_some(())
    });
    let before = n_polls();

    until("further polls", LONG, || (n_polls() >= before + 4).then_some(()));

    assert_eq!(
        mta.n_connections(),
        1,
        "no second attempt within seconds:\n{}",
        run.log()
    );
    run.terminate(LONG).exits(0).says(&["not now"]);
    assert_eq!(n_sent(&tlsrptd), 0);
    let id = tlsrptd.value("SELECT message_id FROM digests");
    mta.set(&[]);
    let run = tlsrptd.spawn(&["run"]);
    until("the digest", LONG, || (!mta.received().is_empty()).then_some(()));
    run.terminate(LONG).exits(0);
    assert_eq!(
        tlsrptd.value("SELECT message_id FROM digests WHERE sent_at IS NOT NULL"),
        id
    );
    assert_eq!(mta.received().len(), 1);
}

#[test]
fn daemon_sends_a_deferred_digest_by_its_own_next_try() {
    let mta = Mta::new();
    mta.set(&[("MAIL", Answer::Says("451 4.3.0 not now\r\n"))]);
    let folder = temporary_folder();
    let mailbox = maildir("rua", folder.path()) + "poll_interval = \"10s\"\n";
    let (_folder, tlsrptd) = program(&mta, &[OPS], &mailbox);
    // A minute passes in two seconds, so the limits in it must be generous.
    let patient = fs::read_to_string(tlsrptd.config()).unwrap();
    fs::write(
        tlsrptd.config(),
        patient.replace("timeout = \"1m\"", "timeout = \"10m\""),
    )
    .unwrap();
    let mut command = tlsrptd.command(&["run"]);
    command
        .env("LD_PRELOAD", faketime::library())
        .env("FAKETIME", "@2027-01-12 12:00:00 x30");
    let run = Running::start(&mut command);

    until("a second try", LONG, || (mta.n_connections() >= 2).then_some(()));
    mta.set(&[]);
    until("the digest", LONG, || (!mta.received().is_empty()).then_some(()));

    run.terminate(LONG).exits(0).says(&["not now", "digest sent"]);
    assert_eq!(mta.received().len(), 1);
    let tries = tlsrptd.count("SELECT attempts FROM deliveries");
    assert_eq!(
        (n_sent(&tlsrptd), tries),
        (1, i64::try_from(mta.n_connections()).unwrap())
    );
}

#[test]
fn health_fails_once_a_digest_has_waited_or_a_recipient_been_refused_for_too_long() {
    for (refused, to, code, words) in [
        (
            ("MAIL", Answer::Says("451 4.3.0 not now\r\n")),
            &[OPS][..],
            1,
            ["FAILED: the digest has been waiting for", "not now"],
        ),
        (
            ("RCPT TO:<boss@", Answer::Says("550 5.1.1 no such user\r\n")),
            &[OPS, OTHER],
            3,
            ["FAILED: boss@example.org has been refused for", "no such user"],
        ),
    ] {
        let mta = Mta::new();
        let (_folder, tlsrptd) = program(&mta, to, "");
        mta.set(&[refused]);
        tlsrptd.run(&["digest", "--send"]).exits(code);
        tlsrptd.run(&["status", "--health"]).exits(0);

        let patient = fs::read_to_string(tlsrptd.config()).unwrap();
        let impatient = format!("{patient}[limits]\nhealth_after = \"1s\"\n");
        fs::write(tlsrptd.config(), impatient).unwrap();
        let failed = until("health to fail", LONG, || {
            let health = tlsrptd.run(&["status", "--health"]);
            (health.code == Some(1)).then_some(health)
        });
        failed.says(&words);

        mta.set(&[]);
        fail(&tlsrptd, "second", "certificate-not-trusted");
        tlsrptd.run(&["digest", "--send"]).exits(0);
        tlsrptd.run(&["status", "--health"]).exits(0);
    }
}

#[test]
fn nothing_that_was_said_before_starttls_is_believed() {
    let world = World::with_postfix();
    let proxy = Proxy::to(world.postfix().submission);
    let tlsrptd = world.tlsrptd(&world.sending(&format!("port = {}", proxy.port)));
    fail(&tlsrptd, "first", "certificate-expired");
    // Were this kept, it would answer the EHLO within TLS and draw the password out in another form.
    proxy.set(Fault::SayAfter(
        "220 2.0.0",
        "250-localhost\r\n250 AUTH LOGIN\r\n",
    ));

    tlsrptd
        .run(&["digest", "--send"])
        .exits(1)
        .says(&["localhost", "STARTTLS"])
        .never_says(&[PASSWORD]);

    assert_eq!(n_sent(&tlsrptd), 0);
    let log = world.postfix().log();
    assert!(!log.contains("sasl_username"), "it logged in:\n{log}");
    proxy.set(Fault::None);
    tlsrptd.run(&["digest", "--send"]).exits(0);
}
