//! Leaf values of a report as real senders write them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::value::RawValue;

use super::deviation;
use super::object::{Kind, elements, kind, string};

/// Most bytes of a text that are kept.
pub(super) const MAX_TEXT: usize = 4096;
/// Most entries of one "policy-string" or "mx-host".
const MAX_ENTRIES: usize = 1000;
/// Most such entries in one report, so that many short ones can't fill the memory.
const MAX_ENTRIES_OF_REPORT: usize = 100_000;
/// Longest domain that is converted to A-labels; a longer one can't be valid, and the conversion takes quadratic time.
const MAX_U_LABELS: usize = 255;
/// Largest count that a float holds exactly.
const MAX_FLOAT: f64 = 9_007_199_254_740_992.0;

/// Reads leaf values and remembers which tolerances they needed.
pub(super) struct Reader {
    pub(super) deviations: BTreeSet<&'static str>,
    entries_left: usize,
}

/// Whether a value is a string that may begin a list, as far as that is told without reading it.
fn may_hold_list(value: &RawValue) -> bool {
    let text = value.get().strip_prefix('"').map(str::trim_start);
    text.is_some_and(|text| text.starts_with(['[', '\\']))
}

impl Reader {
    pub(super) fn new() -> Self {
        Self {
            deviations: BTreeSet::new(),
            entries_left: MAX_ENTRIES_OF_REPORT,
        }
    }

    pub(super) fn note(&mut self, deviation: &'static str) {
        self.deviations.insert(deviation);
    }

    /// A text; numbers and booleans as their JSON, a list's first string.
    pub(super) fn text(&mut self, value: Option<&RawValue>) -> Option<String> {
        let value = value?;
        match kind(value) {
            Kind::String => {
                let text = self.unescape(value)?;
                if text.is_empty() {
                    self.note(deviation::EMPTY_VALUE);
                    return None;
                }
                Some(text)
            }
            Kind::Null => {
                self.note(deviation::NULL_VALUE);
                None
            }
            Kind::Number | Kind::Bool => {
                self.note(deviation::NOT_A_STRING);
                Some(self.bounded(value.get().to_owned()))
            }
            Kind::Object => {
                self.note(deviation::NOT_A_STRING);
                None
            }
            Kind::List => {
                self.note(deviation::NOT_A_STRING);
                let mut first = None;
                elements(value, |element| {
                    first = Some(element);
                    false
                });
                first
                    .filter(|element| kind(element) == Kind::String)
                    .and_then(|element| self.text(Some(element)))
            }
        }
    }

    fn unescape(&mut self, value: &RawValue) -> Option<String> {
        let (text, repaired) = string(value)?;
        if repaired {
            self.note(deviation::LONE_SURROGATE);
        }
        Some(self.bounded(text))
    }

    fn bounded(&mut self, mut text: String) -> String {
        if text.len() > MAX_TEXT {
            self.note(deviation::TRUNCATED);
            text.truncate(text.floor_char_boundary(MAX_TEXT));
            text.shrink_to_fit();
        }
        text
    }

    /// A list of strings: a list, a single string, null, or a JSON list within a string (Microsoft's TLSA records).
    pub(super) fn list(&mut self, value: Option<&RawValue>) -> Vec<String> {
        let mut texts = Vec::new();
        let Some(value) = value else { return texts };
        if kind(value) == Kind::List {
            elements(value, |element| self.add_entry(element, &mut texts));
        } else {
            if kind(value) != Kind::Null {
                self.note(deviation::SINGLE_FOR_LIST);
            }
            self.add_entry(value, &mut texts);
        }
        texts
    }

    /// Adds a list's entry; false once no more are taken.
    fn add_entry(&mut self, value: &RawValue, texts: &mut Vec<String>) -> bool {
        if may_hold_list(value)
            && let Some((text, _)) = string(value)
            && text.trim_start().starts_with('[')
            && let Ok(inner) = serde_json::from_str::<Vec<&RawValue>>(&text)
            && inner.iter().all(|element| kind(element) == Kind::String)
        {
            self.note(deviation::JSON_IN_STRING);
            // A list in a string in it has twice the backslashes, so there are few levels.
            return inner.into_iter().all(|element| self.add_entry(element, texts));
        }
        self.add_text(value, texts)
    }

