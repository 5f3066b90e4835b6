use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::bounded::Budget;
use super::*;

const REPORT: &str = r#"{"report-id":"1","policies":[{"policy":{}}]}"#;

/// More bytes than the tests' limit lets a mail decompress to.
const TOO_MANY: usize = 300 * 1024;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zip archive of so many empty entries.
fn zip_of_empty_entries(n_entries: usize) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for n_entry in 0..n_entries {
        writer
            .start_file(
                format!("{n_entry}.json"),
                zip::write::SimpleFileOptions::default(),
            )
            .unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn mail_with(attachment: &[u8]) -> Vec<u8> {
    let mut mail = b"From: <a@sender.example>\r\nContent-Type: application/tlsrpt+gzip\r\n\r\n".to_vec();
    mail.extend_from_slice(attachment);
    mail
}

fn limit_of(result: Result<Extracted, ExtractError>) -> &'static str {
    let ExtractError::Limit { limit, .. } = result.expect_err("it should pass a limit");
    limit
}

fn found(mail: &[u8]) -> Result<Extracted, ExtractError> {
    let limits = Limits {
        decompressed_bytes: 256 * 1024,
        ..Limits::default()
    };
    from_mail(mail, &limits)
}

#[test]
fn envelope_holds_the_fields_that_matter() {
    let mail = concat!(
        "Received: from x\r\n",
        "From: \"Reports, TLS\" <tlsrpt@Bücher.Example>\r\n",
        "Date: Sat, 21 Nov 2026 10:15:00 +0100\r\n",
        "Message-ID: <id@sender.example>\r\n",
        "List-Id: Digests\r\n <digest.example.org>\r\n",
        "TLS-Report-Domain: Example.ORG.\r\n\r\n",
    );
    let expected = Envelope {
        message_id: Some("id@sender.example".to_owned()),
        from_domain: Some("xn--bcher-kva.example".to_owned()),
        date: Some("2026-11-21T09:15:00Z".parse().unwrap()),
        tls_report_domain: Some("example.org".to_owned()),
        list_id: Some("digest.example.org".to_owned()),
    };
    assert_eq!(found(mail.as_bytes()).unwrap().envelope, expected);
}

#[test]
fn envelope_values_are_bounded() {
    let mail = format!("Message-ID: <{}>\r\n\r\n", "é".repeat(3000));
    let found = found(mail.as_bytes()).unwrap();
    assert_eq!(found.envelope.message_id.unwrap().len(), 998);
}

#[test]
fn file_is_judged_by_content() {
    for bytes in [
        REPORT.as_bytes().to_vec(),
        gzip(REPORT.as_bytes()),
        gzip(&gzip(REPORT.as_bytes())),
    ] {
        let extracted = from_file(&bytes, Some("report.txt"), &Limits::default()).unwrap();
        assert_eq!(extracted.files.first().unwrap().text, REPORT);
    }
}

#[test]
fn file_of_something_else_is_passed_over() {
    let extracted = from_file(b"\x7fELF", Some("program"), &Limits::default()).unwrap();
    assert_eq!(extracted, Extracted::default());
}

#[test]
fn unreadable_file_with_a_reports_name_is_told() {
    let name = "sender.example!example.org!1795132800!1795219199.json.gz";
    let extracted = from_file(b"", Some(name), &Limits::default()).unwrap();
    assert_eq!(
        extracted.unreadable.first().unwrap().reason,
        "the attachment is empty"
    );
}

#[test]
fn names_of_reports_are_told_from_others() {
    for name in ["a!b!1!2.json", "a!b!1!2!x-y.JSON.gz"] {
        assert!(gather::is_report_name(name), "{name}");
    }
    for name in [
        "a!b!1!2.xml.gz",
        "a!b!1.json",
        "a!b!x!2.json",
        "a.json",
        "!!!!!.json",
    ] {
        assert!(!gather::is_report_name(name), "{name}");
    }
}

#[test]
fn mail_beyond_mail_bytes_is_refused() {
    let limits = Limits {
        mail_bytes: 100,
        ..Limits::default()
    };
    assert_eq!(limit_of(from_mail(&[b'a'; 101], &limits)), "mail_bytes");
}

