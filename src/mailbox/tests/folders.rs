//! Opening a folder.

use super::*;

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
