//! Leaf parts to JSON documents, through every layer around them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::bounded::{Budget, Inflated};
use super::mime::{Leaf, Walk};
use super::sniff::{looks_like_gzip, looks_like_json, looks_like_zip};
use super::{
    Envelope, ExtractError, Extracted, ReportFile, Unreadable, archive, deviation, encoding, sniff, text,
};
use crate::config::Limits;

/// What is known of some content.
#[derive(Debug, Clone)]
struct Part {
    name: Option<String>,
    charset: Option<String>,
    /// Whether the part or the mail was announced as a report.
    announced: bool,
    /// Whether the part itself was, by media type or name.
    named: bool,
    depth: u32,
}

/// Gathers the documents of one mail or file.
pub(super) struct Extractor<'l> {
    limits: &'l Limits,
    budget: Budget,
    n_leaves: usize,
    /// Whether anything announced a report.
    announced: bool,
    found: Extracted,
}

impl<'l> Extractor<'l> {
    pub(super) fn new(bytes: &[u8], limits: &'l Limits) -> Result<Self, ExtractError> {
        if u64::try_from(bytes.len()).is_ok_and(|n_bytes| n_bytes > limits.mail_bytes) {
            return Err(ExtractError::Limit {
                limit: "mail_bytes",
                value: limits.mail_bytes,
            });
        }
        Ok(Self {
            limits,
            budget: Budget::new(limits.decompressed_bytes),
            n_leaves: 0,
            announced: false,
            found: Extracted::default(),
        })
    }

    pub(super) fn whole_mail(mut self, mail: &[u8]) -> Result<Extracted, ExtractError> {
        let envelope = self.mail(mail, 0, false)?;
        let mut found = self.found;
        found.envelope = envelope;
        if self.announced && found.files.is_empty() && found.unreadable.is_empty() {
            found.unreadable.push(Unreadable {
                name: None,
                reason: "announced as a TLS report, but no part of it holds one".to_owned(),
            });
        }
        Ok(found)
    }

    pub(super) fn whole_file(mut self, bytes: &[u8], name: Option<&str>) -> Result<Extracted, ExtractError> {
        let named = name.is_some_and(is_report_name);
        let part = Part {
            name: name.map(str::to_owned),
            charset: None,
            announced: named,
            named,
            depth: 0,
        };
        self.content(Cow::Borrowed(bytes), &part, BTreeSet::new())?;
        Ok(self.found)
    }

    fn mail(&mut self, mail: &[u8], depth: u32, announced: bool) -> Result<Envelope, ExtractError> {
        Walk::run(mail, depth, self.limits.nesting, announced, |leaf| {
            self.leaf(leaf)
        })
    }

    fn count_leaves(&mut self, n_leaves: usize) -> Result<(), ExtractError> {
        self.n_leaves = self.n_leaves.saturating_add(n_leaves);
        if u32::try_from(self.n_leaves).is_ok_and(|n_leaves| n_leaves <= self.limits.leaf_parts) {
            return Ok(());
        }
        Err(ExtractError::Limit {
            limit: "leaf_parts",
            value: self.limits.leaf_parts.into(),
        })
    }

    fn check_depth(&self, depth: u32) -> Result<(), ExtractError> {
        if depth <= self.limits.nesting {
            return Ok(());
        }
        Err(ExtractError::Limit {
            limit: "nesting",
            value: self.limits.nesting.into(),
        })
    }

    fn leaf(&mut self, leaf: Leaf<'_>) -> Result<(), ExtractError> {
        self.count_leaves(1)?;
        let header = leaf.header;
        let mut deviations = BTreeSet::new();
        let bytes = encoding::decode(leaf.body, header.encoding, &mut deviations);
        if matches!(header.media_type.as_str(), "message/rfc822" | "message/global") {
            self.budget.spend(bytes.len())?;
            self.mail(&bytes, leaf.depth.saturating_add(1), leaf.announced)?;
            return Ok(());
        }
        let named = header.media_type.starts_with("application/tlsrpt")
            || header.name.as_deref().is_some_and(is_report_name);
        self.announced |= named || leaf.announced;
        let is_text = matches!(header.media_type.as_str(), "" | "text/plain" | "text/html");
        if is_text && !named && !looks_like_json(&bytes) {
            return Ok(());
        }
        if !leaf.is_closed {
            deviations.insert(deviation::BOUNDARY_NOT_CLOSED);
        }
        let part = Part {
            name: header.name,
            charset: header.charset,
            announced: named || leaf.announced,
            named,
            depth: leaf.depth,
        };
        self.content(bytes, &part, deviations)
    }

    /// Judges content by its first bytes.
    fn content(
        &mut self,
        bytes: Cow<'_, [u8]>,
        part: &Part,
        deviations: BTreeSet<&'static str>,
    ) -> Result<(), ExtractError> {
        if looks_like_gzip(&bytes) {
            self.gzip(&bytes, part, deviations)
        } else if looks_like_zip(&bytes) {
            self.zip(&bytes, part, &deviations)
        } else if looks_like_json(&bytes) {
            self.json(bytes.into_owned(), part, deviations)
        } else {
            let reason = if bytes.trim_ascii().is_empty() {
                "the attachment is empty"
            } else {
                "the attachment is neither JSON nor gzip nor zip"
            };
            self.unreadable(part.named, part, reason.to_owned());
            Ok(())
        }
    }

