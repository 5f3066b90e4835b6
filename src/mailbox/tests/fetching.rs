//! Listing and fetching.

use super::*;

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
