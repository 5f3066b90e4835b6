//! When a digest is due, and whether one is sent. Pure: `now` is a parameter.

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use crate::config::{SendWhen, Weekday};
use crate::store::rows::MailKind;

/// The first moment after `now` at which the clocks there show `at`.
///
/// On the day the clocks go forward, an hour that does not exist is moved behind the gap; on the day they go back,
/// the first of the two counts. So every calendar day has exactly one such moment.
///
/// # Errors
///
/// [`jiff::Error`] at the end of jiff's calendar (year 9999).
pub fn next_due(now: &Zoned, at: Time) -> Result<Zoned, jiff::Error> {
    let today = due_on(now, 0, at)?;
    if *now < today {
        Ok(today)
    } else {
        due_on(now, 1, at)
    }
}

/// The newest moment, not after `now`, at which a digest was due.
///
/// # Errors
///
/// [`jiff::Error`] at the beginning of jiff's calendar.
pub fn latest_due(now: &Zoned, at: Time) -> Result<Zoned, jiff::Error> {
    let today = due_on(now, 0, at)?;
    if today <= *now {
        Ok(today)
    } else {
        due_on(now, -1, at)
    }
}

fn due_on(now: &Zoned, days_ahead: i64, at: Time) -> Result<Zoned, jiff::Error> {
    let date = now.date().checked_add(days_ahead.days())?;
    date.to_datetime(at).to_zoned(now.time_zone().clone())
}

/// What has been decided about digests so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Past {
    /// When the newest digest on record was due.
    pub previous: Option<Timestamp>,
    /// The newest due moment for which it was decided that nothing is sent.
    pub passed_over: Option<Timestamp>,
}

/// How far a digest on record may lie ahead of the clock, so that a clock that was set back brings no second one.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(48);

/// A moment of the past, unless it is so far ahead that the clock must have been wrong then: it would silence the
/// digests until it comes.
fn believed(moment: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    moment.filter(|moment| moment.duration_since(now) <= MAX_AHEAD)
}

/// Why a digest is sent, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The due moment has been dealt with already.
    NotDue,
    /// It is due, but there is nothing new to tell: pass over this due moment.
    PassOver,
    /// Send: it is the first digest.
    First,
    /// Send: there is something new.
    News,
    /// Send: the weekly mail.
    Weekly,
    /// Send: every day, as configured.
    Always,
}

impl Decision {
    /// Which mail is sent.
    pub fn kind(self) -> Option<MailKind> {
        match self {
            Self::NotDue | Self::PassOver => None,
            Self::First => Some(MailKind::FirstLook),
            Self::News | Self::Always => Some(MailKind::Daily),
            Self::Weekly => Some(MailKind::Weekly),
        }
    }

    /// Whether a digest is sent.
    pub fn sends(self) -> bool {
        matches!(self, Self::First | Self::News | Self::Weekly | Self::Always)
    }
}

/// Whether the due moment `due` (from [`latest_due`]) is still open: no digest of this calendar day or a later one,
/// and not passed over. Only then is it worth asking what is new.
pub fn is_open(due: &Zoned, past: Past) -> bool {
    let now = due.timestamp();
    let day_is_taken = believed(past.previous, now).is_some_and(|previous| {
        previous >= due.timestamp() || previous.to_zoned(due.time_zone().clone()).date() == due.date()
    });
    let passed_over =
        believed(past.passed_over, now).is_some_and(|passed_over| passed_over >= due.timestamp());
    !day_is_taken && !passed_over
}

/// What to do about the due moment `due`; `news`: whether [`crate::digest::news`] finds something.
///
/// The weekly mail is due if no digest was due since 00:00 of the newest `weekly` day; thus one that was missed is
/// sent later, and news of that day stand in it.
///
/// # Errors
///
/// [`jiff::Error`] at the beginning of jiff's calendar.
pub fn decide(
    due: &Zoned,
    past: Past,
    send: SendWhen,
    weekly: Weekday,
    news: bool,
) -> Result<Decision, jiff::Error> {
    if is_open(due, past) {
        reason(due, past.previous, send, weekly, news)
    } else {
        Ok(Decision::NotDue)
    }
}

