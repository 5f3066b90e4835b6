//! Access tokens that tlsrptd fetches itself, for a real Dovecot and a real Postfix.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};

use super::support::oauth::{CLIENT, CLIENT_SECRET, GOOD, Provider, REFRESH, Reply};
use super::support::tlsrptd::Ended;
use super::support::*;

/// The keys of a login by these tokens.
const LOGIN: &str = "auth = \"xoauth2\"\noauth2 = \"idp\"";
/// What must be said when a person has to act.
const NEEDS: &str = "needs new authorisation";

/// A world whose mailbox holds one report, and an endpoint.
fn world() -> (World, Provider) {
    let world = World::new();
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    (world, Provider::new())
}

/// The program that reads `RUA` by tokens, with further or other keys of `[[oauth2]]`.
fn reader(world: &World, provider: &Provider, keys: &str) -> Tlsrptd {
    let limits = "[limits]\nconnect_timeout = \"20s\"\n";
    let mailbox = world.mailbox(LOGIN);
    world.tlsrptd(&format!("{}{mailbox}{limits}", provider.section(world, keys)))
}

/// Demands that no secret is in the output or the database.
#[track_caller]
fn keeps_secrets(tlsrptd: &Tlsrptd, provider: &Provider, ended: Ended) {
    let issued = provider.issued();
    let mut secrets: Vec<&str> = issued.iter().map(String::as_str).collect();
    secrets.extend([CLIENT_SECRET, REFRESH, "hidden-sesame", "panicked"]);
    ended.never_says(&secrets);
    let database = fs::read(tlsrptd.database()).unwrap_or_default();
    for secret in secrets {
        let is_in = database
            .windows(secret.len())
            .any(|bytes| bytes == secret.as_bytes());
        assert!(!is_in, "{secret} is in the database");
    }
}

/// Polls in vain and demands an error that says `words` and no secret, a question at most, and the state.
#[track_caller]
fn fails_with(reply: Reply, keys: &str, words: &[&str], is_state: bool) {
    let (world, provider) = world();
    provider.says(reply);
    let tlsrptd = reader(&world, &provider, keys);
    let poll = tlsrptd.run(&["--verbose", "poll"]).exits(1).says(words);
    keeps_secrets(
        &tlsrptd,
        &provider,
        poll.says(&["localhost", &provider.port.to_string()]),
    );
    assert_eq!((tlsrptd.reports(), provider.asked().len()), (0, 1));

    let status = tlsrptd.run(&["status"]).exits(0).says(words);
    let json: serde_json::Value =
        serde_json::from_str(&tlsrptd.run(&["status", "--format", "json"]).stdout).unwrap();
    assert_eq!(json["mailboxes"][0]["needs_authorisation"], is_state);
    assert_eq!(status.stdout.contains(NEEDS), is_state, "{}", status.stdout);

    // What was wrong has passed: nothing of it is left.
    provider.says(GOOD);
    tlsrptd.run(&["poll"]).exits(0);
    tlsrptd.run(&["status"]).exits(0).never_says(&[NEEDS]);
}

#[test]
fn refresh_token_brings_the_token_for_imap() {
    let (world, provider) = world();
    let tlsrptd = reader(&world, &provider, "");

    let poll = tlsrptd.run(&["--verbose", "poll"]).exits(0);

    keeps_secrets(&tlsrptd, &provider, poll);
    assert_eq!(tlsrptd.reports(), 1);
    let [asked] = provider.asked().try_into().unwrap();
    assert_eq!(asked.form["grant_type"], "refresh_token");
    assert_eq!(asked.form["refresh_token"], REFRESH);
    assert!(!asked.form.contains_key("scope"), "{asked:?}");
    assert_eq!(
        fs::read_to_string(Provider::file(&world)).unwrap(),
        format!("{REFRESH}\n")
    );
}

