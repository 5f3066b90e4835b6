use jiff::civil::date;

use super::*;
use crate::assess::domains::tests::{Made, not_found, nov, sts, sum, tlsa};
use crate::assess::drift::Drift;

const HOST: &str = "mx1.example.com";

fn made() -> Made {
    Made::on(date(2026, 11, 20), &["example.com"], &[HOST])
}

fn events(made: &Made) -> Vec<(Date, String, TlsaDrift)> {
    let events = made.survey().drift.into_iter();
    events
        .filter_map(|event| match event.what {
            Drift::Tlsa(what) => Some((event.day, event.place, what)),
            Drift::Policy(_) => None,
        })
        .collect()
}

fn set(records: &[&str]) -> TlsaSet {
    records.iter().map(|record| (*record).to_owned()).collect()
}

#[test]
fn records_are_compared_in_one_form() {
    for line in [
        "3 1 1 9F2C41AA",
        "3 1 1 9f2c 41aa",
        " _25._tcp.mx1.example.com. 3600 IN TLSA 3 1 1 9f2c41aa",
    ] {
        assert_eq!(read(&tlsa(&[line])), Some(set(&["3 1 1 9f2c41aa"])), "{line}");
    }
    for line in ["", "3 1 1", "3 1 1 xyz", "3 1 9f2c41aa", "300 1 1 9f2c"] {
        assert_eq!(read(&tlsa(&[line])), None, "{line}");
    }
}

#[test]
fn roll_over_without_failures_is_seen_once() {
    let mut made = made();
    made.reports(
        nov(4..=11),
        "post.example.net",
        HOST,
        &tlsa(&["3 1 1 aa", "3 1 1 bb"]),
        5,
    )
    .reports(
        nov(12..=18),
        "post.example.net",
        HOST,
        &tlsa(&["3 1 1 bb", "3 1 1 cc"]),
        5,
    )
    .reports(
        nov(4..=13),
        "microsoft.com",
        HOST,
        &tlsa(&["3 1 1 aa", "3 1 1 bb"]),
        5,
    )
    .reports(
        nov(14..=18),
        "microsoft.com",
        HOST,
        &tlsa(&["3 1 1 bb", "3 1 1 cc"]),
        5,
    );
    let what = TlsaDrift::RolledOver {
        changed: date(2026, 11, 12),
        after: set(&["3 1 1 bb", "3 1 1 cc"]),
        failed: Sum::default(),
    };
    assert_eq!(events(&made), [(date(2026, 11, 12), HOST.to_owned(), what)]);
}

#[test]
fn failures_until_the_old_set_was_seen_last_belong_to_the_roll_over() {
    let mut made = made();
    let (old, new) = (tlsa(&["2 1 1 aa"]), tlsa(&["2 1 1 bb"]));
    made.reports(nov(4..=11), "post.example.net", HOST, &old, 5)
        .reports(nov(12..=18), "post.example.net", HOST, &new, 5)
        .reports(nov(4..=12), "microsoft.com", HOST, &old, 5)
        .report(date(2026, 11, 13), "microsoft.com", HOST, &old, (0, 7))
        .failure(Cause::TlsaMismatch, HOST, 7)
        .report(date(2026, 11, 16), "microsoft.com", HOST, &new, (0, 9))
        .failure(Cause::TlsaMismatch, HOST, 9);
    let TlsaDrift::RolledOver { failed, .. } = &events(&made)[0].2 else {
        panic!()
    };
    assert_eq!(*failed, sum(7));
}

#[test]
fn sets_of_two_hosts_under_one_domain_are_no_roll_over() {
    let mut made = made();
    made.reports(
        nov(4..=18),
        "microsoft.com",
        "example.com",
        &tlsa(&["2 1 1 aa"]),
        5,
    )
    .reports(
        nov(9..=18).step_by(3),
        "microsoft.com",
        "example.com",
        &tlsa(&["2 1 1 bb"]),
        5,
    );
    assert!(events(&made).is_empty());
}

#[test]
fn single_record_of_usage_3_is_told_once_a_set() {
    let mut made = made();
    made.reports(nov(4..=18), "post.example.net", HOST, &tlsa(&["3 1 1 aa"]), 5)
        .reports(nov(6..=18), "microsoft.com", HOST, &tlsa(&["3 1 1 aa"]), 5);
    let what = TlsaDrift::Single {
        record: "3 1 1 aa".to_owned(),
    };
    assert_eq!(events(&made), [(date(2026, 11, 4), HOST.to_owned(), what)]);
}

#[test]
fn usage_0_or_1_beside_valid_ones_is_told_and_alone_it_is_not() {
    let told = |records: &[&str]| {
        let mut made = made();
        made.reports(nov(4..=18), "post.example.net", HOST, &tlsa(records), 5);
        events(&made)
    };
    let what = TlsaDrift::UselessUsage {
        records: set(&["1 1 1 bb"]),
    };
    assert_eq!(
        told(&["3 1 1 aa", "1 1 1 bb"]),
        [(date(2026, 11, 4), HOST.to_owned(), what)]
    );
    assert!(told(&["1 1 1 bb"]).is_empty());
}

#[test]
fn dane_is_lost_after_three_known_days_without_tlsa_entries() {
    let lost = |days: usize| {
        let mut made = made();
        let text = sts("enforce", &[HOST], 86_400);
        made.reports(
            nov(4..=10),
            "post.example.net",
            HOST,
            &tlsa(&["2 1 1 aa", "2 1 1 bb"]),
            5,
        )
        .reports(
            nov(12..=18).step_by(2).take(days),
            "post.example.net",
            "example.com",
            &text,
            5,
        );
        events(&made)
    };
    assert!(lost(2).is_empty());
    let what = TlsaDrift::Lost {
        last_seen: date(2026, 11, 10),
        days: 3,
    };
    assert_eq!(lost(4), [(date(2026, 11, 16), HOST.to_owned(), what)]);
}

#[test]
fn pauses_that_there_were_before_are_no_loss() {
    let mut made = made();
    let records = tlsa(&["2 1 1 aa", "2 1 1 bb"]);
    made.reports(nov(1..=18), "microsoft.com", "example.com", &not_found(), 5)
        .reports(nov(1..=2), "microsoft.com", "example.com", &records, 5)
        .reports(nov(8..=9), "microsoft.com", "example.com", &records, 5);
    let days: Vec<Date> = events(&made).iter().map(|event| event.0).collect();
    // The first pause, of 5 days, was told after 3; the second is told when it is longer.
    assert_eq!(days, [date(2026, 11, 5), date(2026, 11, 15)]);
}

#[test]
fn loss_on_forty_domains_of_one_mx_is_told_once() {
    let mut made = Made::on(date(2026, 11, 20), &[], &[]);
    made.reports(
        nov(4..=10),
        "post.example.net",
        HOST,
        &tlsa(&["2 1 1 aa", "2 1 1 bb"]),
        5,
    );
    for n in 0..40 {
        let domain = format!("d{n}.example");
        made.reports(
            nov(4..=18),
            "google.com",
            &domain,
            &sts("enforce", &[HOST], 86_400),
            5,
        )
        .reports(nov(11..=14), "post.example.net", &domain, &not_found(), 5);
    }
    assert_eq!(events(&made).len(), 1);
}
