//! Mails whose origin could not be judged for want of a name server are judged again.

use std::io::Read;

use flate2::read::GzDecoder;
use jiff::SignedDuration;

use super::{Poll, PollError};
use crate::clock;
use crate::import::judge;
use crate::store::{Store, TemporaryMail};

/// How long a mail is judged again.
const PATIENCE: SignedDuration = SignedDuration::from_hours(72);
/// Mails that are judged again at a poll.
const AT_A_TIME: u32 = 200;

impl Poll<'_, '_> {
    /// Judges again what a poll, or an import, had to leave open.
    pub(super) async fn temporary(&mut self, store: &mut Store) -> Result<(), PollError> {
        let now = clock::now();
        let since = now.checked_sub(PATIENCE).unwrap_or(jiff::Timestamp::MIN);
        store.give_up_temporary(since)?;
        let mut waiting = store.temporary_mails(&self.mailbox.name, AT_A_TIME)?.into_iter();
        loop {
            // A small raw mail may be a large one, so not all are unpacked at once.
            let (mut mails, mut n_bytes) = (Vec::new(), 0_u64);
            while n_bytes < self.config.limits.batch_bytes
                && let Some(mail) = waiting.next()
            {
                let Some(bytes) = unpacked(&mail.raw, self.config.limits.mail_bytes) else {
                    continue;
                };
                n_bytes = n_bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                mails.push((mail, bytes));
            }
            if mails.is_empty() {
                return Ok(());
            }
            let before = std::mem::take(&mut self.step);
            self.begin("ask for the keys of mails that wait for them".to_owned());
            self.judge_again(store, mails).await?;
            self.step = before;
        }
    }

    async fn judge_again(
        &mut self,
        store: &mut Store,
        mails: Vec<(TemporaryMail, Vec<u8>)>,
    ) -> Result<(), PollError> {
        let now = clock::now();
        let keys = self.keys(mails.iter().map(|(_, bytes)| bytes.as_slice())).await;
        for (mail, bytes) in mails {
            let again = judge(self.config, mail.origin, &bytes, &keys, now);
            let n_counted = store.judge_again(mail.id, &again, self.config.store.retention, now)?;
            self.tally.stored = self.tally.stored.saturating_add(n_counted);
        }
        Ok(())
    }
}

fn unpacked(raw: &[u8], limit: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    #[expect(clippy::disallowed_methods, reason = "bounded by take")]
    let read = GzDecoder::new(raw).take(limit).read_to_end(&mut bytes);
    read.ok().map(|_| bytes)
}
