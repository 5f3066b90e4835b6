//! A scripted server, for what no real server does.

use std::time::Duration;

mod connecting;
mod fetching;
mod folders;
mod removing;
mod sessions;

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