    fn unreadable(&mut self, announced: bool, part: &Part, reason: String) {
        if announced {
            self.found.unreadable.push(Unreadable {
                name: part.name.clone(),
                reason,
            });
        }
    }

    fn json(
        &mut self,
        bytes: Vec<u8>,
        part: &Part,
        mut deviations: BTreeSet<&'static str>,
    ) -> Result<(), ExtractError> {
        let text = text::decode(bytes, part.charset.as_deref(), &mut self.budget, &mut deviations)?;
        self.found.files.push(ReportFile {
            name: part.name.clone(),
            announced: part.announced || speaks_of_report(&text),
            text,
            deviations,
        });
        Ok(())
    }

    fn gzip(
        &mut self,
        bytes: &[u8],
        part: &Part,
        mut deviations: BTreeSet<&'static str>,
    ) -> Result<(), ExtractError> {
        let depth = part.depth.saturating_add(1);
        self.check_depth(depth)?;
        let inflated = self.budget.gunzip(bytes, &mut deviations)?;
        if looks_like_gzip(&inflated.bytes) {
            deviations.insert(deviation::GZIP_IN_GZIP);
        }
        self.inflated(
            inflated,
            "gzip stream",
            &Part {
                depth,
                ..part.clone()
            },
            deviations,
        )
    }

    fn inflated(
        &mut self,
        inflated: Inflated,
        kind: &str,
        part: &Part,
        deviations: BTreeSet<&'static str>,
    ) -> Result<(), ExtractError> {
        let bytes = inflated.bytes;
        if sniff::is_of_use(&bytes) {
            return self.content(Cow::Owned(bytes), part, deviations);
        }
        let reason = match inflated.error {
            Some(error) => format!("the {kind} is damaged: {error}"),
            None if inflated.is_empty => format!("the {kind} is empty"),
            None => format!("the {kind} holds no JSON"),
        };
        // XML in a mail that holds a TLS report as well: a DMARC report beside.
        let is_xml = bytes.trim_ascii_start().starts_with(b"<");
        self.unreadable(part.named || (part.announced && !is_xml), part, reason);
        Ok(())
    }

    fn zip(
        &mut self,
        bytes: &[u8],
        part: &Part,
        deviations: &BTreeSet<&'static str>,
    ) -> Result<(), ExtractError> {
        let depth = part.depth.saturating_add(1);
        self.check_depth(depth)?;
        self.count_leaves(archive::count_entries(bytes))?;
        let mut archive = match archive::open(bytes) {
            Ok(archive) => archive,
            Err(reason) => {
                self.unreadable(part.announced, part, reason);
                return Ok(());
            }
        };
        let n_before = (self.found.files.len(), self.found.unreadable.len());
        for index in 0..archive.len() {
            match archive.by_index(index) {
                Ok(entry) if entry.is_dir() => {}
                Ok(entry) => {
                    let name = archive::entry_name(&entry);
                    let inflated = self.budget.read(entry)?;
                    self.zip_entry(
                        inflated,
                        name,
                        &Part {
                            depth,
                            ..part.clone()
                        },
                        deviations.clone(),
                    )?;
                }
                Err(error) => {
                    let reason = format!("the zip entry can't be read: {error}");
                    self.unreadable(part.announced, part, reason);
                }
            }
        }
        if n_before == (self.found.files.len(), self.found.unreadable.len()) {
            self.unreadable(part.named, part, "the zip archive holds no JSON".to_owned());
        }
        Ok(())
    }

    /// Other files may lie beside a report, so that only a damaged entry, or one with a report's name, is unreadable.
    fn zip_entry(
        &mut self,
        inflated: Inflated,
        name: Option<String>,
        archive: &Part,
        mut deviations: BTreeSet<&'static str>,
    ) -> Result<(), ExtractError> {
        deviations.insert(deviation::ZIP);
        if inflated.error.is_some() {
            deviations.insert(deviation::ZIP_DAMAGED);
        }
        let named = name.as_deref().is_some_and(is_report_name);
        let may_be_report = named || inflated.error.is_some() || sniff::is_of_use(&inflated.bytes);
        let entry = Part {
            name: name
                .filter(|_| named || archive.name.is_none())
                .or_else(|| archive.name.clone()),
            announced: may_be_report && (archive.announced || named),
            named: named || (archive.named && may_be_report),
            ..archive.clone()
        };
        self.inflated(inflated, "zip entry", &entry, deviations)
    }
}

/// Whether a file name is one of RFC 8460, Section 5.1: `sender!policy-domain!begin!end[!unique-id].json[.gz]`.
pub(super) fn is_report_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let Some(stem) = name
        .strip_suffix(".json.gz")
        .or_else(|| name.strip_suffix(".json"))
    else {
        return false;
    };
    let fields: Vec<_> = stem.split('!').collect();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    matches!(fields.as_slice(), [_, _, begin, end] | [_, _, begin, end, _] if is_number(begin) && is_number(end))
}

/// Whether a text, valid JSON or not, uses the words of a report, as a sender's broken one does.
fn speaks_of_report(text: &str) -> bool {
    /// Bytes to look at; the words stand near the start.
    const HEAD: usize = 64 * 1024;
    let head = text.get(..text.floor_char_boundary(HEAD)).unwrap_or_default();
    head.contains("policies")
        && ["date-range", "report-id", "policy-type"]
            .iter()
            .any(|word| head.contains(word))
}
