use async_imap::imap_proto::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const ALLOWANCE: Allowance = Allowance {
    literal: 1000,
    plain: 10_000_000,
};

/// What the parser gets of `sent`, and the breach that ends it.
async fn through(sent: &[u8], step: usize) -> (Vec<u8>, Option<Breach>) {
    let (mut server, client) = tokio::io::duplex(100_000);
    let mut guard = Guard::new(client, Duration::from_secs(10));
    guard.begin(ALLOWANCE);
    let pieces: Vec<Vec<u8>> = sent.chunks(step).map(<[u8]>::to_vec).collect();
    let writing = tokio::spawn(async move {
        for piece in pieces {
            if server.write_all(&piece).await.is_err() {
                return;
            }
            if step < 100 {
                tokio::task::yield_now().await;
            }
        }
    });
    let mut got = Vec::new();
    let mut buffer = vec![0; 4096];
    let breach = loop {
        match guard.read(&mut buffer).await {
            Ok(0) => break None,
            Ok(n) => got.extend_from_slice(&buffer[..n]),
            Err(error) => {
                let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Breach>());
                break Some(inner.unwrap().clone());
            }
        }
    };
    drop(guard);
    writing.await.unwrap();
    (got, breach)
}

async fn breach(sent: &[u8]) -> Option<Breach> {
    through(sent, 10_000).await.1
}

#[tokio::test]
async fn honest_answers_pass_unchanged_however_they_are_cut() {
    let sent = b"* OK [CAPABILITY IMAP4rev1] hi (there \"\r\n+ go on\r\n* 3 EXISTS\r\n* LIST (\\A) \"/\" {3}\r\na\"b\r\n\
        * LIST () NIL \"x \\\" (\"\r\n* 1 FETCH (UID 1 BODY[]<0> {12}\r\n((((\r\n* OK \r FLAGS (\\Seen) INTERNALDATE \"x\")\r\n\
        * STATUS INBOX (UIDNEXT 5)\r\nA0001 OK [UIDNEXT 7] done {not a literal}\r\n";
    for step in [1, 2, 3, 7, 50, 10_000] {
        let (got, breach) = through(sent, step).await;
        assert_eq!(
            (String::from_utf8_lossy(&got), breach),
            (String::from_utf8_lossy(sent), None),
            "{step}"
        );
    }
}

#[tokio::test]
async fn line_without_end_is_a_breach() {
    let mut sent = b"* OK ".to_vec();
    sent.resize(80_000, b'x');
    assert_eq!(breach(&sent).await, Some(Breach::LongLine));
}

#[tokio::test]
async fn four_megabyte_line_never_reaches_the_parser() {
    let mut sent = b"* SEARCH".to_vec();
    sent.extend(b" 1".repeat(2_000_000));
    sent.extend(b"\r\n");
    assert_eq!(through(&sent, 50_000).await, (Vec::new(), Some(Breach::LongLine)));
}

#[tokio::test]
async fn parentheses_nested_deep_never_reach_the_parser() {
    for n in [100, 60_000] {
        for begin in [
            "* 1 FETCH (BODYSTRUCTURE ",
            "* 1 FETCH (X \"",
            "* OK ",
            "* 1 FETCH (X \" BODYSTRUCTURE ",
        ] {
            let sent = format!("{begin}{}\r\n", "(".repeat(n));
            let (got, breach) = through(sent.as_bytes(), 10_000).await;
            assert_eq!((got.len(), breach), (0, Some(Breach::Parentheses)), "{begin} {n}");
        }
    }
}

/// Tests run on threads with a stack of 2 MiB, in debug builds; the program's is larger, its frames smaller.
#[tokio::test]
async fn deepest_nesting_that_passes_fits_the_parsers_stack() {
    let sent = format!(
        "* 1 FETCH (BODYSTRUCTURE {}{})\r\n",
        "(".repeat(59),
        ")".repeat(59)
    );
    let (got, breach) = through(sent.as_bytes(), 10_000).await;
    assert_eq!((got.len(), breach), (sent.len(), None));
    assert!(Response::parse(&got).is_err());
}

#[tokio::test]
async fn literal_beyond_the_allowance_is_a_breach() {
    let sent = b"* 1 FETCH (BODY[] {4294967295}\r\n";
    assert_eq!(
        breach(sent).await,
        Some(Breach::Literal {
            announced: 4_294_967_295,
            limit: 1000
        })
    );
    assert!(matches!(
        breach(b"* 1 FETCH (BODY[] {99999999999999999999999}\r\n").await,
        Some(Breach::Literal { .. })
    ));
}

#[tokio::test]
async fn literals_of_one_answer_are_added_up() {
    let part = format!(" BODY[] {{600}}\r\n{}", "x".repeat(600));
    let sent = format!("* 1 FETCH (UID 1{part}{part})\r\n");
    assert!(matches!(
        breach(sent.as_bytes()).await,
        Some(Breach::Literal { .. })
    ));
}

/// Where the parser would read on across the line end, or not take a literal as one, its bytes would reach
/// the parser unseen.
#[tokio::test]
async fn literals_that_the_parser_may_read_otherwise_are_breaches() {
    for sent in [
        "* OK hello {70}\r\n",
        "* OK [BADCHARSET ({70}\r\n",
        "A0001 NO x {70}\r\n",
        "+ x {70}\r\n",
        "* SEARCH {70}\r\n",
        "* XYZZY {70}\r\n",
        "* 1 FETCH (X \"{70}\r\n",
        "* 1 FETCH (X ({70}\r\n",
        "* 1 FETCH (X (a BODY[] {70}\r\n",
        "* 1 FETCH (X (\")\" BODY[] {70}\r\n",
        "* 1 FETCH (UID {70}\r\n",
        "* 1 FETCH (BODY[] ~{70}\r\n",
        "* LIST (\\A {70}\r\n",
    ] {
        let (got, breach) = through(sent.as_bytes(), 1000).await;
        assert!(got.is_empty() && breach.is_some(), "{sent}: {breach:?}");
    }
}

