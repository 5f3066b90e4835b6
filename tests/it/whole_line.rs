//! The whole line: a report comes in by SMTP, and the digest that tells of it goes out by SMTP.

use mail_parser::{MessageParser, MimeHeaders as _};
use serde_json::json;

use super::support::*;

#[test]
fn a_failure_sent_by_smtp_is_told_in_a_digest_sent_by_smtp() {
    let world = World::with_postfix();
    let tlsrptd = world.tlsrptd(&(world.mailbox("") + &world.sending("")));
    world.receive(&Report::quiet("first").failing("certificate-expired", 7).mail());

    tlsrptd.run(&["poll"]).exits(0);
    tlsrptd.run(&["digest", "--send"]).exits(0);

    let digests = world.received(OPS, 1);
    let digest = MessageParser::default().parse(&digests[0]).unwrap();
    assert!(
        digest.subject().unwrap().starts_with("[tlsrptd] "),
        "{:?}",
        digest.subject()
    );
    assert_eq!(
        digest.header_raw("Auto-Submitted").unwrap().trim(),
        "auto-generated"
    );
    assert!(digest.header_raw("List-Id").is_some());
    assert!(digest.header_raw("Date").is_some());
    let content_type = digest.content_type().unwrap();
    assert_eq!(
        (content_type.ctype(), content_type.subtype()),
        ("multipart", Some("alternative"))
    );
    for body in [digest.body_text(0).unwrap(), digest.body_html(0).unwrap()] {
        for word in ["example.org", "mx1.example.org", "reporter.example", "expired"] {
            assert!(body.contains(word), "{word:?} is not in:\n{body}");
        }
    }
    assert_eq!(digest.text_body_count(), 1);
    assert_eq!(digest.html_body_count(), 1);
    let message_id = tlsrptd.value("SELECT message_id FROM digests WHERE sent_at IS NOT NULL");
    assert!(
        message_id
            .as_str()
            .unwrap()
            .contains(digest.message_id().unwrap()),
        "{message_id}"
    );
}

#[test]
fn what_a_report_says_stands_in_the_promised_columns() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&world.mailbox(""));
    let report = Report::quiet("columns")
        .failing("certificate-expired", 7)
        .failing("starttls-not-supported", 2);
    let day = report.day.to_string();
    world.dovecot.deliver(RUA, &report.mail());

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(
        tlsrptd.sql(
            "SELECT organization_name, report_id, submitter, day, start_datetime, authentication FROM reports"
        ),
        [json!({
            "organization_name": "Reporter reporter.example",
            "report_id": "columns",
            "submitter": "reporter.example",
            "day": day,
            "start_datetime": format!("{day}T00:00:00Z"),
            "authentication": "unchecked",
        })]
    );
    assert_eq!(
        tlsrptd.sql(
            "SELECT policy_type, policy_domain, sts_mode, mx_host, total_successful_session_count AS ok,
                    total_failure_session_count AS failed FROM policy_results"
        ),
        [json!({
            "policy_type": "sts",
            "policy_domain": "example.org",
            "sts_mode": "enforce",
            "mx_host": "[\"mx1.example.org\"]",
            "ok": 10,
            "failed": 9,
        })]
    );
    assert_eq!(
        tlsrptd.sql("SELECT result_type, receiving_mx_hostname AS mx, failed_session_count AS n FROM failure_details ORDER BY id"),
        [
            json!({"result_type": "certificate-expired", "mx": "mx1.example.org", "n": 7}),
            json!({"result_type": "starttls-not-supported", "mx": "mx1.example.org", "n": 2}),
        ]
    );
    assert_eq!(
        tlsrptd.sql("SELECT day, policy_domain, ok, failed FROM domain_days"),
        [json!({"day": day, "policy_domain": "example.org", "ok": 10, "failed": 9})]
    );
    assert_eq!(
        tlsrptd.sql("SELECT source, folder, uid, outcome, backfill FROM mails"),
        [json!({"source": "rua", "folder": "INBOX", "uid": 1, "outcome": "stored", "backfill": 1})]
    );
}

