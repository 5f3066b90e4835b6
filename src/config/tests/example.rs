//! config.example.toml says what the code does.

use super::*;

const EXAMPLE: &str = include_str!("../../../config.example.toml");

/// The keys that a section knows, as serde lists them for one that it doesn't.
fn known_keys(header: &str) -> Vec<String> {
    let error = toml::from_str::<Config>(&format!("{header}\nno_such_key = 1\n")).unwrap_err();
    let message = error.message().to_owned();
    assert!(
        message.starts_with("unknown field `no_such_key`, expected"),
        "{message}"
    );
    let mut keys: Vec<_> = message.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    keys.sort();
    keys
}

/// The key of a line such as `key = 1` or, commented out, `# key = 1`.
fn key(line: &str) -> Option<&str> {
    let line = line.strip_prefix("# ").unwrap_or(line);
    let (key, _) = line.split_once(" = ")?;
    let is_key = key
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    is_key.then_some(key)
}

fn is_header(line: &str) -> bool {
    line.starts_with('[')
}

#[test]
fn example_states_the_true_defaults() {
    let given = Config::parse(EXAMPLE, "config.example.toml").unwrap();
    let mailbox = given.mailboxes[0].clone();
    let mut expected = Config {
        mailboxes: vec![MailboxConfig {
            name: mailbox.name,
            host: mailbox.host,
            user: mailbox.user,
            password_file: mailbox.password_file,
            ..MailboxConfig::default()
        }],
        ..Config::default()
    };
    expected.oauth2 = vec![OAuth2Config {
        name: given.oauth2[0].name.clone(),
        ..OAuth2Config::default()
    }];
    expected.digest.audience = vec![Audience {
        name: given.digest.audience[0].name.clone(),
        ..Audience::default()
    }];
    assert_eq!(
        given.digest.audiences().len(),
        1,
        "the example's audience does nothing"
    );
    expected.digest.from.clone_from(&given.digest.from);
    expected.digest.to.clone_from(&given.digest.to);
    expected.smtp.host.clone_from(&given.smtp.host);
    expected.smtp.user.clone_from(&given.smtp.user);
    expected.smtp.password_file.clone_from(&given.smtp.password_file);
    assert_eq!(format!("{given:#?}"), format!("{expected:#?}"));
}

#[test]
fn example_is_complete_as_it_stands() {
    let given = Config::parse(EXAMPLE, "config.example.toml").unwrap();
    given.require_mailboxes().unwrap();
    given.require_sending().unwrap();
}

#[test]
fn example_has_every_section_and_every_key_once() {
    let headers: Vec<_> = EXAMPLE.lines().filter(|line| is_header(line)).collect();
    let mut names: Vec<_> = headers
        .iter()
        .map(|header| header.trim_matches(['[', ']']))
        .collect();
    names.sort_unstable();
    let (inner, outer): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| name.contains('.'));
    assert_eq!(outer, known_keys(""));
    for header in headers {
        let section = EXAMPLE.lines().skip_while(|line| *line != header).skip(1);
        let mut keys: Vec<_> = section
            .take_while(|line| !is_header(line))
            .filter_map(key)
            .collect();
        let name = format!("{}.", header.trim_matches(['[', ']']));
        keys.extend(inner.iter().filter_map(|inner| inner.strip_prefix(&name)));
        keys.sort_unstable();
        assert_eq!(keys, known_keys(header), "{header}");
    }
}

#[test]
fn each_key_commented_out_in_the_example_is_good_when_taken_in() {
    let lines: Vec<_> = EXAMPLE.lines().collect();
    let commented: Vec<_> = (0..lines.len())
        .filter(|n| lines[*n].starts_with("# ") && key(lines[*n]).is_some())
        .collect();
    assert!(commented.len() > 10);
    for n in commented {
        let mut lines = lines.clone();
        lines[n] = lines[n].strip_prefix("# ").unwrap();
        let config = Config::parse(&lines.join("\n"), "example");
        config.unwrap_or_else(|error| panic!("{}: {error}", lines[n]));
    }
}

#[test]
fn each_key_of_the_example_is_explained_above_it() {
    let lines: Vec<_> = EXAMPLE.lines().collect();
    for pair in lines.windows(2).filter(|pair| key(pair[1]).is_some()) {
        assert!(pair[0].starts_with("# ") && key(pair[0]).is_none(), "{}", pair[1]);
    }
}
