//! The example, and what is refused.

mod example;
mod refusals;
mod secrets;

use super::*;

/// The error that a configuration is refused with.
fn refusal(text: &str) -> String {
    let config = match Config::parse(text, "tlsrptd.toml") {
        Ok(config) => config,
        Err(error) => return error.to_string(),
    };
    let complete = config.require_mailboxes().and_then(|()| config.require_sending());
    complete.map_or_else(|error| error.to_string(), |()| panic!("was taken: {text}"))
}

/// A complete configuration with these lines in `[[mailbox]]` and, separated by `---`, in `[digest]` and `[smtp]`.
fn with(lines: &str) -> String {
    let mut parts = lines.split("---");
    let mut part = || parts.next().unwrap_or_default();
    let mailbox = "[[mailbox]]\nname = \"rua\"\nhost = \"imap.example.org\"\nuser = \"u\"\n";
    let digest = "[digest]\nfrom = \"a@example.org\"\nto = [\"b@example.org\"]\n";
    let smtp = "[smtp]\nhost = \"smtp.example.org\"\n";
    format!("{mailbox}{}\n{digest}{}\n{smtp}{}\n", part(), part(), part())
}

#[test]
fn empty_file_is_good_for_reading() {
    let config = Config::parse("", "tlsrptd.toml").unwrap();
    assert_eq!(config.store, StoreConfig::default());
}

#[test]
fn clear_text_to_loopback_is_taken() {
    for host in ["localhost", "127.0.0.1", "::1"] {
        let text = format!("[[mailbox]]\nname = \"a\"\nhost = \"{host}\"\ntls = \"none\"\n");
        Config::parse(&text, "tlsrptd.toml").unwrap();
    }
}

#[test]
fn password_in_a_file_that_everyone_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tlsrptd.toml");
    std::fs::write(&path, with("password = \"hunter2\"")).unwrap();
    let warnings = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Config::load(&path).unwrap().warnings
    };
    assert_eq!(warnings(0o600), [""; 0]);
    let expected = format!(
        "{0} holds a password or token and every user can read it; run: chmod o-r {0}",
        path.display()
    );
    assert_eq!(warnings(0o644), [expected]);
}

#[test]
fn a_mail_is_not_forgotten_before_it_may_leave() {
    let text =
        "[store]\nretention = \"30d\"\n[[mailbox]]\nname = \"rua\"\nafter = \"delete\"\nafter_days = 30\n";
    let error = Config::parse(text, "c.toml").unwrap_err().to_string();
    assert!(
        error.contains("after_days is 30") && error.contains("retention"),
        "{error}"
    );
}

#[test]
fn configuration_of_the_demo_is_complete() {
    let demo = include_str!("../../../fixtures/demo/tlsrptd.toml");
    let config = Config::parse(demo, "fixtures/demo/tlsrptd.toml").unwrap();
    config.require_mailboxes().unwrap();
    config.require_sending().unwrap();
}

#[test]
fn audiences_are_those_of_digest_to_and_then_each_other() {
    let config = Config::parse(
        "[digest]\nfrom = \"a@example.org\"\nto = [\"b@example.org\"]\n[[digest.audience]]\nname = \"shop\"\n\
         domains = [\"Shop.Example.\", \"bücher.example\"]\nto = [\"c@shop.example\"]\n",
        "x",
    );
    let audiences = config.unwrap().digest.audiences();
    assert!(audiences[0].is_default() && audiences[0].domains.is_empty());
    assert_eq!(audiences[0].to, ["b@example.org"]);
    assert_eq!(audiences[1].domains, ["shop.example", "xn--bcher-kva.example"]);
}

/// A complete configuration whose mailbox uses an `[[oauth2]]` with these lines.
fn with_oauth2(lines: &str) -> String {
    let login = "auth = \"xoauth2\"\noauth2 = \"idp\"\n";
    format!("[[oauth2]]\nname = \"idp\"\n{lines}\n{}", with(login))
}
