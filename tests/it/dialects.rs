//! The same polls against Dovecot, Cyrus and Courier, which differ in much: `docs/servers.md`.

use serde_json::json;

use super::support::*;

/// Runs each scenario against each server, by tests such as `dialects::cyrus::new_mail_is_found`.
macro_rules! against_each {
    ($($scenario:ident)+) => {
        mod dovecot {
            $(#[test] fn $scenario() { super::$scenario(super::Brand::Dovecot); })+
        }
        mod cyrus {
            $(#[test] fn $scenario() { super::$scenario(super::Brand::Cyrus); })+
        }
        mod courier {
            $(#[test] fn $scenario() { super::$scenario(super::Brand::Courier); })+
        }
    };
}

against_each! {
    first_poll_reads_all_and_changes_nothing
    second_poll_finds_nothing_and_changes_nothing
    new_mail_is_found
    many_mails_are_read_and_moved
    several_folders_are_read
    folder_below_the_personal_namespace_is_found_by_its_short_name
    folder_below_the_personal_namespace_is_found_by_its_full_name
    folder_whose_name_is_not_ascii_is_read
    missing_folder_is_an_error_that_lists_those_there_are
    stored_mail_is_moved_to_a_folder_that_is_created
    stored_mail_is_moved_to_a_folder_that_is_there
    stored_mail_is_deleted_and_what_others_have_marked_stays
    folder_made_anew_is_read_again_without_doubling
    poll_by_starttls
    server_of_an_unknown_authority_is_refused
    wrong_password_is_told_and_not_shown
}

/// "Berichte/Größe & Gewicht" in modified UTF-7 (RFC 3501, Section 5.1.3).
const NOT_ASCII: &str = "Berichte/Gr&APYA3w-e &- Gewicht";

fn first_poll_reads_all_and_changes_nothing(brand: Brand) {
    let site = Site::new(brand);
    site.deliver(&Report::quiet("one").mail());
    site.deliver(&letter("Buy this."));
    site.deliver(&Report::quiet("two").mail());
    let before = site.login().flags("INBOX");
    let tlsrptd = site.tlsrptd("");

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!((tlsrptd.mails("stored"), tlsrptd.mails("not-a-report")), (2, 1));
    assert_eq!(site.login().flags("INBOX"), before);
    assert_eq!(before.len(), 3);
}

fn second_poll_finds_nothing_and_changes_nothing(brand: Brand) {
    let site = Site::new(brand);
    site.deliver(&Report::quiet("one").mail());
    let tlsrptd = site.tlsrptd("");
    tlsrptd.run(&["poll"]).exits(0);
    let (before, mails) = (site.login().flags("INBOX"), tlsrptd.sql("SELECT * FROM mails"));

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.sql("SELECT * FROM mails"), mails);
    assert_eq!(site.login().flags("INBOX"), before);
    assert_eq!(mails.len(), 1);
}

fn new_mail_is_found(brand: Brand) {
    let site = Site::new(brand);
    let tlsrptd = site.tlsrptd("");
    // An empty mailbox, then a first mail, then one after another.
    for n_mails in 0..4 {
        if n_mails > 0 {
            site.deliver(&Report::quiet(format!("report {n_mails}")).mail());
        }
        tlsrptd.run(&["poll"]).exits(0);
        assert_eq!(tlsrptd.reports(), n_mails);
    }
    assert_eq!(tlsrptd.mails("duplicate"), 0);
}

fn many_mails_are_read_and_moved(brand: Brand) {
    // More than one command's worth.
    const N_MAILS: usize = 600;
    let site = Site::new(brand);
    let mut session = site.login();
    for mail in reports::many(N_MAILS) {
        session.append("INBOX", &mail);
    }
    let tlsrptd = site.tlsrptd("after = \"move:Done\"");

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.reports(), 600);
    assert!(site.login().uids("INBOX").is_empty());
    assert_eq!(site.login().uids(&site.wire("Done")).len(), N_MAILS);
}

fn several_folders_are_read(brand: Brand) {
    let site = Site::new(brand);
    let mut session = site.login();
    session.command(&format!("CREATE \"{}\"", site.wire("Junk")));
    session.append("INBOX", &Report::quiet("in the inbox").mail());
    session.append(&site.wire("Junk"), &Report::quiet("taken for junk").mail());
    let tlsrptd = site.tlsrptd("folders = [\"INBOX\", \"Junk\"]");

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(
        tlsrptd.sql("SELECT folder FROM mails ORDER BY folder"),
        [json!({"folder": "INBOX"}), json!({"folder": "Junk"})]
    );
}

fn folder_below_the_personal_namespace_is_found_by_its_short_name(brand: Brand) {
    let site = Site::below_inbox(brand);
    reads_folder(&site, "tls/reports", "tls/reports");
}

fn folder_below_the_personal_namespace_is_found_by_its_full_name(brand: Brand) {
    let site = Site::below_inbox(brand);
    let full_name = site.wire("tls/reports");
    reads_folder(&site, "tls/reports", &full_name);
}

fn folder_whose_name_is_not_ascii_is_read(brand: Brand) {
    reads_folder(&Site::new(brand), NOT_ASCII, "Berichte/Größe & Gewicht");
}

/// Creates a folder with a report in it and demands that it is read when it is configured by `name`.
fn reads_folder(site: &Site, on_the_wire: &str, name: &str) {
    let on_the_wire = site.wire(on_the_wire);
    let mut session = site.login();
    session.command(&format!("CREATE \"{on_the_wire}\""));
    session.append(&on_the_wire, &Report::quiet("one").mail());
    let tlsrptd = site.tlsrptd(&format!("folder = {name:?}"));

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.value("SELECT folder FROM mails"), name);
    assert_eq!(tlsrptd.reports(), 1);
}

