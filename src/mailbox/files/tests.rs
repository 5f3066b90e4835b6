use std::convert::Infallible;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const MAIL: &[u8] = b"Subject: report\n\nbody\n";
const MBOX: &[u8] =
    b"From a@example.org Sat Nov 21 07:00:00 2026\nSubject: 1\n\none\n\nFrom b\nSubject: 2\n\n>From two\n";

fn walk_with(paths: &[PathBuf], mail_bytes: u64, mut stdin: &[u8]) -> Vec<Item> {
    let limits = Limits {
        mail_bytes,
        ..Limits::default()
    };
    let mut items = Vec::new();
    let done: Result<(), Infallible> = for_each(paths, &limits, &mut stdin, &mut |item| {
        items.push(item);
        Ok(())
    });
    done.unwrap();
    items
}

fn walk(path: &Path) -> Vec<Item> {
    walk_with(&[path.to_owned()], 1000, b"")
}

fn from_stdin(stdin: &[u8]) -> Vec<Item> {
    walk_with(&["-".into()], 1000, stdin)
}

/// Locators below the folder, with what was found there.
fn found(folder: &TempDir) -> Vec<String> {
    let prefix = format!("{}/", folder.path().display());
    walk(folder.path())
        .into_iter()
        .map(|item| {
            let content = match item.content {
                Content::Bytes(bytes) => format!("{} bytes", bytes.len()),
                Content::TooLarge { size } => format!("too large: {size}"),
                Content::Unreadable(error) => error,
            };
            let locator = item.locator.strip_prefix(&prefix).unwrap().to_owned();
            format!("{locator}: {:?}, {content}", item.kind)
        })
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn files_are_told_by_content_and_not_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("a.json.gz", MAIL),
        ("b.eml", b" \r\n{\"policies\":[]}".as_slice()),
        ("c.txt", &gzip(b"{}")),
        ("d.json", b"PK\x03\x04rest"),
        ("e.eml", MBOX),
        ("f", b"\xef\xbb\xbf{}"),
        ("g", b"\xff\xfe \0{\0}\0"),
        ("h", b"\xfe\xff\0{\0}"),
        ("i", b"\xff\xfe[\0"),
        ("j", b""),
    ] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    insta::assert_snapshot!(found(&folder).join("
"), @r"
    a.json.gz: Mail, 22 bytes
    b.eml: File, 18 bytes
    c.txt: File, 22 bytes
    d.json: File, 8 bytes
    e.eml#1: Mail, 16 bytes
    e.eml#2: Mail, 21 bytes
    f: File, 5 bytes
    g: File, 8 bytes
    h: File, 6 bytes
    i: Mail, 4 bytes
    j: Mail, 0 bytes
    ");
}

#[test]
fn mail_carries_its_name_and_modification_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.eml");
    std::fs::write(&path, MAIL).unwrap();
    let items = walk(&path);
    assert_eq!(items[0].name.as_deref(), Some("1.eml"));
    assert_eq!(items[0].received_at, maildir::modified(&path));
    assert!(items[0].received_at.is_some());
}

#[test]
fn messages_of_an_mbox_are_numbered_from_one_and_dated_by_their_from_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old");
    std::fs::write(&path, MBOX).unwrap();
    let items = walk(&path);
    assert_eq!(items[0].locator, format!("{}#1", path.display()));
    assert_eq!(items[0].received_at, "2026-11-21T07:00:00Z".parse().ok());
    assert_eq!(items[1].locator, format!("{}#2", path.display()));
    assert_eq!(items[1].received_at, None);
    assert_eq!(
        items[1].content,
        Content::Bytes(b"Subject: 2\n\nFrom two\n".to_vec())
    );
}

#[test]
fn mail_saved_with_its_from_line_is_an_mbox_of_one() {
    let items = from_stdin(b"From a@example.org Sat Nov 21 07:00:00 2026\nSubject: 1\n\none\n");
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].content, Content::Bytes(b"Subject: 1\n\none\n".to_vec()));
}

#[test]
fn standard_input_may_be_anything_but_a_folder() {
    for (stdin, expected) in [
        (MAIL, vec![("-", Kind::Mail)]),
        (b"{}", vec![("-", Kind::File)]),
        (&gzip(b"{}"), vec![("-", Kind::File)]),
        (b"PK\x05\x06", vec![("-", Kind::File)]),
        (MBOX, vec![("-#1", Kind::Mail), ("-#2", Kind::Mail)]),
    ] {
        let items = from_stdin(stdin);
        let got: Vec<_> = items
            .iter()
            .map(|item| (item.locator.as_str(), item.kind))
            .collect();
        assert_eq!(got, expected);
    }
}

#[test]
fn standard_input_is_read_up_to_the_limit_only() {
    let items = walk_with(&["-".into()], 100, &vec![b'x'; 100_000]);
    assert_eq!(items[0].content, Content::TooLarge { size: 101 });
}

