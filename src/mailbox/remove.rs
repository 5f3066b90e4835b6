//! What happens to stored mails on the server.
use super::MailboxError;
/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// x
    Delete,
}
/// x
#[derive(Debug)]
pub enum RemoveOutcome {}
