//! Strangers with a domain of their own, whose signatures are as good as anybody's.

use serde_json::{Value, json};

use super::support::*;
use nsd::{Nsd, txt};
use reports::gzip;

/// A stranger signs for it.
const STRANGER: &str = "evil.example";
const REPORTER: &str = "reporter.example";

/// A name server that knows the keys of both, and the beginning of the configuration.
fn name_server(world: &World) -> (Nsd, String) {
    let record = txt(&format!("v=DKIM1; p={}", dkim::Key::usual().public));
    let zone = format!("s1._domainkey {record}");
    let zones = [(REPORTER, zone.as_str()), (STRANGER, &zone)];
    let nsd = Nsd::start(&world.path("nsd"), &zones);
    let head = format!(
        "[domains]\nmail = [\"example.org\"]\n[authentication]\nnameservers = [\"127.0.0.1:{}\"]\n",
        nsd.port
    );
    (nsd, head)
}

/// A mail with this report, signed.
fn signed(report: &Report, json: &Value, domain: &str) -> Vec<u8> {
    let mail = report.mail_with(&gzip(json.to_string().as_bytes()));
    dkim::Key::usual().sign(&mail, domain, "s1")
}

fn usual(report: &Report, domain: &str) -> Vec<u8> {
    signed(report, &report.json(), domain)
}

/// A report on TLSA records of an MX host, which stands in the place of the domain.
fn about_mx(report: &Report, mx: &str) -> Value {
    let mut json = report.json();
    json["policies"][0]["policy"] =
        json!({ "policy-type": "tlsa", "policy-domain": mx, "policy-string": ["3 1 1 aa"] });
    json
}

#[test]
fn stranger_who_names_his_host_as_our_mx_gets_nobody_to_believe_what_he_says_of_it() {
    let world = World::new();
    let (_nsd, head) = name_server(&world);
    let tlsrptd = world.tlsrptd(&(head + &world.mailbox("")));
    tlsrptd.run(&["poll"]).exits(0);
    let naming = Report::quiet("naming").by(STRANGER);
    let mut json = naming.json();
    json["policies"][0]["policy"]["policy-string"] = json!([
        "version: STSv1",
        "mode: enforce",
        "mx: mx.evil.example",
        "max_age: 86400"
    ]);
    // As an entry beside one about us, too.
    let mixed = about_mx(&naming.clone().failing("tlsa-invalid", 900), "mx.evil.example");
    json["policies"]
        .as_array_mut()
        .unwrap()
        .push(mixed["policies"][0].clone());
    world.dovecot.deliver(RUA, &signed(&naming, &json, STRANGER));
    let dane = Report::quiet("dane").by(STRANGER).failing("tlsa-invalid", 900);
    world
        .dovecot
        .deliver(RUA, &signed(&dane, &about_mx(&dane, "mx.evil.example"), STRANGER));
    let ours = Report::quiet("ours").by(REPORTER).failing("tlsa-invalid", 9);
    world
        .dovecot
        .deliver(RUA, &signed(&ours, &about_mx(&ours, "mx1.example.org"), REPORTER));
    tlsrptd.run(&["poll"]).exits(0).says(&["2 stored", "1 set aside"]);
    tlsrptd.run(&["poll"]).exits(0);
    assert_eq!(
        tlsrptd.sql("SELECT report_id, status, set_aside_for AS aside FROM reports_all ORDER BY report_id"),
        [
            json!({ "report_id": "dane", "status": "set-aside", "aside": "foreign" }),
            json!({ "report_id": "naming", "status": "counted", "aside": null }),
            json!({ "report_id": "ours", "status": "counted", "aside": null }),
        ]
    );
    let places = tlsrptd.sql("SELECT place FROM problems WHERE NOT is_foreign");
    assert_eq!(places, [json!({ "place": "mx1.example.org" })]);
}

#[test]
fn stranger_with_many_names_is_one_reporter_with_one_share() {
    let world = World::new();
    let (_nsd, head) = name_server(&world);
    let tlsrptd = world.tlsrptd(&(head + &world.mailbox("") + "[limits]\nreports_a_day = 3\n"));
    tlsrptd.run(&["poll"]).exits(0);
    for n in 0..5 {
        let name = format!("x{n}.{STRANGER}");
        let report = Report::quiet(n.to_string())
            .by(&name)
            .failing("certificate-expired", 50);
        world.dovecot.deliver(RUA, &usual(&report, STRANGER));
    }
    let report = Report::quiet("r").by(REPORTER);
    world.dovecot.deliver(RUA, &usual(&report, REPORTER));
    tlsrptd.run(&["poll"]).exits(0).says(&["4 stored", "2 set aside"]);
    assert_eq!(
        tlsrptd.sql("SELECT reporters, whose = 'yours-seen' AS is_seen FROM problems"),
        [json!({ "reporters": 1, "is_seen": 0 })]
    );
    assert_eq!(
        tlsrptd.count("SELECT count(DISTINCT reporter) AS n FROM reports"),
        2
    );
}
