//! The digest as plain text: complete, at 72 columns.

use textwrap::{Options, WordSplitter, WrapAlgorithm};

use crate::digest::Digest;
use crate::digest::parts::{Block, Column, Finding, Kind, Section, Table};
use crate::digest::words;

/// Width of the text, in columns.
const COLUMNS: usize = 72;

/// Where the text beside a label begins.
const LABEL_COLUMNS: usize = 7;

impl Digest {
    /// The text: lines of at most 72 columns, ended by LF. Only a single word of a command may be longer, for
    /// breaking it would change its meaning.
    pub fn to_text(&self) -> String {
        let mut head = vec![wrapped(&self.verdict, "", "")];
        head.extend(self.lead.iter().map(|line| wrapped(line, "", "")));
        let mut blocks = vec![head.join("\n")];
        blocks.extend(self.sections.iter().map(section));
        let mut text = words::plain(&blocks.join("\n\n"));
        text.push('\n');
        text
    }
}

/// Lines that a section takes, with the empty one before it.
pub(crate) fn height(part: &Section) -> usize {
    section(part).lines().count().saturating_add(1)
}

fn section(section: &Section) -> String {
    match section {
        Section::Paragraph(text) => wrapped(text, "", ""),
        Section::Heading(text) => format!("---- {text} ----"),
        Section::Finding(found) => finding(found),
        Section::Table(content) => table(content),
        Section::Lines { title, lines, more } => {
            let mut out = vec![format!("{}:", title.to_uppercase())];
            out.extend(lines.iter().map(|line| wrapped(line, "- ", "  ")));
            out.extend(more.iter().map(|command| broken(command, "  ")));
            out.join("\n")
        }
    }
}

fn finding(finding: &Finding) -> String {
    let indent = " ".repeat(LABEL_COLUMNS);
    let id = finding.id.iter().map(|id| format!("#{id}  "));
    let head = format!("{}  {}", finding.tag, id.collect::<String>());
    let mut out = vec![wrapped(&finding.title, &head, &indent)];
    for row in &finding.rows {
        let label = format!("{:<LABEL_COLUMNS$}", row.label);
        for (i, block) in row.blocks.iter().enumerate() {
            let first = if i == 0 { label.as_str() } else { indent.as_str() };
            out.push(match block {
                Block::Text(text) => wrapped(text, first, &indent),
                Block::Command(command) => broken(command, first),
            });
        }
    }
    out.join("\n")
}

