//! A scripted server, for what no real server does.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};

use crate::config::{AuthMethod, Limits, MailboxConfig, TlsMode};

use super::session::server_name;
use super::*;

/// What a command (by its beginning) is answered; `%` stands for its tag.
type Replies = Vec<(&'static str, String)>;

/// Ends the connection after the text before it.
const END: &str = "<end>";
/// No answer, and the connection stays open.
const NOTHING: &str = "<nothing>";

fn well_behaved(command: &str) -> String {
    let untagged = if command.starts_with("CAPABILITY") {
        "* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 UIDPLUS MOVE\r\n"
    } else if command.starts_with("EXAMINE") || command.starts_with("SELECT") {
        "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 10] next\r\n"
    } else if command.starts_with("LIST") {
        "* LIST () \"/\" INBOX\r\n* LIST () \"/\" {4}\r\nDone\r\n"
    } else if command.starts_with("AUTHENTICATE") {
        return "+ \r\n".to_owned();
    } else {
        ""
    };
    format!("{untagged}% OK done\r\n")
}

async fn serve(stream: DuplexStream, replies: Replies) -> Vec<String> {
    let mut commands = Vec::new();
    let (reader, mut writer) = tokio::io::split(stream);
    let mut lines = BufReader::new(reader).lines();
    let mut replies = replies;
    let greeting = replies.iter().position(|(command, _)| command.is_empty());
    let greeting = greeting.map_or("* OK ready\r\n".to_owned(), |at| replies.remove(at).1);
    if writer.write_all(greeting.as_bytes()).await.is_err() {
        return commands;
    }
    let mut authenticating: Option<String> = None;
    while let Ok(Some(line)) = lines.next_line().await {
        let (tag, command) = match &authenticating {
            Some(tag) => (tag.clone(), format!("SASL {line}")),
            None => line
                .split_once(' ')
                .map(|(tag, command)| (tag.to_owned(), command.to_owned()))
                .unwrap(),
        };
        commands.push(command.clone());
        let scripted = replies.iter().position(|(begin, _)| command.starts_with(begin));
        let reply = match scripted {
            // The last reply for a command is used again and again.
            Some(at) if replies.iter().filter(|other| other.0 == replies[at].0).count() > 1 => {
                replies.remove(at).1
            }
            Some(at) => replies[at].1.clone(),
            None => well_behaved(&command),
        };
        authenticating = reply.starts_with('+').then(|| tag.clone());
        if reply == NOTHING {
            continue;
        }
        let (text, ends) = match reply.strip_suffix(END) {
            Some(text) => (text, true),
            None => (reply.as_str(), false),
        };
        if writer
            .write_all(text.replace('%', &tag).as_bytes())
            .await
            .is_err()
            || ends
        {
            break;
        }
    }
    commands
}

/// Longer than a machine may stall.
fn limits() -> Limits {
    Limits {
        connect_timeout: Duration::from_secs(30),
        silence_timeout: Duration::from_secs(30),
        mail_bytes: 1000,
        ..Limits::default()
    }
}

/// For servers that say nothing.
fn impatient() -> Limits {
    Limits {
        silence_timeout: Duration::from_millis(300),
        ..limits()
    }
}

fn config() -> MailboxConfig {
    MailboxConfig {
        host: "imap.example.org".to_owned(),
        user: "tls@example.org".to_owned(),
        password: Some("secret".to_owned().into()),
        tls: TlsMode::None,
        ..MailboxConfig::default()
    }
}

async fn try_login(replies: &[(&'static str, &str)]) -> Result<ImapSession, MailboxError> {
    let (client, server) = tokio::io::duplex(64 * 1024);
    tokio::spawn(serve(server, owned(replies)));
    over(client, config()).await
}

fn owned(replies: &[(&'static str, &str)]) -> Replies {
    replies
        .iter()
        .map(|(command, reply)| (*command, (*reply).to_owned()))
        .collect()
}

async fn over(client: DuplexStream, config: MailboxConfig) -> Result<ImapSession, MailboxError> {
    within(limits(), client, config).await
}

async fn within(
    limits: Limits,
    client: DuplexStream,
    config: MailboxConfig,
) -> Result<ImapSession, MailboxError> {
    let server = server_name(&config);
    let client = connect::greeted(Box::new(client), &server, limits.connect_timeout).await?;
    let secret = config.password.clone().unwrap();
    let session = auth::login(client, &config, &server, &secret, limits.connect_timeout).await?;
    ImapSession::start(session, server, &limits).await
}

async fn session(replies: &[(&'static str, &str)]) -> ImapSession {
    try_login(replies).await.unwrap()
}

/// With a folder opened.
async fn opened(replies: &[(&'static str, &str)]) -> ImapSession {
    let mut session = session(replies).await;
    session.examine("INBOX").await.unwrap();
    session
}

fn mail(uid: u32) -> Listed {
    Listed {
        uid,
        size: 5,
        received_at: None,
    }
}

async fn listing_error(reply: &str) -> String {
    let mut session = opened(&[("UID FETCH", reply)]).await;
    let error = session.list(1, 9).await.unwrap_err();
    assert!(!session.is_usable(), "the session must be spent after {error}");
    error.to_string()
}

// --- connecting and logging in ---

#[tokio::test]
async fn bye_as_greeting_is_told_with_its_reason() {
    let error = try_login(&[("", "* BYE [UNAVAILABLE] closed for repairs\r\n")])
        .await
        .unwrap_err();
    assert_eq!(error.reaction(), Reaction::Wait);
    insta::assert_snapshot!(error, @"imap.example.org:143: greeting refused: [UNAVAILABLE] closed for repairs; it is tried again later");
}

#[tokio::test]
async fn preauth_is_refused() {
    let error = try_login(&[("", "* PREAUTH welcome\r\n")]).await.unwrap_err();
    assert_eq!(error.reaction(), Reaction::NeedsPerson);
}

#[tokio::test]
async fn greeting_of_another_protocol_is_not_imap() {
    let error = try_login(&[("", "220 mail.example.org ESMTP\r\n")])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not IMAP"), "{error}");
}

#[tokio::test]
async fn wrong_password_is_tried_hourly_at_most_and_never_shown() {
    let error = try_login(&[("LOGIN", "% NO [AUTHENTICATIONFAILED] wrong\r\n")])
        .await
        .unwrap_err();
    assert_eq!(error.reaction(), Reaction::RetryHourly);
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn busy_server_at_login_does_not_count_as_failing() {
    for text in [
        "[UNAVAILABLE] x",
        "[LIMIT] x",
        "[INUSE] x",
        "[ALERT] Too many simultaneous connections",
    ] {
        let reply = format!("% NO {text}\r\n");
        let error = try_login(&[("LOGIN", &reply)]).await.unwrap_err();
        assert_eq!(error.reaction(), Reaction::Wait, "{text}");
    }
}

#[tokio::test]
async fn end_of_stream_at_login_is_an_error() {
    for command in ["CAPABILITY", "LOGIN"] {
        let error = try_login(&[(command, END)]).await.unwrap_err();
        assert_eq!(error.reaction(), Reaction::Retry, "{command}: {error}");
    }
}

#[tokio::test]
async fn login_disabled_uses_authenticate_plain() {
    let commands = login_commands(
        config(),
        &[(
            "CAPABILITY",
            "* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN\r\n% OK\r\n",
        )],
    )
    .await;
    // "\0tls@example.org\0secret"
    assert_eq!(
        commands[1..3],
        ["AUTHENTICATE PLAIN", "SASL AHRsc0BleGFtcGxlLm9yZwBzZWNyZXQ="]
    );
}

#[tokio::test]
async fn password_that_is_not_ascii_uses_authenticate_plain() {
    let mut config = config();
    config.password = Some("geheim§".to_owned().into());
    let commands = login_commands(config, &[]).await;
    assert_eq!(
        commands[1..3],
        ["AUTHENTICATE PLAIN", "SASL AHRsc0BleGFtcGxlLm9yZwBnZWhlaW3Cpw=="]
    );
}

#[tokio::test]
async fn quotes_in_a_password_are_escaped() {
    let mut config = config();
    config.password = Some(r#"a"b\c"#.to_owned().into());
    let commands = login_commands(config, &[]).await;
    assert_eq!(commands[1], r#"LOGIN "tls@example.org" "a\"b\\c""#);
}

#[tokio::test]
async fn refused_token_shows_the_servers_reason_and_not_the_token() {
    let mut config = config();
    config.auth = AuthMethod::Xoauth2;
    let (client, server) = tokio::io::duplex(64 * 1024);
    let replies = vec![
        // {"status":"401"}
        ("SASL", "+ eyJzdGF0dXMiOiI0MDEifQ==\r\n".to_owned()),
        ("SASL", "% NO [AUTHENTICATIONFAILED] no\r\n".to_owned()),
    ];
    tokio::spawn(serve(server, replies));
    let error = over(client, config).await.unwrap_err();
    insta::assert_snapshot!(error, @r#"imap.example.org:143: login refused: [AUTHENTICATIONFAILED] no ({"status":"401"}); check user and password or token, it is tried again in an hour"#);
}

async fn login_commands(config: MailboxConfig, replies: &[(&'static str, &str)]) -> Vec<String> {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let server = tokio::spawn(serve(server, owned(replies)));
    over(client, config).await.unwrap().logout().await;
    server.await.unwrap()
}

// --- STARTTLS and TLS ---

/// Connects to a server on loopback that says `greeting`, then `reply` to STARTTLS; the error, and what it
/// got in all.
async fn starttls(tls: TlsMode, greeting: &'static str, reply: &'static str) -> (MailboxError, Vec<u8>) {
    starttls_within(limits(), tls, greeting, reply).await
}

async fn starttls_within(
    limits: Limits,
    tls: TlsMode,
    greeting: &'static str,
    reply: &'static str,
) -> (MailboxError, Vec<u8>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = MailboxConfig {
        host: "127.0.0.1".to_owned(),
        port: Some(listener.local_addr().unwrap().port()),
        tls,
        ..config()
    };
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(greeting.as_bytes()).await.unwrap();
        let mut got = Vec::new();
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut bytes).await {
            got.extend_from_slice(&bytes[..n]);
            if reply.is_empty() {
                continue;
            }
            // The second piece is a ClientHello, or an attempt without TLS.
            if got.len() > "A0001 STARTTLS\r\n".len() || stream.write_all(reply.as_bytes()).await.is_err() {
                break;
            }
        }
        got
    });
    let error = ImapSession::connect(&config, &limits).await.unwrap_err();
    (error, server.await.unwrap())
}

#[tokio::test]
async fn refused_starttls_never_falls_back_to_clear_text() {
    for reply in ["A0001 NO not here\r\n", "A0001 BAD what\r\n"] {
        let (error, got) = starttls(TlsMode::Starttls, "* OK hi\r\n", reply).await;
        assert_eq!(error.reaction(), Reaction::NeedsPerson, "{error}");
        assert_eq!(got, b"A0001 STARTTLS\r\n");
    }
}

#[tokio::test]
async fn preauth_before_starttls_is_refused() {
    let (error, got) = starttls(TlsMode::Starttls, "* PREAUTH hi\r\n", "").await;
    assert_eq!(
        (error.reaction(), got.as_slice()),
        (Reaction::NeedsPerson, &b""[..])
    );
}

#[tokio::test]
async fn answers_injected_behind_starttls_are_dropped() {
    let injected = "A0001 OK go\r\n* CAPABILITY IMAP4rev1\r\nA0001 OK\r\nA0002 OK logged in\r\n";
    let (error, got) = starttls(TlsMode::Starttls, "* OK hi\r\n", injected).await;
    assert!(error.to_string().contains(": TLS failed"), "{error}");
    // 22 is a TLS handshake record.
    assert_eq!(got.get("A0001 STARTTLS\r\n".len()), Some(&22), "{got:?}");
}

#[tokio::test]
async fn silent_server_is_left_in_each_step_of_connecting() {
    let limits = || Limits {
        connect_timeout: Duration::from_secs(1),
        ..limits()
    };
    let (error, _) = starttls_within(limits(), TlsMode::Starttls, "", "").await;
    assert!(
        error
            .to_string()
            .contains("greeting failed: the server was silent"),
        "{error}"
    );
    let (error, _) = starttls_within(limits(), TlsMode::Starttls, "* OK hi\r\n", "").await;
    assert!(
        error.to_string().contains("STARTTLS timed out after 1 s")
            || error
                .to_string()
                .contains("STARTTLS failed: the server was silent"),
        "{error}"
    );
    let (error, _) = starttls_within(limits(), TlsMode::Implicit, "", "").await;
    assert!(error.to_string().contains("TLS timed out after 1 s"), "{error}");
}

#[tokio::test]
async fn clear_text_where_tls_is_expected_needs_a_person() {
    let (error, _) = starttls(TlsMode::Implicit, "* OK hi, this is clear text\r\n", "").await;
    assert_eq!(error.reaction(), Reaction::NeedsPerson, "{error}");
    assert!(error.to_string().contains("does not speak TLS here"), "{error}");
}

// --- opening a folder ---

#[tokio::test]
async fn folder_without_uidvalidity_is_an_error() {
    for code in [
        "",
        "* OK [UIDVALIDITY 0] x\r\n",
        "* OK [UIDVALIDITY 99999999999] x\r\n",
    ] {
        let reply = format!("* 3 EXISTS\r\n{code}* OK [UIDNEXT 10] x\r\n% OK\r\n");
        let mut session = session(&[("EXAMINE", &reply)]).await;
        let error = session.examine("INBOX").await.unwrap_err();
        assert!(error.to_string().contains("no UIDVALIDITY"), "{code}: {error}");
    }
}

#[tokio::test]
async fn where_examine_gives_no_uidnext_status_does_and_then_select_fixes_the_uids() {
    let (client, server) = tokio::io::duplex(100_000);
    let replies = owned(&[
        ("EXAMINE", "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n% OK\r\n"),
        ("STATUS", "* STATUS \"INBOX\" (UIDNEXT 12)\r\n% OK\r\n"),
        ("SELECT", "* 4 EXISTS\r\n* OK [UIDVALIDITY 8] x\r\n% OK\r\n"),
    ]);
    let server = tokio::spawn(serve(server, replies));
    let mut session = over(client, config()).await.unwrap();
    let state = session.examine("INBOX").await.unwrap();
    drop(session);
    let (uid_validity, uid_next, exists) = (8, 12, 4);
    let expected = FolderState {
        uid_validity,
        uid_next,
        exists,
    };
    assert_eq!(state, expected);
    let commands = server.await.unwrap();
    assert!(
        commands.ends_with(
            &[
                "EXAMINE \"INBOX\"",
                "STATUS \"INBOX\" (UIDNEXT)",
                "SELECT \"INBOX\""
            ]
            .map(str::to_owned)
        ),
        "{commands:?}"
    );
}

#[tokio::test]
async fn warning_while_opening_a_folder_is_no_failure() {
    let reply = "* NO disk almost full\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 10] x\r\n% OK\r\n";
    let mut session = session(&[("EXAMINE", reply)]).await;
    assert!(session.examine("INBOX").await.is_ok());
}

#[tokio::test]
async fn missing_folder_lists_those_there_are() {
    let mut session = session(&[("EXAMINE", "% NO [NONEXISTENT] no such folder\r\n")]).await;
    let error = session.examine("Reports").await.unwrap_err();
    assert_eq!(error.reaction(), Reaction::NeedsPerson);
    assert!(
        error.to_string().ends_with("there are: \"Done\", \"INBOX\""),
        "{error}"
    );
    assert!(session.is_usable(), "a plain NO does not spend the session");
}

#[tokio::test]
async fn folder_is_found_below_the_personal_namespace() {
    let mut session = session(&[
        ("EXAMINE \"R&APY-\"", "% NO no such folder\r\n"),
        (
            "LIST",
            "* LIST () \".\" INBOX\r\n* LIST () \".\" \"INBOX.R&APY-\"\r\n% OK\r\n",
        ),
    ])
    .await;
    assert!(session.examine("Rö").await.is_ok());
}

#[tokio::test]
async fn folder_that_is_listed_but_refused_tells_the_refusal() {
    let mut session = session(&[("EXAMINE", "% NO [INUSE] locked\r\n")]).await;
    let error = session.examine("INBOX").await.unwrap_err();
    assert_eq!(error.reaction(), Reaction::Wait, "{error}");
}

#[tokio::test]
async fn folder_names_with_control_characters_are_shown_escaped() {
    let mut session = session(&[
        ("EXAMINE", "% NO no such folder\r\n"),
        ("LIST", "* LIST () \"/\" {6}\r\na\x1b[31m\r\n% OK\r\n"),
    ])
    .await;
    let error = session.examine("x").await.unwrap_err().to_string();
    assert!(error.contains("\"a\\u{1b}[31m\""), "{error}");
}

// --- completion of commands ---

#[tokio::test]
async fn no_bad_bye_and_end_of_stream_are_errors_of_each_command() {
    for reply in [
        "% NO x\r\n",
        "% BAD x\r\n",
        "* BYE x\r\n",
        END,
        "* 1 FETCH (UID 1 RFC822.SIZE 5)\r\n<end>",
    ] {
        let mut list = opened(&[("UID FETCH", reply)]).await;
        assert!(list.list(1, 9).await.is_err(), "list {reply}");
        let mut fetch = opened(&[("UID FETCH", reply)]).await;
        assert!(fetch.fetch(&[mail(1)], 1000).await.is_err(), "fetch {reply}");
        let mut folders = opened(&[("LIST", reply)]).await;
        assert!(folders.folders().await.is_err(), "folders {reply}");
        let mut examine = session(&[("EXAMINE", reply)]).await;
        assert!(examine.examine("Reports").await.is_err(), "examine {reply}");
        for command in ["SELECT", "UID FETCH", "UID MOVE", "LIST"] {
            let mut remove =
                session(&[("UID FETCH", "* 1 FETCH (UID 1)\r\n% OK\r\n"), (command, reply)]).await;
            let done = Removal::MoveTo("Done".to_owned());
            let outcome = remove.remove("Reports", 7, &[1], &done).await;
            // Scripts come in order, so the second UID FETCH has the reply.
            assert!(
                outcome.is_err() || command == "UID FETCH",
                "remove, {command} {reply}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn cut_in_a_literal_is_an_error() {
    let reply = "* 1 FETCH (UID 1 BODY[]<0> {50}\r\nhalf<end>";
    let mut session = opened(&[("UID FETCH", reply)]).await;
    let error = session.fetch(&[mail(1)], 1000).await.unwrap_err();
    assert!(error.to_string().contains("closed the connection"), "{error}");
}

#[tokio::test]
async fn completion_of_another_command_is_an_error() {
    let error = listing_error("A9999 OK done\r\n").await;
    assert!(error.contains("was not given"), "{error}");
}

#[tokio::test]
async fn silent_server_is_left_after_the_silence_limit() {
    let (client, server) = tokio::io::duplex(64 * 1024);
    tokio::spawn(serve(server, owned(&[("UID FETCH", NOTHING)])));
    let mut session = within(impatient(), client, config()).await.unwrap();
    session.examine("INBOX").await.unwrap();
    // The limit for connecting, which held before, is another.
    let error = session.list(1, 9).await.unwrap_err();
    assert!(error.to_string().contains("was silent for 0.3 s"), "{error}");
    assert!(!session.is_usable());
}

#[tokio::test]
async fn spent_session_says_so() {
    let mut session = opened(&[("UID FETCH", "% BAD x\r\n")]).await;
    assert!(session.list(1, 9).await.is_err());
    assert!(matches!(session.list(1, 9).await, Err(MailboxError::Spent(_))));
}

#[tokio::test]
async fn dropped_future_spends_the_session() {
    let mut session = opened(&[("UID FETCH", NOTHING)]).await;
    let gave_up = tokio::time::timeout(Duration::from_millis(20), session.list(1, 9)).await;
    assert!(gave_up.is_err());
    assert!(!session.is_usable());
}

#[tokio::test]
async fn server_that_never_answers_logout_is_left() {
    let session = opened(&[("LOGOUT", NOTHING)]).await;
    // Sooner than any other limit ends it.
    let left = tokio::time::timeout(Duration::from_secs(20), session.logout()).await;
    assert!(left.is_ok());
}

#[tokio::test]
async fn endless_answers_end_at_the_commands_deadline() {
    let (client, server) = tokio::io::duplex(1024);
    tokio::spawn(async move {
        let (mut reader, mut writer) = tokio::io::split(server);
        let mut bytes = [0; 1024];
        let login = [
            "* OK hello\r\n",
            "* CAPABILITY IMAP4rev1\r\nA0001 OK\r\n",
            "A0002 OK\r\n",
        ];
        for text in login
            .into_iter()
            .chain(["* CAPABILITY IMAP4rev1\r\nA0003 OK\r\n"])
        {
            writer.write_all(text.as_bytes()).await.unwrap();
            assert!(reader.read(&mut bytes).await.unwrap() > 0);
        }
        while writer.write_all(b"* OK still here\r\n").await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    let mut session = over(client, config()).await.unwrap();
    session.set_command_limit(Duration::from_millis(100));
    let error = session.folders().await.unwrap_err();
    assert!(
        error.to_string().contains("timed out") || error.to_string().contains("more than"),
        "{error}"
    );
}

// --- listing ---

#[tokio::test]
async fn mail_listed_without_its_uid_is_an_error() {
    let error = listing_error("* 1 FETCH (RFC822.SIZE 50)\r\n% OK\r\n").await;
    assert!(error.contains("without its UID"), "{error}");
}

#[tokio::test]
async fn uids_that_are_doubled_zero_or_not_asked_for_are_left_out() {
    let mut session = opened(&[(
        "UID FETCH",
        "* 1 FETCH (UID 5 RFC822.SIZE 50)\r\n* 1 FETCH (UID 0 RFC822.SIZE 1)\r\n\
         * 2 FETCH (UID 3 RFC822.SIZE 30 INTERNALDATE \"22-Nov-2026 01:00:00 +0100\")\r\n\
         * 3 FETCH (UID 5 RFC822.SIZE 50)\r\n* 4 FETCH (UID 5 FLAGS (\\Seen))\r\n\
         * 9 FETCH (UID 99 RFC822.SIZE 1)\r\n* 7 FETCH (FLAGS ())\r\n% OK\r\n",
    )])
    .await;
    let listing = session.list(2, 9).await.unwrap();
    let uids: Vec<(u32, u64)> = listing.mails.iter().map(|mail| (mail.uid, mail.size)).collect();
    assert_eq!(uids, [(3, 30), (5, 50)]);
    assert_eq!(
        listing.mails[0].received_at,
        Some("2026-11-22T00:00:00Z".parse().unwrap())
    );
}

#[tokio::test]
async fn missing_internal_date_is_none_and_no_panic() {
    let reply = "* 1 FETCH (UID 5 INTERNALDATE NIL RFC822.SIZE 50)\r\n% OK\r\n";
    let mut session = opened(&[("UID FETCH", reply)]).await;
    assert_eq!(
        session.list(1, 9).await.unwrap().mails,
        [Listed {
            uid: 5,
            size: 50,
            received_at: None
        }]
    );
}

#[tokio::test]
async fn answers_that_were_not_asked_for_are_passed_over() {
    let reply = "* ESEARCH (TAG \"x\") UID ALL 1:5\r\n* XYZZY nothing happens\r\n* VANISHED 1:4\r\n\r\n\
                 * 4 EXPUNGE\r\n* 5 EXISTS\r\n* 1 FETCH (UID 5 RFC822.SIZE 50)\r\n% OK\r\n";
    let mut session = opened(&[("UID FETCH", reply)]).await;
    assert_eq!(session.list(1, 9).await.unwrap().mails.len(), 1);
}

// --- fetching ---

fn bodies(fetched: Vec<Fetched>) -> Vec<(u32, Body)> {
    fetched.into_iter().map(|it| (it.mail.uid, it.body)).collect()
}

#[tokio::test]
async fn body_that_was_not_asked_for_is_ignored() {
    let reply = "* 1 FETCH (UID 8 BODY[]<0> {5}\r\nwrong)\r\n* 1 FETCH (BODY[]<0> {5}\r\nother UID 1)\r\n\
                 * 1 FETCH (UID 1 BODY[]<0> {5}\r\nagain)\r\n% OK\r\n";
    let mut session = opened(&[("UID FETCH", reply)]).await;
    let fetched = bodies(session.fetch(&[mail(1)], 1000).await.unwrap());
    assert_eq!(fetched, [(1, Body::Bytes(b"other".to_vec()))]);
}

#[tokio::test]
async fn mail_announced_too_large_is_not_asked_for() {
    let mut session = opened(&[("UID FETCH", "% BAD must not come\r\n")]).await;
    let large = Listed {
        size: 1001,
        ..mail(1)
    };
    let fetched = bodies(session.fetch(&[large], 1000).await.unwrap());
    assert_eq!(fetched, [(1, Body::TooLarge)]);
}

#[tokio::test]
async fn mail_that_turns_out_too_large_is_told_as_such() {
    let reply = format!(
        "* 1 FETCH (UID 1 BODY[]<0> {{1001}}\r\n{})\r\n* 2 FETCH (UID 2 BODY[]<0> {{5}}\r\nsmall)\r\n% OK\r\n",
        "x".repeat(1001)
    );
    let mut session = opened(&[("UID FETCH", &reply)]).await;
    let fetched = bodies(session.fetch(&[mail(1), mail(2)], 1000).await.unwrap());
    assert_eq!(
        fetched,
        [(1, Body::TooLarge), (2, Body::Bytes(b"small".to_vec()))]
    );
}

#[tokio::test]
async fn mail_that_is_gone_when_asked_twice_is_expunged() {
    let mut session = opened(&[("UID FETCH", "% OK\r\n")]).await;
    let fetched = bodies(session.fetch(&[mail(1)], 1000).await.unwrap());
    assert_eq!(fetched, [(1, Body::Expunged)]);
}

#[tokio::test]
async fn mail_that_is_there_but_never_given_is_undelivered() {
    let reply = "* 1 FETCH (UID 1 BODY[]<0> NIL)\r\n% OK\r\n";
    let mut session = opened(&[("UID FETCH", reply)]).await;
    let fetched = bodies(session.fetch(&[mail(1)], 1000).await.unwrap());
    assert_eq!(fetched, [(1, Body::Undelivered)]);
}

#[tokio::test]
async fn mail_given_at_the_second_request_is_delivered() {
    let mut session = opened(&[
        ("UID FETCH", "% OK\r\n"),
        ("UID FETCH", "* 1 FETCH (UID 1)\r\n% OK\r\n"),
        (
            "UID FETCH",
            "* 1 FETCH (UID 1 BODY[]<0> {5}\r\nthere)\r\n% OK\r\n",
        ),
    ])
    .await;
    let fetched = bodies(session.fetch(&[mail(1)], 1000).await.unwrap());
    assert_eq!(fetched, [(1, Body::Bytes(b"there".to_vec()))]);
}

// --- removing ---

async fn outcome(replies: &[(&'static str, &str)], removal: Removal) -> RemoveOutcome {
    session(replies)
        .await
        .remove("INBOX", 7, &[1, 2], &removal)
        .await
        .unwrap()
}

const THERE_THEN_GONE: [(&str, &str); 2] = [
    ("UID FETCH", "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\n% OK\r\n"),
    ("UID FETCH", "* 1 FETCH (UID 2)\r\n% OK\r\n"),
];

#[tokio::test]
async fn mail_that_stays_is_told_apart_from_those_gone() {
    let result = outcome(&THERE_THEN_GONE, Removal::Delete).await;
    assert_eq!(
        result,
        RemoveOutcome::Removed {
            gone: vec![1],
            kept: vec![2]
        }
    );
}

#[tokio::test]
async fn nothing_is_touched_when_uidvalidity_has_changed() {
    let mut session = session(&[("UID", "% BAD must not come\r\n")]).await;
    let result = session.remove("INBOX", 6, &[1], &Removal::Delete).await.unwrap();
    assert_eq!(result, RemoveOutcome::Renumbered(7));
}

#[tokio::test]
async fn server_without_move_and_uidplus_can_not_remove() {
    let capability = ("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n% OK\r\n");
    for removal in [Removal::Delete, Removal::MoveTo("Done".to_owned())] {
        let result = outcome(&[capability, ("UID", "% BAD must not come\r\n")], removal).await;
        assert!(matches!(result, RemoveOutcome::Unsupported(_)), "{result:?}");
    }
}

#[tokio::test]
async fn folder_that_may_only_be_read_is_left_alone() {
    let select = "* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 9] x\r\n% OK [READ-ONLY] done\r\n";
    let result = outcome(&[("SELECT", select)], Removal::Delete).await;
    assert!(matches!(result, RemoveOutcome::Unsupported(_)), "{result:?}");
}

async fn commands_of(replies: &[(&'static str, &str)], removal: Removal) -> Vec<String> {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let server = tokio::spawn(serve(server, owned(replies)));
    let mut session = over(client, config()).await.unwrap();
    session.remove("INBOX", 7, &[1, 2], &removal).await.unwrap();
    session.logout().await;
    let commands = server.await.unwrap();
    commands
        .into_iter()
        .filter(|command| command.starts_with("UID ") || command.starts_with("CREATE"))
        .collect()
}

#[tokio::test]
async fn without_move_mails_are_copied_marked_and_expunged_by_uid() {
    let mut replies = vec![("CAPABILITY", "* CAPABILITY IMAP4rev1 UIDPLUS\r\n% OK\r\n")];
    replies.extend(THERE_THEN_GONE);
    insta::assert_snapshot!(commands_of(&replies, Removal::MoveTo("Done".to_owned())).await.join("\n"), @r#"
    UID FETCH 1:2 (UID)
    UID COPY 1:2 "Done"
    UID STORE 1:2 +FLAGS.SILENT (\Deleted)
    UID EXPUNGE 1:2
    UID FETCH 1:2 (UID)
    "#);
}

#[tokio::test]
async fn missing_target_is_created_with_the_servers_separator() {
    let mut replies = vec![
        ("LIST", "* LIST () \".\" INBOX\r\n% OK\r\n"),
        ("CREATE \"a.b\"", "% NO not here\r\n"),
    ];
    replies.extend(THERE_THEN_GONE);
    insta::assert_snapshot!(commands_of(&replies, Removal::MoveTo("a/b".to_owned())).await.join("\n"), @r#"
    UID FETCH 1:2 (UID)
    CREATE "a.b"
    CREATE "INBOX.a/b"
    UID MOVE 1:2 "INBOX.a/b"
    UID FETCH 1:2 (UID)
    "#);
}