#[test]
fn client_credentials_bring_the_token_for_imap() {
    let (world, provider) = world();
    let keys = "grant = \"client-credentials\"\nscope = \"mail/.default\"";
    let tlsrptd = reader(&world, &provider, keys);

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.reports(), 1);
    let [asked] = provider.asked().try_into().unwrap();
    assert_eq!(asked.form["grant_type"], "client_credentials");
    assert_eq!(asked.form["scope"], "mail/.default");
}

#[test]
fn microsoft_gets_its_scope_and_the_secret_in_the_body() {
    for (keys, scope) in [
        (
            "grant = \"client-credentials\"",
            "https://outlook.office365.com/.default",
        ),
        (
            "grant = \"refresh-token\"",
            "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access",
        ),
    ] {
        let (world, provider) = world();
        let tlsrptd = reader(&world, &provider, &format!("provider = \"microsoft\"\n{keys}"));
        tlsrptd.run(&["poll"]).exits(0);
        let [asked] = provider.asked().try_into().unwrap();
        assert_eq!(asked.form["scope"], scope);
        assert_eq!(asked.form["client_id"], CLIENT);
        assert_eq!(asked.form["client_secret"], CLIENT_SECRET);
        assert_eq!(asked.basic, None);
    }
}

#[test]
fn one_token_serves_imap_and_smtp() {
    let world = World::with_postfix();
    world.dovecot.deliver(RUA, &Report::quiet("one").mail());
    let provider = Provider::new();
    let section = provider.section(&world, "");
    let tlsrptd = world.tlsrptd(&format!(
        "{section}{}{}",
        world.mailbox(LOGIN),
        world.sending(LOGIN)
    ));

    let run = tlsrptd.spawn(&["run"]);
    assert_eq!(world.received(OPS, 1).len(), 1);

    run.terminate(LONG).exits(0);
    assert_eq!((tlsrptd.reports(), provider.asked().len()), (1, 1));
}

#[test]
fn token_is_kept_from_poll_to_poll() {
    let (world, provider) = world();
    let (run, _tlsrptd) = runs(&world, &provider);
    until("polls", LONG, || (n_polled(&run) >= 4).then_some(()));
    run.terminate(LONG).exits(0);
    assert_eq!(provider.asked().len(), 1);
}

#[test]
fn token_is_renewed_before_it_expires() {
    let (world, provider) = world();
    provider.says(Reply::Token {
        user: RUA,
        valid: 3600,
        told: 2,
    });
    let (run, _tlsrptd) = runs(&world, &provider);
    until("renewals", LONG, || (provider.asked().len() >= 3).then_some(()));
    run.terminate(LONG)
        .exits(0)
        .never_says(&["poll failed", "another is fetched"]);
}

#[test]
fn token_that_expires_early_is_replaced_without_a_failed_poll() {
    let (world, provider) = world();
    // Time enough for the first login on any machine.
    provider.says(Reply::Token {
        user: RUA,
        valid: 15,
        told: 3600,
    });
    let (run, tlsrptd) = runs(&world, &provider);
    until("a poll", LONG, || (n_polled(&run) >= 1).then_some(()));
    provider.says(GOOD);
    until("another token", LONG, || {
        (provider.asked().len() >= 2).then_some(())
    });
    let n_before = n_polled(&run);
    until("further polls", LONG, || {
        (n_polled(&run) > n_before + 1).then_some(())
    });
    let ended = run.terminate(LONG).exits(0).says(&["another is fetched"]);
    keeps_secrets(&tlsrptd, &provider, ended.never_says(&["poll failed"]));
    assert_eq!(provider.asked().len(), 2);
}

