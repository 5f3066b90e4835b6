//! Moving and deleting stored mails on the server. Never CLOSE and never a plain EXPUNGE: both would also
//! remove what others have marked as deleted.

use std::collections::BTreeSet;

use super::MailboxError;
use super::error::shown;
use super::folders::{candidates, encode, quoted, same_name};
use super::list::uid_set;
use super::session::{Command, Completion, ImapSession};

/// Most UIDs in one command.
const MAX_UIDS: usize = 500;

/// What is done with mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// They go to this folder (UTF-8), which is created when missing.
    MoveTo(String),
    /// They are deleted.
    Delete,
}

/// What came of a [`Removal`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoveOutcome {
    /// The server did as asked.
    Removed {
        /// No longer in the folder, now or before; sorted.
        gone: Vec<u32>,
        /// Still there, although the server said OK; sorted.
        kept: Vec<u32>,
    },
    /// The folder's UIDs mean other mails now, so nothing was touched; the new UIDVALIDITY.
    Renumbered(u32),
    /// The server can't; nothing was touched. The text says why and what to do.
    Unsupported(String),
}

impl ImapSession {
    /// Moves or deletes the mails of a folder with these UIDs; opens the folder for writing.
    ///
    /// MOVE (RFC 6851) where the server offers it, else COPY, STORE and UID EXPUNGE (RFC 4315).
    /// Cut off between COPY and EXPUNGE, the mails are still here and once more in the target.
    ///
    /// # Errors
    ///
    /// [`MailboxError`] if the server refuses or fails; some of the mails may be gone then, and calling again
    /// with all of them is right.
    pub async fn remove(
        &mut self,
        folder: &str,
        uid_validity: u32,
        uids: &[u32],
        removal: &Removal,
    ) -> Result<RemoveOutcome, MailboxError> {
        let state = self.open(folder, "SELECT").await?;
        if state.uid_validity != uid_validity {
            return Ok(RemoveOutcome::Renumbered(state.uid_validity));
        }
        if let Some(why) = self.hindrance(folder, removal) {
            return Ok(RemoveOutcome::Unsupported(why));
        }
        let asked: BTreeSet<u32> = uids.iter().copied().filter(|uid| *uid > 0).collect();
        let asked: Vec<u32> = asked.into_iter().collect();
        let there: Vec<u32> = self.existing(&asked).await?.into_iter().collect();
        for chunk in there.chunks(MAX_UIDS) {
            match removal {
                Removal::MoveTo(target) => self.move_to(folder, target, &uid_set(chunk)).await?,
                Removal::Delete => self.expunge(&uid_set(chunk)).await?,
            }
        }
        let kept = self.existing(&there).await?;
        Ok(RemoveOutcome::Removed {
            gone: asked.into_iter().filter(|uid| !kept.contains(uid)).collect(),
            kept: kept.into_iter().collect(),
        })
    }

    /// Why the server can't remove mails from the opened folder.
    fn hindrance(&self, folder: &str, removal: &Removal) -> Option<String> {
        let folder = shown(folder);
        if self.is_read_only {
            return Some(format!(
                "{}: folder \"{folder}\" may only be read; set after = \"leave\" or give the user more rights",
                self.server
            ));
        }
        let can_move = matches!(removal, Removal::MoveTo(_)) && self.has_capability("MOVE");
        (!can_move && !self.has_capability("UIDPLUS")).then(|| {
            format!(
                "{}: the server can't remove single mails (neither MOVE nor UIDPLUS); set after = \"leave\"",
                self.server
            )
        })
    }

    async fn expunge(&mut self, set: &str) -> Result<(), MailboxError> {
        let store = format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)");
        self.demand(Command::small("delete", &store), |_| Ok(())).await?;
        let expunge = format!("UID EXPUNGE {set}");
        self.demand(Command::small("delete", &expunge), |_| Ok(())).await
    }

    async fn move_to(&mut self, folder: &str, target: &str, set: &str) -> Result<(), MailboxError> {
        let mut wire_name = self.target(folder, target).await?;
        let mut completion = self.transfer(set, &wire_name).await?;
        if !completion.is_ok && is_missing(&completion.text) {
            // It was there when it was looked for, and is no more.
            wire_name = self.create(target, &[wire_name]).await?;
            completion = self.transfer(set, &wire_name).await?;
        }
        if !completion.is_ok {
            return Err(self.place("move").refused(&completion.text));
        }
        if self.has_capability("MOVE") {
            return Ok(());
        }
        self.expunge(set).await
    }

    /// MOVE or COPY.
    async fn transfer(&mut self, set: &str, wire_name: &str) -> Result<Completion, MailboxError> {
        let verb = if self.has_capability("MOVE") {
            "MOVE"
        } else {
            "COPY"
        };
        let text = format!("UID {verb} {set} {}", quoted(wire_name));
        self.command(Command::small("move", &text), |_| Ok(())).await
    }

    /// The wire name of the folder to move to; it is created when missing.
    async fn target(&mut self, folder: &str, target: &str) -> Result<String, MailboxError> {
        if let Some(wire_name) = self.wire_names.get(target) {
            return self.not_itself(folder, wire_name.clone());
        }
        let folders = self.listed_folders().await?;
        let names = candidates(target, &folders);
        let listed = names.iter().find_map(|name| {
            folders
                .iter()
                .find(|listed| listed.is_selectable && same_name(&listed.name, name))
        });
        let wire_name = if let Some(listed) = listed {
            listed.wire_name.clone()
        } else {
            // With the server's separator first: elsewhere a slash would be part of the name.
            let (plain, translated) = names.split_at(1.min(names.len()));
            let names: Vec<String> = translated.iter().chain(plain).map(|name| encode(name)).collect();
            self.create(target, &names).await?
        };
        self.wire_names.insert(target.to_owned(), wire_name.clone());
        self.not_itself(folder, wire_name)
    }

    fn not_itself(&self, folder: &str, wire_name: String) -> Result<String, MailboxError> {
        let is_itself = self
            .wire_names
            .get(folder)
            .is_some_and(|own| same_name(own, &wire_name));
        if is_itself {
            let what = format!(
                "failed: \"{}\" is the folder that is read; move to another one",
                shown(folder)
            );
            return Err(self.place("move").person(what));
        }
        Ok(wire_name)
    }

    /// Creates the first of these names that the server takes.
    async fn create(&mut self, target: &str, wire_names: &[String]) -> Result<String, MailboxError> {
        let mut refusal = String::new();
        for wire_name in wire_names {
            let create = format!("CREATE {}", quoted(wire_name));
            let completion = self
                .command(Command::small("create folder", &create), |_| Ok(()))
                .await?;
            if completion.is_ok || completion.text.to_ascii_uppercase().contains("[ALREADYEXISTS]") {
                // So that mail programs show it; no harm if the server does not like to.
                let subscribe = format!("SUBSCRIBE {}", quoted(wire_name));
                self.command(Command::small("create folder", &subscribe), |_| Ok(()))
                    .await?;
                return Ok(wire_name.clone());
            }
            if refusal.is_empty() {
                refusal = completion.text;
            }
        }
        Err(self.place("create folder").person(format!(
            "\"{}\" refused: {}; create it by hand, or correct the folder in after",
            shown(target),
            shown(&refusal)
        )))
    }
}

fn is_missing(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    text.contains("[TRYCREATE]") || text.contains("[NONEXISTENT]")
}