fn missing_folder_is_an_error_that_lists_those_there_are(brand: Brand) {
    let site = Site::new(brand);
    let mut session = site.login();
    session.command(&format!("CREATE \"{}\"", site.wire("Reports")));
    session.command(&format!("CREATE \"{}\"", site.wire(NOT_ASCII)));
    let before = session.folders();
    let tlsrptd = site.tlsrptd("folder = \"Reprots\"");

    let words = [
        "rua",
        "localhost",
        "Reprots",
        "\"INBOX\"",
        "Reports\"",
        "Größe & Gewicht\"",
    ];
    tlsrptd.run(&["poll"]).exits(1).says(&words);

    assert_eq!(session.folders(), before);
}

fn stored_mail_is_moved_to_a_folder_that_is_created(brand: Brand) {
    let site = Site::new(brand);
    moves(&site, "Berichte/Größe & Gewicht", &site.wire(NOT_ASCII));
}

fn stored_mail_is_moved_to_a_folder_that_is_there(brand: Brand) {
    let site = Site::new(brand);
    let target = site.wire("Done");
    site.login().command(&format!("CREATE \"{target}\""));
    moves(&site, "Done", &target);
}

/// Demands that a report goes to the target, and that other mails stay, even one that someone else has marked.
fn moves(site: &Site, target: &str, on_the_wire: &str) {
    let mail = Report::quiet("one").mail();
    let mut session = site.login();
    session.append("INBOX", &letter("marked"));
    session.append("INBOX", &mail);
    session.append("INBOX", &letter("not marked"));
    session.command("SELECT INBOX");
    session.command("UID STORE 1 +FLAGS (\\Deleted)");
    let before = session.flags("INBOX");
    let tlsrptd = site.tlsrptd(&format!("after = \"move:{target}\""));

    tlsrptd.run(&["poll"]).exits(0);

    let mut session = site.login();
    let others: Vec<_> = before.into_iter().filter(|(uid, _)| *uid != 2).collect();
    assert_eq!(session.flags("INBOX"), others);
    assert_eq!(others.len(), 2);
    assert_eq!(session.mails(on_the_wire), [mail]);
    let flags = session.flags(on_the_wire);
    assert!(flags[0].1.is_empty(), "the mail is marked: {flags:?}");

    tlsrptd.run(&["poll"]).exits(0);
    assert_eq!((tlsrptd.mails("stored"), tlsrptd.mails("duplicate")), (1, 0));
}

