//! Reports as sent, to the byte. One sender's reports on one policy differ in few places: what they share is kept once,
//! as a template, and of each report only the rest. The views put them together again (`reports_all.json`).

use std::ops::Range;

use ring::digest::{SHA256, digest};
use rusqlite::{Connection, OptionalExtension, Row};

use super::batch::Batch;
use crate::report::Parsed;

/// Longer reports are kept whole.
const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Reports that differ from their template in more places are kept whole.
const MAX_DIFFERENCES: usize = 64;

/// Keeps the text of a report. The second text of a shape makes a template of the first: one that nothing resembles
/// costs no more than itself.
pub(super) fn keep(
    batch: &mut Batch<'_>,
    report: i64,
    (parsed, submitter): (&Parsed, &str),
    text: &str,
) -> rusqlite::Result<()> {
    // SQLite's functions end a text at a NUL.
    if text.len() > MAX_TEXT_BYTES || text.contains('\0') {
        return insert(batch, report, None, None, text);
    }
    let scalars = scalars(text);
    let shape = shape(parsed, submitter, text, &scalars);
    let Some((template, base)) = template(batch, shape)? else {
        return insert(batch, report, None, Some(shape), text);
    };
    let pieces = pieces(&base, text, &scalars)
        .filter(|pieces| is_join(&base, pieces, text))
        .map(|pieces| encode(&base, &pieces));
    match pieces {
        Some(pieces) if pieces.len() < text.len() => insert(batch, report, Some(template), None, &pieces),
        _ => insert(batch, report, None, None, text),
    }
}

pub(super) const INSERT_TEXT: &str =
    "INSERT INTO report_json (report, template, shape, text) VALUES (?, ?, ?, ?)";

fn insert(
    batch: &mut Batch<'_>,
    report: i64,
    template: Option<i64>,
    shape: Option<i64>,
    text: &str,
) -> rusqlite::Result<()> {
    let insert = batch.statements.insert_text.get(batch.db)?;
    insert.execute((report, template, shape, text))?;
    Ok(())
}

pub(super) const FIND_TEMPLATE: &str = "SELECT id, text FROM json_template WHERE shape = ?";
pub(super) const FIND_SHAPE: &str = "SELECT report, text FROM report_json WHERE shape = ? LIMIT 1";
pub(super) const INSERT_TEMPLATE: &str = "INSERT INTO json_template (shape, text) VALUES (?, ?)";
pub(super) const SET_PIECES: &str =
    "UPDATE report_json SET template = ?, shape = NULL, text = ? WHERE report = ?";

/// The template of a shape; made now if one report of that shape is there.
pub(super) fn template(batch: &mut Batch<'_>, shape: i64) -> rusqlite::Result<Option<(i64, String)>> {
    let (db, statements) = (batch.db, &mut batch.statements);
    let pair = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let find = statements.find_template.get(db)?;
    let known = find.query_row((shape,), pair).optional()?;
    if known.is_some() {
        return Ok(known);
    }
    let find = statements.find_shape.get(db)?;
    let first: Option<(i64, String)> = find.query_row((shape,), pair).optional()?;
    let Some((report, text)) = first else {
        return Ok(None);
    };
    statements.insert_template.get(db)?.execute((shape, &text))?;
    let template = db.last_insert_rowid();
    let whole = encode(&text, &[Piece::Copy(0..text.len())]);
    statements
        .set_pieces
        .get(db)?
        .execute((template, whole, report))?;
    Ok(Some((template, text)))
}

/// What reports have in common that may share a template: sender, policies and everything but the values. All of them
/// are about the same domains, so that the template goes when one of these is forgotten.
fn shape(parsed: &Parsed, submitter: &str, text: &str, scalars: &[Range<usize>]) -> i64 {
    // Hashed at once: some fifty updates take as long as the hash.
    let mut parts: Vec<u8> = Vec::with_capacity(text.len());
    let mut add = |part: &str| {
        parts.extend_from_slice(part.as_bytes());
        parts.push(0); // is in none of them
    };
    let report = &parsed.report;
    add(submitter);
    add(report.organization_name.as_deref().unwrap_or_default());
    add(report.contact_info.as_deref().unwrap_or_default());
    for result in &report.policies {
        let policy = &result.policy;
        add(policy.policy_domain.as_deref().unwrap_or_default());
        add(policy.policy_type.as_str());
        policy
            .policy_string
            .iter()
            .chain(&policy.mx_host)
            .for_each(|part| add(part));
        add("");
    }
    let mut at = 0;
    for scalar in scalars {
        add(text.get(at..scalar.start).unwrap_or_default());
        at = scalar.end;
    }
    add(text.get(at..).unwrap_or_default());
    digest(&SHA256, &parts)
        .as_ref()
        .first_chunk()
        .map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

/// Where the numbers of a JSON text stand, and the strings (without quotes) that are no keys. Goes by the signs alone,
/// so that any text has some: the parts between them and they make up the text again.
pub(super) fn scalars(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let from = at;
        match byte {
            b'"' => {
                let from = from.saturating_add(1);
                let to = end_of_string(bytes, from);
                at = to.saturating_add(1);
                if !is_before_colon(bytes, at) {
                    found.push(from..to);
                }
            }
            b'-' | b'0'..=b'9' => {
                let is_in_number =
                    |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                at = at.saturating_add(bytes.iter().skip(at).take_while(is_in_number).count());
                found.push(from..at);
            }
            _ => at = at.saturating_add(1),
        }
    }
    found
}

