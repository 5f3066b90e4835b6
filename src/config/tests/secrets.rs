//! Secrets are shown nowhere.

use super::*;

#[test]
fn password_is_never_shown() {
    let secret = "hunter2";
    for line in [
        "password = hunter2",
        "password = [\"hunter2\"]",
        "password = { value = \"hunter2\" }",
        "password = \"hunter2",
        "password = \"hunter2\\q\"",
        "password = \"hunter2\"\npassword = \"hunter2\"",
        "password = \"hunter2\" junk",
        "password = '''\nhunter2\n'''x",
        "pasword = \"hunter2\"",
        "passwort = \"hunter2\"",
        "\"password\" = [\"hunter2\"]",
        "password_file = \"f\"\npassword = \"hunter2\"",
        "  password=hunter2",
        "password.value = \"hunter2\"",
    ] {
        for text in [with(line), format!("{}{line}\n", with("password_file = \"f\""))] {
            let refused = refusal(&text);
            assert!(!refused.contains(secret), "{line}:\n{refused}");
        }
    }
    let refused = refusal("mailbox = [{ name = \"a\", password = \"hunter2\", port = \"x\" }]");
    assert!(!refused.contains(secret), "{refused}");
}

#[test]
fn password_is_not_in_debug_output() {
    let config = Config::parse(&with("password = \"hunter2\""), "tlsrptd.toml").unwrap();
    let shown = format!("{config:?} {:?}", config.mailboxes[0].secret());
    assert!(
        shown.contains("REDACTED") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn client_secret_is_never_shown() {
    let text = with_oauth2("client_secret = \"hunter2\"");
    let config = Config::parse(&text, "tlsrptd.toml").unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    for line in [
        "client_secret = hunter2",
        "client_secret_file = [\"hunter2\"]",
        "client_secret = 1 # hunter2",
    ] {
        let refused = refusal(&with_oauth2(line));
        assert!(!refused.contains("hunter2"), "{line}:\n{refused}");
    }
}
