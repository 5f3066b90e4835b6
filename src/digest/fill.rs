//! Names put into the texts of the table. Pure.

use crate::assess::cause::Cause;
use crate::assess::place::Place;
use crate::assess::problem::Problem;
use crate::digest::hosts::short_host;
use crate::digest::{names, words};

/// Words put into a text of the table.
#[derive(Debug, Clone, Default)]
pub struct Fill {
    /// For `{place}`.
    pub place: String,
    /// For `{short}`: the place as short as is clear.
    pub short: String,
    /// For `{mx}`: the MX; in commands a checked name.
    pub mx: String,
    /// For `{host}`: the MX by its full name.
    pub host: String,
    /// For `{domain}`.
    pub domain: String,
    /// For `{reporter}`.
    pub reporter: String,
    /// For `{type}`.
    pub result_type: String,
}

impl Fill {
    /// The names of a problem, its hosts written by `host`.
    pub fn of(problem: &Problem, host: impl Fn(&str) -> String) -> Self {
        let domain = match problem.domains.first().map(String::as_str) {
            Some("") | None => match &problem.place {
                Place::Policy(domain) | Place::Unnamed(domain) if !domain.is_empty() => names::host(domain),
                _ => "a domain not named".to_owned(),
            },
            Some(domain) => names::host(domain),
        };
        let (place, mx, literal) = match &problem.place {
            Place::Mx(mx) => (host(mx), host(mx), names::host(mx)),
            Place::Policy(domain) => (names::host(domain), "the MX".to_owned(), "the MX".to_owned()),
            // That is the zone's, whatever the MX.
            Place::Unnamed(_) if problem.cause == Cause::Dnssec => {
                (domain.clone(), "the MX".to_owned(), "the MX".to_owned())
            }
            Place::Unnamed(_) if problem.cause == Cause::MxNotInPolicy => (
                "an MX (not named)".to_owned(),
                "that MX".to_owned(),
                "its name".to_owned(),
            ),
            Place::Unnamed(_) => (
                format!("an MX of {domain}"),
                "the MX".to_owned(),
                "the MX".to_owned(),
            ),
        };
        let reporters: Vec<String> = problem
            .vouching()
            .map(|witness| names::reporter(&witness.reporter, &witness.reporter))
            .collect();
        Self {
            short: match &problem.place {
                Place::Mx(mx) => short_host(problem, mx),
                _ => place.clone(),
            },
            place,
            mx,
            host: literal,
            domain,
            reporter: if reporters.is_empty() {
                "nobody".to_owned()
            } else {
                words::list(&reporters, 3)
            },
            result_type: problem
                .result_types
                .first()
                .map(|kind| names::quoted(kind, 40))
                .unwrap_or_default(),
        }
    }

    /// `template` with its gaps filled, in one pass, so that a filled-in text is never read as a gap.
    pub fn apply(&self, template: &str) -> String {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                rest = after;
                continue;
            };
            filled.push_str(match name {
                "place" => &self.place,
                "short" => &self.short,
                "mx" => &self.mx,
                "host" => &self.host,
                "domain" => &self.domain,
                "reporter" => &self.reporter,
                "type" => &self.result_type,
                _ => "",
            });
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filled_in_text_is_not_filled_again() {
        let fill = Fill {
            place: "{domain}".to_owned(),
            domain: "example.org".to_owned(),
            ..Fill::default()
        };
        assert_eq!(fill.apply("{place} of {domain}"), "{domain} of example.org");
    }
}
