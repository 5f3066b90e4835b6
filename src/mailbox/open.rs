//! Opens a folder, so that its UIDs can be relied upon.

use async_imap::imap_proto::{MailboxDatum, Response, ResponseCode, StatusAttribute};

use super::MailboxError;
use super::error::shown;
use super::folders;
use super::session::{Command, ImapSession};

/// What a server says about a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderState {
    /// UIDs mean the same as long as this stays the same (RFC 9051, Section 2.3.1.1); never 0.
    pub uid_validity: u32,
    /// Above the UID of each mail that is there now.
    pub uid_next: u32,
    /// Mails in the folder.
    pub exists: u32,
}

impl ImapSession {
    /// Opens a folder (UTF-8) to read it, by EXAMINE where the server gives UIDNEXT with it. No mail is changed.
    ///
    /// A folder that isn't there is looked for below the personal namespace.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NeedsPerson`] lists the folders there are if this one is not among them.
    pub async fn examine(&mut self, folder: &str) -> Result<FolderState, MailboxError> {
        self.open(folder, "EXAMINE").await
    }

    /// EXAMINE or SELECT.
    pub(super) async fn open(&mut self, folder: &str, verb: &str) -> Result<FolderState, MailboxError> {
        self.selected = None;
        let known = self.wire_names.get(folder).cloned();
        let wire_name = known.unwrap_or_else(|| folders::encode(folder));
        let refusal = match self.try_open(folder, &wire_name, verb).await? {
            Ok(state) => return Ok(self.opened(folder, wire_name, state)),
            Err(refusal) => refusal,
        };
        let wire_name = self.find(folder, &wire_name, &refusal).await?;
        match self.try_open(folder, &wire_name, verb).await? {
            Ok(state) => Ok(self.opened(folder, wire_name, state)),
            Err(refusal) => {
                let step = step_of(folder);
                Err(self.place(&step).refused(&refusal))
            }
        }
    }

    fn opened(&mut self, folder: &str, wire_name: String, state: FolderState) -> FolderState {
        self.wire_names.insert(folder.to_owned(), wire_name);
        self.selected = Some(state);
        state
    }

    /// Opens a folder, so that the session sees each mail below the UIDNEXT it gives. The inner error is the
    /// server's NO.
    ///
    /// Courier gives UIDNEXT with STATUS only, and keeps the UIDs that it gives to new mails with SELECT only: after
    /// EXAMINE they may mean other mails the next time. STATUS comes before SELECT, for what came between the two is
    /// left to the next poll. SELECT marks nothing, as long as mails are read by PEEK.
    async fn try_open(
        &mut self,
        folder: &str,
        wire_name: &str,
        verb: &str,
    ) -> Result<Result<FolderState, String>, MailboxError> {
        match self.open_once(folder, wire_name, verb).await? {
            Ok((state, Some(uid_next))) => return Ok(Ok(FolderState { uid_next, ..state })),
            Ok((_, None)) => {}
            Err(refusal) => return Ok(Err(refusal)),
        }
        let uid_next = self.status_uid_next(&step_of(folder), wire_name).await?;
        let opened = self.open_once(folder, wire_name, "SELECT").await?;
        Ok(opened.map(|(state, _)| FolderState { uid_next, ..state }))
    }

    /// Gives UIDNEXT apart, where the server gives it. The inner error is the server's NO.
    async fn open_once(
        &mut self,
        folder: &str,
        wire_name: &str,
        verb: &str,
    ) -> Result<Result<(FolderState, Option<u32>), String>, MailboxError> {
        let step = step_of(folder);
        let text = format!("{verb} {}", folders::quoted(wire_name));
        let (mut exists, mut uid_validity, mut uid_next) = (0, None, None);
        let completion = self
            .command(Command::small(&step, &text), |response| {
                match response {
                    Response::MailboxData(MailboxDatum::Exists(n)) => exists = *n,
                    Response::Data { outcome, .. } | Response::Done { outcome, .. } => match outcome.code {
                        Some(ResponseCode::UidValidity(value)) => uid_validity = Some(value),
                        Some(ResponseCode::UidNext(value)) => uid_next = Some(value),
                        _ => {}
                    },
                    _ => {}
                }
                Ok(())
            })
            .await?;
        if !completion.is_ok {
            return Ok(Err(completion.text));
        }
        self.is_read_only = completion.text.to_ascii_uppercase().starts_with("[READ-ONLY]");
        // 0 is no UIDVALIDITY, and a cursor without one would mean nothing.
        let Some(uid_validity) = uid_validity.filter(|value| *value > 0) else {
            self.give_up();
            return Err(self.place(&step).retry("failed: the server gives no UIDVALIDITY"));
        };
        let state = FolderState {
            uid_validity,
            uid_next: 0,
            exists,
        };
        Ok(Ok((state, uid_next)))
    }

    async fn status_uid_next(&mut self, step: &str, wire_name: &str) -> Result<u32, MailboxError> {
        let text = format!("STATUS {} (UIDNEXT)", folders::quoted(wire_name));
        let mut uid_next = None;
        self.demand(Command::small(step, &text), |response| {
            if let Response::MailboxData(MailboxDatum::Status { status, .. }) = response {
                for attribute in status {
                    if let StatusAttribute::UidNext(value) = attribute {
                        uid_next = Some(*value);
                    }
                }
            }
            Ok(())
        })
        .await?;
        uid_next.ok_or_else(|| self.place(step).retry("failed: the server gives no UIDNEXT"))
    }
}

pub(super) fn step_of(folder: &str) -> String {
    format!("folder \"{}\"", shown(folder))
}
