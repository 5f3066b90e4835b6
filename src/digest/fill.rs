//! Names put into the texts of the table. Pure.

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
