//! One IMAP session. async-imap's own commands hide NO, BAD and the end of the stream, so each command here
//! waits for its own completion.

use std::collections::BTreeMap;
use std::time::Duration;

use async_imap::Session;
use async_imap::imap_proto::{RequestId, Response, ResponseCode, Status};
use tokio::time::timeout;

use crate::config::{Limits, MailboxConfig};

use super::connect::Stream;
use super::error::Place;
use super::guard::Allowance;
use super::open::FolderState;
use super::{MailboxError, secret};

/// Longest time for a command, besides what the announced bytes take.
const COMMAND_LIMIT: Duration = Duration::from_mins(1);
/// Slowest line that still counts as alive, in bytes a second.
const SLOWEST: u64 = 10_000;
/// Longest wait for the answer to LOGOUT.
const LOGOUT_LIMIT: Duration = Duration::from_secs(2);

/// A logged-in session with an IMAP server.
///
/// Once a call has failed in the middle, or its future was dropped, the connection is closed and each
/// further call fails with [`MailboxError::Spent`]: connect again.
#[derive(Debug)]
pub struct ImapSession {
    pub(super) server: String,
    /// Largest mail that is fetched, in bytes.
    pub(super) max_mail_bytes: u64,
    /// Taken out while a command runs, and not put back when it fails.
    connection: Option<Session<Stream>>,
    /// In upper case.
    capabilities: Vec<String>,
    /// Folder names (UTF-8) and what they are on the wire.
    pub(super) wire_names: BTreeMap<String, String>,
    command_limit: Duration,
    pub(super) selected: Option<FolderState>,
    /// What the server says of the opened folder; always so after EXAMINE.
    pub(super) is_read_only: bool,
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Completion {
    /// OK, else NO.
    pub(super) is_ok: bool,
    /// The text with its code, as sent.
    pub(super) text: String,
}

/// A command whose answer hasn't been read yet. It holds the connection; dropping it closes that.
#[derive(Debug)]
pub(super) struct Sent {
    connection: Session<Stream>,
    id: RequestId,
    /// Bytes that the server has announced.
    announced: u64,
}

/// What a command may bring in, and what to call it in errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Command<'a> {
    pub(super) step: &'a str,
    pub(super) text: &'a str,
    /// Bytes that the server has announced.
    pub(super) announced: u64,
    pub(super) allowance: Allowance,
}

impl<'a> Command<'a> {
    pub(super) fn small(step: &'a str, text: &'a str) -> Self {
        Self {
            step,
            text,
            announced: 0,
            allowance: Allowance::default(),
        }
    }
}

impl ImapSession {
    /// Connects, sets up TLS and logs in; `limits.connect_timeout` holds for each of these.
    ///
    /// # Errors
    ///
    /// [`MailboxError`] names server and step; [`MailboxError::reaction`] says what to do.
    pub async fn connect(config: &MailboxConfig, limits: &Limits) -> Result<Self, MailboxError> {
        let server = server_name(config);
        let session = secret::log_in(config, &server, limits.connect_timeout).await?;
        Self::start(session, server, limits).await
    }

    pub(super) async fn start(
        mut session: Session<Stream>,
        server: String,
        limits: &Limits,
    ) -> Result<Self, MailboxError> {
        session.get_mut().set_silence(limits.silence_timeout);
        let mut started = Self {
            server,
            max_mail_bytes: limits.mail_bytes,
            connection: Some(session),
            capabilities: Vec::new(),
            wire_names: BTreeMap::new(),
            command_limit: COMMAND_LIMIT,
            selected: None,
            is_read_only: false,
        };
        // MOVE and others are shown after the login only.
        started
            .demand(Command::small("capabilities", "CAPABILITY"), |_| Ok(()))
            .await?;
        if let Some(session) = &started.connection {
            started
                .capabilities
                .clone_from(&session.get_ref().heard().capabilities);
        }
        Ok(started)
    }

    /// Whether the server offers this extension (upper case), such as `MOVE`.
    pub fn has_capability(&self, name: &str) -> bool {
        self.capabilities.iter().any(|word| word == name)
    }

    /// Whether the session can still be used.
    pub fn is_usable(&self) -> bool {
        self.connection.is_some()
    }

    /// Closes the connection; each further call fails.
    pub(super) fn give_up(&mut self) {
        self.connection = None;
    }

    /// Bytes read from the server since the login began; 0 once the session is spent.
    pub fn bytes_read(&self) -> u64 {
        self.connection
            .as_ref()
            .map_or(0, |connection| connection.get_ref().bytes_read())
    }

    #[cfg(test)]
    pub(super) fn set_command_limit(&mut self, limit: Duration) {
        self.command_limit = limit;
    }

    /// Ends the session politely; a server that does not answer is left after two seconds.
    pub async fn logout(mut self) {
        let command = Command::small("logout", "LOGOUT");
        let farewell = self.command(command, |_| Ok(()));
        // Whatever comes of it, the session is over: BYE and the end of the stream are expected here.
        drop(timeout(LOGOUT_LIMIT, farewell).await);
    }

    pub(super) fn place<'a>(&'a self, step: &'a str) -> Place<'a> {
        Place {
            server: &self.server,
            step,
        }
    }

