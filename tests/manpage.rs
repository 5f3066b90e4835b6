//! man/tlsrptd.1 is what the command line says of itself: `UPDATE=1 cargo test --test manpage` writes it anew.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use tlsrptd::cli::Cli;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/man/tlsrptd.1");

/// The whole page: the program, then a section a verb.
fn page() -> String {
    let program = Cli::command();
    let mut page = Vec::new();
    let man = Man::new(program.clone()).manual("tlsrptd");
    man.render_title(&mut page).unwrap();
    man.render_name_section(&mut page).unwrap();
    man.render_synopsis_section(&mut page).unwrap();
    man.render_description_section(&mut page).unwrap();
    let mut page = String::from_utf8(page).unwrap();
    for verb in program.get_subcommands() {
        page.push_str(&section(verb, "tlsrptd"));
    }
    let mut rest = Vec::new();
    man.render_options_section(&mut rest).unwrap();
    man.render_extra_section(&mut rest).unwrap();
    man.render_version_section(&mut rest).unwrap();
    let rest = String::from_utf8(rest).unwrap();
    page.push_str(
        &rest
            .replace(".SH OPTIONS", ".SH \"OPTIONS OF ALL VERBS\"")
            .replace(".SH EXTRA", ".SH \"CONFIGURATION AND EXIT STATUS\""),
    );
    let lines = page.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The sections of a verb and of what stands below it.
fn section(verb: &Command, above: &str) -> String {
    let name = format!("{above} {}", verb.get_name());
    let below: String = verb.get_subcommands().map(|verb| section(verb, &name)).collect();
    if verb.has_subcommands() && verb.get_positionals().next().is_none() {
        return below;
    }
    let mut inner = Vec::new();
    let subcommands: Vec<String> = verb
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .collect();
    let verb = subcommands
        .into_iter()
        .fold(verb.clone(), |verb, below| {
            verb.mut_subcommand(below, |below| below.hide(true))
        })
        .disable_help_subcommand(true)
        .bin_name(&name)
        .disable_help_flag(true)
        .version(None::<&str>);
    let has_options = verb.get_arguments().next().is_some();
    let man = Man::new(verb);
    man.render_synopsis_section(&mut inner).unwrap();
    man.render_description_section(&mut inner).unwrap();
    if has_options {
        man.render_options_section(&mut inner).unwrap();
    }
    let inner = String::from_utf8(inner).unwrap();
    let inner = inner
        .replace(".SH SYNOPSIS\n", "")
        .replace(".SH DESCRIPTION\n", ".PP\n")
        .replace(".SH OPTIONS\n", "");
    format!(".SH \"{}\"\n{inner}{below}", name.to_uppercase())
}

#[test]
fn the_manual_page_is_what_the_command_line_says() {
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(PAGE, &page).unwrap();
    }
    let committed = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        committed == page,
        "man/tlsrptd.1 is out of date; run UPDATE=1 cargo test --test manpage"
    );
}

#[test]
fn the_manual_page_has_every_verb_and_option() {
    let page = page().replace("\\-", "-").replace("\\fB", "").replace("\\fR", "");
    let mut open: Vec<Command> = vec![Cli::command()];
    let mut n_options = 0_u32;
    while let Some(command) = open.pop() {
        for argument in command.get_arguments() {
            if let Some(long) = argument.get_long() {
                assert!(page.contains(&format!("--{long}")), "--{long}");
                n_options = n_options.saturating_add(1);
            }
        }
        assert!(
            page.contains(&command.get_name().to_uppercase()),
            "{}",
            command.get_name()
        );
        open.extend(command.get_subcommands().cloned());
    }
    assert!(n_options > 10);
}
