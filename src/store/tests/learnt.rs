//! Which MX hosts are ours though nobody has listed them.

use serde_json::json;

use super::super::{IncomingMail, Tally};
use super::kept_out::flood::on;
use super::kept_out::{about, by, listing, place, report};
use super::{NOW, Place, at};
use crate::config::{AuthenticationConfig, AuthenticationMode, Config};

/// A report of a reporter about example.org, whose policy has this MX.
fn naming(id: &str, reporter: &str, domain: &str, mx: &str) -> IncomingMail {
    let mut entry = about(domain, "sts");
    entry["policy"]["policy-string"] = json!(["version: STSv1", "mode: enforce", format!("mx: {mx}")]);
    by(report(id, &[entry]), reporter, true)
}

fn tlsa(id: &str, host: &str) -> IncomingMail {
    by(report(id, &[about(host, "tlsa")]), "dane.example", true)
}

/// Where reporters a.example and b.example have been known for a week, and new.example hasn't.
fn known(config: &Config) -> Place {
    let mut place = place(config);
    place.record(&[
        on("2026-11-15", "a.example", "a"),
        on("2026-11-15", "b.example", "b"),
        on("2026-11-16", "new.example", "new"),
    ]);
    place
}

/// The hosts among these whose `tlsa` entries count.
fn ours<'h>(place: &mut Place, config: &Config, hosts: &[&'h str]) -> Vec<&'h str> {
    place
        .store
        .look_again(&mut Tally::default(), config, at(NOW))
        .unwrap();
    let is_ours = |host: &&&str| place.record(&[tlsa(host, host)]).set_aside == 0;
    hosts.iter().filter(is_ours).copied().collect()
}

#[test]
fn stranger_with_a_domain_makes_no_host_ours_by_naming_it_as_our_mx() {
    let config = listing(&["example.org"], &[]);
    let mut place = known(&config);
    place.record(&[
        naming("1", "a.example", "example.org", "mx.evil.example"),
        naming("2", "x.a.example", "example.org", "mx.evil.example"),
        naming("3", "new.example", "example.org", "mx.evil.example"),
        by(
            naming("4", "b.example", "example.org", "mx.evil.example"),
            "b.example",
            false,
        ),
        naming("5", "b.example", "example.net", "mx.evil.example"),
    ]);
    assert!(ours(&mut place, &config, &["mx.evil.example"]).is_empty());
}

#[test]
fn host_that_two_known_reporters_name_in_our_policy_is_ours() {
    let config = listing(&["example.org"], &[]);
    let mut place = known(&config);
    place.record(&[
        tlsa("1", "mx1.example.com"),
        naming("2", "a.example", "example.org", "*.Example.com"),
        naming("3", "b.example", "example.org", "*.example.com"),
    ]);
    let hosts = [
        "mx1.example.com",
        "mx2.example.com",
        "a.b.example.com",
        "example.com",
    ];
    assert_eq!(
        ours(&mut place, &config, &hosts),
        ["mx1.example.com", "mx2.example.com"]
    );
    // What had come before counts too.
    assert_eq!(
        place.row("SELECT status FROM reports_all WHERE report_id = '1'"),
        "counted"
    );
    // Another list of domains is another question.
    place
        .store
        .admit_by(&listing(&["example.net"], &[]), at(NOW))
        .unwrap();
    assert_eq!(place.row("SELECT count(*) FROM learnt_mx"), "0");
}

#[test]
fn second_reporter_of_a_policy_that_is_known_is_heard_the_next_day() {
    let config = listing(&["example.org"], &[]);
    let mut place = known(&config);
    place.record(&[naming("1", "a.example", "example.org", "mx1.example.com")]);
    assert!(ours(&mut place, &config, &["mx1.example.com"]).is_empty());
    place.record(&[naming("2", "b.example", "example.org", "mx1.example.com")]);
    let learnt = |place: &mut Place, now: &str| {
        place.store.admit_by(&config, at(now)).unwrap();
        place.rows("SELECT pattern FROM learnt_mx")
    };
    assert_eq!(learnt(&mut place, "2026-11-23T00:00:00Z"), ["mx1.example.com"]);
}

