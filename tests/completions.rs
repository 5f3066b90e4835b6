//! completions/ is what the command line says of itself, with the names that only the database knows:
//! `UPDATE=1 cargo test --test completions` writes it anew.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use clap::CommandFactory;
use clap_complete::Shell;
use tlsrptd::cli::Cli;

/// What is completed from the database: what it is, the query, and the verbs that take it.
const NAMES: &[(&str, &str, &[&str])] = &[
    (
        "problems",
        "SELECT id FROM problems",
        &["show", "ack", "fixed", "note"],
    ),
    (
        "domains",
        "SELECT policy_domain FROM domains",
        &["ready", "forget", "retire", "note"],
    ),
];

/// The command that lists names, without its headline. Domains come from strangers: nothing gets through that a shell
/// might take for more than a name.
fn list(query: &str, config: &str) -> String {
    format!(
        "tlsrptd sql --format csv '{query}' {config} 2>/dev/null | tail -n +2 | tr -d '\\r' | LC_ALL=C grep -E '^[a-z0-9][a-z0-9._-]*$'"
    )
}

fn generated(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tlsrptd", &mut script);
    String::from_utf8(script).unwrap()
}

/// A function around the generated one.
fn bash() -> String {
    let script = generated(Shell::Bash);
    let (functions, _) = script.split_once("\nif [[ \"${BASH_VERSINFO[0]}\"").unwrap();
    let mut cases = String::new();
    for (_, query, verbs) in NAMES {
        let list = list(query, "\"${config[@]}\"");
        writeln!(
            cases,
            "    case \"$verb\" in {}) names+=\" $({list})\" ;; esac",
            verbs.join(" | ")
        )
        .unwrap();
    }
    format!(
        r#"{functions}
# Adds what only the database knows.
_tlsrptd_and_names() {{
    _tlsrptd "$@"
    local current="${{COMP_WORDS[COMP_CWORD]}}" verb="" names="" name i
    local -a config=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "${{COMP_WORDS[i]}}" in
            --config) config=(--config "${{COMP_WORDS[++i]}}") ;;
            -*) ;;
            *) [[ -n $verb ]] || verb="${{COMP_WORDS[i]}}" ;;
        esac
    done
    [[ $current == -* || ${{COMP_WORDS[COMP_CWORD - 1]}} == -* ]] && return
{cases}    for name in $names; do
        [[ $name == "$current"* ]] && COMPREPLY+=("$name")
    done
}}

complete -F _tlsrptd_and_names -o bashdefault -o default tlsrptd
"#
    )
}

/// The arguments of which zsh would know nothing are given a function.
fn zsh() -> String {
    let mut functions = String::new();
    for (what, query, _) in NAMES {
        let list = list(query, "$config");
        write!(
            functions,
            "_tlsrptd_{what}() {{\n    local -a config names\n    \
             [[ -n $opt_args[--config] ]] && config=(--config ${{(Q)opt_args[--config]}})\n    \
             names=(${{(f)\"$({list})\"}})\n    compadd -a names\n}}\n\n"
        )
        .unwrap();
    }
    let both = "_tlsrptd_either() {\n    _tlsrptd_problems\n    _tlsrptd_domains\n}\n\n";
    let (mut script, mut n_filled) = (String::new(), 0_u32);
    for line in generated(Shell::Zsh).lines() {
        let argument = line.trim_start_matches('\'').trim_start_matches(':');
        let names = match argument.split(" -- ").next().unwrap() {
            "problem" => Some("problems"),
            "id" if line.contains("of the problem") => Some("problems"),
            "domain" => Some("domains"),
            "name" if line.contains("The domain") => Some("domains"),
            "about" => Some("either"),
            _ => None,
        };
        n_filled = n_filled.saturating_add(u32::from(names.is_some()));
        let line = match names {
            Some(names) => line.replace(":_default'", &format!(":_tlsrptd_{names}'")),
            None => line.to_owned(),
        };
        script.push_str(&line);
        script.push('\n');
    }
    assert_eq!(n_filled, 7, "an argument that takes a name is new or gone");
    script.replacen("\n_tlsrptd() {", &format!("\n{functions}{both}_tlsrptd() {{"), 1)
}

fn fish() -> String {
    let mut script = generated(Shell::Fish);
    script.push_str("\n# What only the database knows.\n");
    script.push_str(
        "function __fish_tlsrptd_config\n    set -l words (commandline -opc)\n    \
         set -l at (contains -i -- --config $words)\n    and set -q words[(math $at + 1)]\n    \
         and printf '%s\\n' --config $words[(math $at + 1)]\nend\n",
    );
    for (what, query, verbs) in NAMES {
        let list = list(query, "(__fish_tlsrptd_config)").replace("LC_ALL=C", "env LC_ALL=C");
        write!(
            script,
            "function __fish_tlsrptd_{what}\n    {list}\nend\n\
             complete -c tlsrptd -n \"__fish_tlsrptd_using_subcommand {}; and not __fish_seen_subcommand_from report\" \
             -f -a \"(__fish_tlsrptd_{what})\"\n",
            verbs.join(" ")
        )
        .unwrap();
    }
    script
}

