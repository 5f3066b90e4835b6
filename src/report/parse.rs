//! JSON text to a [`super::Report`], leniently.

use std::borrow::Cow;

use memchr::memchr2;
use serde_json::value::RawValue;

use super::object::{members, string};
use super::policies::Entries;
use super::value::Reader;
use super::{Context, ParseError, Parsed, PolicyResult, deviation, gaps, hash};
use crate::config::Limits;

/// Largest document that is copied to mend raw control characters in it.
const MAX_REPAIRED: usize = 8 * 1024 * 1024;
/// Longest member name that can be one of ours, as JSON.
const MAX_KEY: usize = 100;

/// A report as its JSON says it, before gaps are filled from the mail: what the hashes cover.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) organization_name: Option<String>,
    pub(super) report_id: Option<String>,
    pub(super) contact_info: Option<String>,
    pub(super) start: Option<jiff::Timestamp>,
    pub(super) end: Option<jiff::Timestamp>,
    pub(super) policies: Vec<PolicyResult>,
}

/// Reads a report (RFC 8460, Section 4.4), tolerating what real senders do to it; see [`deviation`].
///
/// `context` fills gaps only: what the JSON says always wins (Section 5.6).
///
/// # Errors
///
/// [`ParseError`] if the text isn't JSON, isn't a report, or passes a limit.
pub fn parse(text: &str, limits: &Limits, context: &Context<'_>) -> Result<Parsed, ParseError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = Reader::new();
    let draft = match first_value(text) {
        Ok((root, rest)) => {
            note_trailing(&mut reader, rest);
            read(&mut reader, root, limits)?
        }
        Err(error) => {
            let mended = mend(text).ok_or_else(|| ParseError::Json(error.clone()))?;
            let (root, rest) = first_value(&mended).map_err(|_| ParseError::Json(error))?;
            reader.note(deviation::CONTROL_CHARACTER);
            note_trailing(&mut reader, rest);
            read(&mut reader, root, limits)?
        }
    };
    let identity = hash::identity(&draft);
    let content = hash::content(&draft);
    let report = gaps::fill(draft, &content, context, &mut reader);
    Ok(Parsed {
        report,
        deviations: reader.deviations,
        identity,
        content,
    })
}

/// The first JSON value and what follows it.
fn first_value(text: &str) -> Result<(&RawValue, &str), String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    match values.next() {
        Some(Ok(root)) => Ok((root, text.get(values.byte_offset()..).unwrap_or_default())),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("nothing in it".to_owned()),
    }
}

fn note_trailing(reader: &mut Reader, rest: &str) {
    if !rest.trim().is_empty() {
        reader.note(deviation::TRAILING_BYTES);
    }
}

/// The text with blanks for control characters; `None` where it has none or is too large to copy.
fn mend(text: &str) -> Option<String> {
    let has_controls = text.len() <= MAX_REPAIRED && text.bytes().any(|b| b < 0x20);
    has_controls.then(|| text.replace(|c: char| c < ' ', " "))
}

/// How deeply a valid JSON value is nested.
fn depth(json: &str) -> u32 {
    let (mut depth, mut deepest) = (0_u32, 0_u32);
    let mut bytes = json.as_bytes();
    while let Some((byte, rest)) = bytes.split_first() {
        bytes = rest;
        match byte {
            b'"' => bytes = after_string(rest),
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// What follows a string, of which the first quote was passed.
fn after_string(mut bytes: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', bytes) {
        let is_end = bytes.get(at) == Some(&b'"');
        // A backslash takes the byte after it.
        let next = at.saturating_add(if is_end { 1 } else { 2 });
        bytes = bytes.get(next..).unwrap_or_default();
        if is_end {
            return bytes;
        }
    }
    &[]
}

fn read(reader: &mut Reader, root: &RawValue, limits: &Limits) -> Result<Draft, ParseError> {
    if depth(root.get()) > limits.json_depth {
        return Err(ParseError::Limit {
            limit: "json_depth",
            value: limits.json_depth.into(),
        });
    }
    let Some([organization, contact, id, range, policies]) = reader.fields(
        root,
        [
            &["organization-name"],
            &["contact-info", "email-address"],
            &["report-id"],
            &["date-range"],
            &["policies"],
        ],
    ) else {
        return Err(ParseError::NotAReport);
    };
    let policies = policies.ok_or(ParseError::NotAReport)?;
    let mut entries = Entries::new(limits);
    entries.read(reader, policies)?;
    let [start, end] = range
        .and_then(|range| reader.fields(range, [&["start-datetime"], &["end-datetime"]]))
        .unwrap_or_default();
    if !entries.found && !(entries.n_policies == 0 && (id.is_some() || range.is_some())) {
        return Err(ParseError::NotAReport);
    }
    Ok(Draft {
        organization_name: reader.text(organization),
        report_id: reader.text(id),
        contact_info: reader.text(contact),
        start: reader.date_time(start),
        end: reader.date_time(end),
        policies: entries.policies,
    })
}

impl Reader {
    /// The named members of an object, the last of double ones; `None` where it is no object.
    ///
    /// Each name comes with its aliases; case, hyphens and underscores don't matter.
    pub(super) fn fields<'a, const N: usize>(
        &mut self,
        object: &'a RawValue,
        names: [&[&str]; N],
    ) -> Option<[Option<&'a RawValue>; N]> {
        let mut fields = [None; N];
        let is_object = members(object, |key, value| {
            let Some(key) = key_text(key) else { return };
            let known = names
                .iter()
                .zip(&mut fields)
                .find(|(names, _)| names.iter().any(|name| is_same(&key, name)));
            let Some((names, field)) = known else { return };
            if names.first().is_none_or(|name| *name != &*key) {
                self.note(deviation::ALIAS_KEY);
            }
            if field.replace(value).is_some() {
                self.note(deviation::DUPLICATE_KEY);
            }
        });
        is_object.then_some(fields)
    }
}

/// A member's name, without a copy where nothing in it is escaped.
fn key_text(key: &RawValue) -> Option<Cow<'_, str>> {
    if key.get().len() > MAX_KEY {
        return None;
    }
    let plain = key
        .get()
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|text| !text.contains('\\'));
    plain
        .map(Cow::Borrowed)
        .or_else(|| string(key).map(|(text, _)| Cow::Owned(text)))
}

fn is_same(key: &str, name: &str) -> bool {
    fn significant(text: &str) -> impl Iterator<Item = u8> {
        let letters = text.bytes().filter(|b| !matches!(b, b'-' | b'_'));
        letters.map(|b| b.to_ascii_lowercase())
    }
    key == name || significant(key).eq(significant(name))
}
