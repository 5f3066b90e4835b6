//! Which domains belong together: organisational domains by the public suffix list.

/// Domains from which one organisation reports, and the one that it is known by.
const ALIASES: [(&str, &str); 2] = [("1e100.net", "google.com"), ("corp.mail.ru", "mail.ru")];

/// A host name in lower case and A-labels; `None` for an address literal and what no name server would know.
pub(super) fn ascii_domain(domain: &str) -> Option<String> {
    let domain = if domain.is_ascii() {
        domain.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(domain).ok()?
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    (domain.len() <= 253 && !is_address(&domain) && domain.split('.').all(is_label)).then_some(domain)
}

/// Whether a name is an IPv4 address, of which the public suffix list would make a domain.
fn is_address(name: &str) -> bool {
    name.rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The organisational domain: one label below a public suffix. `None` for a public suffix itself.
pub(super) fn organisational(domain: &str) -> Option<&str> {
    psl::domain_str(domain)
}

/// By which domain a reporter is known, whichever of its own it writes from; the same text if it is no domain.
pub fn organisation(domain: &str) -> String {
    let domain = domain.to_ascii_lowercase();
    let own = organisational(&domain)
        .filter(|_| !is_address(&domain))
        .unwrap_or(&domain);
    let known = ALIASES
        .iter()
        .find(|(alias, _)| *alias == domain || *alias == own);
    known.map_or(own, |(_, name)| name).to_owned()
}

/// Whether a signature of `signing` says something about mail from `from`: the same domain or a parent, within one
/// organisational domain. Both in lower case.
pub(super) fn is_aligned(signing: &str, from: &str) -> bool {
    let is_parent = from
        .strip_suffix(signing)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    is_parent && organisational(signing).is_some_and(|own| organisational(from) == Some(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_domain_and_its_parents_within_the_organisation_are_aligned() {
        for (signing, from, expected) in [
            ("example.com", "example.com", true),
            ("example.com", "mail.example.com", true),
            ("a.example.co.uk", "b.a.example.co.uk", true),
            ("mail.example.com", "example.com", false),
            ("a.example.com", "b.example.com", false),
            ("ple.com", "example.com", false),
            ("example.net", "example.com", false),
            ("com", "example.com", false),
            ("co.uk", "example.co.uk", false),
            ("github.io", "example.github.io", false),
            ("test", "test", false),
        ] {
            assert_eq!(is_aligned(signing, from), expected, "{signing} {from}");
        }
    }

    #[test]
    fn domains_are_names_in_a_labels() {
        let domain = |text| ascii_domain(text);
        assert_eq!(domain("Example.COM").as_deref(), Some("example.com"));
        assert_eq!(
            domain("b\u{fc}cher.example").as_deref(),
            Some("xn--bcher-kva.example")
        );
        for wrong in [
            "",
            "a..b",
            "example.com.",
            "192.0.2.1",
            "[192.0.2.1]",
            "a b.example",
            "a/b.example",
            "ex\u{0}.com",
            &format!("{}.example", "a".repeat(64)),
            &"a.".repeat(130),
        ] {
            assert_eq!(domain(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn aliases_of_a_reporter_are_one_organisation() {
        for (domain, expected) in [
            ("1e100.net", "google.com"),
            ("mail.1e100.net", "google.com"),
            ("google.com", "google.com"),
            ("corp.mail.ru", "mail.ru"),
            ("mx.example.co.uk", "example.co.uk"),
            ("co.uk", "co.uk"),
            ("192.0.2.1", "192.0.2.1"),
            ("", ""),
        ] {
            assert_eq!(organisation(domain), expected);
        }
    }
}