/// The place of the quote that ends a string, or the end of the text.
fn end_of_string(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(rest) = bytes.get(at..) {
        match memchr::memchr2(b'"', b'\\', rest) {
            None => break,
            Some(n) => {
                at = at.saturating_add(n);
                if bytes.get(at) == Some(&b'"') {
                    return at;
                }
                at = at.saturating_add(2);
            }
        }
    }
    bytes.len()
}

fn is_before_colon(bytes: &[u8], at: usize) -> bool {
    bytes.iter().skip(at).find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// These bytes of the template.
    Copy(Range<usize>),
    /// This.
    Text(&'a str),
}

/// The text as pieces of its template; `None` if it has another shape, or too many differences.
pub(super) fn pieces<'a>(
    base: &str,
    text: &'a str,
    scalars_of_text: &[Range<usize>],
) -> Option<Vec<Piece<'a>>> {
    let scalars_of_base = scalars(base);
    if scalars_of_base.len() != scalars_of_text.len() {
        return None;
    }
    let mut pieces = Vec::new();
    let mut copied = 0;
    for (old, new) in scalars_of_base.iter().zip(scalars_of_text) {
        let (before, now) = (base.get(old.clone())?, text.get(new.clone())?);
        if before == now {
            continue;
        }
        if pieces.len() >= MAX_DIFFERENCES.saturating_mul(2) {
            return None;
        }
        let head = common(before.chars(), now.chars());
        let (before, now) = (before.get(head..)?, now.get(head..)?);
        let tail = common(before.chars().rev(), now.chars().rev());
        pieces.push(Piece::Copy(copied..old.start.saturating_add(head)));
        pieces.push(Piece::Text(now.get(..now.len().saturating_sub(tail))?));
        copied = old.end.saturating_sub(tail);
    }
    pieces.push(Piece::Copy(copied..base.len()));
    pieces.retain(|piece| {
        !matches!(piece, Piece::Copy(range) if range.is_empty()) && *piece != Piece::Text("")
    });
    Some(pieces)
}

/// How many bytes two texts have in common from their start.
fn common(one: impl Iterator<Item = char>, other: impl Iterator<Item = char>) -> usize {
    one.zip(other)
        .take_while(|(one, other)| one == other)
        .map(|(one, _)| one.len_utf8())
        .sum()
}

/// Whether the views make this text of it.
pub(super) fn is_join(base: &str, pieces: &[Piece<'_>], text: &str) -> bool {
    let mut rest = Some(text);
    for piece in pieces {
        let part = match piece {
            Piece::Copy(range) => base.get(range.clone()),
            Piece::Text(text) => Some(*text),
        };
        rest = part.and_then(|part| rest?.strip_prefix(part));
    }
    rest.is_some_and(str::is_empty)
}

/// As it is stored: a JSON array of texts and of pairs, which are where a copy begins in the template and how long it
/// is, in characters, as SQLite counts them.
pub(super) fn encode(base: &str, pieces: &[Piece<'_>]) -> String {
    let is_ascii = base.is_ascii();
    let characters = |range: Range<usize>| {
        let part = base.get(range).unwrap_or_default();
        if is_ascii {
            part.len()
        } else {
            part.chars().count()
        }
    };
    let (mut bytes, mut start) = (0, 0_usize);
    let mut json = String::from("[");
    for piece in pieces {
        if json.len() > 1 {
            json.push(',');
        }
        match piece {
            Piece::Copy(range) => {
                start = start.saturating_add(characters(bytes..range.start));
                bytes = range.start;
                let n = characters(range.clone());
                for part in ["[", &start.to_string(), ",", &n.to_string(), "]"] {
                    json.push_str(part);
                }
            }
            Piece::Text(text) => json.push_str(&serde_json::Value::from(*text).to_string()),
        }
    }
    json.push(']');
    json
}

/// Keeps whole the texts of other reports that share a template with the reports in the table `about`.
pub(super) fn part_from_forgotten(db: &Connection) -> rusqlite::Result<()> {
    db.execute(
        "UPDATE report_json SET text = (SELECT json FROM reports_all WHERE id = report), template = NULL
         WHERE template IN (SELECT template FROM report_json JOIN about ON about.id = report)
           AND report NOT IN (SELECT id FROM about)",
        (),
    )?;
    Ok(())
}