fn wrapped(text: &str, first: &str, rest: &str) -> String {
    let options = Options::new(COLUMNS)
        .initial_indent(first)
        .subsequent_indent(rest)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .word_splitter(WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .break_words(true);
    textwrap::fill(text, options)
}

/// A command in lines that a shell reads as one: each but the last ends in a backslash. A pipeline that doesn't fit
/// has a line for each program.
fn broken(command: &str, first: &str) -> String {
    let indent = " ".repeat(first.chars().count());
    let words = shell_words(command);
    let fits = first.chars().count().saturating_add(command.chars().count()) <= COLUMNS;
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for (i, word) in words.iter().enumerate() {
        let is_last = i.saturating_add(1) == words.len();
        // A blank before the word; a blank and a backslash behind it unless it is the last.
        let extra = if is_last { 1 } else { 3 };
        let length = line
            .chars()
            .count()
            .saturating_add(word.chars().count())
            .saturating_add(extra);
        if !empty && !fits && (length > COLUMNS || *word == "|") {
            lines.push(format!("{line} \\"));
            line = format!("{indent}  {word}");
        } else {
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
        }
        empty = false;
    }
    lines.push(line);
    lines.join("\n")
}

/// The words between which a line may break: in single quotes a backslash would stay.
pub(crate) fn shell_words(command: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = command.trim();
    while !rest.is_empty() {
        let mut single_quoted = false;
        let mut double_quoted = false;
        let end = rest.find(|c: char| {
            match c {
                '"' if !single_quoted => double_quoted = !double_quoted,
                '\'' if !double_quoted => single_quoted = !single_quoted,
                _ => {}
            }
            c == ' ' && !single_quoted
        });
        let (word, after) = end
            .and_then(|end| rest.split_at_checked(end))
            .unwrap_or((rest, ""));
        words.push(word);
        rest = after.trim_start();
    }
    words
}

fn table(table: &Table) -> String {
    let mut rows: Vec<Vec<String>> = vec![
        table
            .columns
            .iter()
            .map(|column| column.name.to_owned())
            .collect(),
    ];
    rows.extend(table.rows.iter().cloned());
    let mut widths: Vec<usize> = Vec::new();
    for (i, _) in table.columns.iter().enumerate() {
        widths.push(
            rows.iter()
                .filter_map(|row| row.get(i))
                .map(|cell| width(cell))
                .max()
                .unwrap_or(0),
        );
    }
    shrink(&mut widths, table);
    let mut out: Vec<String> = table.title.iter().map(|title| format!("{title}:")).collect();
    for row in &rows {
        out.extend(table_row(row, &widths, &table.columns));
    }
    out.extend(table.note.iter().cloned());
    out.join("\n")
}

/// A row in as many lines as its longest text takes.
fn table_row(row: &[String], widths: &[usize], columns: &[Column]) -> Vec<String> {
    let cells: Vec<Vec<String>> = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| cell_lines(cell, *width))
        .collect();
    let n_lines = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut lines = Vec::new();
    for n in 0..n_lines {
        let mut line = String::new();
        for ((cell, width), column) in cells.iter().zip(widths).zip(columns) {
            let text = cell.get(n).map_or("", String::as_str);
            line.push_str(&padded(text, *width, column.kind == Kind::Numbers));
            line.push_str("  ");
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// A cell in lines: broken at blanks, and a name that is still too long behind a dot.
fn cell_lines(cell: &str, to: usize) -> Vec<String> {
    if width(cell) <= to {
        return vec![cell.to_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    for word in cell.split(' ') {
        match lines.last_mut() {
            Some(line) if width(line).saturating_add(width(word)) < to => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.extend(word_lines(word, to)),
        }
    }
    lines
}

fn word_lines(word: &str, to: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = word;
    while width(rest) > to {
        let end = rest
            .char_indices()
            .map(|(at, c)| at.saturating_add(c.len_utf8()))
            .take_while(|end| rest.get(..*end).is_some_and(|head| width(head) <= to))
            .last();
        let Some(head) = end
            .and_then(|end| rest.get(..end))
            .filter(|head| !head.is_empty())
        else {
            break;
        };
        let dot = head.rfind('.').map(|at| at.saturating_add(1));
        let (line, after) = rest
            .split_at_checked(dot.unwrap_or(head.len()))
            .unwrap_or((rest, ""));
        lines.push(line.to_owned());
        rest = after;
    }
    lines.push(rest.to_owned());
    lines
}

/// Makes the widest columns of text as narrow as the page demands.
fn shrink(widths: &mut [usize], table: &Table) {
    let gaps = widths.len().saturating_sub(1).saturating_mul(2);
    loop {
        let sum = widths.iter().fold(gaps, |sum, width| sum.saturating_add(*width));
        let widest = widths
            .iter_mut()
            .zip(&table.columns)
            .filter(|(_, column)| column.kind == Kind::Text)
            .map(|(width, _)| width)
            .max_by_key(|width| **width);
        match widest {
            Some(widest) if sum > COLUMNS && *widest > 8 => *widest = widest.saturating_sub(1),
            _ => break,
        }
    }
}

fn padded(text: &str, to: usize, right: bool) -> String {
    let blanks = " ".repeat(to.saturating_sub(width(text)));
    if right {
        format!("{blanks}{text}")
    } else {
        format!("{text}{blanks}")
    }
}

fn width(text: &str) -> usize {
    textwrap::core::display_width(text)
}
