//! An IMAP server that answers with anything: the guard, the parser behind it, and what we make of responses.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| tlsrptd::mailbox::fuzzing::session(script));
