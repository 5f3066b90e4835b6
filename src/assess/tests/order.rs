//! Everything follows from the set of reports, never from their order, and nothing is announced twice.

use proptest::prelude::*;

use super::super::count::{self, Index};
use super::super::news::{self, Event, Telling};
use super::*;

const REPORTERS: [&str; 4] = ["google.com", "microsoft.com", "mail.ru", "post.example.net"];
const DOMAINS: [&str; 2] = ["example.com", "example.org"];
const FIRST: Date = date(2025, 11, 22);

/// A report: how long after the first day, how many days late, and what it says.
#[derive(Debug, Clone)]
struct Report {
    day: i64,
    delay: i64,
    reporter: usize,
    domain: usize,
    policy: u8,
    fault: u8,
    count: u64,
    ok: u64,
}

/// A year in which each fault has a few seasons, so that problems begin, pause, end and return.
fn year(seed: u64) -> Vec<Report> {
    let mut random = fastrand::Rng::with_seed(seed);
    let seasons: Vec<(i64, i64, u8, i64)> = (0..14)
        .map(|_| {
            let first = random.i64(0..365);
            (
                first,
                first + random.i64(0..40),
                random.u8(1..9),
                random.i64(1..8),
            )
        })
        .collect();
    let mut reports = Vec::new();
    for day in 0..365 {
        for reporter in 0..REPORTERS.len() {
            // Some report daily, some now and then.
            if random.usize(0..10) < 2 * reporter {
                continue;
            }
            let faults: Vec<u8> = seasons
                .iter()
                .filter(|(first, last, _, every)| {
                    (*first..=*last).contains(&day) && (day - first) % every == 0
                })
                .map(|(_, _, fault, _)| *fault)
                .collect();
            let fault = if faults.is_empty() || random.u8(0..4) == 0 {
                0
            } else {
                faults[random.usize(0..faults.len())]
            };
            reports.push(Report {
                day,
                delay: if random.u8(0..12) == 0 {
                    random.i64(2..30)
                } else {
                    1
                },
                reporter,
                domain: random.usize(0..DOMAINS.len()),
                policy: random.u8(0..4),
                fault,
                count: random.u64(1..12),
                ok: random.u64(0..60),
            });
        }
    }
    reports
}

fn details(report: &Report) -> Vec<Detail> {
    let detail = match report.fault {
        0 => return Vec::new(),
        1 => expired(report.count),
        2 | 3 => vague(report.count),
        4 => broken(report.count),
        5 => fetch_error(report.count),
        6 => detail("validation-failure", "backup.example.net", report.count),
        7 => detail("validation-failure", "", report.count).because("mx-mismatch"),
        _ => detail("tlsa-invalid", "mx1.example.com", report.count),
    };
    vec![detail]
}

/// The history that holds these reports in this order.
fn history(reports: &[&Report], today: Date) -> World {
    reports.iter().fold(World::on(today), |world, report| {
        let policy = match report.policy {
            0 => sts_unseen(),
            1 => sts("testing", &["mx1.example.com", "mx2.example.com"]),
            2 => tlsa(&["3 1 1 aaaa"]),
            _ => sts("enforce", &["mx1.example.com", "mx2.example.com"]),
        };
        let details = details(report);
        let failed = if details.is_empty() { 0 } else { report.count };
        let day = super::super::days::after(FIRST, report.day);
        let reporter = REPORTERS[report.reporter];
        world
            .under(policy)
            .to(DOMAINS[report.domain])
            .report(reporter, day, report.ok, failed, &details)
    })
}

/// Problems without where their failures stand in the history, which is all that the order decides.
fn without_indices(mut problems: Vec<Problem>) -> Vec<Problem> {
    for problem in &mut problems {
        problem.failures.clear();
    }
    problems
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_arrival_ends_in_the_same_problems(seed: u64, order: u64) {
        let reports = year(seed);
        let today = super::super::days::after(FIRST, 366);
        let mut all: Vec<&Report> = reports.iter().collect();
        let expected = without_indices(history(&all, today).problems());
        prop_assert!(expected.len() >= 3);
        fastrand::Rng::with_seed(order).shuffle(&mut all);
        let shuffled = without_indices(history(&all, today).problems());
        prop_assert_eq!(expected, shuffled);
    }
}

