//! How commands end, and what that does to the session.

use super::*;

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