#[tokio::test]
async fn answers_open_at_their_line_end_are_breaches() {
    for sent in [
        "* 1 FETCH (X (a\r\n",
        "* 1 FETCH (X \"a)\r\n",
        "* 1 FETCH (X a\"b c\")\r\n",
        "* 1 FETCH UID 1)\r\n",
    ] {
        assert_eq!(breach(sent.as_bytes()).await, Some(Breach::NotImap), "{sent}");
    }
}

#[tokio::test]
async fn lone_line_feed_is_a_breach() {
    assert_eq!(breach(b"* OK a\n* OK b\r\n").await, Some(Breach::NotImap));
    assert_eq!(breach(b"* OK a\rb\r\n").await, Some(Breach::NotImap));
}

#[tokio::test]
async fn text_that_the_parser_panics_on_is_a_breach() {
    assert_eq!(
        breach("* OK [ALERT]ä\r\n".as_bytes()).await,
        Some(Breach::NotImap)
    );
}

#[tokio::test]
async fn garbage_is_a_breach() {
    for sent in [
        "\x00\x01\x02\r\n",
        "HTTP/1.1 400 Bad Request\r\n",
        "A1 MAYBE x\r\n",
        "B0001 OK x\r\n",
    ] {
        assert_eq!(breach(sent.as_bytes()).await, Some(Breach::NotImap), "{sent:?}");
    }
}

#[tokio::test]
async fn answers_never_asked_for_are_taken_out() {
    let (got, breach) = through(
        b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n* 1 EXISTS\r\n* ID (\"a\" \"b\")\r\n",
        5,
    )
    .await;
    assert_eq!((got.as_slice(), breach), (&b"* 1 EXISTS\r\n"[..], None));
}

#[tokio::test]
async fn bytes_outside_literals_are_bounded_for_each_command() {
    let (mut server, client) = tokio::io::duplex(100);
    let mut guard = Guard::new(client, Duration::from_secs(10));
    guard.begin(Allowance {
        literal: 0,
        plain: 1000,
    });
    let writing = tokio::spawn(async move { while server.write_all(b"* OK x\r\n").await.is_ok() {} });
    let mut buffer = Vec::new();
    let mut bounded = guard.take(1_000_000);
    let error = loop {
        if let Err(error) = bounded.read_buf(&mut buffer).await {
            break error;
        }
    };
    assert!(error.to_string().contains("more than 1000 bytes"), "{error}");
    drop(bounded);
    writing.await.unwrap();
}

#[tokio::test]
async fn silence_fails_the_read_and_a_byte_now_and_then_does_not() {
    let (mut server, client) = tokio::io::duplex(100);
    // All of it takes longer than the silence that is borne, and each byte far less.
    let mut guard = Guard::new(client, Duration::from_millis(1500));
    let writing = tokio::spawn(async move {
        for byte in b"* OK x\r\n" {
            tokio::time::sleep(Duration::from_millis(250)).await;
            server.write_all(&[*byte]).await.unwrap();
        }
        server
    });
    let mut buffer = [0; 100];
    assert_eq!(guard.read(&mut buffer).await.unwrap(), 8);
    assert_eq!(guard.bytes_read(), 8);
    let _open = writing.await.unwrap();
    let error = guard.read(&mut buffer).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

proptest::proptest! {
    /// The parser panics on some inputs; nothing that passes may do that. And what the guard has skipped as
    /// a literal must be one to the parser too.
    #[test]
    fn whatever_passes_can_be_parsed_without_a_panic(lines in proptest::collection::vec(line(), 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (got, _) = runtime.block_on(through(lines.concat().as_bytes(), 10_000));
        let mut rest = got.as_slice();
        while let Ok((after, response)) = Response::parse(rest) {
            let is_from_literal = matches!(&response, Response::Done { tag, .. } if tag.0 == "A0666");
            proptest::prop_assert!(!is_from_literal, "the parser took a literal's bytes for an answer");
            rest = after;
        }
    }
}

/// Lines made of the pieces that matter; what follows a literal's size would be an answer if it were read.
fn line() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let begin = prop::sample::select(vec![
        "* 1 FETCH (",
        "* 1 FETCH (X ",
        "* 1 FETCH (X (",
        "* 1 FETCH (X \"",
        "* LIST () NIL ",
        "* STATUS ",
        "* OK [",
        "* NO ",
        "A0001 OK [ALERT]",
        "+ ",
        "* ",
        "",
    ]);
    let piece = prop::sample::select(vec![
        "{18}\r\n) Y 1)\r\nA0666 OK\r\n",
        "{13}\r\n)\r\nA0666 OK\r\n",
        "{12}\r\n\r\nA0666 OK\r\n",
        "{3}\r\na b",
        "{0}\r\n",
        "BODY[] ",
        "BODY[]<0> ",
        "BODY[HEADER.FIELDS (a)] ",
        "BODYSTRUCTURE ",
        "ENVELOPE ",
        "INTERNALDATE ",
        "FLAGS ",
        "UID ",
        "RFC822 ",
        "X ",
        " ",
        "(",
        ")",
        "\"",
        "\\",
        "[",
        "]",
        "NIL",
        "1",
        "abc",
        "ä",
        "\n",
        "\r\n",
        "BADCHARSET (",
        "COPYUID 1 2:4 5",
    ]);
    (begin, prop::collection::vec(piece, 0..9))
        .prop_map(|(begin, pieces)| format!("{begin}{}\r\n", pieces.concat()))
}
