//! TLS and logging in, by IMAP and SMTP.

use std::fs;

use super::support::script::Script;
use super::support::*;

/// A world whose mailbox holds one report.
fn world_with_a_report() -> World {
    let world = World::new();
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    world
}

/// Polls with these keys of `[[mailbox]]` and demands the report.
#[track_caller]
fn reads_with(world: &World, port: u16, keys: &str) {
    let tlsrptd = world.tlsrptd(&world.mailbox_at(port, keys));
    tlsrptd.run(&["poll"]).exits(0);
    assert_eq!(tlsrptd.reports(), 1);
}

/// Polls with these keys of `[[mailbox]]` and demands an error that says `words` and no secret.
#[track_caller]
fn fails_with(world: &World, port: u16, keys: &str, words: &[&str]) {
    let tlsrptd = world.tlsrptd(&world.mailbox_at(port, keys));
    let server = format!(":{port}");
    tlsrptd
        .run(&["poll"])
        .exits(1)
        .says(&["rua", &server])
        .says(words)
        .never_says(&[PASSWORD, "wrong-horse", "panicked"]);
    assert_eq!(tlsrptd.reports(), 0);
}

#[test]
fn imap_over_implicit_tls_with_our_authority() {
    let world = world_with_a_report();
    reads_with(&world, world.dovecot.imaps, "");
}

#[test]
fn imap_over_implicit_tls_by_address() {
    let world = world_with_a_report();
    reads_with(&world, world.dovecot.imaps, "host = \"127.0.0.1\"");
}

#[test]
fn imap_over_starttls() {
    let world = world_with_a_report();
    reads_with(&world, world.dovecot.imap, "tls = \"starttls\"");
}

#[test]
fn imap_in_clear_text_over_loopback() {
    let world = world_with_a_report();
    reads_with(&world, world.dovecot.imap, "tls = \"none\"");
}

#[test]
fn imap_server_of_an_unknown_authority_is_refused() {
    let world = world_with_a_report();
    let other = Ca::new(&world.path("other"));
    let keys = format!("ca_file = {}", quoted(&other.root));
    fails_with(&world, world.dovecot.imaps, &keys, &["certificate", "localhost"]);
}

#[test]
fn imap_server_of_an_unknown_authority_is_refused_over_starttls() {
    let world = world_with_a_report();
    let other = Ca::new(&world.path("other"));
    let keys = format!("tls = \"starttls\"\nca_file = {}", quoted(&other.root));
    fails_with(&world, world.dovecot.imap, &keys, &["certificate", "localhost"]);
}

#[test]
fn imap_server_of_another_name_is_refused() {
    let world = world_with_a_report();
    let keys = "tls_server_name = \"imap.example.net\"";
    fails_with(
        &world,
        world.dovecot.imaps,
        keys,
        &["certificate", "imap.example.net"],
    );
}

#[test]
fn imap_server_that_offers_no_starttls_gets_no_password() {
    let world = World::new();
    let server = Script::new("* OK IMAP4rev1 ready\r\n", |line| {
        let (tag, command) = line.split_once(' ')?;
        Some(if command.eq_ignore_ascii_case("CAPABILITY") {
            format!("* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n")
        } else {
            format!("{tag} BAD not here\r\n")
        })
    });

    fails_with(&world, server.port, "tls = \"starttls\"", &["STARTTLS"]);

    let heard = server.heard().join("\n").to_uppercase();
    assert!(
        !heard.contains("LOGIN") && !heard.contains("AUTHENTICATE"),
        "{heard}"
    );
}

#[test]
fn wrong_imap_password_is_named_by_server_and_step() {
    let world = world_with_a_report();
    let words = ["localhost", "login", "AUTHENTICATIONFAILED"];
    fails_with(&world, world.dovecot.imaps, "password = \"wrong-horse\"", &words);
}

#[test]
fn imap_server_that_is_not_there_is_named() {
    let world = World::new();
    let [port] = own_ports();
    fails_with(&world, port, "", &["localhost", "connect"]);
}

#[test]
fn password_that_is_not_ascii() {
    let world = World::new();
    world.dovecot.deliver(GREEK, &Report::quiet("one").mail());
    let keys = format!("user = {GREEK:?}\npassword = {GREEK_PASSWORD:?}");
    reads_with(&world, world.dovecot.imaps, &keys);
}

#[test]
fn password_from_a_file() {
    let world = world_with_a_report();
    fs::write(world.path("secret"), format!("{PASSWORD}\n")).unwrap();
    reads_with(
        &world,
        world.dovecot.imaps,
        &format!("password_file = {}", quoted(&world.path("secret"))),
    );
}

#[test]
fn password_from_a_command() {
    let world = world_with_a_report();
    reads_with(
        &world,
        world.dovecot.imaps,
        &format!("password_command = [\"/bin/echo\", {PASSWORD:?}]"),
    );
}

