//! Tag lists (RFC 6376, Section 3.2), read once and strictly: what two readers could take in two ways is refused.

use std::collections::BTreeMap;

/// The tags of a signature or key record; names in lower case, values without blanks around them.
#[derive(Debug, Clone)]
pub(super) struct Tags<'a>(BTreeMap<String, &'a str>);

/// Why a tag list is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagFault {
    /// It isn't text.
    NotText,
    /// Something in it is no tag.
    NotATag,
    /// A tag occurs twice.
    Twice,
}

impl<'a> Tags<'a> {
    pub(super) fn parse(list: &'a [u8]) -> Result<Self, TagFault> {
        let list = std::str::from_utf8(list).map_err(|_| TagFault::NotText)?;
        let list = list.trim_matches(is_blank);
        let list = list.strip_suffix(';').unwrap_or(list);
        let mut tags = BTreeMap::new();
        for tag in list.split(';') {
            let (name, value) = tag.split_once('=').ok_or(TagFault::NotATag)?;
            let name = name.trim_matches(is_blank).to_ascii_lowercase();
            let is_name = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_name {
                return Err(TagFault::NotATag);
            }
            if tags.insert(name, value.trim_matches(is_blank)).is_some() {
                return Err(TagFault::Twice);
            }
        }
        Ok(Self(tags))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    /// The items of a value that is a list with colons; `None` if the tag is absent.
    pub(super) fn items(&self, name: &str) -> Option<impl Iterator<Item = &'a str> + use<'a>> {
        let value = self.get(name)?;
        Some(value.split(':').map(|item| item.trim_matches(is_blank)))
    }
}

/// White space that may stand between what counts.
fn is_blank(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\r' | '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_with_blanks_and_folds() {
        let tags = Tags::parse(b" v=1; a = rsa-sha256 ;\r\n\th=From : To:\r\n Date; b=a=b=;").unwrap();
        assert_eq!(tags.get("v"), Some("1"));
        assert_eq!(tags.get("a"), Some("rsa-sha256"));
        assert_eq!(
            tags.items("h").unwrap().collect::<Vec<_>>(),
            ["From", "To", "Date"]
        );
        assert_eq!(tags.get("b"), Some("a=b="));
        assert_eq!(tags.get("x"), None);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for (list, fault) in [
            (&b"v=1; d=a; D=b"[..], TagFault::Twice),
            (b"v=1; d", TagFault::NotATag),
            (b"v=1;; d=a", TagFault::NotATag),
            (b"v=1; d d=a", TagFault::NotATag),
            (b"", TagFault::NotATag),
            (b"v=\xff", TagFault::NotText),
        ] {
            assert_eq!(Tags::parse(list).unwrap_err(), fault, "{list:?}");
        }
    }
}
