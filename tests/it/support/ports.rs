//! Ports that belong to one test process for as long as it lives.
//!
//! A port that was merely free a moment ago may be taken by any of the other tests before the server binds it, while
//! the server is restarted, or where a test needs that nobody is there: by another server, or as the local end of a
//! connection. These lie where the kernel gives none away by itself.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;

/// Below the ports that Linux gives to whoever doesn't ask for one (`net.ipv4.ip_local_port_range`).
const ALL: Range<u16> = 10_000..30_000;
/// So many belong together; a process holds few locks then.
const BLOCK: u16 = 100;

/// What this process has locked, each lock with the ports that are left of its block.
static BLOCKS: Mutex<Vec<(File, Range<u16>)>> = Mutex::new(Vec::new());

/// Ports that no other test uses, in this process or in another.
pub(crate) fn own_ports<const N: usize>() -> [u16; N] {
    let mut blocks = BLOCKS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    [(); N].map(|()| {
        loop {
            let left = blocks.last_mut().and_then(|(_, ports)| ports.next());
            let Some(port) = left else {
                blocks.push(another_block());
                continue;
            };
            // A program that has nothing to do with tests may have it.
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return port;
            }
        }
    })
}

/// A block that nobody has locked. The kernel unlocks it when the process ends, however that comes about.
fn another_block() -> (File, Range<u16>) {
    let folder = Path::new("/tmp/tlsrptd-test-ports");
    fs::create_dir_all(folder).unwrap();
    let block_at = |first: u16| {
        let lock = File::create(folder.join(first.to_string())).unwrap();
        lock.try_lock().ok()?;
        Some((lock, first..first + BLOCK))
    };
    ALL.step_by(BLOCK.into())
        .find_map(block_at)
        .expect("all ports are taken by other test processes; end those first")
}
