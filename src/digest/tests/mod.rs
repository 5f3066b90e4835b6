//! Whole digests, as a person reads them.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use crate::config::{SendWhen, Weekday};
use crate::digest::{Digest, Options, Rendered, news};
use crate::store::rows::{
    DigestFacts, DomainTotals, FailingMailbox, FailureItem, ItemReporter, MailCounts, RefusedRecipient,
    RejectedMail, ReporterTotals, Sum,
};

mod hostile;

fn options() -> Options {
    Options {
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        send: SendWhen::New,
        weekly: Weekday::Monday,
        mailbox_unchanged: true,
    }
}

fn exactly(known: u64) -> Sum {
    Sum {
        known,
        at_least: false,
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn nov(day: i8) -> Date {
    date(2026, 11, day)
}

/// A digest of Friday, 20 November, that has nothing to tell yet.
fn friday() -> DigestFacts {
    DigestFacts {
        due_at: "2026-11-20T06:00:00Z".parse().unwrap(),
        previous_at: Some("2026-11-19T06:00:00Z".parse().unwrap()),
        after_report: 410,
        last_report: 412,
        reports: 0,
        days: None,
        mails: MailCounts::default(),
        new: vec![],
        ongoing: vec![],
        over: vec![],
        domains: vec![],
        reporters: vec![],
        rejected: vec![],
        failing: vec![],
        refused: vec![],
    }
}

fn seen_by(submitter: &str, failed: u64, total: u64, first: Date, last: Date) -> ItemReporter {
    ItemReporter {
        submitter: submitter.to_owned(),
        organization_name: submitter.to_owned(),
        failed: exactly(failed),
        total: exactly(total),
        first_day: first,
        last_day: last,
    }
}

fn domain(name: &str, policy: &str, ok: u64, failed: u64) -> DomainTotals {
    DomainTotals {
        policy_domain: name.to_owned(),
        policy: policy.to_owned(),
        ok: exactly(ok),
        failed: exactly(failed),
    }
}

fn reporter(submitter: &str, reports: u64, ok: u64, failed: u64, last_day: Date) -> ReporterTotals {
    ReporterTotals {
        submitter: submitter.to_owned(),
        organization_name: submitter.to_owned(),
        reports,
        ok: exactly(ok),
        failed: exactly(failed),
        last_day,
    }
}

/// A failure with the sums of its reporters.
fn failure(
    ids: &[i64],
    domain: &str,
    policy_types: &[&str],
    modes: &[&str],
    result_type: &str,
    mx: &str,
    reporters: Vec<ItemReporter>,
) -> FailureItem {
    let sum = |pick: fn(&ItemReporter) -> Sum| exactly(reporters.iter().map(|r| pick(r).known).sum());
    FailureItem {
        ids: ids.to_vec(),
        policy_domain: domain.to_owned(),
        policy_types: texts(policy_types),
        result_type: result_type.to_owned(),
        receiving_mx_hostname: mx.to_owned(),
        first_day: reporters.iter().map(|r| r.first_day).min().unwrap(),
        last_day: reporters.iter().map(|r| r.last_day).max().unwrap(),
        failed: sum(|r| r.failed),
        total: sum(|r| r.total),
        reporters,
        sts_modes: texts(modes),
        ..FailureItem::default()
    }
}

fn policy(mode: &str, mx: &[&str]) -> Vec<String> {
    let mut lines = texts(&["version: STSv1"]);
    lines.push(format!("mode: {mode}"));
    lines.extend(mx.iter().map(|mx| format!("mx: {mx}")));
    lines.push("max_age: 604800".to_owned());
    lines
}

fn expired_under_enforce() -> DigestFacts {
    let mut google = failure(
        &[7],
        "example.com",
        &["sts"],
        &["enforce"],
        "certificate-expired",
        "mx2.example.com",
        vec![
            seen_by("google.com", 37, 410, nov(18), nov(18)),
            seen_by("post.example.net", 9, 96, nov(18), nov(18)),
        ],
    );
    google.policy_string = policy("enforce", &["mx1.example.com", "mx2.example.com"]);
    google.receiving_ips = texts(&["192.0.2.26"]);
    DigestFacts {
        reports: 2,
        days: Some((nov(18), nov(18))),
        new: vec![google],
        domains: vec![domain("example.com", "enforce", 460, 46)],
        reporters: vec![
            reporter("google.com", 1, 373, 37, nov(18)),
            reporter("post.example.net", 1, 87, 9, nov(18)),
        ],
        ..friday()
    }
}

fn quiet_week() -> DigestFacts {
    DigestFacts {
        due_at: "2026-11-16T06:00:00Z".parse().unwrap(),
        previous_at: Some("2026-11-09T06:00:00Z".parse().unwrap()),
        reports: 47,
        days: Some((nov(8), nov(14))),
        domains: vec![
            domain("example.com", "enforce", 3402, 0),
            domain("example.org", "testing", 512, 0),
            domain("mx1.example.com", "DANE", 70, 0),
        ],
        reporters: vec![
            reporter("google.com", 14, 2941, 0, nov(14)),
            reporter("microsoft.com", 12, 876, 0, nov(14)),
            reporter("mail.ru", 10, 90, 0, nov(14)),
            reporter("mx.example.net", 7, 7, 0, nov(14)),
            reporter("post.example.net", 4, 70, 0, nov(13)),
        ],
        ..friday()
    }
}

fn forgotten_backup_in_testing() -> DigestFacts {
    let mut google = failure(
        &[11],
        "example.org",
        &["sts"],
        &["testing"],
        "validation-failure",
        "backup.example.net",
        vec![seen_by("google.com", 24, 212, nov(18), nov(18))],
    );
    google.policy_string = policy("testing", &["mx1.example.org"]);
    google.receiving_ips = texts(&["192.0.2.7"]);
    let mut microsoft = failure(
        &[12],
        "example.org",
        &["sts"],
        &["testing"],
        "validation-failure",
        "",
        vec![seen_by("microsoft.com", 5, 46, nov(18), nov(18))],
    );
    microsoft.policy_string = policy("testing", &["mx1.example.org"]);
    microsoft.reasons = texts(&["MX_HOSTS_MISMATCH"]);
    DigestFacts {
        reports: 2,
        days: Some((nov(18), nov(18))),
        new: vec![google, microsoft],
        domains: vec![domain("example.org", "testing", 229, 29)],
        reporters: vec![
            reporter("google.com", 1, 188, 24, nov(18)),
            reporter("microsoft.com", 1, 41, 5, nov(18)),
        ],
        ..friday()
    }
}

fn policy_not_fetched_by_microsoft() -> DigestFacts {
    let mut item = failure(
        &[15],
        "example.com",
        &["sts"],
        &[],
        "sts-policy-fetch-error",
        "",
        vec![seen_by("microsoft.com", 11, 11, nov(15), nov(17))],
    );
    item.last_known_mode = Some(("enforce".to_owned(), nov(14)));
    DigestFacts {
        due_at: "2026-11-19T06:00:00Z".parse().unwrap(),
        previous_at: Some("2026-11-16T06:00:00Z".parse().unwrap()),
        reports: 6,
        days: Some((nov(15), nov(17))),
        new: vec![item],
        domains: vec![domain("example.com", "enforce", 920, 11)],
        reporters: vec![
            reporter("google.com", 3, 920, 0, nov(17)),
            reporter("microsoft.com", 3, 0, 11, nov(17)),
        ],
        ..friday()
    }
}

/// A mailbox, two mails and a recipient in trouble.
fn trouble() -> DigestFacts {
    DigestFacts {
        rejected: vec![
            RejectedMail {
                id: 401,
                source: "rua".to_owned(),
                locator: "INBOX, UID 4711".to_owned(),
                received_at: Some("2026-11-19T11:02:00Z".parse().unwrap()),
                reason: "more than limits.decompressed_bytes (52428800) allows".to_owned(),
            },
            RejectedMail {
                id: 402,
                source: "rua".to_owned(),
                locator: "INBOX, UID 4712".to_owned(),
                received_at: None,
                reason: "not valid JSON: expected `,` or `}` at line 1 column 93".to_owned(),
            },
        ],
        failing: vec![FailingMailbox {
            name: "old-rua".to_owned(),
            since: "2026-11-18T20:15:00Z".parse().unwrap(),
            error: "imap.example.org:993 refused the login of tls@example.org: [AUTHENTICATIONFAILED] no"
                .to_owned(),
            new: true,
        }],
        refused: vec![RefusedRecipient {
            recipient: "left@example.org".to_owned(),
            since: "2026-11-19T06:00:04Z".parse().unwrap(),
            error: "550 5.1.1 <left@example.org>: Recipient address rejected: User unknown".to_owned(),
            new: true,
        }],
        ..friday()
    }
}

fn tlsa_mismatch_and_much_trouble() -> DigestFacts {
    let new = failure(
        &[21],
        "example.com",
        &["tlsa"],
        &[],
        "tlsa-invalid",
        "mx1.example.com",
        vec![seen_by("microsoft.com", 31, 53, nov(18), nov(18))],
    );
    let mut ongoing = failure(
        &[3, 4],
        "example.org",
        &["sts"],
        &["testing"],
        "certificate-host-mismatch",
        "mx3.example.org",
        vec![
            seen_by("google.com", 2, 61, nov(18), nov(18)),
            seen_by("post.example.net", 1, 4, nov(18), nov(18)),
        ],
    );
    ongoing.first_day = date(2026, 10, 2);
    DigestFacts {
        reports: 4,
        days: Some((nov(18), nov(18))),
        new: vec![new],
        ongoing: vec![ongoing],
        mails: MailCounts {
            read: 7,
            rejected: 2,
            ..MailCounts::default()
        },
        domains: vec![
            domain("example.com", "DANE", 22, 31),
            domain("example.org", "testing", 62, 3),
        ],
        reporters: vec![
            reporter("microsoft.com", 2, 22, 31, nov(18)),
            reporter("google.com", 1, 59, 2, nov(18)),
            reporter("post.example.net", 1, 3, 1, nov(18)),
        ],
        ..trouble()
    }
}

fn long_over() -> Vec<FailureItem> {
    let past = |id: i64, result_type: &str, mx: &str, first: Date, last: Date, failed: u64| {
        failure(
            &[id],
            "example.com",
            &["sts"],
            &[],
            result_type,
            mx,
            vec![seen_by("google.com", failed, 5000, first, last)],
        )
    };
    vec![
        past(
            5,
            "sts-policy-fetch-error",
            "",
            date(2026, 7, 1),
            date(2026, 7, 2),
            44,
        ),
        past(
            6,
            "certificate-expired",
            "mx2.example.com",
            date(2026, 8, 12),
            date(2026, 8, 15),
            803,
        ),
        past(
            8,
            "validation-failure",
            "mx1.example.com",
            date(2026, 9, 9),
            date(2026, 9, 9),
            17,
        ),
    ]
}

fn first_run_over_an_old_mailbox() -> DigestFacts {
    let open = failure(
        &[1],
        "example.org",
        &["sts"],
        &["testing"],
        "certificate-host-mismatch",
        "mx3.example.org",
        vec![
            seen_by("google.com", 47, 903, date(2026, 10, 2), nov(18)),
            seen_by("microsoft.com", 14, 120, date(2026, 10, 9), nov(14)),
        ],
    );
    DigestFacts {
        previous_at: None,
        after_report: 0,
        last_report: 400,
        reports: 400,
        days: Some((date(2026, 6, 3), nov(18))),
        mails: MailCounts {
            read: 451,
            duplicates: 12,
            not_reports: 37,
            rejected: 2,
            too_old: 0,
        },
        new: vec![open],
        over: long_over(),
        domains: vec![
            domain("example.com", "enforce", 47_346, 864),
            domain("example.org", "testing", 3843, 61),
        ],
        reporters: vec![
            reporter("google.com", 168, 41_000, 850, nov(18)),
            reporter("microsoft.com", 144, 9000, 75, nov(14)),
            reporter("mail.ru", 88, 1189, 0, nov(18)),
        ],
        ..friday()
    }
}

fn first_run_without_failures() -> DigestFacts {
    DigestFacts {
        reports: 42,
        new: vec![],
        over: vec![],
        mails: MailCounts {
            read: 42,
            ..MailCounts::default()
        },
        days: Some((nov(4), nov(18))),
        domains: vec![domain("example.org", "testing", 3843, 0)],
        reporters: vec![
            reporter("google.com", 15, 3000, 0, nov(18)),
            reporter("microsoft.com", 14, 800, 0, nov(18)),
            reporter("mail.ru", 13, 43, 0, nov(17)),
        ],
        ..first_run_over_an_old_mailbox()
    }
}

fn rendered(facts: &DigestFacts) -> Rendered {
    Digest::build(facts, &options()).render().unwrap()
}

fn mail(facts: &DigestFacts) -> String {
    let rendered = rendered(facts);
    format!("Subject: {}\n\n{}", rendered.subject, rendered.text)
}

/// Every model digest with its name.
fn all() -> Vec<(&'static str, DigestFacts)> {
    vec![
        ("expired_under_enforce", expired_under_enforce()),
        ("quiet_week", quiet_week()),
        ("forgotten_backup_in_testing", forgotten_backup_in_testing()),
        (
            "policy_not_fetched_by_microsoft",
            policy_not_fetched_by_microsoft(),
        ),
        ("tlsa_mismatch_and_much_trouble", tlsa_mismatch_and_much_trouble()),
        ("first_run_over_an_old_mailbox", first_run_over_an_old_mailbox()),
        ("first_run_without_failures", first_run_without_failures()),
        ("hostile_texts", hostile::facts()),
    ]
}

#[test]
fn model_digests_read_as_reviewed() {
    for (name, facts) in all() {
        insta::assert_snapshot!(name, mail(&facts));
    }
}

#[test]
fn html_of_a_model_digest_is_as_reviewed() {
    insta::assert_snapshot!("html", rendered(&tlsa_mismatch_and_much_trouble()).html);
}

#[test]
fn json_of_a_model_digest_is_as_documented() {
    let json = Digest::build(&tlsa_mismatch_and_much_trouble(), &options())
        .to_json()
        .unwrap();
    insta::assert_snapshot!("json", json);
}

#[test]
fn subject_is_short_and_leads_the_body() {
    for (name, facts) in all() {
        let rendered = rendered(&facts);
        assert!(
            rendered.subject.chars().count() <= 78,
            "{name}: {}",
            rendered.subject
        );
        let verdict = rendered.subject.strip_prefix("[tlsrptd] ").unwrap();
        let body: String = rendered.text.split("\n\n").next().unwrap().replace('\n', " ");
        assert_eq!(body, verdict, "{name}");
    }
}

#[test]
fn text_keeps_to_72_columns() {
    for (name, facts) in all() {
        for line in rendered(&facts).text.lines() {
            let single_word = line
                .trim_start_matches("Check")
                .trim()
                .trim_end_matches(" \\")
                .contains(' ');
            assert!(line.chars().count() <= 72 || !single_word, "{name}: {line}");
        }
    }
}

#[test]
fn html_says_what_the_text_says() {
    for (name, facts) in all() {
        let rendered = rendered(&facts);
        let html = rendered.html.split("<body>").nth(1).unwrap();
        let html = html
            .replace("&#60;", "<")
            .replace("&#62;", ">")
            .replace("&#38;", "&");
        let html = html
            .replace("&#34;", "\"")
            .replace("&#39;", "'")
            .replace('\u{a0}', " ")
            .to_lowercase();
        for word in rendered.text.to_lowercase().split_whitespace() {
            let word = word.trim_matches(|c: char| "-\\:".contains(c));
            if !word.ends_with("...") {
                assert!(html.contains(word), "{name}: {word:?}");
            }
        }
    }
}

#[test]
fn html_has_nothing_remote_and_no_script() {
    for (name, facts) in all() {
        let html = rendered(&facts).html;
        for forbidden in [
            "<script", "<img", "<link", "<iframe", "<a ", "@import", "url(", "src=", "href=",
        ] {
            assert!(!html.contains(forbidden), "{name}: {forbidden}");
        }
    }
}

#[test]
fn several_failures_of_a_domain_are_counted_in_the_subject() {
    let subject = rendered(&forgotten_backup_in_testing()).subject;
    assert_eq!(subject, "[tlsrptd] example.org: 2 new failure types");
}

#[test]
fn several_domains_are_counted_in_the_subject() {
    let mut facts = expired_under_enforce();
    facts.new.extend(forgotten_backup_in_testing().new);
    assert_eq!(
        rendered(&facts).subject,
        "[tlsrptd] 2 domains: 3 new failure types, mail held back"
    );
}

#[test]
fn late_report_of_a_held_mail_does_not_alarm() {
    let mut facts = expired_under_enforce();
    facts.new[0].late = true;
    let rendered = rendered(&facts);
    assert_eq!(rendered.subject, "[tlsrptd] mx2.example.com: certificate expired");
    assert!(rendered.text.contains("late report"), "{}", rendered.text);
}

#[test]
fn old_failure_in_the_first_digest_is_not_called_late() {
    let mut facts = expired_under_enforce();
    facts.previous_at = None;
    facts.new[0].late = true;
    let text = rendered(&facts).text;
    assert!(
        text.contains("not seen since 18 Nov")
            && !text.contains("late report")
            && !text.contains("came late"),
        "{text}"
    );
}

#[test]
fn failing_mailbox_alone_makes_the_subject() {
    let mut facts = friday();
    facts.failing = tlsa_mismatch_and_much_trouble().failing;
    assert_eq!(
        rendered(&facts).subject,
        "[tlsrptd] mailbox old-rua not read since 18 Nov"
    );
    assert!(news(&facts));
    facts.failing[0].new = false;
    assert!(!news(&facts));
}

#[test]
fn week_with_an_unread_mailbox_is_not_called_quiet() {
    let mut facts = quiet_week();
    facts.failing = tlsa_mismatch_and_much_trouble().failing;
    facts.failing[0].new = false;
    assert_eq!(
        rendered(&facts).subject,
        "[tlsrptd] mailbox old-rua still not read since 18 Nov"
    );
}

#[test]
fn delivery_in_spite_of_a_failure_is_said() {
    let mut facts = expired_under_enforce();
    facts.new[0].delivered_in_spite = true;
    let rendered = rendered(&facts);
    assert_eq!(rendered.subject, "[tlsrptd] mx2.example.com: certificate expired");
    assert!(
        rendered.text.contains("Mail   Delivered in spite of it:"),
        "{}",
        rendered.text
    );
}

#[test]
fn mode_that_was_not_reported_is_not_guessed() {
    let mut facts = expired_under_enforce();
    facts.new[0].sts_modes.clear();
    facts.new[0].last_known_mode = Some(("enforce".to_owned(), nov(14)));
    let text = rendered(&facts).text.replace("\n      ", "");
    assert!(
        text.contains("held back if enforce, delivered if testing. The policy was enforce on 14 Nov."),
        "{text}"
    );
}

#[test]
fn single_failure_of_a_noisy_kind_is_not_for_today() {
    let mut facts = expired_under_enforce();
    let reporters = vec![seen_by("google.com", 1, 410, nov(18), nov(18))];
    facts.new = vec![failure(
        &[9],
        "example.com",
        &["sts"],
        &["enforce"],
        "validation-failure",
        "mx1.example.com",
        reporters,
    )];
    assert!(rendered(&facts).text.contains("act this week"));
}

#[test]
fn star_that_is_too_short_is_named() {
    let mut facts = forgotten_backup_in_testing();
    facts.new.truncate(1);
    facts.new[0].receiving_mx_hostname = "a.b.mx.example.net".to_owned();
    facts.new[0].policy_string = policy("testing", &["*.mx.example.net"]);
    let text = rendered(&facts).text;
    assert!(
        text.contains("Cause  *.mx.example.net covers one label only."),
        "{text}"
    );
}

#[test]
fn failures_only_over_ipv6_are_said_to_be() {
    let mut facts = expired_under_enforce();
    facts.new[0].receiving_ips = texts(&["2001:db8::25"]);
    assert!(
        rendered(&facts)
            .text
            .contains("Address: 2001:db8::25 (only IPv6).")
    );
}

#[test]
fn daily_digests_say_so_in_the_first() {
    let options = Options {
        send: SendWhen::Always,
        ..options()
    };
    let text = Digest::build(&first_run_without_failures(), &options).to_text();
    assert!(text.ends_with("From now on a mail comes every day.\n"), "{text}");
}

#[test]
fn old_failures_of_an_import_are_not_called_none() {
    let mut facts = first_run_without_failures();
    facts.over = long_over();
    let subject = rendered(&facts).subject;
    assert_eq!(
        subject,
        "[tlsrptd] First digest: 42 reports, 3 reporters, no current failures"
    );
}

#[test]
fn unreadable_mails_alone_make_the_subject() {
    let mut facts = friday();
    facts.rejected = tlsa_mismatch_and_much_trouble().rejected;
    facts.mails.rejected = 2;
    assert_eq!(rendered(&facts).subject, "[tlsrptd] 2 mails could not be read");
    assert!(news(&facts));
}

#[test]
fn refused_recipient_alone_makes_the_subject() {
    let mut facts = friday();
    facts.refused = tlsa_mismatch_and_much_trouble().refused;
    assert_eq!(rendered(&facts).subject, "[tlsrptd] 1 recipient refused");
    assert!(news(&facts));
}

#[test]
fn failures_that_go_on_are_nothing_new() {
    let mut facts = tlsa_mismatch_and_much_trouble();
    (facts.new, facts.rejected, facts.failing, facts.refused) = (vec![], vec![], vec![], vec![]);
    assert_eq!(
        rendered(&facts).subject,
        "[tlsrptd] nothing new: 1 failure type goes on"
    );
    assert!(!news(&facts));
}

#[test]
fn going_on_failures_that_hold_mail_are_named_in_the_subject() {
    let mut facts = expired_under_enforce();
    facts.ongoing = std::mem::take(&mut facts.new);
    assert_eq!(
        rendered(&facts).subject,
        "[tlsrptd] nothing new: 1 failure type goes on, mail still held back"
    );
}

#[test]
fn week_without_reports_is_not_called_quiet() {
    let facts = friday();
    assert_eq!(rendered(&facts).subject, "[tlsrptd] No reports since 19 Nov");
    assert!(!news(&facts));
}

#[test]
fn first_digest_is_news_and_says_when_the_next_comes() {
    let facts = first_run_without_failures();
    let rendered = rendered(&facts);
    assert!(news(&facts));
    assert_eq!(
        rendered.subject,
        "[tlsrptd] First digest: 42 reports, 3 reporters, no failures"
    );
    assert!(
        rendered.text.contains("at the latest on Monday,\n23 Nov."),
        "{}",
        rendered.text
    );
    assert!(
        rendered.text.contains("Nothing was changed in the mailbox."),
        "{}",
        rendered.text
    );
}

#[test]
fn changed_mailbox_is_not_called_unchanged() {
    let options = Options {
        mailbox_unchanged: false,
        ..options()
    };
    let text = Digest::build(&first_run_without_failures(), &options).to_text();
    assert!(!text.contains("Nothing was changed"), "{text}");
}

#[test]
fn five_new_failures_are_told_in_full_and_twenty_at_all() {
    let mut facts = expired_under_enforce();
    let one = facts.new[0].clone();
    facts.new = (0..27)
        .map(|n| FailureItem {
            ids: vec![n],
            ..one.clone()
        })
        .collect();
    let text = rendered(&facts).text;
    assert_eq!(text.matches("\nNEW    ").count(), 5);
    assert_eq!(text.matches("\n- certificate").count(), 15);
    assert!(text.contains("\n- and 7 more:\n"), "{text}");
}

#[test]
fn unreadable_counts_are_shown_as_at_least() {
    let mut facts = expired_under_enforce();
    facts.new[0].reporters[0].failed.at_least = true;
    assert!(rendered(&facts).text.contains("at least 37 of 410 connections"));
}

#[test]
fn commands_in_the_text_are_the_same_for_a_shell() {
    let digest = Digest::build(&tlsa_mismatch_and_much_trouble(), &options());
    let text = digest.to_text();
    let joined: String = text
        .replace("\\\n", " ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let whole = "openssl s_client -starttls smtp -connect mx1.example.com:25 -servername mx1.example.com </dev/null \
                 2>/dev/null | openssl x509 -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256";
    assert!(joined.contains(whole), "{joined}");
}