fn stored_mail_is_deleted_and_what_others_have_marked_stays(brand: Brand) {
    let site = Site::new(brand);
    let mut session = site.login();
    session.append("INBOX", &letter("marked"));
    session.append("INBOX", &Report::quiet("one").mail());
    session.append("INBOX", &Report::quiet("one").broken_mail());
    session.command("SELECT INBOX");
    session.command("UID STORE 1 +FLAGS (\\Deleted)");
    let tlsrptd = site.tlsrptd("after = \"delete\"");

    tlsrptd.run(&["poll"]);

    assert_eq!((tlsrptd.mails("stored"), tlsrptd.mails("rejected")), (1, 1));
    let left = site.login().flags("INBOX");
    assert_eq!(left, [(1, vec!["\\Deleted".to_owned()]), (3, Vec::new())]);
}

fn folder_made_anew_is_read_again_without_doubling(brand: Brand) {
    let site = Site::new(brand);
    let folder = site.wire("Reports");
    let status = format!("STATUS \"{folder}\" (UIDVALIDITY)");
    let mut session = site.login();
    session.command(&format!("CREATE \"{folder}\""));
    session.append(&folder, &Report::quiet("one").mail());
    session.append(&folder, &Report::quiet("two").mail());
    let before = session.command(&status);
    let tlsrptd = site.tlsrptd("folder = \"Reports\"");
    tlsrptd.run(&["poll"]).exits(0);
    // Courier takes the second of the creation as UIDVALIDITY.
    until("another UIDVALIDITY", LONG, || {
        session.command(&format!("DELETE \"{folder}\""));
        session.command(&format!("CREATE \"{folder}\""));
        (session.command(&status) != before).then_some(())
    });
    session.append(&folder, &Report::quiet("two").mail());
    session.append(&folder, &Report::quiet("three").mail());

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.reports(), 3);
    assert_eq!((tlsrptd.mails("stored"), tlsrptd.mails("duplicate")), (3, 1));
}

fn poll_by_starttls(brand: Brand) {
    let site = Site::new(brand);
    site.deliver(&Report::quiet("one").mail());
    let tlsrptd = site.tlsrptd(&format!("tls = \"starttls\"\nport = {}", site.imap()));

    tlsrptd.run(&["poll"]).exits(0);

    assert_eq!(tlsrptd.reports(), 1);
}

fn server_of_an_unknown_authority_is_refused(brand: Brand) {
    let site = Site::new(brand);
    site.deliver(&Report::quiet("one").mail());
    let other = Ca::new(&site.path("other"));
    let ca_file = format!("ca_file = {}", quoted(&other.root));
    let starttls = format!("{ca_file}\ntls = \"starttls\"\nport = {}", site.imap());
    for keys in [ca_file, starttls] {
        let tlsrptd = site.tlsrptd(&keys);

        tlsrptd
            .run(&["poll"])
            .exits(1)
            .says(&["rua", "localhost", "TLS", "certificate"]);

        assert_eq!(tlsrptd.reports(), 0);
    }
}

fn wrong_password_is_told_and_not_shown(brand: Brand) {
    let site = Site::new(brand);
    let tlsrptd = site.tlsrptd("password = \"wrong-horse\"");

    tlsrptd
        .run(&["poll"])
        .exits(1)
        .says(&["rua", "localhost", "login refused", "check user and password"])
        .never_says(&["wrong-horse"]);
}