/// As [`decide`], for a person who asks for the digest now: whether this day had one does not matter.
///
/// # Errors
///
/// [`jiff::Error`] at the beginning of jiff's calendar.
pub fn reason(
    now: &Zoned,
    previous: Option<Timestamp>,
    send: SendWhen,
    weekly: Weekday,
    news: bool,
) -> Result<Decision, jiff::Error> {
    let Some(previous) = believed(previous, now.timestamp()) else {
        return Ok(Decision::First);
    };
    Ok(if previous < start_of_week(now, weekly)? {
        Decision::Weekly
    } else if news {
        Decision::News
    } else if send == SendWhen::Always {
        Decision::Always
    } else {
        Decision::PassOver
    })
}

/// Urgent mails go out from this hour of the day, local time.
const URGENT_FROM: i8 = 6;
/// Urgent mails go out before this hour of the day.
const URGENT_TO: i8 = 22;
/// Urgent mails aren't sent so shortly before the digest that tells the same.
const URGENT_BEFORE: SignedDuration = SignedDuration::from_hours(3);

/// Whether an urgent mail may go out now: by day, unless the digest is due within three hours.
///
/// # Errors
///
/// [`jiff::Error`] at the end of jiff's calendar.
pub fn urgent_may_go(now: &Zoned, at: Time) -> Result<bool, jiff::Error> {
    let is_day = (URGENT_FROM..URGENT_TO).contains(&now.hour());
    let wait = next_due(now, at)?.timestamp().duration_since(now.timestamp());
    Ok(is_day && wait > URGENT_BEFORE)
}

/// 00:00 of the newest `weekly` day, today included.
fn start_of_week(due: &Zoned, weekly: Weekday) -> Result<Timestamp, jiff::Error> {
    let weekday: jiff::civil::Weekday = weekly.into();
    let days_since = due.weekday().since(weekday);
    let date = due.date().checked_sub(i64::from(days_since).days())?;
    Ok(date.to_zoned(due.time_zone().clone())?.timestamp())
}

