//! Connections, by domain and week.

use proptest::prelude::*;

use super::*;

#[test]
fn week_of_the_model_digest_has_its_numbers() {
    let survey = quiet_week().survey();
    assert_eq!(
        survey.completeness.newest(7),
        Some((date(2026, 11, 8), date(2026, 11, 14)))
    );
    let week: Vec<(&str, u64, u64, Protection)> = survey
        .domains
        .iter()
        .map(|state| {
            (
                state.domain.as_str(),
                state.week.reports,
                state.week.total.known,
                state.protection,
            )
        })
        .collect();
    assert_eq!(
        week,
        [
            ("example.com", 27, 3402, Protection::Enforce),
            ("example.org", 16, 512, Protection::Testing),
            ("mx1.example.com", 4, 70, Protection::Dane),
        ]
    );
    assert_eq!(
        survey.domains[1].readiness.verdict,
        Verdict::Ready {
            since: date(2026, 11, 12)
        }
    );
    let loops: Vec<&str> = survey
        .reporters
        .iter()
        .filter(|state| state.is_loop_only)
        .map(|state| state.reporter.as_str())
        .collect();
    assert_eq!(loops, ["mx.example.net"]);
    assert!(survey.quiet.silent.is_empty() && !survey.quiet.is_ours());
}

#[test]
fn sessions_are_the_larger_of_sts_and_tlsa_and_add_up_over_reports() {
    let mut made = Made::on(date(2026, 11, 19), &[], &[]);
    let (sts, tlsa) = (sts("enforce", &["mx.example.com"], 86_400), tlsa(&["3 1 1 aa"]));
    made.report(date(2026, 11, 18), "microsoft.com", "example.com", &sts, (53, 0))
        .entry("example.com", &tlsa, (22, 31))
        .report(date(2026, 11, 18), "microsoft.com", "example.com", &sts, (7, 1))
        .entry("example.com", &not_found(), (2, 0));
    let state = &made.survey().domains[0];
    assert_eq!(
        (state.all.total, state.all.failed),
        (sum(53 + 8 + 2), sum(31 + 1))
    );
    assert_eq!(state.all.reports, 2);
}

#[test]
fn an_unreadable_count_makes_sums_lower_bounds() {
    let mut made = Made::on(date(2026, 11, 19), &[], &[]);
    made.report(
        date(2026, 11, 18),
        "google.com",
        "example.com",
        &not_found(),
        (5, 0),
    );
    made.history.entries[0].failed = None;
    let all = &made.survey().domains[0].all;
    assert!(all.failed.at_least && all.total.at_least);
    assert_eq!(all.total.known, 5);
}

#[test]
fn fewer_than_twenty_connections_in_14_days_are_tiny() {
    for (sessions, is_tiny) in [(19, true), (20, false)] {
        let mut made = Made::on(date(2026, 11, 19), &[], &[]);
        made.reports(nov(18..=18), "google.com", "example.com", &not_found(), sessions);
        assert_eq!(made.survey().domains[0].is_tiny, is_tiny, "{sessions}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn order_of_entries_does_not_matter(seed in proptest::collection::vec(any::<u32>(), 200)) {
        let mut made = quiet_week();
        let changed = sts("testing", &["mx1.example.com", "mx2.example.com"], 604_800);
        made.reports(nov(15..=15), "google.com", "example.org", &changed, 60)
            .report(date(2026, 11, 13), "google.com", "example.org", &changed, (1, 4))
            .failure(Cause::Expired, "mx2.example.com", 4);
        let expected = made.survey();
        let mut order: Vec<usize> = (0..made.history.entries.len()).collect();
        order.sort_by_key(|i| (seed[i % seed.len()], *i));
        let entries: Vec<Entry> = order.iter().map(|i| made.history.entries[*i].clone()).collect();
        for failure in &mut made.history.failures {
            failure.entry = order.iter().position(|i| *i == failure.entry).unwrap();
        }
        made.history.entries = entries;
        prop_assert_eq!(made.survey(), expected);
    }
}