#[test]
fn gzip_bomb_is_refused() {
    let bomb = gzip(&vec![0; TOO_MANY]);
    assert_eq!(limit_of(found(&mail_with(&bomb))), "decompressed_bytes");
}

#[test]
fn gzip_bomb_of_json_is_refused() {
    let mut json = vec![b' '; TOO_MANY];
    json[0] = b'{';
    assert_eq!(limit_of(found(&mail_with(&gzip(&json)))), "decompressed_bytes");
}

#[test]
fn gzip_bomb_within_gzip_is_refused() {
    let bomb = gzip(&gzip(&vec![b' '; TOO_MANY]));
    assert_eq!(limit_of(found(&mail_with(&bomb))), "decompressed_bytes");
}

#[test]
fn zip_bomb_is_refused() {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer
        .start_file("a.json", zip::write::SimpleFileOptions::default())
        .unwrap();
    writer.write_all(&vec![0; TOO_MANY]).unwrap();
    let archive = writer.finish().unwrap().into_inner();
    assert_eq!(limit_of(found(&mail_with(&archive))), "decompressed_bytes");
}

#[test]
fn budget_is_shared_by_all_parts_of_a_mail() {
    let part = gzip(&vec![b'{'; TOO_MANY / 2]);
    let mut mail = b"Content-Type: multipart/mixed; boundary=b\n\n".to_vec();
    for _ in 0..3 {
        mail.extend_from_slice(b"--b\nContent-Type: application/gzip\n\n");
        mail.extend_from_slice(&part);
        mail.extend_from_slice(b"\n");
    }
    assert_eq!(limit_of(found(&mail)), "decompressed_bytes");
}

#[test]
fn zip_of_20000_entries_is_refused() {
    assert_eq!(
        limit_of(found(&mail_with(&zip_of_empty_entries(20_000)))),
        "leaf_parts"
    );
}

#[test]
fn zip_that_has_many_ends_is_not_read() {
    let mut archive = b"PK\x05\x06".repeat(100_000);
    archive.extend_from_slice(&zip_of_empty_entries(1));
    let extracted = found(&mail_with(&archive)).unwrap();
    assert_eq!(
        extracted.unreadable.first().unwrap().reason,
        "the zip archive has more than one end"
    );
}

#[test]
fn gzip_nested_eleven_deep_is_refused() {
    let bytes = (0..11).fold(REPORT.as_bytes().to_vec(), |bytes, _| gzip(&bytes));
    assert_eq!(limit_of(found(&mail_with(&bytes))), "nesting");
}

#[test]
fn gzip_nested_ten_deep_is_read() {
    let bytes = (0..10).fold(REPORT.as_bytes().to_vec(), |bytes, _| gzip(&bytes));
    assert_eq!(found(&mail_with(&bytes)).unwrap().files.len(), 1);
}

#[test]
fn a_hundred_thousand_empty_parts_are_refused() {
    let mail = format!(
        "Content-Type: multipart/mixed; boundary=b\n\n{}",
        "--b\n\n".repeat(100_000)
    );
    assert_eq!(limit_of(found(mail.as_bytes())), "leaf_parts");
}

#[test]
fn a_thousand_attachments_are_read() {
    let part = format!("--b\nContent-Type: application/json\n\n{REPORT}\n").repeat(1000);
    let mail = format!("Content-Type: multipart/mixed; boundary=b\n\n{part}--b--\n");
    assert_eq!(found(mail.as_bytes()).unwrap().files.len(), 1000);
}

#[test]
fn mime_nested_10000_deep_is_refused() {
    let mut mail = String::new();
    for level in 0..10_000 {
        write!(
            mail,
            "Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"
        )
        .unwrap();
    }
    assert_eq!(limit_of(found(mail.as_bytes())), "nesting");
}

#[test]
fn mails_nested_10000_deep_are_refused() {
    let mail = "Content-Type: message/rfc822\n\n".repeat(10_000);
    assert_eq!(limit_of(found(mail.as_bytes())), "nesting");
}

