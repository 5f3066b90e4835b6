//! JSON objects and lists, one level at a time: members stay unread slices of the document, so that one odd value
//! spoils nothing else and no tree is built.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What a JSON value is, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    List,
    String,
    Number,
    Bool,
    Null,
}

pub(super) fn kind(value: &RawValue) -> Kind {
    match value.get().as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::List,
        Some(b'"') => Kind::String,
        Some(b't' | b'f') => Kind::Bool,
        Some(b'n') | None => Kind::Null,
        Some(_) => Kind::Number,
    }
}

/// Hands each member of an object to `visit`; false where the value is no object.
pub(super) fn members<'a>(value: &'a RawValue, visit: impl FnMut(&'a RawValue, &'a RawValue)) -> bool {
    if kind(value) != Kind::Object {
        return false;
    }
    let mut json = serde_json::Deserializer::from_str(value.get());
    // The slice was syntax-checked when it was cut out, so an error can't occur; if one did, the rest is absent.
    json.deserialize_map(Members(visit)).is_ok()
}

struct Members<F>(F);

impl<'de, F: FnMut(&'de RawValue, &'de RawValue)> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            (self.0)(key, value);
        }
        Ok(())
    }
}

/// Hands each element of a list to `visit` until that returns false.
pub(super) fn elements<'a>(value: &'a RawValue, visit: impl FnMut(&'a RawValue) -> bool) {
    let mut json = serde_json::Deserializer::from_str(value.get());
    // Stopping early is an error to serde, and the only one that a syntax-checked slice can give.
    drop(json.deserialize_seq(Elements(visit)));
}

struct Elements<F>(F);

impl<'de, F: FnMut(&'de RawValue) -> bool> Visitor<'de> for Elements<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element::<&RawValue>()? {
            if !(self.0)(value) {
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// A string's text, and whether half a surrogate pair had to be replaced in it; `None` where it is no string.
pub(super) fn string(value: &RawValue) -> Option<(String, bool)> {
    if kind(value) != Kind::String {
        return None;
    }
    // Between its quotes stands the text itself, unless something in it is escaped.
    let plain = value
        .get()
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    if let Some(text) = plain.filter(|text| !text.contains('\\')) {
        return Some((text.to_owned(), false));
    }
    if let Ok(text) = serde_json::from_str::<String>(value.get()) {
        return Some((text, false));
    }
    let bytes = serde_json::Deserializer::from_str(value.get())
        .deserialize_bytes(Bytes)
        .ok()?;
    Some((String::from_utf8_lossy(&bytes).into_owned(), true))
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
}
