//! What happens to stored mails on the server, once they are safe here.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::{Poll, PollError};
use crate::clock;
use crate::config::After;
use crate::mailbox::{ImapSession, Removal, RemoveOutcome};
use crate::store::{Folder, Store};

/// Mails moved or deleted at a time.
const AT_A_TIME: u32 = 500;

impl Poll<'_, '_> {
    /// Moves or deletes the mails of which every report is settled. What a crash left undone is pending still, and so
    /// is done now.
    pub(super) async fn after(
        &mut self,
        session: &mut ImapSession,
        store: &mut Store,
        name: &str,
        uid_validity: u32,
        folder: &Folder,
    ) -> Result<(), PollError> {
        let removal = match &self.mailbox.after {
            After::Leave => return Ok(()),
            After::Move(target) => Removal::MoveTo(target.clone()),
            After::Delete => Removal::Delete,
        };
        if self.dry_run {
            return Ok(());
        }
        let before = clock::now()
            .to_zoned(TimeZone::UTC)
            .checked_sub(i64::from(self.mailbox.after_days).days())
            .map_or(Timestamp::MIN, |then| then.timestamp());
        loop {
            let pending: BTreeMap<u32, i64> = store
                .pending(folder.id, before, AT_A_TIME)?
                .into_iter()
                .map(|mail| (mail.uid, mail.mail))
                .collect();
            let uids: Vec<u32> = pending.keys().copied().collect();
            if uids.is_empty() {
                return Ok(());
            }
            let gone = match session.remove(name, uid_validity, &uids, &removal).await? {
                RemoveOutcome::Removed { gone, .. } => gone,
                // The next poll sees the new UIDVALIDITY and reads again.
                RemoveOutcome::Renumbered(_) => return Ok(()),
                RemoveOutcome::Unsupported(why) => {
                    self.remarks.push(why);
                    return Ok(());
                }
            };
            let left: Vec<i64> = gone.iter().filter_map(|uid| pending.get(uid).copied()).collect();
            store.mark_left(&left, clock::now())?;
            if left.is_empty() {
                self.remarks.push(format!(
                    "{} stored mails stay in {name:?} although the server said that they are gone; \
                     look at them with another mail program",
                    uids.len()
                ));
                return Ok(());
            }
        }
    }
}
