use super::super::news::{Event, Telling, Worse, is_urgent, merged, of, telling};
use super::*;

/// A world with what was told about its only problem.
struct Told {
    world: World,
    tellings: Vec<Telling>,
}

impl Told {
    /// The event of a mail on this day, kept if there is one.
    fn mail(&mut self, day: i8) -> Option<Event> {
        let problem = self.world.asked_on(nov(day)).problem();
        let event = of(&problem, &self.tellings, nov(day))?;
        self.tellings.push(telling(&problem, event, nov(day), false));
        Some(event)
    }

    fn report(&mut self, day: i8, failed: u64) {
        self.report_of("google.com", day, failed);
    }

    fn report_of(&mut self, reporter: &str, day: i8, failed: u64) {
        let details = [expired(failed)];
        let details = if failed == 0 { &[][..] } else { &details[..] };
        self.world = self.world.clone().report(reporter, nov(day), 90, failed, details);
    }
}

fn told(world: World) -> Told {
    Told {
        world,
        tellings: Vec::new(),
    }
}

/// The expired certificate, failing from 1 November, told on the day after.
fn begun() -> Told {
    let mut told = told(World::on(nov(2)).report("google.com", nov(1), 90, 10, &[expired(10)]));
    assert_eq!(told.mail(2), Some(Event::New));
    told
}

#[test]
fn new_is_told_once() {
    let mut told = begun();
    assert_eq!(told.mail(2), Some(Event::Ongoing));
}

#[test]
fn held_mail_is_told_again_on_the_days_2_4_and_7() {
    let mut told = begun();
    let mut events = Vec::new();
    for day in 3..=12 {
        told.report(day - 1, 10);
        events.extend(told.mail(day).filter(|event| matches!(event, Event::Reminder(_))));
    }
    assert_eq!(
        events,
        [Event::Reminder(2), Event::Reminder(4), Event::Reminder(7)]
    );
}

#[test]
fn problem_that_holds_no_mail_is_not_told_again_daily() {
    let world = World::on(nov(2))
        .under(sts("testing", &["mx2.example.com"]))
        .report("google.com", nov(1), 90, 10, &[expired(10)]);
    let mut told = told(world);
    assert_eq!(told.mail(2), Some(Event::New));
    told.report(2, 10);
    told.report(3, 10);
    assert_eq!(told.mail(4), Some(Event::Ongoing));
}

#[test]
fn resolved_is_told_once() {
    let mut told = begun();
    told.report(2, 0);
    assert_eq!(told.mail(3), Some(Event::Fading));
    told.report(3, 0);
    assert_eq!(told.mail(4), Some(Event::Resolved));
    assert_eq!(told.mail(5), None);
}

#[test]
fn failing_day_after_the_end_is_told_as_returned() {
    let mut told = begun();
    told.report(2, 0);
    told.report(3, 0);
    assert_eq!(told.mail(4), Some(Event::Resolved));
    told.report(4, 0);
    told.report(5, 10);
    assert_eq!(told.mail(6), Some(Event::Returned));
    assert_eq!(told.mail(6), Some(Event::Ongoing));
}

#[test]
fn late_report_proves_that_it_was_not_over() {
    let mut told = begun();
    told.report(2, 0);
    told.report(3, 0);
    assert_eq!(told.mail(4), Some(Event::Resolved));
    told.report_of("microsoft.com", 2, 12);
    told.report_of("microsoft.com", 3, 12);
    assert_eq!(told.mail(5), Some(Event::WasNotOver));
    assert_eq!(told.mail(5), Some(Event::Ongoing));
}

#[test]
fn late_report_of_an_old_failure_is_late_news_and_never_urgent() {
    let world = World::on(nov(26)).report("microsoft.com", nov(2), 90, 10, &[expired(10)]);
    let mut told = told(world.clone());
    assert_eq!(told.mail(10), Some(Event::LateNews));
    assert!(!is_urgent(&world.problem(), Event::LateNews, &[], nov(26)));
    assert_eq!(told.mail(20), None);
}

#[test]
fn what_was_never_told_as_new_is_not_told_as_resolved() {
    let world = World::on(nov(5))
        .report("google.com", nov(1), 90, 10, &[expired(10)])
        .clean("google.com", [nov(2), nov(3)]);
    let mut told = told(world);
    assert_eq!(told.mail(5), Some(Event::LateNews));
    assert_eq!(told.mail(6), None);
}

