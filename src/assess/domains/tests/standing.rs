//! Ours, foreign and retired.

use super::*;

#[test]
fn domains_that_are_not_listed_are_foreign_and_have_no_events() {
    let mut made = Made::on(date(2026, 11, 19), &["example.com"], &[]);
    let (old, new) = (
        sts("testing", &["mx.example.org"], 1),
        sts("enforce", &["mx.example.org"], 1),
    );
    made.reports(nov(1..=9), "google.com", "example.org", &old, 5)
        .reports(nov(10..=12), "google.com", "example.org", &new, 5);
    let survey = made.survey();
    assert_eq!(survey.domains[0].standing, Standing::Foreign);
    assert!(survey.drift.is_empty() && survey.reporters.is_empty());
}

#[test]
fn mx_that_dane_reports_name_as_domain_is_ours_below_a_domain_of_ours_and_where_it_was_learnt() {
    let standing = |mx: &'static str| {
        let mut made = Made::on(date(2026, 11, 19), &["example.com"], &["mx.example.net"]);
        made.history.learnt_mx = ["mx1.example.org".to_owned(), "*.provider.example".to_owned()].into();
        // What one reporter says of our policy is its word alone.
        let named = sts("enforce", &[mx], 1);
        made.reports(nov(18..=18), "google.com", "example.com", &named, 5)
            .reports(nov(18..=18), "post.example", mx, &tlsa(&["3 1 1 aa"]), 5);
        let survey = made.survey();
        survey
            .domains
            .iter()
            .find(|state| state.domain == mx)
            .unwrap()
            .standing
    };
    for mx in [
        "mx1.example.com",
        "mx.example.net",
        "mx1.example.org",
        "a.provider.example",
    ] {
        assert_eq!(standing(mx), Standing::Ours, "{mx}");
    }
    for mx in ["mx2.example.org", "a.b.provider.example", "mx.badexample.com"] {
        assert_eq!(standing(mx), Standing::Foreign, "{mx}");
    }
}

#[test]
fn failures_of_what_is_retired_are_counted_for_sixty_days() {
    let since = date(2026, 11, 10);
    let made_on = |today: Date| {
        let mut made = Made::on(today, &[], &[]);
        let text = sts("enforce", &["mx.example.com"], 1);
        made.report(date(2026, 11, 9), "google.com", "example.com", &text, (1, 5))
            .failure(Cause::Expired, "old-mx.example.com", 5)
            .report(date(2026, 11, 12), "google.com", "example.com", &text, (1, 31))
            .failure(Cause::Expired, "old-mx.example.com", 31)
            .retire("old-mx.example.com", since);
        made.survey().retired
    };
    let retired = made_on(date(2026, 11, 19));
    assert_eq!(retired.len(), 1);
    assert_eq!((retired[0].failed, retired[0].enforced_on), (sum(31), None));
    assert_eq!(made_on(date(2027, 1, 9)).len(), 1);
    assert!(made_on(date(2027, 1, 10)).is_empty());
}

#[test]
fn enforce_still_cached_for_a_retired_domain_is_noticed() {
    let mut made = Made::on(date(2026, 11, 19), &[], &[]);
    let text = sts("enforce", &["mx.example.com"], 1);
    made.report(date(2026, 11, 12), "google.com", "example.com", &text, (0, 3))
        .failure(Cause::MxNotInPolicy, "mx.example.net", 3)
        .retire("example.com", date(2026, 11, 10));
    let survey = made.survey();
    assert_eq!(survey.domains[0].standing, Standing::Retired(date(2026, 11, 10)));
    assert_eq!(survey.retired[0].enforced_on, Some(date(2026, 11, 12)));
    assert_eq!(survey.retired[0].failed, sum(3));
}