    fn add_text(&mut self, value: &RawValue, texts: &mut Vec<String>) -> bool {
        if texts.len() >= MAX_ENTRIES || self.entries_left == 0 {
            self.note(deviation::TRUNCATED);
            return false;
        }
        if let Some(text) = self.text(Some(value)) {
            self.entries_left = self.entries_left.saturating_sub(1);
            texts.push(text);
        }
        true
    }

    /// A count: absent is 0, unreadable `None`.
    pub(super) fn count(&mut self, value: Option<&RawValue>) -> Option<u64> {
        let Some(value) = value else {
            self.note(deviation::COUNT_MISSING);
            return Some(0);
        };
        let count = match kind(value) {
            Kind::Number => self.number(value.get()),
            Kind::String => string(value).and_then(|(text, _)| {
                self.note(deviation::COUNT_AS_STRING);
                self.number(text.trim())
            }),
            _ => None,
        };
        if count.is_none() {
            self.note(deviation::COUNT_UNREADABLE);
        }
        count
    }

    fn number(&mut self, text: &str) -> Option<u64> {
        if let Ok(count) = text.parse::<u64>() {
            return i64::try_from(count).is_ok().then_some(count);
        }
        // `f64` reads "inf" and "nan" too, and endless digits slowly.
        if text.len() > 400
            || !text
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
        {
            return None;
        }
        let number: f64 = text.parse().ok()?;
        if !(0.0..=MAX_FLOAT).contains(&number) || number.fract() != 0.0 {
            return None;
        }
        self.note(deviation::COUNT_AS_FLOAT);
        format!("{:.0}", number.abs()).parse().ok()
    }

    /// A domain or host: lower case, A-labels, no final dot.
    pub(super) fn domain(&mut self, value: Option<&RawValue>) -> Option<String> {
        let text = self.text(value)?;
        self.normal_domain(&text)
    }

    /// "mx-host": domains, some with a leading `mx:`.
    pub(super) fn mx_hosts(&mut self, value: Option<&RawValue>) -> Vec<String> {
        let texts = self.list(value);
        texts
            .into_iter()
            .filter_map(|text| {
                let mut host = text.trim();
                while let Some((_, rest)) = host
                    .split_at_checked(3)
                    .filter(|(prefix, _)| prefix.eq_ignore_ascii_case("mx:"))
                {
                    self.note(deviation::MX_PREFIX);
                    host = rest.trim_start();
                }
                self.normal_domain(host)
            })
            .collect()
    }

    fn normal_domain(&mut self, text: &str) -> Option<String> {
        if !text.is_ascii() {
            self.note(deviation::U_LABEL);
        }
        let domain = domain(text);
        if domain.is_none() {
            self.note(deviation::EMPTY_VALUE);
        }
        domain
    }

    /// An IP address, canonical where it parses (RFC 5952), else as sent.
    pub(super) fn ip(&mut self, value: Option<&RawValue>) -> Option<String> {
        let text = self.text(value)?;
        let bare = text.trim();
        let bare = bare
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(bare);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Some(ip.to_string());
        }
        self.note(deviation::IP_UNREADABLE);
        Some(text)
    }
}

/// A domain in lower case, as A-labels where that works, without its final dot; `None` where nothing is left.
pub(super) fn domain(text: &str) -> Option<String> {
    let text = without_end(text);
    if text.is_ascii() || text.len() > MAX_U_LABELS {
        return Some(text.to_ascii_lowercase()).filter(|domain| !domain.is_empty());
    }
    let a_labels = idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::EMPTY);
    let domain = a_labels.map_or_else(|_| text.to_lowercase(), Cow::into_owned);
    // Other scripts have full stops of their own, which are dots now.
    Some(without_end(&domain).to_owned()).filter(|domain| !domain.is_empty())
}

/// Without blanks around it and the dots at its end, so that what is left has none either.
fn without_end(text: &str) -> &str {
    text.trim_start()
        .trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}
