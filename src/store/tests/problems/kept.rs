//! What stays when reports go, and what was told and said.

use super::*;

#[test]
fn problem_stays_with_its_days_when_retention_removes_the_reports() {
    let mut place = Place::new();
    for day in ["2026-11-17", "2026-11-18"] {
        place.record(&[mail(&[failing(day, day, "certificate-expired")])]);
    }
    assess(&mut place);
    let seen = "SELECT id, first_day, last_day FROM problems";
    let before = place.row(seen);
    place
        .store
        .retain(Span::Days(10), at("2026-12-20T00:00:00Z"))
        .unwrap();
    assess_on(&mut place.store, "2026-12-20");
    assert_eq!(place.row(seen), before);
    assert_eq!(place.row("SELECT state FROM problems"), "past");
    assert_eq!(
        place.row("SELECT first_day, last_day, failed FROM problem_episodes"),
        "2026-11-17|2026-11-18|2"
    );
    assert_eq!(place.row("SELECT count(*) FROM problem_failure_types"), "1");
}

#[test]
fn episode_that_goes_on_keeps_its_beginning_when_retention_cuts_it() {
    let mut place = Place::new();
    let days = [
        "2026-12-07",
        "2026-12-08",
        "2026-12-09",
        "2026-12-10",
        "2026-12-11",
    ];
    for day in days {
        place.record(&[mail(&[failing(day, day, "certificate-expired")])]);
    }
    assess_on(&mut place.store, "2026-12-12");
    let seen = "SELECT first_day, last_day, failed FROM problem_episodes";
    for moment in ["2026-12-18T00:00:00Z", "2026-12-20T00:00:00Z"] {
        place.store.retain(Span::Days(10), at(moment)).unwrap();
        let problems = assess_on(&mut place.store, "2026-12-12");
        assert_eq!(place.row(seen), "2026-12-07|2026-12-11|5", "{moment}");
        assert_eq!(problems[0].episodes[0].first_day, day("2026-12-07"));
    }
    assert_eq!(place.row("SELECT count(*) FROM reports"), "2");
    assert_eq!(place.row("SELECT first_day FROM problems"), "2026-12-07");
}

#[test]
fn what_was_told_comes_back_as_it_was_told() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    let id = assess(&mut place)[0].id.clone();
    let told: Vec<Telling> = [
        Event::New,
        Event::Worse(Worse::Reporters),
        Event::Reminder(4),
        Event::WasNotOver,
        Event::Past,
    ]
    .map(telling)
    .to_vec();
    for telling in &told {
        tell(&place, &id, telling);
    }
    assert_eq!(
        place.store.tellings("default", false).unwrap(),
        BTreeMap::from([(id, told)])
    );
}

#[test]
fn event_is_told_once() {
    let place = Place::new();
    for today in ["2026-11-20", "2026-11-21"] {
        tell_nothing(&place, today);
    }
    assert_eq!(
        place.rows("SELECT key, day FROM told_event"),
        ["mode example.org|2026-11-20"]
    );
    assert!(
        place
            .store
            .told_events("default")
            .unwrap()
            .contains("mode example.org")
    );
}

fn tell_nothing(place: &Place, today: &str) {
    place
        .store
        .db
        .execute(
            "INSERT OR IGNORE INTO digest VALUES (1, 'default', 'daily', '', 0, 0, 0, 0, 'a', '', x'', NULL)",
            (),
        )
        .unwrap();
    tellings::tell_event(&place.store.db, 1, "default", "mode example.org", day(today)).unwrap();
}

#[test]
fn remark_on_a_problem_reaches_the_problem() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    let id = assess(&mut place)[0].id.clone();
    let remarks = [
        (id.clone(), Saying::Acknowledged(day("2026-12-22"))),
        (id, Saying::Note("ordered = \"new\" certificate".to_owned())),
        ("old.example.org".to_owned(), Saying::Retired),
    ]
    .map(|(about, saying)| Remark {
        about,
        day: day(TODAY),
        by: "anna".to_owned(),
        saying,
    });
    for remark in &remarks {
        place.store.remark(remark).unwrap();
    }
    assert_eq!(place.store.remarks().unwrap(), remarks);
    let problem = assess(&mut place).remove(0);
    assert_eq!(problem.remarks, remarks[..2]);
    assert_eq!(place.row("SELECT acknowledged_until FROM problems"), "2026-12-22");
}

#[test]
fn forgetting_a_domain_erases_its_problems_and_what_was_said_of_it() {
    let mut place = Place::new();
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired")])]);
    let id = assess(&mut place)[0].id.clone();
    tell(&place, &id, &telling(Event::New));
    for about in [id.as_str(), "example.org", "mx.example.org"] {
        let remark = Remark {
            about: about.to_owned(),
            day: day(TODAY),
            by: "anna".to_owned(),
            saying: Saying::Fixed,
        };
        place.store.remark(&remark).unwrap();
    }
    let forgotten = place.store.forget("example.org").unwrap();
    assert_eq!((forgotten.problems, forgotten.remarks), (1, 2));
    for table in [
        "problem",
        "problem_episode",
        "problem_domain",
        "remark",
        "telling",
    ] {
        assert_eq!(
            place.row(&format!("SELECT count(*) FROM {table}")),
            "0",
            "{table}"
        );
    }
}

#[test]
fn problem_that_other_domains_share_outlives_a_forgotten_domain() {
    let mut place = Place::new();
    let mut other = failing("2", "2026-11-20", "certificate-expired");
    other["policies"][0]["policy"]["policy-domain"] = json!("example.com");
    place.record(&[mail(&[failing("1", "2026-11-20", "certificate-expired"), other])]);
    let id = assess(&mut place)[0].id.clone();
    place.store.forget("example.org").unwrap();
    assess(&mut place);
    assert_eq!(
        place.row("SELECT id, failed, domains FROM problems"),
        format!("{id}|1|1")
    );
    assert_eq!(
        place.row("SELECT policy_domain FROM problem_domains"),
        "example.com"
    );
}
