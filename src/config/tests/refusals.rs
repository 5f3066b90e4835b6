//! What is wrong in a file is named, with what to do.

use super::*;

#[test]
fn misspelt_key_is_named_with_line_caret_and_the_nearest_one() {
    insta::assert_snapshot!(refusal("[store]\npath = \"x\"\nretenton = \"30d\"\n"), @r"
    tlsrptd.toml, line 3: unknown field `retenton`, expected one of `path`, `retention`, `group_readable`; did you mean `retention`?
      |
    3 | retenton = ...
      | ^
    ");
    insta::assert_snapshot!(refusal("[[mailbox]]\nname = \"rua\"\npol_interval = \"1h\"\n"), @r"
    tlsrptd.toml, line 3: unknown field `pol_interval`, expected one of `name`, `kind`, `path`, `host`, `port`, `tls`, `tls_server_name`, `ca_file`, `user`, `auth`, `password`, `password_file`, `password_env`, `password_command`, `password_credential`, `token_command`, `oauth2`, `folder`, `folders`, `poll_interval`, `since`, `after`, `after_days`; did you mean `poll_interval`?
      |
    3 | pol_interval = ...
      | ^
    ");
    insta::assert_snapshot!(refusal("[[mailbox]]\npasword_file = \"x\"\n"), @r"
    tlsrptd.toml, line 2: unknown field `pasword_file`, expected one of `name`, `kind`, `path`, `host`, `port`, `tls`, `tls_server_name`, `ca_file`, `user`, `auth`, `password`, `password_file`, `password_env`, `password_command`, `password_credential`, `token_command`, `oauth2`, `folder`, `folders`, `poll_interval`, `since`, `after`, `after_days`; did you mean `password_file`?
      |
    2 | pasword_file = ...
      | ^
    ");
    insta::assert_snapshot!(refusal("[mailboxes]\n"), @r"
    tlsrptd.toml, line 1: unknown field `mailboxes`, expected one of `store`, `mailbox`, `oauth2`, `authentication`, `digest`, `smtp`, `domains`, `monitor`, `limits`; did you mean `mailbox`?
      |
    1 | [mailboxes]
      |  ^
    ");
    insta::assert_snapshot!(refusal("[store]\nzzz = 1\n"), @r"
    tlsrptd.toml, line 2: unknown field `zzz`, expected one of `path`, `retention`, `group_readable`
      |
    2 | zzz = ...
      | ^
    ");
}

#[test]
fn value_of_the_wrong_kind_is_named() {
    insta::assert_snapshot!(refusal("[store]\ngroup_readable = \"yes\"\n"), @r#"
    tlsrptd.toml, line 2: invalid type: string "yes", expected a boolean; write true or false, without quotes
      |
    2 | group_readable = "yes"
      |                  ^
    "#);
    insta::assert_snapshot!(refusal("[digest]\nto = \"ops@example.org\"\n"), @r#"
    tlsrptd.toml, line 2: invalid type: string "ops@example.org", expected a sequence; write a list, as in ["one", "two"]
      |
    2 | to = "ops@example.org"
      |      ^
    "#);
    insta::assert_snapshot!(refusal("[[mailbox]]\nport = 99999\n"), @r"
    tlsrptd.toml, line 2: invalid value: integer `99999`, expected u16; the number is out of range, see config.example.toml
      |
    2 | port = 99999
      |        ^
    ");
    insta::assert_snapshot!(refusal("[[mailbox]]\ntls = \"yes\"\n"), @r#"
    tlsrptd.toml, line 2: unknown variant `yes`, expected one of `implicit`, `starttls`, `none`; choose one of these
      |
    2 | tls = "yes"
      |       ^
    "#);
    insta::assert_snapshot!(refusal("[mailbox]\nname = \"rua\"\n"), @r"
    tlsrptd.toml, line 1: invalid type: map, expected a sequence; write the name in double brackets, as in [[mailbox]]
      |
    1 | [mailbox]
      | ^
    ");
    insta::assert_snapshot!(refusal("[store]\npath = /var/lib\n"), @r"
    tlsrptd.toml, line 2: string values must be quoted, expected literal string; write it in quotes
      |
    2 | path = /var/lib
      |        ^
    ");
    insta::assert_snapshot!(refusal("[store]\npath = \"a\"\npath = \"b\"\n"), @r#"
    tlsrptd.toml, line 3: duplicate key; keep one of the two
      |
    3 | path = "b"
      | ^
    "#);
    insta::assert_snapshot!(refusal("[authentication]\nmode = \"require\"\n"), @r#"
    tlsrptd.toml, line 2: unknown variant `require`, expected one of `auto`, `verify`, `trust-mx`, `off`; choose one of these
      |
    2 | mode = "require"
      |        ^
    "#);
}

#[test]
fn span_that_is_no_span_is_named() {
    insta::assert_snapshot!(refusal("[store]\nretention = \"1y\"\n"), @r#"
    tlsrptd.toml, line 2: "1y" is not a span; write whole days such as "400d", or "forever"
      |
    2 | retention = "1y"
      |             ^
    "#);
    insta::assert_snapshot!(refusal("[store]\nretention = 400\n"), @r"
    tlsrptd.toml, line 2: invalid type: integer `400`, expected a string; write it in quotes
      |
    2 | retention = 400
      |             ^
    ");
    insta::assert_snapshot!(refusal("[[mailbox]]\nsince = \"-3d\"\n"), @r#"
    tlsrptd.toml, line 2: "-3d" is not a span; write whole days such as "400d", or "forever"
      |
    2 | since = "-3d"
      |         ^
    "#);
    insta::assert_snapshot!(refusal("[[mailbox]]\npoll_interval = \"soon\"\n"), @r#"
    tlsrptd.toml, line 2: not a span of time; write for example "15m" or "1h 30m"
      |
    2 | poll_interval = "soon"
      |                 ^
    "#);
    insta::assert_snapshot!(refusal("[[mailbox]]\npoll_interval = \"15\"\n"), @r#"
    tlsrptd.toml, line 2: not a span of time; write for example "15m" or "1h 30m"
      |
    2 | poll_interval = "15"
      |                 ^
    "#);
    insta::assert_snapshot!(refusal(&with("poll_interval = \"0s\"")), @r#"mailbox "rua": poll_interval is shorter than 1s; write for example "15m""#);
    insta::assert_snapshot!(refusal("[digest]\nat = \"25:00\"\n"), @r#"
    tlsrptd.toml, line 2: not a time of day; write HH:MM, such as "07:00"
      |
    2 | at = "25:00"
      |      ^
    "#);
    insta::assert_snapshot!(refusal("[digest]\nat = 7\n"), @r#"
    tlsrptd.toml, line 2: not a time of day; write HH:MM, such as "07:00"
      |
    2 | at = 7
      |      ^
    "#);
    insta::assert_snapshot!(refusal("[digest]\nat = \"7\"\n"), @r#"
    tlsrptd.toml, line 2: not a time of day; write HH:MM, such as "07:00"
      |
    2 | at = "7"
      |      ^
    "#);
}

#[test]
fn after_that_is_no_action_is_named() {
    insta::assert_snapshot!(refusal("[[mailbox]]\nafter = \"archive\"\n"), @r#"
    tlsrptd.toml, line 2: "archive" is not an action; write "leave", "move:FOLDER" or "delete"
      |
    2 | after = "archive"
      |         ^
    "#);
    insta::assert_snapshot!(refusal("[[mailbox]]\nafter = \"move:\"\n"), @r#"
    tlsrptd.toml, line 2: "move:" is not an action; write "leave", "move:FOLDER" or "delete"
      |
    2 | after = "move:"
      |         ^
    "#);
    insta::assert_snapshot!(refusal(&with("after = \"move:INBOX\"")), @r#"mailbox "rua": after = "move:INBOX" moves into a folder that is read; name another folder"#);
    insta::assert_snapshot!(refusal(&with("kind = \"maildir\"\nafter = \"delete\"")), @r#"mailbox "rua": after works with kind = "imap" only; a Maildir is never changed"#);
}

#[test]
fn mailbox_that_cannot_be_polled_is_named() {
    insta::assert_snapshot!(refusal("[store]\n"), @"[[mailbox]]: there is none; add one with name, host, user and a password");
    insta::assert_snapshot!(refusal("[[mailbox]]\nhost = \"imap.example.org\"\n"), @"[[mailbox]]: name is missing; give each mailbox a name of its own");
    insta::assert_snapshot!(refusal("[[mailbox]]\nname = \"a\"\n[[mailbox]]\nname = \"a\"\n"), @r#"[[mailbox]]: name "a" is used twice; give each mailbox a name of its own"#);
    insta::assert_snapshot!(refusal("[[mailbox]]\nname = \"a\"\n"), @r#"mailbox "a": host is missing; add it"#);
    insta::assert_snapshot!(refusal("[[mailbox]]\nname = \"a\"\nhost = \"h\"\n"), @r#"mailbox "a": user is missing; add it"#);
    insta::assert_snapshot!(refusal("[[mailbox]]\nname = \"a\"\nkind = \"maildir\"\n"), @r#"mailbox "a": path is missing; name the Maildir's folder"#);
    insta::assert_snapshot!(refusal(&with("folder = \"A\"\nfolders = [\"B\"]")), @r#"mailbox "rua": folder and folders are both given; keep one"#);
    insta::assert_snapshot!(refusal(&with("folders = []")), @r#"mailbox "rua": folders is empty or has an empty or unprintable name; write for example "INBOX""#);
    insta::assert_snapshot!(refusal(&with("tls = \"none\"")), @r#"mailbox "rua": tls = "none" is for loopback only, and "imap.example.org" isn't; use "implicit" or "starttls""#);
}

#[test]
fn secrets_that_are_not_exactly_one_are_named() {
    insta::assert_snapshot!(refusal(&with("")), @r#"mailbox "rua": there is no password; give password_file, password_env, password_command, password_credential or password"#);
    insta::assert_snapshot!(refusal(&with("password_file = \"f\"\npassword_env = \"E\"")), @r#"mailbox "rua": password_file and password_env are given; keep exactly one"#);
    insta::assert_snapshot!(refusal(&with("auth = \"xoauth2\"\npassword_file = \"f\"")), @r#"mailbox "rua": auth = "xoauth2" needs either oauth2 or token_command, and no password"#);
    insta::assert_snapshot!(refusal(&with("token_command = [\"t\"]\npassword_file = \"f\"")), @r#"mailbox "rua": token_command needs auth = "xoauth2""#);
    insta::assert_snapshot!(refusal(&with("password_file = \"f\"\n---\n---\nuser = \"u\"\n")), @"[smtp]: there is no password; give password_file, password_env, password_command, password_credential or password");
    insta::assert_snapshot!(refusal(&with("password_file = \"f\"\n---\n---\npassword_file = \"f\"\n")), @"[smtp]: there is a password or token_command, but no user; add user, or take the other out");
    insta::assert_snapshot!(refusal(&with("password_command = []")), @r#"mailbox "rua": password_command is empty; write a program and its arguments, as in ["pass", "show", "mail"]"#);
}

#[test]
fn digest_that_cannot_be_sent_is_named() {
    let mailbox = "[[mailbox]]\nname = \"a\"\nhost = \"h\"\nuser = \"u\"\npassword_file = \"f\"\n";
    insta::assert_snapshot!(refusal(mailbox), @r#"[digest]: to is missing; name the recipients, as in to = ["ops@example.org"]"#);
    insta::assert_snapshot!(refusal(&format!("{mailbox}[digest]\nto = [\"a@example.org\"]\n")), @"[digest]: from is missing; name the sender's address");
    insta::assert_snapshot!(refusal(&format!("{mailbox}[digest]\nto = [\"nobody\"]\n")), @r#"[digest]: to "nobody" is not an address; write for example "ops@example.org""#);
    insta::assert_snapshot!(refusal("[digest]\nfrom = \"root\"\n"), @r#"[digest]: from "root" is not an address; write for example "ops@example.org""#);
    insta::assert_snapshot!(refusal("[digest]\ntimezone = \"Europe/Berlni\"\n"), @r#"[digest]: timezone "Europe/Berlni" is unknown; write an IANA name such as "Europe/Berlin""#);
    let addresses = format!("{mailbox}[digest]\nfrom = \"a@example.org\"\nto = [\"b@example.org\"]\n");
    insta::assert_snapshot!(refusal(&addresses), @"[smtp]: host is missing; name the mail server, or choose another transport");
    insta::assert_snapshot!(refusal(&format!("{addresses}[smtp]\ntransport = \"file\"\n")), @"[smtp]: path is missing; name the folder for the .eml files");
    insta::assert_snapshot!(refusal("[smtp]\nhost = \"192.0.2.1\"\ntls = \"none\"\n"), @r#"[smtp]: tls = "none" is for loopback only, and "192.0.2.1" isn't; use "implicit" or "starttls""#);
}

#[test]
fn monitor_that_cannot_be_told_is_named_without_its_url() {
    let refused = |url: &str| refusal(&format!("[monitor]\nping_url = {url}\n"));
    insta::assert_snapshot!(refused("\"hc.example t0ken\""), @r#"[monitor]: ping_url is not a URL; write for example "https://hc-ping.com/...""#);
    insta::assert_snapshot!(refused("\"http://hc.example/t0ken\""), @"[monitor]: ping_url has http://, which is for loopback only; use https://");
    insta::assert_snapshot!(refused("\"ftp://hc.example/t0ken\""), @"[monitor]: ping_url must begin with https://");
    assert!(!refused("[\"https://hc.example/t0ken\"]").contains("t0ken"));
    for good in [
        "https://hc.example/t0ken",
        "http://127.0.0.1:8000/t0ken",
        "http://[::1]/t0ken",
    ] {
        let config = Config::parse(&format!("[monitor]\nping_url = {good:?}\n"), "tlsrptd.toml").unwrap();
        assert!(!format!("{config:?}").contains("t0ken"));
    }
}

#[test]
fn limit_out_of_range_is_named() {
    insta::assert_snapshot!(refusal("[limits]\nmail_bytes = 10\n"), @"[limits]: mail_bytes is 10; choose from 1024 to 1073741824");
    insta::assert_snapshot!(refusal("[limits]\njson_depth = 5000\n"), @"[limits]: json_depth is 5000; choose from 8 to 120");
    insta::assert_snapshot!(refusal("[limits]\nnesting = -1\n"), @r"
    tlsrptd.toml, line 2: invalid value: integer `-1`, expected u32; the number is out of range, see config.example.toml
      |
    2 | nesting = -1
      |           ^
    ");
    insta::assert_snapshot!(refusal("[limits]\nsilence_timeout = \"0s\"\n"), @r#"[limits]: silence_timeout is shorter than 1s; write for example "1m""#);
}

#[test]
fn file_that_cannot_be_read_is_named() {
    let error = Config::load(Path::new("/nonexistent/tlsrptd.toml")).unwrap_err();
    insta::assert_snapshot!(error, @"cannot read the configuration /nonexistent/tlsrptd.toml: No such file or directory (os error 2); give another with --config FILE, or run tlsrptd init, which writes one");
    insta::assert_snapshot!(ConfigError::Missing, @"there is no configuration: neither --config, $TLSRPTD_CONFIG, ./tlsrptd.toml nor /etc/tlsrptd/config.toml; run tlsrptd init, which writes one");
}

#[test]
fn oauth2_section_that_lacks_something_says_what() {
    for (lines, words) in [
        ("", "client_id is missing"),
        ("client_id = \"a\"", "token_url is missing"),
        ("client_id = \"a\"\nprovider = \"microsoft\"", "tenant is missing"),
        (
            "client_id = \"a\"\nprovider = \"microsoft\"\ntenant = \"a/b\"",
            "is neither the directory's id nor a domain",
        ),
        (
            "client_id = \"a\"\nprovider = \"google\"",
            "refresh_token_file is missing",
        ),
        (
            "client_id = \"a\"\nprovider = \"google\"\ngrant = \"client-credentials\"",
            "Google has no grant",
        ),
        (
            "client_id = \"a\"\ntoken_url = \"https://id.example/\"\ngrant = \"client-credentials\"",
            "needs the application's secret",
        ),
        (
            "grant = \"client-credentials\"\nclient_id = \"a\"\nrefresh_token_file = \"r\"\nprovider = \"google\"",
            "is of no use",
        ),
        ("token_url = \"http://id.example/\"", "must begin with https://"),
        (
            "token_url = \"https://u:p@id.example/\"",
            "holds a user name or password",
        ),
        ("token_url = \"id.example\"", "is not a URL"),
        (
            "client_secret = \"a\"\nclient_secret_env = \"B\"",
            "client_secret and client_secret_env are given",
        ),
        ("client_secret_command = []", "client_secret_command is empty"),
    ] {
        let refused = refusal(&with_oauth2(lines));
        assert!(
            refused.starts_with("oauth2 \"idp\": ") && refused.contains(words),
            "{lines}\n{refused}"
        );
    }
    let complete = "client_id = \"a\"\nprovider = \"google\"\nrefresh_token_file = \"r\"";
    let config = Config::parse(&with_oauth2(complete), "tlsrptd.toml").unwrap();
    config.require_mailboxes().unwrap();
    let login = config.mailboxes[0].secret().unwrap();
    assert!(matches!(login, LoginSource::OAuth2(section) if section.endpoint().contains("google")));
}

#[test]
fn oauth2_that_names_no_section_or_an_ambiguous_one_is_refused() {
    let twice = "[[oauth2]]\nname = \"a\"\n[[oauth2]]\nname = \"a\"\n";
    assert!(refusal(twice).contains("used twice"));
    let login = "auth = \"xoauth2\"\noauth2 = \"idp\"\n";
    assert!(refusal(&with(login)).contains("oauth2 = \"idp\" names no [[oauth2]] section"));
    let without_user = format!(
        "[[oauth2]]\nname = \"idp\"\n{}",
        with("password_file = \"f\"\n---\n---\noauth2 = \"idp\"\n")
    );
    assert!(refusal(&without_user).contains("there is oauth2, but no user"));
}

#[test]
fn an_audience_needs_name_domains_and_recipients() {
    let audience = |keys: &str| refusal(&format!("[[digest.audience]]\n{keys}\n"));
    insta::assert_snapshot!(audience("domains = [\"a.example\"]\nto = [\"b@example.org\"]"), @r#"[[digest.audience]]: name is missing, unprintable or "default", which is that of digest.to; give each audience a name"#);
    insta::assert_snapshot!(audience("name = \"a\"\nto = [\"b@example.org\"]"), @r#"digest.audience "a": domains and to belong together; name the domains and who is told of them"#);
    insta::assert_snapshot!(audience("name = \"a\"\ndomains = [\"a b\"]\nto = [\"b@example.org\"]"), @r#"digest.audience "a": domain "a b" is none; write for example "example.org""#);
    insta::assert_snapshot!(audience("name = \"a\"\ndomains = [\"a.example\"]\nto = [\"b\"]"), @r#"digest.audience "a": to "b" is not an address; write for example "team@example.org""#);
    insta::assert_snapshot!(audience("name = \"a\"\n[[digest.audience]]\nname = \"a\""), @r#"[[digest.audience]]: name "a" is used twice; give each a name of its own"#);
}