#[test]
fn file_over_the_limit_is_measured_and_the_next_one_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("1"), vec![b'x'; 5000]).unwrap();
    std::fs::write(folder.path().join("2"), MAIL).unwrap();
    assert_eq!(found(&folder), ["1: Mail, too large: 5000", "2: Mail, 22 bytes"]);
}

#[test]
fn folders_are_read_in_order_without_dot_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("b/c")).unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    for name in ["b/c/3", "a", "c", "b/2", ".hidden", ".git/config"] {
        std::fs::write(folder.path().join(name), MAIL).unwrap();
    }
    assert_eq!(
        found(&folder),
        [
            "a: Mail, 22 bytes",
            "b/2: Mail, 22 bytes",
            "b/c/3: Mail, 22 bytes",
            "c: Mail, 22 bytes"
        ]
    );
}

#[test]
fn maildir_gives_its_mails_and_those_of_its_subfolders_but_no_index_files() {
    let folder = tempfile::tempdir().unwrap();
    for sub in ["new", "cur", "tmp", ".Reports/new", ".Reports/cur"] {
        std::fs::create_dir_all(folder.path().join(sub)).unwrap();
    }
    for name in [
        "new/2",
        "cur/1:2,S",
        "tmp/3",
        "dovecot.index",
        ".Reports/cur/4:2,",
    ] {
        std::fs::write(folder.path().join(name), MAIL).unwrap();
    }
    assert_eq!(
        found(&folder),
        [
            "cur/1:2,S: Mail, 22 bytes",
            "new/2: Mail, 22 bytes",
            ".Reports/cur/4:2,: Mail, 22 bytes"
        ]
    );
}

#[test]
fn links_in_circles_end() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    std::fs::write(folder.path().join("a/1"), MAIL).unwrap();
    symlink(folder.path(), folder.path().join("a/up")).unwrap();
    symlink(folder.path().join("a"), folder.path().join("b")).unwrap();
    assert_eq!(found(&folder), ["a/1: Mail, 22 bytes"]);
}

#[test]
fn what_cannot_be_read_is_told_and_the_walk_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    symlink("nowhere", folder.path().join("1")).unwrap();
    std::os::unix::net::UnixListener::bind(folder.path().join("2")).unwrap();
    std::fs::write(folder.path().join("3"), MAIL).unwrap();
    assert_eq!(
        found(&folder),
        [
            "1: Mail, No such file or directory (os error 2)",
            "2: Mail, not a regular file",
            "3: Mail, 22 bytes"
        ]
    );
}

#[test]
fn unreadable_file_is_told_unless_we_are_root() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1");
    std::fs::write(&path, MAIL).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    let expected = match std::fs::read(&path) {
        Ok(_) => "1: Mail, 22 bytes",
        Err(_) => "1: Mail, Permission denied (os error 13)",
    };
    assert_eq!(found(&folder), [expected]);
}

#[test]
fn missing_path_is_told() {
    let items = walk(Path::new("/nonexistent/mails"));
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].locator, "/nonexistent/mails");
    assert!(matches!(items[0].content, Content::Unreadable(_)));
}

#[test]
fn folders_nested_too_deep_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d/".repeat(40));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("1"), MAIL).unwrap();
    let found = found(&folder);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].ends_with("nested deeper than 32 folders; import this folder by itself"),
        "{found:?}"
    );
}

#[test]
fn named_pipe_given_by_the_user_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let writer = std::thread::spawn({
        let path = path.clone();
        move || std::fs::write(path, MBOX).unwrap()
    });
    assert_eq!(walk(&path).len(), 2);
    writer.join().unwrap();
}

#[test]
fn error_of_the_visitor_ends_the_walk() {
    let mut n_seen = 0;
    let done = for_each(&["-".into()], &Limits::default(), &mut &*MBOX, &mut |_| {
        n_seen += 1;
        Err("full")
    });
    assert_eq!((done, n_seen), (Err("full"), 1));
}

proptest! {
    #[test]
    fn arbitrary_bytes_give_an_item_and_never_panic(stdin: Vec<u8>, mail_bytes in 0_u64..100) {
        let items = walk_with(&["-".into()], mail_bytes, &stdin);
        prop_assert_eq!(items.len(), 1);
    }
}

#[test]
fn maildir_of_the_demo_has_its_fifteen_mails() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/Maildir");
    let mut n_mails = 0;
    let limits = Limits::default();
    let done: Result<(), Infallible> = for_each(&[demo], &limits, &mut io::empty(), &mut |item| {
        assert!(matches!(item.content, Content::Bytes(_)), "{}", item.locator);
        n_mails += 1;
        Ok(())
    });
    done.unwrap();
    assert_eq!(n_mails, 15);
}