#[track_caller]
fn is_current(name: &str, script: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("completions")
        .join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, script).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == script,
        "completions/{name} is out of date; run UPDATE=1 cargo test --test completions"
    );
}

#[test]
fn the_completions_are_what_the_command_line_says() {
    is_current("tlsrptd.bash", &bash());
    is_current("_tlsrptd", &zsh());
    is_current("tlsrptd.fish", &fish());
}

/// A folder with the program in it, a database of the demo's reports, and the scripts.
fn desk() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tlsrptd"), here.join("tlsrptd")).unwrap();
    fs::write(here.join("bash"), bash()).unwrap();
    fs::write(here.join("_tlsrptd"), zsh()).unwrap();
    fs::write(here.join("fish"), fish()).unwrap();
    let database = here.join("tlsrptd.db").display().to_string();
    // The demo's reports are of a day that goes by.
    let config =
        format!("[authentication]\nmode = \"off\"\n[store]\npath = {database:?}\nretention = \"forever\"\n");
    fs::write(here.join("tlsrptd.toml"), config).unwrap();
    let mails = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/Maildir");
    let imported = command(here, env!("CARGO_BIN_EXE_tlsrptd"))
        .arg("import")
        .arg(mails)
        .output();
    let imported = imported.unwrap();
    // One mail of the demo is rejected.
    assert_eq!(imported.status.code(), Some(3), "{imported:?}");
    folder
}

/// A program in `folder`, which is first in its PATH.
fn command(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("TERM", "dumb")
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    command
}

/// What a shell prints when it runs `script`.
fn prints(folder: &Path, shell: &str, script: &str) -> Vec<String> {
    let output = match command(folder, shell).args(["-c", script]).output() {
        Ok(output) => output,
        Err(error) => panic!("{shell}: {error}; run ./test, which installs it"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.is_empty(), "{shell}: {said}");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().map(|line| line.trim().to_owned()).collect()
}

/// What bash offers after these words.
fn bash_offers(folder: &Path, words: &str) -> Vec<String> {
    let script = format!(
        "source ./bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
         _tlsrptd_and_names tlsrptd \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    prints(folder, "/bin/bash", &script)
}

#[track_caller]
fn has(offers: &[String], words: &[&str]) {
    for word in words {
        assert!(
            offers.iter().any(|offer| offer == word),
            "{word} is not in {offers:?}"
        );
    }
}

#[test]
fn bash_completes_verbs_options_ids_and_domains() {
    let desk = desk();
    let offers = |words| bash_offers(desk.path(), words);
    has(&offers("tlsrptd pr"), &["problems"]);
    has(&offers("tlsrptd import --"), &["--dry-run"]);
    has(&offers("tlsrptd show ''"), &["7b1f", "report"]);
    has(&offers("tlsrptd --config tlsrptd.toml ack 7"), &["7b1f"]);
    has(&offers("tlsrptd ready exam"), &["example.org", "example.com"]);
    has(&offers("tlsrptd note ''"), &["7b1f", "example.org"]);
    assert!(
        !offers("tlsrptd ready x")
            .iter()
            .any(|offer| offer.starts_with("exam"))
    );
}

#[test]
fn fish_completes_verbs_options_ids_and_domains() {
    let desk = desk();
    let offers = |words: &str| {
        let script = format!("source ./fish; complete -C '{words}'");
        let lines = prints(desk.path(), "/usr/bin/fish", &script);
        let firsts = lines.iter().filter_map(|line| line.split('\t').next());
        firsts.map(str::to_owned).collect::<Vec<_>>()
    };
    has(&offers("tlsrptd pr"), &["problems"]);
    has(&offers("tlsrptd import --"), &["--dry-run"]);
    has(&offers("tlsrptd show "), &["7b1f", "report"]);
    has(&offers("tlsrptd --config tlsrptd.toml ack 7"), &["7b1f"]);
    has(&offers("tlsrptd ready exam"), &["example.org", "example.com"]);
}

#[test]
fn zsh_takes_the_script_and_lists_ids_and_domains() {
    let desk = desk();
    // Completion itself needs a terminal; the functions that it calls don't.
    let script = "autoload -U compinit; compinit -D -u; compadd() { print -l -- ${(P)2} }; typeset -A opt_args; \
                  compdef() { : }; source ./_tlsrptd; _tlsrptd_either; opt_args[--config]=tlsrptd.toml; _tlsrptd_domains";
    let lines = prints(desk.path(), "/usr/bin/zsh", script);
    has(&lines, &["7b1f", "example.org", "example.com"]);
}

#[test]
fn what_a_stranger_calls_a_domain_is_never_run_by_the_shell() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::write(here.join("bash"), bash()).unwrap();
    let program = here.join("tlsrptd");
    let rows = "policy_domain\n$(touch run)\n`touch run`\na;touch run\nexample.org\n";
    fs::write(&program, format!("#!/bin/sh\ncat <<'END'\n{rows}END\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();

    let offers = bash_offers(here, "tlsrptd ready ''");

    has(&offers, &["example.org"]);
    assert!(!offers.iter().any(|offer| offer.contains("touch")), "{offers:?}");
    assert!(!here.join("run").exists());
}
