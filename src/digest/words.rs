//! Numbers, days and lists in words. Blanks that must not break a line are no-break spaces; the text form turns them
//! into plain ones after wrapping.

use jiff::civil::Date;

use crate::assess::history::Sum;

/// A blank at which no line is broken.
pub const NBSP: char = '\u{a0}';

/// A number, with blanks between groups of three digits from 1 000 on.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(i);
        if i > 0 && left.is_multiple_of(3) {
            grouped.push(NBSP);
        }
        grouped.push(digit);
    }
    grouped
}

/// A number with its noun: `1 report`, `2 reports`.
pub fn count(n: u64, noun: &str) -> String {
    let plural = match (n, noun.strip_suffix('y')) {
        (1, _) => noun.to_owned(),
        (_, Some(stem)) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{noun}s"),
    };
    format!("{}{NBSP}{plural}", number(n))
}

/// A sum, `at least` where a count in it was unreadable.
pub fn sum(sum: Sum) -> String {
    if sum.at_least && sum.known == 0 {
        "unknown".to_owned()
    } else if sum.at_least {
        format!("at least{NBSP}{}", number(sum.known))
    } else {
        number(sum.known)
    }
}

/// Two sums in one.
pub fn add(a: Sum, b: Sum) -> Sum {
    Sum {
        known: a.known.saturating_add(b.known),
        at_least: a.at_least || b.at_least,
    }
}

/// Failed of all connections: `37 of 410 connections (9 %)`. A share is given from 20 connections on.
pub fn share(failed: Sum, total: Sum) -> String {
    if failed.known == 0 && failed.at_least {
        return format!(
            "an unreadable number of connections; {}{NBSP}were fine",
            number(total.known)
        );
    }
    // Some senders count tries and not connections; then the one isn't a part of the other.
    if failed.known > total.known || total.known == 0 {
        return match (total.known, failed.known) {
            (0, 1) if !failed.at_least => format!("1{NBSP}connection"),
            (0, _) => format!("{} connections", sum(failed)),
            (_, _) => format!("{} failures, {} connections", sum(failed), sum(total)),
        };
    }
    if failed == total && !total.at_least && total.known >= 20 {
        return format!("all {} connections", number(total.known));
    }
    let noun = if total.known == 1 && !total.at_least {
        "connection"
    } else {
        "connections"
    };
    let counts = format!("{}{NBSP}of{NBSP}{} {noun}", sum(failed), sum(total));
    match percent(failed, total) {
        Some(percent) => format!("{counts} ({percent})"),
        None => counts,
    }
}

/// As [`share`], without the noun: `9 of 96 (9 %)`.
pub fn short_share(failed: Sum, total: Sum) -> String {
    share(failed, total)
        .replacen(" connections", "", 1)
        .replacen(" connection", "", 1)
}

fn percent(failed: Sum, total: Sum) -> Option<String> {
    if failed.at_least || total.at_least || total.known < 20 || failed.known == 0 {
        return None;
    }
    let rounded = u128::from(failed.known)
        .saturating_mul(200)
        .saturating_add(u128::from(total.known))
        .checked_div(u128::from(total.known).saturating_mul(2))?;
    let below_one = u128::from(failed.known).saturating_mul(100) < u128::from(total.known);
    Some(if below_one {
        format!("under{NBSP}1{NBSP}%")
    } else {
        format!("{}{NBSP}%", rounded.min(99))
    })
}

/// A day; the year is given where it isn't that of `today`.
pub fn day(day: Date, today: Date) -> String {
    if day.year() == today.year() {
        format!("{}{NBSP}{}", day.day(), month(day))
    } else {
        format!("{}{NBSP}{}{NBSP}{}", day.day(), month(day), day.year())
    }
}

/// The days from `first` to `last`: `18 Nov`, `15-17 Nov`, `30 Oct-2 Nov`.
pub fn days(first: Date, last: Date, today: Date) -> String {
    if first == last {
        day(first, today)
    } else if first.year() == last.year() && first.month() == last.month() {
        format!("{}-{}", first.day(), day(last, today))
    } else {
        format!("{}-{}", day(first, today), day(last, today))
    }
}

