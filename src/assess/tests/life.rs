use super::super::problem::Ending;
use super::*;

/// An expired certificate, seen by Google on these days, with clean days up to `last`.
fn failing(today: Date, days: &[i8], last: i8) -> World {
    let first = days[0];
    (first..=last).fold(World::on(today), |world, day| {
        if days.contains(&day) {
            world.report("google.com", nov(day), 90, 10, &[expired(10)])
        } else {
            world.clean("google.com", [nov(day)])
        }
    })
}

#[test]
fn daily_failure_is_resolved_by_two_clean_days() {
    assert_eq!(failing(nov(13), &[8, 9, 10], 11).state(), State::Fading);
    let problem = failing(nov(13), &[8, 9, 10], 12).problem();
    assert_eq!(problem.state, State::Resolved);
    assert_eq!(problem.episodes[0].ended, Some((Ending::Resolved, nov(12))));
    assert_eq!((problem.longest_pause, problem.clean_days_needed), (Some(1), 2));
}

#[test]
fn single_failure_is_resolved_by_two_clean_days() {
    assert_eq!(failing(nov(5), &[3], 4).state(), State::New);
    assert_eq!(failing(nov(5), &[3], 5).state(), State::Resolved);
}

#[test]
fn failure_every_ninth_day_is_resolved_by_eighteen_clean_days() {
    let world = |last: i8| failing(nov(30), &[1, 10], last);
    let problem = world(27).problem();
    assert_eq!((problem.longest_pause, problem.clean_days_needed), (Some(9), 18));
    assert_eq!(problem.state, State::Fading);
    assert_eq!(witness(&problem, "google.com").clean_days.len(), 17);
    assert_eq!(world(28).state(), State::Resolved);
}

#[test]
fn first_pause_ends_the_episode_and_is_learnt() {
    // On 3 November nothing but a single failure was known.
    let problem = failing(nov(30), &[1, 10], 18).problem();
    let days: Vec<_> = problem.episodes.iter().map(|episode| episode.first_day).collect();
    assert_eq!(days, [nov(1), nov(10)]);
    let problem = failing(nov(30), &[1, 10, 19], 25).problem();
    assert_eq!(problem.episodes.len(), 2);
    assert_eq!(problem.state, State::Fading);
}

#[test]
fn pause_of_more_than_14_known_days_is_forgotten() {
    let problem = failing(nov(30), &[1, 16], 18).problem();
    assert_eq!(problem.longest_pause, None);
    assert_eq!(problem.state, State::Resolved);
}

#[test]
fn days_without_a_report_make_no_pause_longer() {
    // Friday and Monday, with no report in between.
    let world = World::on(nov(19))
        .report("google.com", nov(13), 90, 10, &[expired(10)])
        .report("google.com", nov(16), 90, 10, &[expired(10)])
        .clean("google.com", [nov(17), nov(18)]);
    assert_eq!(world.problem().longest_pause, Some(1));
    assert_eq!(world.state(), State::Resolved);
}

#[test]
fn each_reporter_that_saw_it_has_to_give_clean_days() {
    let world = World::on(nov(20))
        .report("google.com", nov(16), 90, 10, &[expired(10)])
        .report("microsoft.com", nov(16), 90, 10, &[expired(10)])
        .clean("google.com", [nov(17), nov(18), nov(19)])
        .clean("microsoft.com", [nov(17)]);
    assert_eq!(world.state(), State::New);
    assert_eq!(world.clean("microsoft.com", [nov(19)]).state(), State::Resolved);
}

#[test]
fn reporter_silent_for_14_days_is_not_waited_for() {
    let world = World::on(nov(16))
        .report("google.com", nov(2), 90, 10, &[expired(10)])
        .report("mox.example.net", nov(2), 0, 1, &[expired(1)])
        .clean("google.com", (3..=15).map(nov));
    let problem = world.problem();
    assert_eq!(problem.episodes[0].ended, Some((Ending::Resolved, nov(16))));
    assert_ne!(world.asked_on(nov(15)).state(), State::Resolved);
}

#[test]
fn problem_is_past_14_days_after_the_last_report_of_those_who_saw_it() {
    let world = World::on(nov(15)).report("google.com", nov(1), 90, 10, &[expired(10)]);
    assert_eq!(world.state(), State::Past);
    assert_eq!(world.problem().episodes[0].ended, Some((Ending::Past, nov(15))));
    assert_eq!(world.asked_on(nov(14)).state(), State::Ongoing);
}