    /// Runs a command that must end with OK.
    pub(super) async fn demand<F>(&mut self, command: Command<'_>, on: F) -> Result<(), MailboxError>
    where
        F: FnMut(&Response<'_>) -> Result<(), String>,
    {
        let completion = self.command(command, on).await?;
        self.must_be_ok(&completion, command.step)
    }

    pub(super) fn must_be_ok(&self, completion: &Completion, step: &str) -> Result<(), MailboxError> {
        if completion.is_ok {
            return Ok(());
        }
        Err(self.place(step).refused(&completion.text))
    }

    /// Runs a command to its own completion; BAD, BYE, the end of the stream and time-outs are errors.
    pub(super) async fn command<F>(&mut self, command: Command<'_>, on: F) -> Result<Completion, MailboxError>
    where
        F: FnMut(&Response<'_>) -> Result<(), String>,
    {
        let sent = self.send(command).await?;
        self.receive(sent, command.step, on).await
    }

    /// Sends a command. Until its answer is received the session can't be used for anything else, and if it never is,
    /// not at all.
    pub(super) async fn send(&mut self, command: Command<'_>) -> Result<Sent, MailboxError> {
        let Some(mut connection) = self.connection.take() else {
            return Err(MailboxError::Spent(self.server.clone()));
        };
        let place = self.place(command.step);
        let id = timeout(self.command_limit, begin(&mut connection, command, place))
            .await
            .map_err(|_| place.timed_out(self.command_limit))??;
        Ok(Sent {
            connection,
            id,
            announced: command.announced,
        })
    }

    /// Reads the answer to what was sent.
    pub(super) async fn receive<F>(
        &mut self,
        sent: Sent,
        step: &str,
        mut on: F,
    ) -> Result<Completion, MailboxError>
    where
        F: FnMut(&Response<'_>) -> Result<(), String>,
    {
        let Sent {
            mut connection,
            id,
            announced,
        } = sent;
        let place = Place {
            server: &self.server,
            step,
        };
        let transfer = Duration::from_secs(announced.checked_div(SLOWEST).unwrap_or_default());
        let limit = self.command_limit.saturating_add(transfer);
        let uid_validity = self.selected.map(|state| state.uid_validity);
        let mut on = |response: &Response<'_>| {
            demand_unchanged(uid_validity, response)?;
            on(response)
        };
        connection.get_mut().listen();
        let completion = timeout(limit, exchange(&mut connection, &id, place, &mut on))
            .await
            .map_err(|_| place.timed_out(limit))??;
        self.connection = Some(connection);
        Ok(completion)
    }
}

/// A server that numbers the opened folder anew in mid-session must say so by an untagged OK (RFC 3501, Section
/// 7.1). From then on our UIDs may be other mails: no further command may name them.
fn demand_unchanged(uid_validity: Option<u32>, response: &Response<'_>) -> Result<(), String> {
    let (Response::Data { outcome, .. } | Response::Done { outcome, .. }) = response else {
        return Ok(());
    };
    match (outcome.code.as_ref(), uid_validity) {
        (Some(ResponseCode::UidValidity(now)), Some(then)) if *now != then => {
            Err(format!("the folder's UIDVALIDITY changed from {then} to {now}"))
        }
        _ => Ok(()),
    }
}

/// `host:port`, with brackets around an IPv6 address.
pub(super) fn server_name(config: &MailboxConfig) -> String {
    if config.host.contains(':') {
        format!("[{}]:{}", config.host, config.port())
    } else {
        format!("{}:{}", config.host, config.port())
    }
}

async fn begin(
    connection: &mut Session<Stream>,
    command: Command<'_>,
    place: Place<'_>,
) -> Result<RequestId, MailboxError> {
    connection.get_mut().begin(command.allowance);
    match connection.run_command(command.text).await {
        Ok(id) => Ok(id),
        Err(async_imap::error::Error::Io(error)) => {
            Err(place.io(&error, connection.get_ref().heard().bye.as_deref()))
        }
        Err(_) => Err(place.lost(connection.get_ref().heard().bye.as_deref())),
    }
}

async fn exchange<F>(
    connection: &mut Session<Stream>,
    id: &RequestId,
    place: Place<'_>,
    on: &mut F,
) -> Result<Completion, MailboxError>
where
    F: FnMut(&Response<'_>) -> Result<(), String>,
{
    loop {
        let response = connection.read_response().await;
        let heard = connection.get_ref().heard();
        let response = response
            .map_err(|error| place.io(&error, heard.bye.as_deref()))?
            .ok_or_else(|| place.lost(heard.bye.as_deref()))?;
        on(response.parsed()).map_err(|problem| place.retry(format!("failed: {problem}")))?;
        match response.parsed() {
            Response::Done { tag, status, .. } if tag == id => {
                let text = heard.tagged.clone();
                return match status {
                    Status::Ok => Ok(Completion { is_ok: true, text }),
                    Status::No => Ok(Completion { is_ok: false, text }),
                    _ => Err(place.refused(&text)),
                };
            }
            Response::Done { .. } | Response::Continue(_) => {
                return Err(place.retry("failed: the server answered a command that was not given"));
            }
            Response::Data {
                status: Status::Bye, ..
            } => return Err(place.lost(heard.bye.as_deref())),
            _ => {}
        }
    }
}
