//! Rows as table, CSV, JSON or NDJSON.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use textwrap::core::display_width;
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
    /// Of a table.
    cells: Vec<Vec<String>>,
}

impl Rows {
    pub(super) fn new(format: RowFormat) -> Self {
        Self {
            out: BufWriter::new(io::stdout()),
            format,
            names: Vec::new(),
            n_written: 0,
            cells: Vec::new(),
        }
    }

    /// Ends the output.
    pub(super) fn finish(mut self) -> io::Result<()> {
        match self.format {
            RowFormat::Json if self.n_written == 0 => writeln!(self.out, "[]")?,
            RowFormat::Json => writeln!(self.out, "\n]")?,
            RowFormat::Table => {
                let names: Vec<String> = self.names.iter().map(|name| printable(name)).collect();
                self.out
                    .write_all(fitted(&names, &self.cells, "", terminal_columns()).as_bytes())?;
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
            RowFormat::Csv => csv_row(&mut self.out, names.iter().map(String::as_str)),
            RowFormat::Table | RowFormat::Json | RowFormat::Ndjson => Ok(()),
        }
    }

    fn row(&mut self, values: Vec<Value>) -> io::Result<()> {
        self.n_written = self.n_written.saturating_add(1);
        match self.format {
            RowFormat::Table => {
                if self.n_written <= MAX_TABLE_ROWS {
                    let cells = values.iter().map(|value| printable(&plain(value)));
                    self.cells.push(cells.collect());
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

/// A table for people, behind `indent`; what is in it is made fit to print, and to fit a terminal. Each line ends in LF.
pub(super) fn table(columns: &[String], rows: &[Vec<Value>], indent: &str) -> String {
    let names: Vec<String> = columns.iter().map(|name| printable(name)).collect();
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|value| printable(&plain(value))).collect())
        .collect();
    fitted(&names, &cells, indent, terminal_columns())
}

/// A terminal has at least so many columns, whatever it says.
const MIN_TERMINAL: u16 = 30;
/// Columns of a table are wrapped down to this width on the average; where that isn't enough, a row becomes lines.
const MIN_CELL: u16 = 10;

/// Columns of the terminal that standard output is; `None`: it is none, and nothing is cut or wrapped for it.
pub(super) fn terminal_columns() -> Option<u16> {
    let out = io::stdout();
    let size = out
        .is_terminal()
        .then(|| terminal_size::terminal_size_of(out))
        .flatten();
    size.map(|(terminal_size::Width(columns), _)| columns.max(MIN_TERMINAL))
}

/// A table; if it is wider than the terminal, with wrapped cells, or with a line for each cell if there are many.
fn fitted(names: &[String], rows: &[Vec<String>], indent: &str, terminal: Option<u16>) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(names);
    for row in rows {
        table.add_row(row);
    }
    let lines = |table: &Table| -> Vec<String> {
        let lines = table.lines();
        lines.map(|line| format!("{indent}{}", line.trim_end())).collect()
    };
    let natural = lines(&table);
    let width = natural.iter().map(|line| display_width(line)).max().unwrap_or(0);
    let wrapped = match terminal {
        Some(columns) if width > usize::from(columns) => {
            let n_columns = u16::try_from(names.len()).unwrap_or(u16::MAX);
            if n_columns.saturating_mul(MIN_CELL) > columns {
                return records(names, rows, indent);
            }
            let inner = columns.saturating_sub(u16::try_from(indent.len()).unwrap_or(0));
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(inner);
            lines(&table)
        }
        _ => natural,
    };
    wrapped
        .into_iter()
        .flat_map(|line| [line, "\n".to_owned()])
        .collect()
}

/// A line for each cell, a heading for each row.
pub(super) fn records(names: &[String], rows: &[Vec<String>], indent: &str) -> String {
    let width = names.iter().map(|name| display_width(name)).max().unwrap_or(0);
    let mut text = String::new();
    for (n, row) in rows.iter().enumerate() {
        text.extend([indent, "-- ", &n.saturating_add(1).to_string(), " --\n"]);
        for (name, cell) in names.iter().zip(row) {
            let line = format!("{indent}{name:<width$}  {cell}");
            text.extend([line.trim_end(), "\n"]);
        }
    }
    text
}

/// Whether standard output takes colours: a terminal that isn't dumb, and `NO_COLOR` isn't set.
fn takes_colours(out: &impl anstream::stream::RawStream) -> bool {
    anstream::AutoStream::choice(out) != anstream::ColorChoice::Never
}

/// `ok` in green or `FAILED` in red, where standard output takes colours.
pub(super) fn verdict(is_ok: bool) -> String {
    let (text, colour) = if is_ok {
        ("ok", anstyle::AnsiColor::Green)
    } else {
        ("FAILED", anstyle::AnsiColor::Red)
    };
    if takes_colours(&io::stdout()) {
        let style = colour.on_default().bold();
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

/// What isn't the matter itself, where standard error takes colours.
pub(super) fn dim(text: &str) -> String {
    if takes_colours(&io::stderr()) {
        let style = anstyle::Style::new().dimmed();
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
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
    let columns = terminal_columns().map_or(COLUMNS, |columns| COLUMNS.min(columns.into()));
    let options = Options::new(columns)
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
    use super::{Value, csv_field, fitted, printable};

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_table_is_as_wide_as_it_is_where_nobody_looks() {
        let long = "a ".repeat(100);
        let rows = [owned(&["1", long.trim_end()])];
        let text = fitted(&owned(&["n", "text"]), &rows, "", None);
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[test]
    fn a_table_too_wide_for_the_terminal_is_wrapped_and_loses_nothing() {
        let words: Vec<String> = (0..40).map(|n| format!("w{n}")).collect();
        let rows = [owned(&["1", &words.join(" ")])];
        let text = fitted(&owned(&["n", "text"]), &rows, "  ", Some(40));
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        for word in words {
            assert!(
                text.split_whitespace().any(|shown| shown == word),
                "{word}:\n{text}"
            );
        }
    }

    #[test]
    fn a_table_with_many_columns_becomes_a_line_a_cell() {
        let names: Vec<String> = (0..12).map(|n| format!("column_{n}")).collect();
        let cells: Vec<String> = (0..12).map(|n| format!("value {n}")).collect();
        let text = fitted(&names, &[cells.clone(), cells], "", Some(60));
        assert!(text.starts_with("-- 1 --\ncolumn_0   value 0\n"), "{text}");
        assert!(
            text.contains("-- 2 --\n") && text.ends_with("column_11  value 11\n"),
            "{text}"
        );
    }

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
