//! Greeting, login, STARTTLS and TLS.

use super::*;

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