#[test]
fn failing_day_after_the_end_begins_a_new_episode() {
    let problem = failing(nov(15), &[8, 9, 14], 14).problem();
    assert_eq!(problem.state, State::Returned);
    let days: Vec<_> = problem
        .episodes
        .iter()
        .map(|episode| (episode.first_day, episode.last_day))
        .collect();
    assert_eq!(days, [(nov(8), nov(9)), (nov(14), nov(14))]);
    assert_eq!(problem.failed.known, 10);
}

#[test]
fn second_failing_day_makes_new_ongoing() {
    assert_eq!(failing(nov(10), &[8], 8).state(), State::New);
    assert_eq!(failing(nov(10), &[8, 9], 9).state(), State::Ongoing);
}

#[test]
fn fixed_lets_one_clean_day_of_one_reporter_suffice() {
    let world = failing(nov(13), &[8, 9, 10], 11).report("microsoft.com", nov(10), 5, 5, &[expired(5)]);
    assert_eq!(world.state(), State::Ongoing);
    let id = world.problem().id;
    let problem = world.said(&id, nov(11), Saying::Fixed).problem();
    assert_eq!(problem.state, State::Resolved);
    assert_eq!(problem.episodes[0].by_note, Some(nov(11)));
    assert_eq!(problem.remarks.len(), 1);
}

#[test]
fn note_that_a_failing_day_contradicts_shortens_nothing() {
    let world = failing(nov(13), &[8, 9, 10], 11);
    let id = world.problem().id;
    let world = world.said(&id, nov(9), Saying::Note("renewed mx2".into()));
    assert_eq!(world.state(), State::Fading);
}

#[test]
fn clean_day_before_the_note_proves_nothing() {
    let world = failing(nov(14), &[8, 9, 10], 11);
    let id = world.problem().id;
    let world = world.said(&id, nov(12), Saying::Fixed);
    assert_eq!(world.state(), State::Fading);
}

#[test]
fn unreadable_count_is_never_clean() {
    let mut world = failing(nov(13), &[8, 9, 10], 12);
    assert_eq!(world.state(), State::Resolved);
    let last = world.history.entries.last_mut().unwrap();
    last.failed = None;
    assert_eq!(world.state(), State::Fading);
}

#[test]
fn day_without_sessions_is_not_clean() {
    let world = failing(nov(13), &[8, 9, 10], 11).report("google.com", nov(12), 0, 0, &[]);
    assert_eq!(world.state(), State::Fading);
}

#[test]
fn clean_days_for_another_domain_prove_nothing() {
    let world = failing(nov(13), &[8, 9, 10], 10)
        .to("example.org")
        .clean("google.com", [nov(11), nov(12)]);
    assert_eq!(world.state(), State::Ongoing);
}

#[test]
fn retired_mx_closes_its_problem_and_is_only_counted_from_then_on() {
    let world = failing(nov(13), &[8, 9, 10, 11, 12], 12).said("mx2.example.com", nov(11), Saying::Retired);
    let problem = world.problem();
    assert!(problem.is_retired);
    assert_eq!(problem.state, State::Past);
    assert_eq!(problem.failed.known, 30);
    assert_eq!(problem.after_retirement.known, 20);
}

#[test]
fn what_fails_for_the_first_time_after_its_retirement_is_not_shown() {
    let world = failing(nov(13), &[10, 11], 12).said("example.com", nov(1), Saying::Retired);
    let problem = world.problem();
    assert_eq!(problem.state, State::BelowGate);
    assert_eq!(problem.after_retirement.known, 20);
    assert!(problem.held_after_retirement);
}

#[test]
fn late_reports_that_fill_the_gap_make_two_episodes_one() {
    let world = failing(nov(30), &[1, 10], 10);
    assert_eq!(world.problem().episodes.len(), 2);
    let mut late = world.clone();
    // The clean days turn out to be failing ones.
    for (at, entry) in late.history.entries.iter().enumerate() {
        if (nov(2)..=nov(9)).contains(&entry.day) {
            late.history.failures.push(failure(at, entry, &expired(3)));
        }
    }
    for entry in &mut late.history.entries {
        entry.failed = Some(10);
    }
    assert_eq!(late.problem().episodes.len(), 1);
}