#[test]
fn password_from_the_environment() {
    let world = world_with_a_report();
    let tlsrptd = world.tlsrptd(&world.mailbox("password_env = \"RUA_PASSWORD\""));

    Running::start(tlsrptd.command(&["poll"]).env("RUA_PASSWORD", PASSWORD))
        .wait(LONG)
        .exits(0);
    assert_eq!(tlsrptd.reports(), 1);

    tlsrptd.run(&["poll"]).exits(1).says(&["RUA_PASSWORD"]);
}

#[test]
fn password_from_a_credential_of_systemd() {
    let world = world_with_a_report();
    fs::create_dir(world.path("credentials")).unwrap();
    fs::write(world.path("credentials/rua"), PASSWORD).unwrap();
    let tlsrptd = world.tlsrptd(&world.mailbox("password_credential = \"rua\""));

    let mut poll = tlsrptd.command(&["poll"]);
    Running::start(poll.env("CREDENTIALS_DIRECTORY", world.path("credentials")))
        .wait(LONG)
        .exits(0);

    assert_eq!(tlsrptd.reports(), 1);
}

#[test]
fn password_command_that_fails_is_named_and_its_output_is_not() {
    let world = world_with_a_report();
    let keys = format!("password_command = [\"/bin/sh\", \"-c\", \"echo {PASSWORD}; exit 9\"]");
    let tlsrptd = world.tlsrptd(&world.mailbox(&keys));
    tlsrptd
        .run(&["poll"])
        .exits(1)
        .says(&["rua", "/bin/sh", "9"])
        .never_says(&[PASSWORD]);
}

#[test]
fn imap_by_oauth_token() {
    let world = world_with_a_report();
    reads_with(&world, world.dovecot.imaps, &token_keys(&world, &token(RUA)));
}

#[test]
fn imap_oauth_token_that_is_refused_is_named_by_server_and_step() {
    let world = world_with_a_report();
    let forged = format!("{}wrong-horse", token(RUA));
    fails_with(
        &world,
        world.dovecot.imaps,
        &token_keys(&world, &forged),
        &["localhost", "login"],
    );
}

/// Sends the first digest with these keys of `[smtp]` and demands that it arrives.
#[track_caller]
fn sends_with(world: &World, keys: &str) {
    let tlsrptd = world.tlsrptd(&world.sending(keys));
    tlsrptd.run(&["import", "-"]).exits(0);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    assert_eq!(world.received(OPS, 1).len(), 1);
}

/// Sends the first digest with these keys of `[smtp]` and demands an error that says `words` and no secret.
#[track_caller]
fn sending_fails_with(world: &World, keys: &str, words: &[&str]) {
    let tlsrptd = world.tlsrptd(&world.sending(keys));
    tlsrptd.run(&["import", "-"]).exits(0);
    tlsrptd
        .run(&["digest", "--send"])
        .exits(1)
        .says(&["localhost"])
        .says(words)
        .never_says(&[PASSWORD, "wrong-horse", "panicked"]);
    assert_eq!(
        tlsrptd.count("SELECT count(*) AS n FROM digests WHERE sent_at IS NOT NULL"),
        0
    );
}

#[test]
fn smtp_over_starttls_with_login() {
    sends_with(&World::with_postfix(), "");
}

#[test]
fn smtp_over_implicit_tls_with_login() {
    let world = World::with_postfix();
    sends_with(
        &world,
        &format!("tls = \"implicit\"\nport = {}", world.postfix().submissions),
    );
}

#[test]
fn smtp_by_oauth_token() {
    let world = World::with_postfix();
    sends_with(&world, &token_keys(&world, &token(RUA)));
}

#[test]
fn smtp_server_of_an_unknown_authority_is_refused() {
    let world = World::with_postfix();
    let other = Ca::new(&world.path("other"));
    sending_fails_with(
        &world,
        &format!("ca_file = {}", quoted(&other.root)),
        &["certificate"],
    );
}

#[test]
fn wrong_smtp_password_is_named() {
    sending_fails_with(&World::with_postfix(), "password = \"wrong-horse\"", &["535"]);
}

#[test]
fn smtp_oauth_token_that_is_refused_is_named_as_such() {
    let world = World::with_postfix();
    let forged = format!("{}wrong-horse", token(RUA));
    sending_fails_with(&world, &token_keys(&world, &forged), &["token"]);
}

#[test]
fn smtp_server_that_offers_no_starttls_gets_no_password() {
    let world = World::new();
    let server = Script::new("220 ready\r\n", |line| {
        Some(match line.split(' ').next()? {
            "EHLO" => "250-localhost\r\n250 AUTH PLAIN LOGIN\r\n".to_owned(),
            "QUIT" => return None,
            _ => "502 not here\r\n".to_owned(),
        })
    });

    sending_fails_with(&world, &format!("port = {}", server.port), &["STARTTLS"]);

    let heard = server.heard().join("\n").to_uppercase();
    assert!(!heard.contains("AUTH") && !heard.contains("MAIL"), "{heard}");
}

/// The keys of a login by this token.
fn token_keys(world: &World, token: &str) -> String {
    let file = world.path("token");
    fs::write(&file, token).unwrap();
    format!(
        "auth = \"xoauth2\"\ntoken_command = [\"/bin/cat\", {}]",
        quoted(&file)
    )
}
