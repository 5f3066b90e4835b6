//! From a fixed mail to its recipients, and what becomes of it for each.

use crate::clock;
use crate::config::{Audience, Config};
use crate::digest::send::{Delivered, Handed, SendError, send};
use crate::store::{Delivery, FixedDigest, Store, StoreError};

/// How a round of deliveries ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// Who accepted the mail now.
    pub accepted: Vec<String>,
    /// Who was refused for good, and the answer.
    pub refused: Vec<(String, String)>,
    /// Who still waits, and why.
    pub waiting: Vec<(String, String)>,
    /// Whether the digest counts as sent.
    pub is_sent: bool,
}

/// The digest that waits to be sent to an audience, to its recipients of today.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub fn waiting(store: &mut Store, audience: &Audience) -> Result<Option<FixedDigest>, StoreError> {
    waiting_of(store, audience, false)
}

/// The urgent mail that waits to be sent to an audience, to its recipients of today.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub fn waiting_urgent(store: &mut Store, audience: &Audience) -> Result<Option<FixedDigest>, StoreError> {
    waiting_of(store, audience, true)
}

fn waiting_of(
    store: &mut Store,
    audience: &Audience,
    only_urgent: bool,
) -> Result<Option<FixedDigest>, StoreError> {
    let name = Some(audience.name.as_str());
    let Some(digest) = store.unsent_digest(name, only_urgent)? else {
        return Ok(None);
    };
    store.follow_recipients(digest.id, &audience.to)?;
    store.unsent_digest(name, only_urgent)
}

/// Drops what waits for audiences that the configuration doesn't name any more.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub fn follow_audiences(config: &Config, store: &mut Store) -> Result<(), StoreError> {
    let audiences = config.digest.audiences();
    let names: Vec<String> = audiences.into_iter().map(|audience| audience.name).collect();
    store.follow_audiences(&names)
}

/// Makes one attempt to send a fixed digest to those who wait for it, and remembers the result for each.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub async fn deliver(config: &Config, store: &mut Store, digest: &FixedDigest) -> Result<Round, StoreError> {
    store.begin_round(digest.id)?;
    let mut handed = None;
    let results = match send_waiting(config, digest).await {
        Ok(sent) => handed
            .insert(sent)
            .as_mut()
            .map(|handed| std::mem::take(&mut handed.results))
            .unwrap_or_default(),
        Err(error) => {
            let failed = Delivered::Failed(error.to_string());
            digest
                .waiting
                .iter()
                .map(|recipient| (recipient.clone(), failed.clone()))
                .collect()
        }
    };
    let mut round = Round {
        accepted: Vec::new(),
        refused: Vec::new(),
        waiting: Vec::new(),
        is_sent: false,
    };
    for (recipient, delivered) in results {
        let delivery = match &delivered {
            Delivered::Accepted => Delivery::Accepted,
            Delivered::Refused(answer) => Delivery::Refused(answer),
            Delivered::Failed(error) => Delivery::Failed(error),
        };
        store.delivered(digest.id, &recipient, delivery, clock::now())?;
        match delivered {
            Delivered::Accepted => round.accepted.push(recipient),
            Delivered::Refused(answer) => round.refused.push((recipient, answer)),
            Delivered::Failed(error) => round.waiting.push((recipient, error)),
        }
    }
    round.is_sent = store.end_round(digest.id, clock::now())?;
    if let Some(handed) = handed.flatten() {
        handed.end().await;
    }
    Ok(round)
}

async fn send_waiting(config: &Config, digest: &FixedDigest) -> Result<Option<Handed>, SendError> {
    if digest.waiting.is_empty() {
        // Killed between the last acceptance and the end of the round: all is sent, only that is not yet on record.
        return Ok(None);
    }
    let from = &config.digest.from;
    send(
        &config.smtp,
        from,
        &digest.waiting,
        &digest.message_id,
        &digest.mail,
    )
    .await
    .map(Some)
}