#[test]
fn hosts_that_are_listed_or_below_our_domains_need_nobody_to_name_them() {
    let config = listing(&["example.org"], &["mx9.example.net"]);
    let mut place = place(&config);
    let hosts = [
        "mx9.example.net",
        "mx.example.org",
        "a.b.example.org",
        "mx.badexample.org",
        "example.net",
    ];
    assert_eq!(
        ours(&mut place, &config, &hosts),
        ["mx9.example.net", "mx.example.org", "a.b.example.org"]
    );
    // Below: of `tlsa` entries alone.
    let tally = place.record(&[by(
        report("x", &[about("mx.example.org", "sts")]),
        "dane.example",
        true,
    )]);
    assert_eq!(tally.set_aside, 1);
}

#[test]
fn few_mx_hosts_are_learnt_of_one_policy() {
    let config = listing(&["example.org"], &[]);
    let mut place = known(&config);
    let mut entry = about("example.org", "sts");
    let lines = (0..150).map(|n| format!("mx: mx{n}.example.com"));
    entry["policy"]["policy-string"] = json!(lines.collect::<Vec<_>>());
    for reporter in ["a.example", "b.example"] {
        place.record(&[by(report("1", std::slice::from_ref(&entry)), reporter, true)]);
    }
    assert_eq!(
        ours(&mut place, &config, &["mx99.example.com", "mx100.example.com"]),
        ["mx99.example.com"]
    );
}

#[test]
fn many_hosts_that_one_reporter_names_hide_none_of_the_others() {
    let config = listing(&["example.org"], &[]);
    let mut place = known(&config);
    place.record(&[on("2026-11-15", "evil.example", "evil")]);
    for reporter in ["a.example", "b.example"] {
        place.record(&[naming("1", reporter, "example.org", "mx.example.com")]);
    }
    for policy in 0..15 {
        let mut entry = about("example.org", "sts");
        let lines = (0..100).map(|n| format!("mx: mx{n}.p{policy}.evil.example"));
        entry["policy"]["policy-string"] = json!(lines.collect::<Vec<_>>());
        place.record(&[by(report(&format!("e{policy}"), &[entry]), "evil.example", true)]);
    }
    assert_eq!(ours(&mut place, &config, &["mx.example.com"]), ["mx.example.com"]);
}

#[test]
fn where_nobody_verifies_reports_are_taken_at_their_word() {
    let mut config = listing(&["example.org"], &[]);
    config.authentication = AuthenticationConfig {
        mode: AuthenticationMode::Off,
        ..AuthenticationConfig::default()
    };
    let mut place = place(&config);
    let unchecked = |mut mail: IncomingMail| {
        if let super::super::Content::Reports(reports) = &mut mail.content
            && let super::super::IncomingReport::Read { standing, .. } = &mut reports[0]
        {
            *standing = super::super::Standing::default();
        }
        mail
    };
    for reporter in ["a.example", "b.example"] {
        place.record(&[
            unchecked(on("2026-11-15", reporter, "old")),
            unchecked(naming("1", reporter, "example.org", "mx.example.com")),
        ]);
    }
    assert_eq!(ours(&mut place, &config, &["mx.example.com"]), ["mx.example.com"]);
}

#[test]
fn forgetting_a_domain_forgets_the_hosts_of_its_policies() {
    let config = listing(&["example.org"], &[]);
    let mut place = known(&config);
    for reporter in ["a.example", "b.example"] {
        place.record(&[naming("1", reporter, "example.org", "mx.example.com")]);
    }
    place.store.admit_by(&config, at(NOW)).unwrap();
    assert_eq!(place.row("SELECT count(*) FROM learnt_mx"), "1");
    place.store.forget("example.org").unwrap();
    assert_eq!(place.row("SELECT count(*) FROM learnt_mx"), "0");
}

#[test]
fn pattern_below_a_public_suffix_makes_nothing_ours() {
    let config = listing(&["example.org"], &[]);
    let mut place = known(&config);
    for (n, pattern) in ["*.com", "*.co.uk", "*.example.co.uk"].into_iter().enumerate() {
        place.record(&[
            naming(&format!("a{n}"), "a.example", "example.org", pattern),
            naming(&format!("b{n}"), "b.example", "example.org", pattern),
        ]);
    }
    let hosts = ["example.com", "example.co.uk", "mx1.example.co.uk"];
    assert_eq!(ours(&mut place, &config, &hosts), ["mx1.example.co.uk"]);
}
