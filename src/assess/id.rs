//! Ids of problems: stable for ever, because they depend on cause and place alone.

use ring::digest::{SHA256, digest};

use super::cause::Cause;
use super::place::Place;

/// 16 hex digits for a cause at a place. The store shows the first four, five where two problems share them.
pub fn hash(cause: Cause, place: &Place) -> String {
    let key = format!("{}\n{}\n{}", cause.as_str(), place.kind(), place.name());
    let hash = digest(&SHA256, key.as_bytes());
    let mut id = String::with_capacity(16);
    for byte in hash.as_ref().iter().take(8) {
        for digit in [byte >> 4, byte & 15] {
            id.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_the_same_in_every_release() {
        // Of the text "expired\nmx\nmx2.example.com"; printed ids in old mails must go on working.
        assert_eq!(
            hash(Cause::Expired, &Place::Mx("mx2.example.com".into())),
            "5539257fcd7094ba"
        );
    }

    #[test]
    fn ids_of_a_domain_and_of_an_mx_of_that_name_differ() {
        let name = || "example.com".to_owned();
        assert_ne!(
            hash(Cause::Expired, &Place::Mx(name())),
            hash(Cause::Expired, &Place::Unnamed(name()))
        );
    }
}
