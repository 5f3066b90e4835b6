//! Whose reports count: signatures and a real name server.

use std::fs;

use super::support::*;
use nsd::txt;

/// A Maildir, a configuration, and no server but for names.
struct Post {
    folder: tempfile::TempDir,
    tlsrptd: Tlsrptd,
}

impl Post {
    fn new(port: u16, more: &str) -> Self {
        let folder = temporary_folder();
        for name in ["new", "cur", "tmp"] {
            fs::create_dir_all(folder.path().join("m").join(name)).unwrap();
        }
        let tlsrptd = Tlsrptd::new(&folder.path().join("t"), "");
        let post = Self { folder, tlsrptd };
        post.configure(port, more);
        post
    }

    fn configure(&self, port: u16, more: &str) {
        self.tlsrptd.configure(&format!(
            "[authentication]\nnameservers = [\"127.0.0.1:{port}\"]\n{more}\n\
             [[mailbox]]\nname = \"rua\"\nkind = \"maildir\"\npath = {}\nsince = \"forever\"\n",
            quoted(&self.folder.path().join("m"))
        ));
    }

    fn deliver(&self, name: &str, mail: &[u8]) {
        fs::write(self.folder.path().join("m/new").join(name), mail).unwrap();
    }

    fn poll(&self) {
        self.tlsrptd.run(&["poll"]).exits(0);
    }

