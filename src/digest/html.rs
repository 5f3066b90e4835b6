//! The digest as HTML: the same words in the same order, without scripts and without anything remote.

use askama::Template;

use crate::digest::parts::{Block, Section};
use crate::digest::{Digest, RenderError, text};

#[derive(Template)]
#[template(path = "digest.html")]
struct Page<'a> {
    digest: &'a Digest,
}

impl Digest {
    /// The HTML; every text in it is escaped.
    pub(crate) fn to_html(&self) -> Result<String, RenderError> {
        Ok(Page { digest: self }.render()?)
    }
}