#[test]
fn nobody_reporting_any_more_is_told_as_past() {
    let mut told = begun();
    assert_eq!(told.mail(15), Some(Event::Past));
    assert_eq!(told.mail(16), None);
}

#[test]
fn further_reporter_makes_it_worse() {
    let mut told = begun();
    told.report_of("microsoft.com", 2, 3);
    assert_eq!(told.mail(3), Some(Event::Worse(Worse::Reporters)));
    assert_ne!(told.mail(3), Some(Event::Worse(Worse::Reporters)));
}

#[test]
fn further_reporter_of_long_ago_makes_nothing_worse() {
    let mut told = begun();
    for day in 2..=12 {
        told.report(day, 10);
        told.mail(day + 1);
    }
    told.report_of("microsoft.com", 2, 3);
    assert_eq!(told.mail(14), Some(Event::Ongoing));
}

#[test]
fn three_times_as_many_failures_and_twenty_more_are_worse() {
    let jump = |failed| {
        let mut told = begun();
        for day in 2..=7 {
            told.report(day, 10);
        }
        told.mail(9);
        told.report(8, failed);
        told.mail(9)
    };
    assert_eq!(jump(30), Some(Event::Worse(Worse::Failures)));
    assert_eq!(jump(29), Some(Event::Ongoing));
}

#[test]
fn worse_is_told_at_most_once_in_three_days_unless_the_impact_rises() {
    let mut told = begun();
    told.report_of("microsoft.com", 2, 3);
    assert_eq!(told.mail(3), Some(Event::Worse(Worse::Reporters)));
    told.report_of("mail.ru", 3, 3);
    let event = |day| of(&told.world.asked_on(nov(day)).problem(), &told.tellings, nov(day));
    assert_eq!(event(5), Some(Event::Reminder(2)));
    assert_eq!(event(6), Some(Event::Worse(Worse::Reporters)));
}

#[test]
fn enforce_after_testing_is_a_graver_impact_and_urgent() {
    let testing = sts("testing", &["mx2.example.com"]);
    let world = World::on(nov(2))
        .under(testing)
        .report("google.com", nov(1), 90, 10, &[expired(10)]);
    let mut told = told(world);
    assert_eq!(told.mail(2), Some(Event::New));
    told.world.policy = sts("enforce", &["mx2.example.com"]);
    told.report(2, 10);
    let problem = told.world.asked_on(nov(3)).problem();
    let event = of(&problem, &told.tellings, nov(3)).unwrap();
    assert_eq!(event, Event::Worse(Worse::Impact));
    assert!(is_urgent(&problem, event, &told.tellings, nov(3)));
}

#[test]
fn urgent_mail_leaves_new_to_the_daily_and_comes_once_in_seven_days() {
    let problem = begun().world.problem();
    assert!(is_urgent(&problem, Event::New, &[], nov(2)));
    let urgent = telling(&problem, Event::New, nov(2), true);
    assert_eq!(
        of(&problem, std::slice::from_ref(&urgent), nov(2)),
        Some(Event::New)
    );
    assert!(!is_urgent(&problem, Event::New, &[urgent], nov(8)));
}

#[test]
fn mode_from_elsewhere_makes_nothing_urgent() {
    let problem = World::on(nov(2))
        .clean("google.com", [nov(1)])
        .under(sts_unseen())
        .report("mail.ru", nov(1), 0, 10, &[expired(10)])
        .problem();
    assert!(!is_urgent(&problem, Event::New, &[], nov(2)));
}

#[test]
fn noise_prone_cause_of_one_reporter_is_urgent_from_a_fifth_of_twenty() {
    let urgent = |ok, failed| {
        let problem = World::on(nov(2))
            .report("google.com", nov(1), ok, failed, &[broken(failed)])
            .problem();
        is_urgent(&problem, Event::New, &[], nov(2))
    };
    assert!(urgent(20, 5));
    assert!(!urgent(21, 5));
    assert!(urgent(0, 5));
    assert!(!urgent(5, 5));
}

#[test]
fn acknowledged_problem_is_told_again_when_worse_or_when_the_days_are_over() {
    let mut told = begun();
    let id = told.world.problem().id;
    told.world = told.world.said(&id, nov(2), Saying::Acknowledged(nov(6)));
    told.report(2, 10);
    told.report(3, 10);
    assert_eq!(told.mail(4), None);
    told.report_of("microsoft.com", 4, 3);
    assert_eq!(told.mail(5), Some(Event::Worse(Worse::Reporters)));
    assert!(
        told.mail(6).is_some(),
        "what was acknowledged is something else now"
    );
    told.report(6, 10);
    assert!(told.mail(7).is_some());
}

