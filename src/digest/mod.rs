//! The daily mail: from the store's rows to subject, text and HTML. Pure: no I/O, no clock, no database.
//!
//! [`Digest::build`] decides what is said and in which order; `text` and `html` only set it. All words stand in
//! [`texts`] (by cause) and beside what they are about; all decisions in [`crate::assess`] and [`schedule`].

mod advice;
mod brief;
mod consequence;
mod events;
pub mod fill;
mod fold;
pub mod guide;
mod hosts;
mod html;
mod json;
pub mod kept_out;
pub mod mail;
pub mod model;
pub mod names;
mod notes;
pub mod outlook;
pub mod parts;
mod reading;
pub mod schedule;
mod sections;
mod seen;
pub mod send;
mod smtp;
mod subject;
mod survey;
mod tables;
mod text;
pub mod texts;
mod trouble;
pub mod week;
mod wire;
pub mod words;

pub use model::{Digest, MailKind, Options, Outlook, news};
pub use outlook::Known;

use crate::assess::news::Event;
use crate::assess::problem::Problem;
use jiff::civil::Date;
pub(crate) use reading::connections;
use reading::{Frame, Reading};

/// What stands before every Subject, so that filters find it.
pub const TAG: &str = "[tlsrptd] ";

/// A problem in a few words: what broke, where, and for which domain where that doesn't tell it.
pub fn headline(problem: &Problem) -> String {
    Reading::new(problem, Event::Ongoing).headline()
}

/// What a problem does to mail, and whose it is: the mail's words under these labels, said on `today`.
pub fn mail_and_whose(problem: &Problem, today: Date) -> (String, String) {
    let reading = Reading::new(problem, Event::Ongoing);
    let frame = Frame {
        today,
        is_first: false,
        is_only_reporter: false,
    };
    (reading.mail(frame), reading.whose_it_is(frame))
}

/// A digest in the forms in which it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The Subject with its tag: ASCII, at most 70 characters.
    pub subject: String,
    /// text/plain, complete, at 72 columns; lines end in LF.
    pub text: String,
    /// text/html with the same words, without anything remote.
    pub html: String,
}

/// A digest that could not be set.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the digest's HTML")]
pub struct RenderError(#[from] askama::Error);

impl Digest {
    /// The forms in which it is sent.
    ///
    /// # Errors
    ///
    /// [`RenderError`] if the template engine fails, which only a lack of memory can cause.
    pub fn render(&self) -> Result<Rendered, RenderError> {
        Ok(Rendered {
            subject: self.subject.clone(),
            text: self.to_text(),
            html: self.to_html()?,
        })
    }
}

#[cfg(test)]
mod tests;
