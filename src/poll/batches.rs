//! Which mails of a folder are asked for together.

use crate::config::Config;
use crate::mailbox::Listed;
use crate::store::Folder;

/// UIDs that are listed at a time, so that memory doesn't grow with the folder.
pub(super) const WINDOW: u32 = 10_000;

/// How many UIDs to list after a window in which so many mails were.
pub(super) fn next_window(window: u32, n_mails: usize) -> u32 {
    let is_sparse = u32::try_from(n_mails).is_ok_and(|n_mails| n_mails < WINDOW.div_ceil(4));
    if is_sparse {
        window.saturating_mul(4)
    } else {
        WINDOW
    }
}

/// Whether a mail was there before the first run and is older than that reads.
pub(super) fn is_too_old_to_read(folder: &Folder, mail: &Listed) -> bool {
    mail.uid < folder.old_below
        && folder
            .not_before
            .zip(mail.received_at)
            .is_some_and(|(not_before, received_at)| received_at < not_before)
}

/// Cuts a list of mails into batches, bounded by number and bytes; a mail over the size limit is not downloaded and
/// weighs nothing.
pub(super) fn batches<'a>(mails: &'a [Listed], config: &Config) -> Vec<&'a [Listed]> {
    let limits = &config.limits;
    let mut batches = Vec::new();
    let (mut rest, mut n, mut n_bytes) = (mails, 0_usize, 0_u64);
    while let Some(mail) = rest.get(n) {
        let size = if mail.size > limits.mail_bytes {
            0
        } else {
            mail.size
        };
        let is_full = u32::try_from(n).is_ok_and(|n| n >= limits.batch_mails)
            || n_bytes.saturating_add(size) > limits.batch_bytes;
        if is_full && n > 0 {
            let (batch, others) = rest.split_at(n);
            batches.push(batch);
            (rest, n, n_bytes) = (others, 0, 0);
        } else {
            n = n.saturating_add(1);
            n_bytes = n_bytes.saturating_add(size);
        }
    }
    if !rest.is_empty() {
        batches.push(rest);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::{Listed, batches};
    use crate::config::Config;

    #[test]
    fn batches_are_bounded_by_bytes_and_number_and_hold_every_mail_once() {
        let mut config = Config::default();
        config.limits.batch_mails = 3;
        config.limits.batch_bytes = 100;
        let mails: Vec<Listed> = [10, 200, 10, 10, 10, 10, 95, 10]
            .into_iter()
            .zip(1..)
            .map(|(size, uid)| Listed {
                uid,
                size,
                received_at: None,
            })
            .collect();
        let batches = batches(&mails, &config);
        let uids: Vec<Vec<u32>> = batches
            .iter()
            .map(|b| b.iter().map(|m| m.uid).collect())
            .collect();
        assert_eq!(uids, [vec![1], vec![2], vec![3, 4, 5], vec![6], vec![7], vec![8]]);
    }
}
