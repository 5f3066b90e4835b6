//! Rows as table, CSV, JSON or NDJSON.

use std::io::{self, BufWriter, Stdout, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

use crate::cli::RowFormat;
use crate::digest::names::{is_unsafe, json_escaped};
use crate::store::{QueryOutput, Value};

/// Rows that a table shows; it has to see all of them to align its columns.
const MAX_TABLE_ROWS: usize = 10_000;

/// Writes rows to standard output.
pub(super) struct Rows {
    out: BufWriter<Stdout>,
    format: RowFormat,
    names: Vec<String>,
    n_written: usize,
    table: Table,
}

impl Rows {
    pub(super) fn new(format: RowFormat) -> Self {
        Self {
            out: BufWriter::new(io::stdout()),
            format,
            names: Vec::new(),
            n_written: 0,
            table: empty_table(),
        }
    }

    /// Ends the output.
    pub(super) fn finish(mut self) -> io::Result<()> {
        match self.format {
            RowFormat::Json if self.n_written == 0 => writeln!(self.out, "[]")?,
            RowFormat::Json => writeln!(self.out, "\n]")?,
            RowFormat::Table => {
                for line in self.table.lines() {
                    writeln!(self.out, "{}", line.trim_end())?;
                }
                if self.n_written > MAX_TABLE_ROWS {
                    writeln!(
                        self.out,
                        "({} rows; the first {MAX_TABLE_ROWS} are shown, use --format csv for all)",
                        self.n_written
                    )?;
                }
            }
            RowFormat::Csv | RowFormat::Ndjson => {}
        }
        self.out.flush()
    }

    fn object(&self, values: Vec<Value>) -> String {
        let pairs = self.names.iter().cloned().zip(values.into_iter().map(json));
        json_escaped(&Json::Object(pairs.collect::<Map<_, _>>()).to_string())
    }
}

impl QueryOutput for Rows {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        self.names = names.to_vec();
        match self.format {
            RowFormat::Table => {
                self.table.set_header(names.iter().map(|name| printable(name)));
                Ok(())
            }
            RowFormat::Csv => csv_row(&mut self.out, names.iter().map(String::as_str)),
            RowFormat::Json | RowFormat::Ndjson => Ok(()),
        }
    }

    fn row(&mut self, values: Vec<Value>) -> io::Result<()> {
        self.n_written = self.n_written.saturating_add(1);
        match self.format {
            RowFormat::Table => {
                if self.n_written <= MAX_TABLE_ROWS {
                    self.table
                        .add_row(values.iter().map(|value| printable(&plain(value))));
                }
                Ok(())
            }
            RowFormat::Csv => {
                let fields: Vec<String> = values.iter().map(csv_field).collect();
                csv_row(&mut self.out, fields.iter().map(String::as_str))
            }
            RowFormat::Json => {
                let start = if self.n_written == 1 { "[\n" } else { ",\n" };
                let object = self.object(values);
                write!(self.out, "{start}{object}")
            }
            RowFormat::Ndjson => {
                let object = self.object(values);
                writeln!(self.out, "{object}")
            }
        }
    }
}

/// A document for machines, indented, that is safe to look at in a terminal too.
pub(super) fn document(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value).map(|text| json_escaped(&text))
}

fn csv_row<'a>(out: &mut impl Write, fields: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    writer.write_record(fields)?;
    writer.flush()
}

/// A value as text; NULL is empty.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => STANDARD.encode(bytes),
    }
}

/// A field of a CSV file. Report text is strangers' text, and a spreadsheet runs what begins with `=`, `+`, `-` or
/// `@`: such text gets an apostrophe in front, as spreadsheets themselves do it. Control characters are escaped.
fn csv_field(value: &Value) -> String {
    match value {
        Value::Text(text) if text.trim_start().starts_with(['=', '+', '-', '@']) => {
            format!("'{}", json_escaped(text))
        }
        Value::Text(text) => json_escaped(text),
        other => plain(other),
    }
}

fn json(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(number) => Json::from(number),
        Value::Real(number) => Json::from(number),
        Value::Text(text) => Json::from(text),
        Value::Blob(bytes) => Json::from(STANDARD.encode(bytes)),
    }
}

/// Text for a terminal: control and direction characters are shown, not obeyed.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

fn empty_table() -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// A table for people, behind `indent`; what is in it is made fit to print. Each line ends in LF.
pub(super) fn table(columns: &[String], rows: &[Vec<Value>], indent: &str) -> String {
    let mut table = empty_table();
    table.set_header(columns.iter().map(|name| printable(name)));
    for row in rows {
        table.add_row(row.iter().map(|value| printable(&plain(value))));
    }
    table
        .lines()
        .flat_map(|line| [indent.to_owned(), line.trim_end().to_owned(), "\n".to_owned()])
        .collect()
}

/// A value as JSON.
pub(super) fn json_value(value: &Value) -> Json {
    json(value.clone())
}

/// Columns of texts for people.
const COLUMNS: usize = 80;
/// Where the text beside a label begins.
const LABEL_COLUMNS: usize = 10;

/// A label and its text, in lines of at most 80 columns.
pub(super) fn row(label: &str, text: &str) -> String {
    wrapped(text, &format!("{label:<LABEL_COLUMNS$}"), LABEL_COLUMNS)
}

/// `text` behind `first`, its further lines behind `indent` blanks; a word is never broken.
pub(super) fn wrapped(text: &str, first: &str, indent: usize) -> String {
    let rest = " ".repeat(indent);
    let options = Options::new(COLUMNS)
        .initial_indent(first)
        .subsequent_indent(&rest)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .word_splitter(WordSplitter::NoHyphenation)
        .word_separator(WordSeparator::AsciiSpace)
        .break_words(false);
    textwrap::fill(text, options)
}

#[cfg(test)]
mod tests {
    use super::{Value, csv_field, printable};

    #[test]
    fn control_and_direction_characters_are_shown() {
        assert_eq!(
            printable("a\u{1b}[31mb\nc\u{202e}d é"),
            "a\\u{1b}[31mb\\nc\\u{202e}d é"
        );
    }

    #[test]
    fn formulas_are_defused_in_csv_and_numbers_are_not() {
        assert_eq!(csv_field(&Value::Text("=cmd()".to_owned())), "'=cmd()");
        assert_eq!(csv_field(&Value::Text("\n@cmd()".to_owned())), "'\n@cmd()");
        assert_eq!(csv_field(&Value::Integer(-3)), "-3");
    }
}