#[test]
fn refresh_tokens_that_are_replaced_are_kept_for_their_owner_alone() {
    let (world, provider) = world();
    provider.rotates();
    let tlsrptd = reader(&world, &provider, "");
    let file = Provider::file(&world);
    chown(&file, Some(5000), Some(5000)).unwrap();
    for _ in 0..3 {
        let poll = tlsrptd.run(&["--verbose", "poll"]).exits(0);
        keeps_secrets(&tlsrptd, &provider, poll);
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            format!("{}\n", provider.refresh_token())
        );
        let metadata = fs::metadata(&file).unwrap();
        assert_eq!(
            (metadata.mode() & 0o777, metadata.uid(), metadata.gid()),
            (0o600, 5000, 5000)
        );
    }
    let refresh = |n: usize| provider.asked()[n].form["refresh_token"].clone();
    assert!(refresh(0) != refresh(1) && refresh(1) != refresh(2));
    // Nothing is left beside it.
    let left = fs::read_dir(world.path("")).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with(".tmp")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn processes_that_renew_at_once_use_no_refresh_token_twice() {
    let (world, provider) = world();
    provider.rotates();
    let tlsrptd = reader(&world, &provider, "");
    tlsrptd.run(&["poll"]).exits(0);
    // `check` takes no lock on the database, so that several run beside each other.
    let checks: Vec<Running> = (0..4).map(|_| tlsrptd.spawn(&["check"])).collect();
    for check in checks {
        check.wait(LONG).says(&["login works"]);
    }
    assert_eq!(provider.asked().len(), 5);
}

#[test]
fn revoked_refresh_token_needs_a_person() {
    let reply = Reply::Error("invalid_grant", "Token has been expired or revoked.".to_owned());
    fails_with(
        reply,
        "",
        &[
            NEEDS,
            "invalid_grant",
            "has been expired or revoked",
            "refresh-token",
        ],
        true,
    );
}

#[test]
fn wrong_scope_needs_a_person() {
    let reply = Reply::Error(
        "invalid_scope",
        "AADSTS70011: no such scope\r\nTrace: 1".to_owned(),
    );
    fails_with(
        reply,
        "scope = \"imap\"",
        &[NEEDS, "invalid_scope", "AADSTS70011", "scope must be"],
        true,
    );
}

#[test]
fn wrong_client_secret_needs_a_person() {
    let (world, provider) = world();
    let tlsrptd = reader(&world, &provider, "client_secret = \"hidden-sesame\"");
    let poll = tlsrptd
        .run(&["poll"])
        .exits(1)
        .says(&[NEEDS, "invalid_client", "client_id"]);
    keeps_secrets(&tlsrptd, &provider, poll);
}

#[test]
fn endpoint_that_repeats_secrets_is_quoted_without_them() {
    let echo = format!("{REFRESH} of {CLIENT_SECRET} is \x1b[31mvoid");
    fails_with(
        Reply::Error("invalid_grant", echo),
        "",
        &["… of … is [31mvoid"],
        true,
    );
}

#[test]
fn endpoint_that_is_busy_or_broken_is_tried_again() {
    let json = "Content-Type: application/json\r\n";
    let raw = |status, fields, body: &str| Reply::Raw(status, fields, body.to_owned());
    let cut = "{\"token_type\":\"Bearer\",\"access_token\":\"hidden-sesame";
    let elsewhere = "Location: http://localhost:1/hidden-sesame\r\n";
    for (reply, words) in [
        (raw("503 Unavailable", "", "down"), "503"),
        (raw("429 Slow", json, "{}"), "429"),
        (raw("307 Elsewhere", elsewhere, ""), "307"),
        (
            Reply::Error("temporarily_unavailable", "come later".to_owned()),
            "come later",
        ),
        (
            raw("200 OK", "Content-Type: text/html\r\n", "<p>hidden-sesame"),
            "none of a token",
        ),
        (raw("200 OK", json, cut), "none of a token"),
        (raw("404 Not Found", "", "hidden-sesame"), "none of a token"),
        (
            raw(
                "200 OK",
                json,
                "{\"access_token\":\"hidden-sesame\\u0001\",\"token_type\":\"bearer\"}",
            ),
            "characters",
        ),
        (
            raw(
                "200 OK",
                json,
                "{\"access_token\":\"hidden-sesame\",\"token_type\":\"mac\"}",
            ),
            "bearer",
        ),
        (
            raw("200 OK", json, &"hidden-sesame".repeat(100_000)),
            "larger than",
        ),
    ] {
        fails_with(reply, "", &[words, "tried again later"], false);
    }
}

