//! The parts of a digest, before they are set as text or HTML.
//!
//! In their texts a no-break space stands where no line may break.

/// A part of the digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Section {
    /// Running text.
    Paragraph(String),
    /// What stands below belongs to the week, the past or the like.
    Heading(String),
    /// A problem or a trouble, in full or in a few words.
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

/// A problem or a trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `NEW`, `RESOLVED`, `TROUBLE` and the like.
    pub tag: &'static str,
    /// How much it asks for.
    pub tone: Tone,
    /// The problem's id.
    pub id: Option<String>,
    /// What it is.
    pub title: String,
    /// The labelled rest; an empty label stands for text beside none.
    pub rows: Vec<Row>,
}

impl Finding {
    /// The rows before the first label.
    pub fn plain_rows(&self) -> &[Row] {
        self.rows.get(..self.first_label()).unwrap_or_default()
    }

    /// The rows from the first label on.
    pub fn labelled_rows(&self) -> &[Row] {
        self.rows.get(self.first_label()..).unwrap_or_default()
    }

    /// Whether there is a label at all.
    pub fn has_labels(&self) -> bool {
        self.first_label() < self.rows.len()
    }

    fn first_label(&self) -> usize {
        let is_labelled = |row: &Row| !row.label.is_empty();
        self.rows.iter().position(is_labelled).unwrap_or(self.rows.len())
    }
}

/// How much a finding asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Mail is held back.
    Held,
    /// Something is broken.
    Broken,
    /// Our own trouble, or silence.
    Trouble,
    /// It is over, or no more than good to know.
    Calm,
}

impl Tone {
    /// Its class in HTML.
    pub fn class(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Broken => "broken",
            Self::Trouble => "trouble",
            Self::Calm => "calm",
        }
    }
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
