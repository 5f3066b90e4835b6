//! gzip and zip, damaged and within each other, within the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tlsrptd::config::Limits;
use tlsrptd::extract::from_file;

fuzz_target!(|file: &[u8]| {
    let limits = Limits {
        mail_bytes: 100_000,
        decompressed_bytes: 200_000,
        leaf_parts: 50,
        ..Limits::default()
    };
    if let Ok(extracted) = from_file(file, Some("a!b!1!2.json.gz"), &limits) {
        let n_bytes: usize = extracted.files.iter().map(|file| file.text.len()).sum();
        // A plain file isn't decompressed, and a byte of it may become three as text.
        assert!(n_bytes <= 500_000, "{n_bytes} bytes of text");
    }
});