fn month(day: Date) -> &'static str {
    match day.month() {
        1 => "Jan",
        2 => "Feb",
        3 => "Mar",
        4 => "Apr",
        5 => "May",
        6 => "Jun",
        7 => "Jul",
        8 => "Aug",
        9 => "Sep",
        10 => "Oct",
        11 => "Nov",
        _ => "Dec",
    }
}

/// `a`, `a and b`, `a, b and c`, `a, b, c and 4 others`.
pub fn list(names: &[String], shown: usize) -> String {
    let rest = names.len().saturating_sub(shown);
    // One name takes no more room than "1 other".
    let shown = if rest == 1 { names.len() } else { shown };
    let mut parts: Vec<String> = names.iter().take(shown).cloned().collect();
    let rest = names.len().saturating_sub(shown);
    if rest > 0 {
        parts.push(format!("{rest}{NBSP}others"));
    }
    match parts.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

/// `a`, `a or b`, `a, b or 3 others`.
pub fn list_or(names: &[String], shown: usize) -> String {
    match names {
        [one, other] => format!("{one} or {other}"),
        _ => list(names, shown).replacen(" and ", " or ", 1),
    }
}

/// `a, b, c and 37 more`.
pub fn list_and_more(names: &[String], shown: usize) -> String {
    let rest = names.len().saturating_sub(shown);
    if rest < 2 {
        return list(names, names.len());
    }
    let parts: Vec<String> = names.iter().take(shown).cloned().collect();
    format!("{} and {rest}{NBSP}more", parts.join(", "))
}

/// No-break spaces turned into plain ones.
pub fn plain(text: &str) -> String {
    text.replace(NBSP, " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn exactly(known: u64) -> Sum {
        Sum {
            known,
            at_least: false,
        }
    }

    #[test]
    fn thousands_are_set_apart_by_a_blank() {
        for (n, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1 000"),
            (48210, "48 210"),
            (1_234_567, "1 234 567"),
        ] {
            assert_eq!(plain(&number(n)), expected);
        }
    }

    #[test]
    fn shares_follow_the_rules() {
        for (failed, total, expected) in [
            (37, 410, "37 of 410 connections (9 %)"),
            (3, 7, "3 of 7 connections"),
            (11, 11, "11 of 11 connections"),
            (1, 1, "1 of 1 connection"),
            (53, 53, "all 53 connections"),
            (29, 3120, "29 of 3 120 connections (under 1 %)"),
            (999, 1000, "999 of 1 000 connections (99 %)"),
            (4, 0, "4 connections"),
            (12, 4, "12 failures, 4 connections"),
            (0, 100, "0 of 100 connections"),
        ] {
            assert_eq!(plain(&share(exactly(failed), exactly(total))), expected);
        }
        assert_eq!(
            plain(&share(exactly(u64::MAX), exactly(u64::MAX))),
            "all 18 446 744 073 709 551 615 connections"
        );
    }

    #[test]
    fn an_unreadable_count_makes_it_at_least_and_without_share() {
        let open = Sum {
            known: 37,
            at_least: true,
        };
        assert_eq!(
            plain(&share(open, exactly(410))),
            "at least 37 of 410 connections"
        );
    }

    #[test]
    fn ranges_of_days_are_short() {
        let today = date(2026, 11, 20);
        for (first, last, expected) in [
            (date(2026, 11, 18), date(2026, 11, 18), "18 Nov"),
            (date(2026, 11, 15), date(2026, 11, 17), "15-17 Nov"),
            (date(2026, 10, 30), date(2026, 11, 2), "30 Oct-2 Nov"),
            (date(2025, 12, 30), date(2026, 1, 2), "30 Dec 2025-2 Jan"),
        ] {
            assert_eq!(plain(&days(first, last, today)), expected);
        }
    }

    #[test]
    fn lists_name_the_first_and_count_the_rest() {
        let names: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        assert_eq!(list(&names[..1], 2), "a");
        assert_eq!(list(&names[..2], 2), "a and b");
        assert_eq!(list(&names[..3], 2), "a, b and c");
        assert_eq!(plain(&list(&names, 2)), "a, b and 3 others");
    }
}