#[test]
fn acknowledgement_ends_with_the_episode() {
    let mut told = begun();
    let id = told.world.problem().id;
    told.world = told.world.said(&id, nov(2), Saying::Acknowledged(nov(30)));
    told.report(2, 0);
    told.report(3, 0);
    assert_eq!(told.mail(4), Some(Event::Resolved));
    told.report(5, 10);
    assert_eq!(told.mail(6), Some(Event::Returned));
}

#[test]
fn foreign_domain_is_no_news() {
    let problem = begun().world.ours(&["example.org"]).problem();
    assert_eq!(of(&problem, &[], nov(2)), None);
}

#[test]
fn noise_is_no_news() {
    let world = World::on(nov(2)).report("google.com", nov(1), 90, 1, &[broken(1)]);
    assert_eq!(of(&world.problem(), &[], nov(2)), None);
}

#[test]
fn retired_problem_is_closed_once_and_what_enforce_still_holds_is_told_once() {
    let mut told = begun();
    told.world = told.world.said("mx2.example.com", nov(3), Saying::Retired);
    assert_eq!(told.mail(3), Some(Event::Past));
    assert_eq!(told.mail(4), None);
    told.report(4, 10);
    assert_eq!(told.mail(5), Some(Event::LateNews));
    assert_eq!(told.mail(6), None);
}

#[test]
fn what_was_told_under_an_alias_counts() {
    let explained = World::on(nov(3))
        .report("google.com", nov(1), 373, 37, &[vague(37)])
        .report("post.example.net", nov(1), 3, 2, &[expired(2)])
        .problem();
    let before = World::on(nov(2))
        .report("google.com", nov(1), 373, 37, &[vague(37)])
        .problem();
    let tellings = [(
        before.id.clone(),
        vec![telling(&before, Event::New, nov(2), false)],
    )];
    let tellings = merged(&explained, &tellings.into_iter().collect());
    assert_eq!(
        of(&explained, &tellings, nov(3)),
        Some(Event::Worse(Worse::Reporters))
    );
}

#[test]
fn problem_goes_on_where_the_last_failing_day_that_was_told_is_gone() {
    let mut told = begun();
    for day in 2..=4 {
        told.report(day, 10);
    }
    let without_the_last_day = told.world.clone();
    told.report(5, 10);
    assert_eq!(told.mail(6), Some(Event::Reminder(4)));

    // A report that no longer counts took the day away.
    told.world = without_the_last_day;

    assert_eq!(told.mail(7), Some(Event::Ongoing));
}

#[test]
fn unproven_reports_alone_make_nothing_urgent() {
    let mut world = World::on(nov(2))
        .report("google.com", nov(1), 90, 10, &[expired(10)])
        .report("microsoft.com", nov(1), 90, 10, &[expired(10)]);
    let is_urgent = |world: &World| is_urgent(&world.problem(), Event::New, &[], nov(2));
    world.history.unproven.insert(1);
    assert!(is_urgent(&world), "one of two is proven");
    world.history.unproven.insert(2);
    assert!(!is_urgent(&world));
    assert_eq!(told(world).mail(2), Some(Event::New), "told all the same");
}

#[test]
fn unproven_second_reporter_makes_noise_no_more_urgent_and_nothing_worse() {
    let mut world = World::on(nov(2))
        .report("google.com", nov(1), 990, 10, &[broken(10)])
        .report("microsoft.com", nov(1), 10, 10, &[broken(10)]);
    let is_urgent = |world: &World| is_urgent(&world.problem(), Event::New, &[], nov(2));
    assert!(is_urgent(&world), "two reporters");
    world.history.unproven.insert(2);
    assert!(!is_urgent(&world), "one, with 1 % of its connections");

    let third_mail = |unproven: Option<i64>| {
        let mut told = begun();
        told.report(2, 10);
        told.report_of("microsoft.com", 2, 10);
        told.world.history.unproven.extend(unproven);
        told.mail(3)
    };
    assert_eq!(third_mail(None), Some(Event::Worse(Worse::Reporters)));
    assert_eq!(third_mail(Some(3)), Some(Event::Ongoing));
}
