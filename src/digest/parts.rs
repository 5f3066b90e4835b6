//! The parts of a digest, before they are set as text or HTML.
//!
//! In their texts a no-break space stands where no line may break.

/// A part of the digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Section {
    /// Running text.
    Paragraph(String),
    /// A failure or a trouble in full.
    Finding(Finding),
    /// Several things in a line each.
    Lines {
        /// What they have in common.
        title: String,
        /// The lines.
        lines: Vec<String>,
        /// How to see those that are left out.
        more: Option<String>,
    },
    /// A table.
    Table(Table),
}

/// A failure or a trouble in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `NEW` or `TROUBLE`.
    pub tag: &'static str,
    /// What it is.
    pub title: String,
    /// Where it matters.
    pub context: String,
    /// The labelled rest.
    pub rows: Vec<Row>,
}

/// A labelled part of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The label; at most six characters.
    pub label: &'static str,
    /// What stands beside it.
    pub blocks: Vec<Block>,
}

impl Row {
    pub(crate) fn text(label: &'static str, text: String) -> Self {
        Self {
            label,
            blocks: vec![Block::Text(text)],
        }
    }

    pub(crate) fn command(label: &'static str, command: String) -> Self {
        Self {
            label,
            blocks: vec![Block::Command(command)],
        }
    }
}

/// Running text, or a command for a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Running text.
    Text(String),
    /// A command; text breaks it only where a shell allows it.
    Command(String),
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What it shows, if its head doesn't say it.
    pub title: Option<String>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, a cell for each column.
    pub rows: Vec<Vec<String>>,
    /// What stands below.
    pub note: Option<String>,
}

impl Table {
    /// The class of a column's cells in HTML.
    pub fn class(&self, column: &usize) -> &'static str {
        self.columns
            .get(*column)
            .map_or("t", |column| column.kind.class())
    }
}

/// A column's head and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The head.
    pub name: &'static str,
    /// What its cells hold.
    pub kind: Kind,
}

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Names and the like: to the left, cut or broken where there is no room.
    Text,
    /// Days: to the left, in one line.
    Days,
    /// Numbers: to the right, in one line.
    Numbers,
}

impl Kind {
    /// The class of its cells in HTML.
    pub fn class(self) -> &'static str {
        match self {
            Self::Text => "t",
            Self::Days => "d",
            Self::Numbers => "n",
        }
    }
}