#[test]
fn a_report_that_comes_twice_is_stored_once() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&world.mailbox(""));
    let mail = Report::quiet("twice").mail();
    world.dovecot.deliver(RUA, &mail);
    world.dovecot.deliver(RUA, &mail);

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.reports(), 1);
    assert_eq!((tlsrptd.mails("stored"), tlsrptd.mails("duplicate")), (1, 1));
}

#[test]
fn both_reports_of_a_multipart_digest_are_stored() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&world.mailbox(""));
    let (one, two) = (Report::quiet("one").mail(), Report::quiet("two").mail());
    // The parts of a digest are mails without saying so (RFC 2046, Section 5.1.5).
    let mail = [
        b"From: <tls@reporter.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/digest; boundary=\"d\"\r\n".as_slice(),
        b"\r\n--d\r\n\r\n",
        &one,
        b"\r\n--d\r\n\r\n",
        &two,
        b"\r\n--d--\r\n",
    ]
    .concat();
    world.dovecot.deliver(RUA, &mail);

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.reports(), 2);
}

#[test]
fn a_broken_report_is_rejected_and_the_one_after_it_stored() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&world.mailbox(""));
    world.dovecot.deliver(RUA, &Report::quiet("broken").broken_mail());
    world.dovecot.deliver(RUA, &Report::quiet("sound").mail());

    tlsrptd.run(&["poll"]).exits(3);

    assert_eq!((tlsrptd.mails("stored"), tlsrptd.mails("rejected")), (1, 1));
    let reason = tlsrptd.value("SELECT reason FROM mails WHERE outcome = 'rejected'");
    assert!(
        reason.as_str().is_some_and(|reason| reason.contains("gzip")),
        "{reason}"
    );
}

#[test]
fn a_letter_is_no_report_and_no_trouble() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&world.mailbox(""));
    world.dovecot.deliver(RUA, &letter("Buy now."));

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(
        tlsrptd.sql("SELECT outcome, message_id, reason FROM mails"),
        [json!({"outcome": "not-a-report", "message_id": null, "reason": null})]
    );
}

#[test]
fn a_dry_run_of_poll_stores_nothing() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&world.mailbox(""));
    world.dovecot.deliver(RUA, &Report::quiet("dry").mail());

    tlsrptd.run(&["poll", "--dry-run"]).exits(0);

    assert_eq!(tlsrptd.reports(), 0);
    tlsrptd.run(&["poll"]).exits(0);
    assert_eq!(tlsrptd.reports(), 1);
}

#[test]
fn our_own_digest_in_the_polled_mailbox_is_no_report() {
    let world = World::with_postfix();
    let tlsrptd = world.tlsrptd(&(world.mailbox("") + &world.sending_to(&[RUA], "")));
    tlsrptd.run(&["poll"]).exits(0);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    world.received(RUA, 1);

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.mails("not-a-report"), 1);
}

#[test]
fn small_mails_of_large_reports_are_each_stored_once() {
    let world = World::new();
    let tlsrptd = world.tlsrptd(&world.mailbox(""));
    // Together they are more than one batch holds, though their mails are not.
    for n in 0..5 {
        let report = Report::quiet(format!("large-{n}"));
        let json = report.json().to_string();
        let padded = json.replacen('{', &format!("{{{}", " ".repeat(3 * 1024 * 1024)), 1);
        world
            .dovecot
            .deliver(RUA, &report.mail_with(&reports::gzip(padded.as_bytes())));
    }

    tlsrptd.run(&["poll"]).exits(0);
    assert_eq!((tlsrptd.reports(), tlsrptd.mails("stored")), (5, 5));

    tlsrptd.run(&["poll"]).exits(0);
    assert_eq!(tlsrptd.count("SELECT count(*) FROM mails"), 5);
}
