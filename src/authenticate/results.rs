//! Authentication-Results (RFC 8601) of our own MX, and of nobody else.

use super::alignment::{ascii_domain, is_aligned};
use super::header::Field;
use super::lexer::{QUOTE, without_comments};
use super::reason::MxFault;
use super::signature::Candidate;

/// The authserv-id that stands for an MX that writes none.
pub(crate) const NO_ID: &str = "none";
/// Most bytes of one field.
const MAX_FIELD: usize = 16 * 1024;
/// Most fields that are looked at.
const MAX_FIELDS: usize = 64;
/// Most results of one field.
const MAX_RESULTS: usize = 256;

/// A passing DKIM signature, as an MX names it.
#[derive(Debug, PartialEq, Eq)]
struct Pass {
    domain: String,
    selector: Option<String>,
    /// The beginning of b=.
    signature: Option<String>,
}

/// One Authentication-Results field.
#[derive(Debug, PartialEq, Eq)]
struct Results {
    /// `None` where the field names no one.
    id: Option<String>,
    passes: Vec<Pass>,
}

/// The domain of From's organisation whose signature our MX has found good.
pub(super) fn signed_by(fields: &[Field<'_>], id: &str, from: &str) -> Result<String, MxFault> {
    let trusted = trusted(fields, id)?;
    let passes: Vec<&Pass> = trusted
        .iter()
        .flat_map(|results| &results.passes)
        .filter(|pass| is_aligned(&pass.domain, from))
        .collect();
    let first = passes.first().ok_or_else(|| MxFault::NoPass {
        from: from.to_owned(),
    })?;
    // What an MX doesn't look at: l=, and whether From is signed at all.
    let candidates = Candidate::all(fields, from);
    let is_sound = |pass: &Pass| {
        candidates.iter().any(|candidate| {
            candidate.form.is_ok()
                && candidate.domain == pass.domain
                && pass
                    .selector
                    .as_ref()
                    .is_none_or(|selector| *selector == candidate.selector)
                && pass
                    .signature
                    .as_ref()
                    .is_none_or(|start| candidate.signature.starts_with(start))
        })
    };
    match passes.iter().find(|pass| is_sound(pass)) {
        Some(pass) => Ok(pass.domain.clone()),
        None => Err(MxFault::NoSuchSignature {
            domain: first.domain.clone(),
        }),
    }
}

/// What our MX wrote: from the topmost field with its id down to the next Received, for what is below that came with
/// the mail. Without ids, the topmost field alone.
fn trusted(fields: &[Field<'_>], id: &str) -> Result<Vec<Results>, MxFault> {
    let has_no_id = id.eq_ignore_ascii_case(NO_ID);
    let (mut trusted, mut is_unreadable) = (Vec::new(), false);
    for field in fields {
        if field.is("received") && !trusted.is_empty() {
            break;
        }
        if !field.is("authentication-results") {
            continue;
        }
        let Some(results) = parse(field.value) else {
            // It may be ours, and then what follows isn't the topmost.
            if trusted.is_empty() && (has_no_id || names(field.value, id)) {
                is_unreadable = true;
                break;
            }
            continue;
        };
        let is_ours = match &results.id {
            Some(found) => !has_no_id && found.eq_ignore_ascii_case(id),
            None => has_no_id,
        };
        if is_ours {
            trusted.push(results);
        }
        if trusted.len() >= MAX_FIELDS || (has_no_id && !trusted.is_empty()) {
            break;
        }
    }
    match trusted.is_empty() {
        false => Ok(trusted),
        true if is_unreadable => Err(MxFault::Unreadable),
        true => Err(MxFault::Absent { id: id.to_owned() }),
    }
}

/// Whether a field that can't be read seems to be of this MX.
fn names(value: &[u8], id: &str) -> bool {
    let text = String::from_utf8_lossy(value);
    text.split_ascii_whitespace()
        .next()
        .is_some_and(|first| first.trim_end_matches(';').eq_ignore_ascii_case(id))
}

/// `None` if it can't be read as a whole.
fn parse(value: &[u8]) -> Option<Results> {
    if value.len() > MAX_FIELD {
        return None;
    }
    let text = without_comments(std::str::from_utf8(value).ok()?)?;
    let segments = segments(&text);
    let mut segments = segments.iter().map(String::as_str);
    let first = segments.next()?;
    let mut passes = Vec::new();
    // Microsoft 365 begins with the first result.
    let id = if outside_quotes(first).contains('=') {
        passes.extend(pass(first));
        None
    } else {
        let mut words = first.split_ascii_whitespace();
        let id = words.next()?.trim_matches([QUOTE.0, QUOTE.1]).to_owned();
        if words.next().is_some_and(|version| version != "1") || words.next().is_some() {
            return None;
        }
        Some(id)
    };
    passes.extend(segments.take(MAX_RESULTS).filter_map(pass));
    Some(Results { id, passes })
}

/// Cut at each semicolon outside quotes.
fn segments(text: &str) -> Vec<String> {
    let (mut segments, mut segment) = (Vec::new(), String::new());
    let mut is_quoted = false;
    for char in text.chars() {
        if char == ';' && !is_quoted {
            segments.push(std::mem::take(&mut segment));
            continue;
        }
        is_quoted = (is_quoted || char == QUOTE.0) && char != QUOTE.1;
        segment.push(char);
    }
    segments.push(segment);
    segments
}

fn outside_quotes(text: &str) -> String {
    let mut is_quoted = false;
    text.chars()
        .filter(|char| {
            is_quoted = (is_quoted || *char == QUOTE.0) && *char != QUOTE.1;
            !is_quoted
        })
        .collect()
}

/// A passing DKIM result; `None` for any other.
fn pass(segment: &str) -> Option<Pass> {
    let pairs = pairs(segment)?;
    let ((method, result), properties) = pairs.split_first()?;
    let is_dkim = matches!(method.as_str(), "dkim" | "dkim/1");
    if !is_dkim || !result.eq_ignore_ascii_case("pass") {
        return None;
    }
    let one = |name: &str| {
        let mut found = properties
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str());
        let first = found.next();
        found.next().is_none().then_some(first)
    };
    let domain = match (one("header.d")?, one("header.i")?) {
        (Some(domain), _) => domain,
        // Cisco's gateways write nothing else.
        (None, Some(identity)) => identity.rsplit_once('@')?.1,
        (None, None) => return None,
    };
    Some(Pass {
        domain: ascii_domain(domain)?,
        selector: one("header.s")?.and_then(ascii_domain),
        signature: one("header.b")?.map(str::to_owned),
    })
}

/// `key=value` pairs, keys in lower case; blanks may stand around the first `=`. `None` if there is anything else.
fn pairs(segment: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    let mut rest = segment.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let key = key.trim_end();
        let is_key = !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/'));
        if !is_key {
            return None;
        }
        let after = after.trim_start();
        let mut is_quoted = false;
        let end = after.find(|char: char| {
            is_quoted = (is_quoted || char == QUOTE.0) && char != QUOTE.1;
            !is_quoted && char.is_ascii_whitespace()
        });
        let (value, after) = after.split_at_checked(end.unwrap_or(after.len()))?;
        let value: String = value
            .chars()
            .filter(|char| *char != QUOTE.0 && *char != QUOTE.1)
            .collect();
        pairs.push((key.to_ascii_lowercase(), value));
        rest = after.trim_start();
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(value: &str) -> Option<(Option<String>, Vec<String>)> {
        let results = parse(value.as_bytes())?;
        let domains = results.passes.into_iter().map(|pass| pass.domain).collect();
        Some((results.id, domains))
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn passing_signatures_are_read_as_mxs_write_them() {
        let id = || Some("mx.example.com".to_owned());
        for (value, expected) in [
            (
                " mx.example.com; dkim=pass header.d=a.example header.s=s header.b=abc=",
                Some((id(), vec!["a.example"])),
            ),
            (
                " mx.example.com 1;\r\n\tdkim=pass (2048-bit key; x) header.i=@a.example",
                Some((id(), vec!["a.example"])),
            ),
            (
                " mx.example.com;dkim=pass header.i=x@a.example;spf=pass",
                Some((id(), vec!["a.example"])),
            ),
            (
                " \"mx.example.com\"; dkim = pass header.d = a.example",
                Some((id(), vec!["a.example"])),
            ),
            (
                " spf=pass (x) smtp.mailfrom=a.example; dkim=pass (signature was verified) header.d=a.example;dmarc=pass action=none header.from=a.example;",
                Some((None, vec!["a.example"])),
            ),
            (" mx.example.com; none", Some((id(), vec![]))),
            (
                " mx.example.com; dkim=none header.d=none; dkim=fail header.d=a.example",
                Some((id(), vec![])),
            ),
            (
                " mx.example.com; dmarc=pass header.from=a.example",
                Some((id(), vec![])),
            ),
            (
                " mx.example.com; dkim=pass header.d=a.example header.d=b.example",
                Some((id(), vec![])),
            ),
            (
                " mx.example.com; dkim/2=pass header.d=a.example",
                Some((id(), vec![])),
            ),
            (
                " mx.example.com; dkim=pass header.d=a.example stray",
                Some((id(), vec![])),
            ),
            (
                " mx.example.com; dkim=fail (x; dkim=pass header.d=a.example) header.d=b.example",
                Some((id(), vec![])),
            ),
            (
                " mx.example.com; dkim=fail (x (y\\) ; dkim=pass header.d=a.example) z) header.d=b.example",
                Some((id(), vec![])),
            ),
            (
                " mx.example.com; spf=pass smtp.mailfrom=\"a; dkim=pass header.d=a.example\"@b.example",
                Some((id(), vec![])),
            ),
            (" mx.example.com; dkim=fail (x header.d=b.example", None),
            (" mx.example.com; dkim=fail \"x header.d=b.example", None),
            (" mx.example.com 2; dkim=pass header.d=a.example", None),
            (" mx.example.com 1 x; dkim=pass header.d=a.example", None),
            ("", None),
        ] {
            let expected =
                expected.map(|(id, domains)| (id, domains.into_iter().map(str::to_owned).collect()));
            assert_eq!(domains(value), expected, "{value}");
        }
        assert_eq!(
            domains(&format!(" mx.example.com; dkim=pass{}", " ".repeat(MAX_FIELD))),
            None
        );
    }
}