#[test]
fn many_header_lines_are_skipped() {
    let mail = format!(
        "{}Content-Type: application/json\n\n{REPORT}",
        "X-A: b\n".repeat(100_000)
    );
    assert_eq!(found(mail.as_bytes()).unwrap().files.len(), 1);
}

#[test]
fn header_field_of_mebibytes_is_skipped() {
    let mail = format!(
        "From: {}\nContent-Type: application/json\n\n{REPORT}",
        "a\n ".repeat(1024 * 1024)
    );
    assert_eq!(found(mail.as_bytes()).unwrap().files.len(), 1);
}

#[test]
fn multiparts_whose_boundary_never_comes_take_one_pass() {
    // With a scan to the end for each, this would take 10,000 times a megabyte.
    let part = "--b\nContent-Type: multipart/mixed; boundary=never\n\nx\n".repeat(9_990);
    let mail = format!(
        "Content-Type: multipart/mixed; boundary=b\n\n{part}{}",
        "filler \n".repeat(100_000)
    );
    assert_eq!(found(mail.as_bytes()).unwrap().files, []);
}

#[test]
fn many_invalid_bytes_stay_within_the_budget() {
    let mut json = vec![0xff; TOO_MANY / 2];
    json[0] = b'{';
    assert_eq!(limit_of(found(&mail_with(&json))), "decompressed_bytes");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let limits = Limits::default();
        prop_assert!(from_mail(&bytes, &limits).is_ok());
        prop_assert!(from_file(&bytes, None, &limits).is_ok());
    }

    #[test]
    fn mails_of_random_lines_never_panic(lines in proptest::collection::vec(line(), 0..40)) {
        let mail = lines.concat();
        prop_assert!(from_mail(&mail, &Limits::default()).is_ok());
    }

    #[test]
    fn decompression_never_exceeds_its_budget(
        sizes in proptest::collection::vec(0_usize..3000, 1..4),
        limit in 0_u64..6000,
    ) {
        let members: Vec<u8> = sizes.iter().flat_map(|size| gzip(&vec![b'{'; *size])).collect();
        let total = u64::try_from(sizes.iter().sum::<usize>()).unwrap();
        let inflated = Budget::new(limit).gunzip(&members, &mut BTreeSet::new());
        prop_assert_eq!(inflated.is_ok(), total <= limit);
        if let Ok(inflated) = inflated {
            prop_assert_eq!(u64::try_from(inflated.bytes.len()).unwrap(), total);
        }
    }

    #[test]
    fn damaged_gzip_never_exceeds_its_budget(
        size in 0_usize..5000,
        at: prop::sample::Index,
        byte: u8,
        limit in 0_u64..6000,
    ) {
        let mut bytes = gzip(&vec![b'{'; size]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(inflated) = Budget::new(limit).gunzip(&bytes, &mut BTreeSet::new()) {
            prop_assert!(u64::try_from(inflated.bytes.len()).unwrap() <= limit);
        }
    }
}

/// A line that matters to the splitting of mails.
fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"--b\r\n".to_vec()),
        Just(b"--b--\r\n".to_vec()),
        Just(b"--c\n".to_vec()),
        Just(b"Content-Type: multipart/mixed; boundary=b\r\n".to_vec()),
        Just(b"Content-Type: multipart/report; report-type=tlsrpt; boundary=\"c\"\r\n".to_vec()),
        Just(b"Content-Type: message/rfc822\n".to_vec()),
        Just(b"Content-Type: application/tlsrpt+gzip; name*0*=utf-8''%ff; name*1=x\r\n".to_vec()),
        Just(b"Content-Transfer-Encoding: base64\r\n".to_vec()),
        Just(b"Content-Transfer-Encoding: quoted-printable\r\n".to_vec()),
        Just(b"From: =?utf-8?q?a?= <a@sender.example>\r\n".to_vec()),
        Just(b"{\"policies\":[=C3]}\r\n".to_vec()),
        Just(b"H4sIAAAAAAAAA6uuBQBDv6ajAgAAAA==\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ]
}