/// Mails every day of some months as reports arrive, and gives what they told by id.
fn daily_mails(seed: u64) -> BTreeMap<String, Vec<Telling>> {
    let reports = year(seed);
    let mut tellings: BTreeMap<String, Vec<Telling>> = BTreeMap::new();
    for today in 1..=100 {
        let arrived: Vec<&Report> = reports
            .iter()
            .filter(|report| report.day + report.delay <= today)
            .collect();
        let today = super::super::days::after(FIRST, today);
        for problem in history(&arrived, today).problems() {
            let told = news::merged(&problem, &tellings);
            if let Some(event) = news::of(&problem, &told, today) {
                let telling = news::telling(&problem, event, today, false);
                tellings.entry(problem.id.clone()).or_default().push(telling);
            }
        }
    }
    tellings
}

#[test]
fn no_problem_is_told_as_new_twice_by_daily_mails() {
    let mut n_new = 0;
    for seed in 0..2 {
        for (id, tellings) in daily_mails(seed) {
            let new = tellings
                .iter()
                .filter(|telling| telling.event == Event::New)
                .count();
            assert!(new <= 1, "{id}: {tellings:#?}");
            n_new += new;
            let ends: Vec<&Telling> = tellings
                .iter()
                .filter(|telling| {
                    matches!(
                        telling.event,
                        Event::Resolved | Event::WasNotOver | Event::Returned
                    )
                })
                .collect();
            let repeated = ends
                .windows(2)
                .any(|pair| pair[0].event == Event::Resolved && pair[1].event == Event::Resolved);
            assert!(!repeated, "{id}: {ends:#?}");
        }
    }
    assert!(n_new >= 4, "{n_new}");
}

#[test]
fn twenty_thousand_failures_in_a_hundred_thousand_entries_are_assessed_in_seconds() {
    let today = super::super::days::after(FIRST, 366);
    let mut world = World::on(today);
    let policy = sts("enforce", &["mx1.example.com", "mx2.example.com"]);
    let domains: Vec<Rc<str>> = (0..70).map(|n| format!("d{n}.example").into()).collect();
    let reporters: Vec<Rc<str>> = REPORTERS.iter().map(|&name| name.into()).collect();
    for day in 0..365_u64 {
        for domain in &domains {
            for (at, reporter) in reporters.iter().enumerate() {
                let entry = Entry {
                    report: 0,
                    day: super::super::days::after(FIRST, i64::try_from(day).unwrap()),
                    seen: Rc::new(Seen {
                        reporter: reporter.clone(),
                        domain: domain.clone(),
                        policy: policy.clone(),
                    }),
                    ok: Some(100),
                    failed: Some(2),
                };
                let index = world.history.entries.len();
                let fault = match (day % 9, at) {
                    (0, 0) => expired(2),
                    (0 | 4, 1) => vague(2),
                    (3 | 4, 2) => broken(2),
                    (_, 3) if day % 3 == 0 => fetch_error(2),
                    _ => detail("", "", 0),
                };
                if fault.count > 0 {
                    world.history.failures.push(failure(index, &entry, &fault));
                }
                world.history.entries.push(entry);
            }
        }
    }
    assert!(world.history.entries.len() > 100_000);
    assert!(world.history.failures.len() > 15_000);
    let started = std::time::Instant::now();
    let problems = world.problems();
    assert!(problems.len() > 70);
    // A second or two in a debug build, minutes with a loop too many.
    assert!(started.elapsed().as_secs() < 120, "{:?}", started.elapsed());
}

#[test]
fn of_a_domain_only_fifty_mx_are_known_however_many_a_report_names() {
    let mut world = World::on(nov(19))
        .under(sts("enforce", &[]))
        .report("google.com", nov(18), 90, 300, &[]);
    for n in 0..300 {
        let mut fault = failure(0, &world.history.entries[0], &expired(1));
        let name = format!("mx{n}.example.net");
        fault.kind = Rc::new(Kind {
            place: Place::Mx(name.clone()),
            mx: vec![name],
            ..Kind::clone(&fault.kind)
        });
        world.history.failures.push(fault);
    }
    let index = Index::new(&world.history);
    let names = spot::Names::new(&index);
    let rows: Vec<_> = count::groups(&index).into_values().flatten().collect();
    assert_eq!(spot::known_mx(&index, &names, &rows).len(), 50);
    assert_eq!(world.problems().len(), 300);
}
