//! `./demo`, as it will run long after its reports were written.

use std::fs;
use std::process::Command;

use super::support::*;

#[test]
fn the_demo_still_works_in_two_years() {
    let folder = temporary_folder();
    let mut demo = Command::new("/usr/bin/faketime");
    demo.args(["-f", "+2y", concat!(env!("CARGO_MANIFEST_DIR"), "/demo")]);
    demo.env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("TMPDIR", folder.path());
    demo.env("TLSRPTD_BIN", env!("CARGO_BIN_EXE_tlsrptd"));

    let ended = Running::start(&mut demo).wait(LONG).exits(0);

    let (_, rest) = ended
        .stdout
        .split_once("The digest as a mail, with HTML: ")
        .expect("the demo names the digest");
    let mail = fs::read_to_string(rest.lines().next().unwrap()).unwrap();
    assert!(mail.contains("Subject: [tlsrptd] "), "{mail}");
    assert!(ended.stdout.contains("new"), "{}", ended.stdout);
}
