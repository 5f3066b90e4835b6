//! Moving and deleting.

use super::*;

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