    /// Each report: its id as sent, whether it counts, and what is known of its origin.
    fn reports(&self) -> Vec<String> {
        let rows = self.tlsrptd.sql(
            "SELECT concat_ws(' ', report_id, status, authentication, signing_domain, authentication_reason) AS line
             FROM reports_all ORDER BY report_id",
        );
        rows.iter()
            .map(|row| row["line"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// A signed report whose id is the selector.
fn signed(key: &dkim::Key, selector: &str, domain: &str) -> Vec<u8> {
    key.sign(&Report::quiet(selector).by(domain).mail(), domain, selector)
}

#[test]
fn each_answer_of_a_name_server_has_its_verdict() {
    let folder = temporary_folder();
    let usual = dkim::Key::usual();
    let record = txt(&format!("v=DKIM1; k=rsa; p={}", usual.public));
    let many = ["a", "b", "c", "d", "e", "f", "g", "h"]
        .map(|junk| format!("tcp._domainkey TXT \"{}\"\n", junk.repeat(240)));
    let many = many.concat();
    let zone = format!(
        "good._domainkey {record}\ntcp._domainkey {}\n{many}alias._domainkey CNAME key.other.test.\n\
         broken._domainkey CNAME missing.other.test.\nloop._domainkey CNAME loop2\nloop2 CNAME loop._domainkey\n\
         nodata._domainkey A 127.0.0.1\nrevoked._domainkey TXT \"v=DKIM1; p=\"\n",
        txt(&format!("v=DKIM1; p={}", usual.public)),
    );
    let zones = [
        ("example.test", zone.as_str()),
        ("other.test", &format!("key {record}\n")),
        ("failing.test", ""),
    ];
    let nsd = nsd::Nsd::start(&folder.path().join("nsd"), &zones);
    let post = Post::new(nsd.port, "");
    for selector in ["good", "alias", "broken", "loop", "missing", "nodata", "revoked"] {
        post.deliver(selector, &signed(usual, selector, "example.test"));
    }
    post.deliver("tcp", &signed(usual, "tcp", "example.test"));
    post.deliver("servfail", &signed(usual, "servfail", "failing.test"));
    post.deliver("refused", &signed(usual, "refused", "unknown.test"));
    post.deliver("unsigned", &Report::quiet("unsigned").by("example.test").mail());
    post.poll();
    let absent = |selector: &str, why: &str| {
        format!(
            "{selector} set-aside failed DKIM signature of example.test ({selector}): its key is not in the DNS ({why}); \
             keys go when they are replaced"
        )
    };
    let failing = |selector: &str, domain: &str, why: &str| {
        format!(
            "{selector} set-aside temporary DKIM signature of {domain} ({selector}): the name server gave no answer \
             about its key ({why})"
        )
    };
    assert_eq!(
        post.reports(),
        [
            "alias counted dkim example.test".to_owned(),
            absent("broken", "NXDOMAIN"),
            "good counted dkim example.test".to_owned(),
            absent("loop", "no TXT record"),
            absent("missing", "NXDOMAIN"),
            absent("nodata", "no TXT record"),
            failing("refused", "unknown.test", "Query Refused"),
            "revoked set-aside failed DKIM signature of example.test (revoked): its key was withdrawn"
                .to_owned(),
            failing("servfail", "failing.test", "Server Failure"),
            "tcp counted dkim example.test".to_owned(),
            "unsigned set-aside none the mail from example.test has no DKIM signature".to_owned(),
        ]
    );
    post.tlsrptd.run(&["check"]).says(&["name servers: ok"]);
}

#[test]
fn key_that_a_validating_resolver_finds_forged_proves_nothing_and_condemns_nothing() {
    let folder = temporary_folder();
    let key = dkim::Key::usual();
    let record = txt(&format!("p={}", key.public));
    let zone = format!("good._domainkey {record}");
    let resolver = nsd::Bogus::new();
    let post = Post::new(resolver.port, "");
    post.deliver("good", &signed(key, "good", "example.test"));
    post.poll();
    assert_eq!(
        post.reports(),
        [
            "good set-aside temporary DKIM signature of example.test (good): the name server gave no answer about its key \
          (Server Failure)"
        ]
    );
    // Once DNSSEC is mended it counts.
    let nsd = nsd::Nsd::start(&folder.path().join("nsd"), &[("example.test", &zone)]);
    post.configure(nsd.port, "");
    post.poll();
    assert_eq!(post.reports(), ["good counted dkim example.test"]);
}

#[test]
fn copy_that_waits_for_a_name_server_takes_the_place_of_one_that_was_changed() {
    let folder = temporary_folder();
    let key = dkim::Key::usual();
    let record = txt(&format!("p={}", key.public));
    let zone = format!("good._domainkey {record}");
    let nsd = nsd::Nsd::start(&folder.path().join("nsd"), &[("example.test", &zone)]);
    let post = Post::new(nsd.port, "");
    let mail = signed(key, "good", "example.test");
    post.deliver(
        "changed",
        &[mail.as_slice(), b"\r\n-- \r\nA footer.\r\n"].concat(),
    );
    post.poll();
    assert!(post.reports()[0].starts_with("good set-aside failed"));
    let mute = nsd::Mute::new();
    post.configure(mute.port, "deadline = \"1s\"");
    post.deliver("whole", &mail);
    post.poll();
    assert!(post.reports()[0].starts_with("good set-aside failed"));
    post.configure(nsd.port, "");
    post.poll();
    assert_eq!(post.reports(), ["good counted dkim example.test"]);
}

#[test]
fn mail_waits_for_a_name_server_that_answers_and_counts_then() {
    let folder = temporary_folder();
    let key = dkim::Key::usual();
    let record = txt(&format!("p={}", key.public));
    let zone = format!("good._domainkey {record}");
    let nsd = nsd::Nsd::start(&folder.path().join("nsd"), &[("example.test", &zone)]);
    let mute = nsd::Mute::new();
    let post = Post::new(mute.port, "deadline = \"1s\"");
    post.deliver("good", &signed(key, "good", "example.test"));
    post.deliver("gone", &signed(key, "gone", "example.test"));
    post.poll();
    assert_eq!(
        post.reports(),
        ["gone", "good"].map(|selector| format!(
            "{selector} set-aside temporary DKIM signature of example.test ({selector}): no name server has answered \
             about its key in time"
        ))
    );
    post.tlsrptd
        .run(&["check"])
        .says(&["name servers: FAILED: no name server answers"]);
    post.configure(nsd.port, "");
    post.poll();
    assert_eq!(
        post.reports(),
        [
            "gone set-aside failed DKIM signature of example.test (gone): its key is not in the DNS (NXDOMAIN); keys go \
             when they are replaced",
            "good counted dkim example.test",
        ]
    );
    assert_eq!(
        (post.tlsrptd.mails("stored"), post.tlsrptd.mails("set-aside")),
        (1, 1)
    );
}

#[test]
fn hundreds_of_dead_names_do_not_hold_up_a_poll() {
    let mute = nsd::Mute::new();
    let post = Post::new(mute.port, "deadline = \"1s\"");
    for n in 0..200 {
        let domain = format!("d{n}.test");
        post.deliver(
            &format!("dead{n}"),
            &signed(dkim::Key::usual(), &format!("s{n}"), &domain),
        );
    }
    post.deliver("plain", &Report::quiet("plain").mail());
    post.poll();
    assert_eq!(
        post.tlsrptd
            .count("SELECT count(*) AS n FROM reports_all WHERE authentication = 'temporary'"),
        200
    );
    assert_eq!(
        post.tlsrptd
            .count("SELECT count(*) AS n FROM reports_all WHERE authentication = 'none'"),
        1
    );
}

#[test]
fn report_that_was_set_aside_is_listed_and_counts_when_a_person_says_so() {
    let mute = nsd::Mute::new();
    let post = Post::new(mute.port, "");
    post.deliver("one", &Report::quiet("one").mail());
    post.deliver("two", &Report::quiet("two").by("other.example").mail());
    post.tlsrptd
        .run(&["poll"])
        .exits(0)
        .says(&["2 set aside", "tlsrptd mails"]);
    assert_eq!(post.tlsrptd.reports(), 0);
    post.tlsrptd.run(&["mails"]).exits(0).says(&[
        "set-aside",
        "the mail from reporter.example has no DKIM signature",
    ]);
    post.tlsrptd
        .run(&["accept", "--from", "reporter.example"])
        .exits(0)
        .says(&["1 report", "1 of them count"]);
    assert_eq!(post.tlsrptd.reports(), 1);
    post.tlsrptd
        .run(&["accept", "--from", "reporter.example"])
        .exits(1)
        .says(&["set aside"]);
    let other = post
        .tlsrptd
        .value("SELECT id FROM mails WHERE outcome = 'set-aside'")
        .to_string();
    post.tlsrptd
        .run(&["accept", &other, "--dry-run"])
        .exits(0)
        .says(&["dry run"]);
    assert_eq!(post.tlsrptd.reports(), 1);
    post.tlsrptd.run(&["accept", &other]).exits(0);
    assert_eq!(post.tlsrptd.reports(), 2);
    post.tlsrptd.run(&["accept"]).exits(2);
}

#[test]
fn configuration_without_the_section_verifies() {
    let folder = temporary_folder();
    let tlsrptd = Tlsrptd::new(&folder.path().join("t"), "[authentication]\n");
    let mail = folder.path().join("mail.eml");
    fs::write(&mail, Report::quiet("one").mail()).unwrap();
    tlsrptd
        .run(&["import", mail.to_str().unwrap()])
        .exits(0)
        .says(&["1 set aside"]);
    assert_eq!(tlsrptd.reports(), 0);
    // A file was chosen by a person.
    let json = folder.path().join("report.json");
    fs::write(&json, Report::quiet("two").json().to_string()).unwrap();
    tlsrptd
        .run(&["import", json.to_str().unwrap()])
        .exits(0)
        .says(&["1 stored"]);
    tlsrptd
        .run(&["import", "--authentication", "off", mail.to_str().unwrap()])
        .exits(0)
        .says(&["1 stored"]);
    assert_eq!(
        tlsrptd.count("SELECT count(*) AS n FROM reports WHERE authentication = 'unchecked'"),
        2
    );
}

#[test]
fn unproven_reports_count_where_the_configuration_says_so() {
    let mute = nsd::Mute::new();
    let post = Post::new(mute.port, "unauthenticated = \"count\"");
    post.deliver("one", &Report::quiet("one").mail());
    post.poll();
    assert_eq!(
        post.reports(),
        ["one counted none the mail from reporter.example has no DKIM signature"]
    );
}

#[test]
fn trusted_mx_is_believed_without_any_name_server() {
    let mute = nsd::Mute::new();
    let post = Post::new(mute.port, "mode = \"trust-mx\"\nauthserv_id = \"mx.example.org\"");
    let mail = signed(dkim::Key::usual(), "one", "reporter.example");
    let pass = b"Authentication-Results: mx.example.org; dkim=pass header.d=reporter.example\r\n";
    post.deliver("one", &[pass.as_slice(), &mail].concat());
    post.deliver("two", &signed(dkim::Key::usual(), "two", "reporter.example"));
    post.poll();
    assert_eq!(
        post.reports(),
        [
            "one counted trusted-mx reporter.example",
            "two set-aside none the mail has no Authentication-Results of mx.example.org",
        ]
    );
}

#[test]
fn imported_mails_are_verified_too() {
    let folder = temporary_folder();
    let zone = format!(
        "good._domainkey {}",
        txt(&format!("p={}", dkim::Key::usual().public))
    );
    let nsd = nsd::Nsd::start(&folder.path().join("nsd"), &[("example.test", &zone)]);
    let post = Post::new(nsd.port, "");
    let mail = folder.path().join("mail.eml");
    fs::write(&mail, signed(dkim::Key::usual(), "good", "example.test")).unwrap();
    post.tlsrptd.run(&["import", mail.to_str().unwrap()]).exits(0);
    assert_eq!(post.reports(), ["good counted dkim example.test"]);
}
