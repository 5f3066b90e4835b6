//! A session over a pipe whose other end is made up by a fuzzer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::config::{Limits, MailboxConfig, TlsMode};

use super::{ImapSession, MailboxError, Removal, auth, connect};

/// Ends each answer of a script.
const END: u8 = 0xff;

/// Runs a session from login to removal against a server that says what the script says.
///
/// The first byte says how many commands are answered properly before the script is; its answers are separated by
/// 0xFF, and `%` in them stands for the command's tag.
pub fn session(script: &[u8]) {
    thread_local! {
        static RUNTIME: io::Result<tokio::runtime::Runtime> =
            tokio::runtime::Builder::new_current_thread().enable_time().build();
    }
    let Some((n_proper, script)) = script.split_first() else {
        return;
    };
    let server = Server {
        n_proper: *n_proper,
        answers: script
            .split(|byte| *byte == END)
            .map(<[u8]>::to_vec)
            .collect::<Vec<_>>()
            .into_iter(),
        command: Vec::new(),
        pending: PROPER_GREETING.to_vec(),
    };
    RUNTIME.with(|runtime| {
        if let Ok(runtime) = runtime {
            // An error is what a server like this one gets; a panic or abort is what is looked for.
            drop(runtime.block_on(run(server)));
        }
    });
}

const PROPER_GREETING: &[u8] = b"* OK ready\r\n";

async fn run(server: Server) -> Result<(), MailboxError> {
    let limits = Limits {
        mail_bytes: 2000,
        connect_timeout: Duration::from_secs(5),
        ..Limits::default()
    };
    let config = MailboxConfig {
        host: "imap.example.org".to_owned(),
        user: "tls@example.org".to_owned(),
        tls: TlsMode::None,
        ..MailboxConfig::default()
    };
    let secret = "secret".to_owned().into();
    let name = "imap.example.org:143";
    let client = connect::greeted(Box::new(server), name, limits.connect_timeout).await?;
    let session = auth::login(client, &config, name, &secret, limits.connect_timeout).await?;
    let mut session = ImapSession::start(session, name.to_owned(), &limits).await?;
    session.folders().await?;
    let state = session.examine("INBOX").await?;
    let listing = session.list(1, 100).await?;
    let fetched = session.fetch(&listing.mails, limits.mail_bytes).await?;
    assert_eq!(fetched.len(), listing.mails.len());
    for removal in [Removal::MoveTo("Done".to_owned()), Removal::Delete] {
        session
            .remove("INBOX", state.uid_validity, &[1, 2], &removal)
            .await?;
    }
    session.logout().await;
    Ok(())
}

/// The pipe; a line written to it is answered, and without further answers it ends.
#[derive(Debug)]
struct Server {
    n_proper: u8,
    answers: std::vec::IntoIter<Vec<u8>>,
    command: Vec<u8>,
    pending: Vec<u8>,
}

impl Server {
    fn answer(&mut self) {
        let line = std::mem::take(&mut self.command);
        let line = String::from_utf8_lossy(&line).into_owned();
        let (tag, command) = line.split_once(' ').unwrap_or_default();
        let answer = match self.n_proper.checked_sub(1) {
            Some(n_left) => {
                self.n_proper = n_left;
                proper(command).as_bytes().to_vec()
            }
            None => self.answers.next().unwrap_or_default(),
        };
        for byte in answer {
            match byte {
                b'%' => self.pending.extend_from_slice(tag.as_bytes()),
                byte => self.pending.push(byte),
            }
        }
    }
}

fn proper(command: &str) -> &'static str {
    match command.split(' ').take(2).collect::<Vec<_>>().as_slice() {
        ["CAPABILITY\r\n", ..] => "* CAPABILITY IMAP4rev1 AUTH=PLAIN UIDPLUS MOVE\r\n% OK done\r\n",
        ["LIST", ..] => "* LIST () \"/\" INBOX\r\n* LIST () \"/\" {4}\r\nDone\r\n% OK done\r\n",
        ["EXAMINE" | "SELECT", ..] => {
            "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 3] next\r\n% OK done\r\n"
        }
        ["UID", "FETCH"] if command.contains("SIZE") => {
            "* 1 FETCH (UID 1 RFC822.SIZE 5 INTERNALDATE \" 7-Nov-2026 07:00:00 +0100\")\r\n\
             * 2 FETCH (UID 2 RFC822.SIZE 3)\r\n% OK done\r\n"
        }
        ["UID", "FETCH"] if command.contains("BODY") => {
            "* 1 FETCH (UID 1 BODY[]<0> {5}\r\nHello)\r\n* 2 FETCH (UID 2 BODY[]<0> \"abc\")\r\n% OK done\r\n"
        }
        ["UID", "FETCH"] => "* 1 FETCH (UID 1)\r\n% OK done\r\n",
        _ => "% OK done\r\n",
    }
}

impl AsyncRead for Server {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n = self.pending.len().min(out.remaining());
        out.put_slice(&self.pending.drain(..n).collect::<Vec<_>>());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Server {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        for byte in bytes {
            self.command.push(*byte);
            if *byte == b'\n' {
                self.answer();
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