#[test]
fn endpoint_that_is_slow_costs_no_more_than_the_limit() {
    for reply in [Reply::Silence, Reply::Drip] {
        let (world, provider) = world();
        provider.says(reply);
        let tlsrptd = reader(&world, &provider, "");
        let text = fs::read_to_string(tlsrptd.config()).unwrap();
        fs::write(tlsrptd.config(), text.replace("\"20s\"", "\"1s\"")).unwrap();
        let poll = tlsrptd.run(&["poll"]).exits(1);
        assert!(poll.took.as_secs() < 50, "{:?}", poll.took);
        poll.says(&["no answer within 1 s", "tried again later"])
            .never_says(&[NEEDS]);
    }
}

#[test]
fn endpoint_that_is_down_is_named() {
    let (world, provider) = world();
    let [port] = own_ports();
    let keys = format!("token_url = \"http://127.0.0.1:{port}/token?secret=hidden-sesame\"");
    let tlsrptd = reader(&world, &provider, &keys);
    let named = format!("http://127.0.0.1:{port}/token: cannot connect");
    let poll = tlsrptd
        .run(&["poll"])
        .exits(1)
        .says(&[&named])
        .never_says(&[NEEDS]);
    keeps_secrets(&tlsrptd, &provider, poll);
}

#[test]
fn endpoint_over_tls_must_be_of_a_known_authority() {
    let world = World::new();
    let provider = Provider::over_tls(&world.ca);
    let tlsrptd = reader(&world, &provider, "");
    tlsrptd.run(&["poll"]).exits(1).says(&["TLS failed", "https://"]);
    assert_eq!(provider.asked().len(), 0);

    let ca_file = format!("ca_file = {}", quoted(&world.ca.root));
    reader(&world, &provider, &ca_file).run(&["poll"]).exits(0);
    assert_eq!(provider.asked().len(), 1);
}

#[test]
fn new_token_that_imap_refuses_needs_a_person_and_brings_no_second() {
    let (world, provider) = world();
    provider.says(Reply::Token {
        user: OPS,
        valid: 3600,
        told: 3600,
    });
    let tlsrptd = reader(&world, &provider, "");
    let poll = tlsrptd
        .run(&["poll"])
        .exits(1)
        .says(&["login refused", NEEDS, "idp"]);
    keeps_secrets(&tlsrptd, &provider, poll);
    assert_eq!(provider.asked().len(), 1);
}

#[test]
fn new_token_that_smtp_refuses_needs_a_person_and_brings_no_second() {
    let world = World::with_postfix();
    let provider = Provider::new();
    provider.says(Reply::Token {
        user: OPS,
        valid: 3600,
        told: 3600,
    });
    let tlsrptd = sender(&world, &provider);
    let sent = tlsrptd
        .run(&["digest", "--send"])
        .exits(1)
        .says(&["log in", NEEDS]);
    keeps_secrets(&tlsrptd, &provider, sent);
    assert_eq!(provider.asked().len(), 1);
    tlsrptd.run(&["status"]).exits(0).says(&[NEEDS]);

    provider.says(GOOD);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    assert_eq!(world.received(OPS, 1).len(), 1);
}