/// How long to wait from `now` for `then`; zero when it has passed.
pub fn wait(now: Timestamp, then: Timestamp) -> std::time::Duration {
    then.duration_since(now).max(SignedDuration::ZERO).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    fn berlin(text: &str) -> Zoned {
        format!("{text}[Europe/Berlin]").parse().unwrap()
    }

    fn utc(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn due_moment_of_the_lost_hour_is_behind_the_gap() {
        let due = next_due(&berlin("2026-03-29T00:00:00+01:00"), time(2, 30, 0, 0)).unwrap();
        assert_eq!(due.to_string(), "2026-03-29T03:30:00+02:00[Europe/Berlin]");
    }

    #[test]
    fn due_moment_of_the_doubled_hour_is_the_first() {
        let at = time(2, 30, 0, 0);
        let due = next_due(&berlin("2026-10-25T00:00:00+02:00"), at).unwrap();
        assert_eq!(due.to_string(), "2026-10-25T02:30:00+02:00[Europe/Berlin]");
        assert_eq!(next_due(&due, at).unwrap().date(), date(2026, 10, 26));
        let second = berlin("2026-10-25T02:45:00+01:00");
        assert_eq!(latest_due(&second, at).unwrap(), due);
    }

    #[test]
    fn newest_due_moment_before_the_hour_is_yesterdays() {
        let at = time(7, 0, 0, 0);
        assert_eq!(
            latest_due(&berlin("2026-11-22T06:59:59+01:00"), at)
                .unwrap()
                .date(),
            date(2026, 11, 21)
        );
        assert_eq!(
            latest_due(&berlin("2026-11-22T07:00:00+01:00"), at)
                .unwrap()
                .date(),
            date(2026, 11, 22)
        );
    }

    fn decided(due: &str, previous: &str, news: bool) -> Decision {
        let past = Past {
            previous: Some(utc(previous)),
            passed_over: None,
        };
        decide(&berlin(due), past, SendWhen::New, Weekday::Monday, news).unwrap()
    }

    #[test]
    fn first_digest_is_always_sent() {
        let due = berlin("2026-11-22T07:00:00+01:00");
        let decision = decide(&due, Past::default(), SendWhen::New, Weekday::Monday, false).unwrap();
        assert_eq!(decision, Decision::First);
    }

    #[test]
    fn quiet_day_is_passed_over() {
        // Sunday; the Monday before had its mail.
        assert_eq!(
            decided("2026-11-22T07:00:00+01:00", "2026-11-16T06:00:00Z", false),
            Decision::PassOver
        );
    }

    #[test]
    fn news_are_sent_on_any_day() {
        assert_eq!(
            decided("2026-11-22T07:00:00+01:00", "2026-11-21T06:00:00Z", true),
            Decision::News
        );
    }

    #[test]
    fn weekly_mail_comes_on_its_day_whatever_was_sent_the_day_before() {
        assert_eq!(
            decided("2026-11-23T07:00:00+01:00", "2026-11-22T06:00:00Z", false),
            Decision::Weekly
        );
    }

    #[test]
    fn weekly_mail_that_was_missed_is_sent_later() {
        assert_eq!(
            decided("2026-11-25T07:00:00+01:00", "2026-11-22T06:00:00Z", false),
            Decision::Weekly
        );
    }

    #[test]
    fn news_on_the_weekly_day_count_as_the_weekly_mail() {
        assert_eq!(
            decided("2026-11-24T07:00:00+01:00", "2026-11-23T06:00:00Z", false),
            Decision::PassOver
        );
    }

    #[test]
    fn always_sends_on_a_quiet_day() {
        let past = Past {
            previous: Some(utc("2026-11-21T06:00:00Z")),
            passed_over: None,
        };
        let due = berlin("2026-11-22T07:00:00+01:00");
        let decision = decide(&due, past, SendWhen::Always, Weekday::Monday, false).unwrap();
        assert_eq!(decision, Decision::Always);
    }

    #[test]
    fn a_day_has_one_digest_even_when_the_hour_is_moved() {
        assert_eq!(
            decided("2026-11-22T08:00:00+01:00", "2026-11-22T06:00:00Z", true),
            Decision::NotDue
        );
    }

    #[test]
    fn clock_that_went_back_brings_no_second_digest() {
        assert_eq!(
            decided("2026-11-21T07:00:00+01:00", "2026-11-22T06:00:00Z", true),
            Decision::NotDue
        );
    }

    #[test]
    fn clock_that_was_weeks_ahead_does_not_silence_the_digests() {
        assert!(decided("2026-11-21T07:00:00+01:00", "2026-12-22T06:00:00Z", false).sends());
    }

    #[test]
    fn news_that_come_after_a_passed_over_moment_wait_for_the_next() {
        let past = Past {
            previous: Some(utc("2026-11-16T06:00:00Z")),
            passed_over: Some(utc("2026-11-22T06:00:00Z")),
        };
        let due = berlin("2026-11-22T07:00:00+01:00");
        let decision = decide(&due, past, SendWhen::New, Weekday::Monday, true).unwrap();
        assert_eq!(decision, Decision::NotDue);
    }

    #[test]
    fn waiting_for_the_past_takes_no_time() {
        let now = utc("2026-11-22T06:00:00Z");
        assert_eq!(wait(now, utc("2026-11-22T05:00:00Z")), std::time::Duration::ZERO);
        assert_eq!(
            wait(now, utc("2026-11-22T06:01:00Z")),
            std::time::Duration::from_mins(1)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_year_of_waking_at_odd_times_gives_one_digest_a_day(
            hour in 0_i8..24, minute in 0_i8..60,
            zone in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Tokyo",
            ]),
            steps in prop::collection::vec(1_i64..40_000, 100..400),
        ) {
            let at = time(hour, minute, 0, 0);
            let zone = TimeZone::get(zone).unwrap();
            let start = date(2026, 1, 1).to_zoned(zone.clone()).unwrap();
            let mut now = start.timestamp();
            let end = date(2027, 1, 1).to_zoned(zone.clone()).unwrap().timestamp();
            let mut past = Past { previous: Some(utc("2020-01-01T00:00:00Z")), passed_over: None };
            let mut days = Vec::new();
            let mut steps = steps.iter().cycle();
            while now < end {
                let due = latest_due(&now.to_zoned(zone.clone()), at).unwrap();
                if decide(&due, past, SendWhen::New, Weekday::Monday, true).unwrap().sends() {
                    days.push(due.date());
                    past.previous = Some(due.timestamp());
                }
                now = now.saturating_add(SignedDuration::from_secs(*steps.next().unwrap())).unwrap();
            }
            let mut expected = *days.first().unwrap();
            for day in &days {
                prop_assert_eq!(*day, expected);
                expected = expected.tomorrow().unwrap();
            }
            prop_assert!(days.len() >= 364, "{}", days.len());
        }
    }
}