#[test]
fn revoked_refresh_token_is_named_by_smtp_and_the_digest_waits() {
    let world = World::with_postfix();
    let provider = Provider::new();
    provider.grants("another");
    let tlsrptd = sender(&world, &provider);
    let sent = tlsrptd
        .run(&["digest", "--send"])
        .exits(1)
        .says(&[NEEDS, "invalid_grant"]);
    keeps_secrets(&tlsrptd, &provider, sent);

    provider.grants(REFRESH);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    assert_eq!(world.received(OPS, 1).len(), 1);
}

#[test]
fn daemon_leaves_a_provider_that_refuses_alone_until_it_is_reloaded() {
    let (world, provider) = world();
    provider.grants("anew");
    let (run, tlsrptd) = runs(&world, &provider);
    let n_others = || run.log().matches("mailbox=other").count();
    until("polls of the other mailbox", LONG, || {
        (n_others() >= 4).then_some(())
    });
    assert_eq!(provider.asked().len(), 1, "{}", run.log());
    tlsrptd.run(&["status"]).exits(0).says(&[NEEDS]);

    fs::write(Provider::file(&world), "anew\n").unwrap();
    run.signal(Signal::HUP);
    until("a poll", LONG, || (n_polled(&run) >= 1).then_some(()));
    run.terminate(LONG).exits(0);
    tlsrptd.run(&["status"]).exits(0).never_says(&[NEEDS]);
    assert_eq!(tlsrptd.reports(), 1);
}

#[test]
fn need_of_authorisation_is_told_in_one_mail() {
    let (world, provider) = world();
    provider.grants("anew");
    let outbox = world.path("outbox");
    let smtp = format!("[smtp]\ntransport = \"file\"\npath = {}\n", quoted(&outbox));
    let digest = format!("[digest]\nfrom = \"tlsrptd@example.org\"\nto = [{OPS:?}]\n");
    let section = provider.section(&world, "");
    let tlsrptd = world.tlsrptd(&format!("{section}{}{digest}{smtp}", world.mailbox(LOGIN)));
    let n_told = || {
        let mails = fs::read_dir(&outbox).map_or_else(|_| Vec::new(), Iterator::collect);
        let text = |path| fs::read_to_string(path).unwrap().replace("=\r\n", "");
        let mails = mails.into_iter().map(|mail| text(mail.unwrap().path()));
        mails.filter(|mail| mail.contains(NEEDS)).count()
    };

    tlsrptd.run(&["poll"]).exits(1);
    assert_eq!(n_told(), 0);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    assert_eq!(n_told(), 1);
    tlsrptd.run(&["poll"]).exits(1);
    tlsrptd.run(&["digest", "--send"]).exits(0);
    assert_eq!(n_told(), 1);
}

/// The program with a first digest to send by tokens.
fn sender(world: &World, provider: &Provider) -> Tlsrptd {
    let section = provider.section(world, "");
    let tlsrptd = world.tlsrptd(&format!("{section}{}", world.sending(LOGIN)));
    tlsrptd.run(&["import", "-"]).exits(0);
    tlsrptd
}

/// The daemon that polls `RUA` by tokens, and a Maildir, each second.
fn runs(world: &World, provider: &Provider) -> (Running, Tlsrptd) {
    let other = maildir("other", &world.path("maildir")) + "poll_interval = \"1s\"\n";
    let smtp = format!(
        "[digest]\nfrom = \"a@example.org\"\nto = [{OPS:?}]\n[smtp]\ntransport = \"file\"\npath = {}\n",
        quoted(&world.path("outbox"))
    );
    let section = provider.section(world, "");
    let mailbox = world.mailbox(&format!("{LOGIN}\npoll_interval = \"1s\""));
    let tlsrptd = world.tlsrptd(&format!("{section}{mailbox}{other}{smtp}"));
    (tlsrptd.spawn(&["run"]), tlsrptd)
}

/// How often `RUA` was polled well.
fn n_polled(run: &Running) -> usize {
    let log = run.log();
    let is_poll = |line: &&str| line.contains("mailbox=rua") && line.contains(" polled ");
    log.lines().filter(is_poll).count()
}
