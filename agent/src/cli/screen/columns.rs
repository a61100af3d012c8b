//! Rows in columns, on a screen as wide as it is: cells, ids that stand there whole, figures to the right.
//! Never cuts an id.
//! Called by the verbs through `screen`.

use logic::outside;

use super::{cut, fold};

/// Rows in columns as wide as their widest cell, figures to the right; a line is cut to fit.
pub(in crate::cli) fn table(rows: &[Vec<String>], width: usize) -> Vec<String> {
    let lines = uncut(rows, &mut Widths::default());
    lines.iter().map(|line| cut(line, width)).collect()
}

/// The cells before an id, the id, what is said of it.
pub(in crate::cli) type ListRow = (Vec<String>, String, String);

/// Things with an id that has to stand there whole: on one line where all of them fit, else the id below; what is said
/// of a thing stands below it in any case.
pub(in crate::cli) fn things(rows: &[ListRow], width: usize) -> Vec<String> {
    ListLayout::new(width).lay_out(rows)
}

/// Things as they come, for lists that may be long: a screen of them is laid out at a time, and what follows stands in
/// the columns of what came before. Each is looked at once.
pub(in crate::cli) struct ListLayout {
    width: usize,
    waiting: Vec<ListRow>,
    widths: Widths,
    /// An id did not fit: from there on all stand below.
    below: bool,
}

impl ListLayout {
    /// Rows that are laid out together: a screen of them.
    pub(in crate::cli) const TOGETHER: usize = 24;

    pub(in crate::cli) fn new(width: usize) -> Self {
        Self {
            width,
            waiting: Vec::new(),
            widths: Widths::default(),
            below: false,
        }
    }

    /// Takes one more; gives the lines that are ready.
    pub(in crate::cli) fn push(&mut self, thing: ListRow) -> Vec<String> {
        self.waiting.push(thing);
        match self.waiting.len() < Self::TOGETHER {
            true => Vec::new(),
            false => self.end(),
        }
    }

    /// The lines of what is left.
    pub(in crate::cli) fn end(&mut self) -> Vec<String> {
        let rows = std::mem::take(&mut self.waiting);
        self.lay_out(&rows)
    }

    fn lay_out(&mut self, rows: &[ListRow]) -> Vec<String> {
        let row = |(cells, id, _): &ListRow| {
            let mut cells = cells.clone();
            cells.push(outside::escaped(id).into_owned());
            cells
        };
        let mut heads = Vec::new();
        if !self.below {
            heads = uncut(&rows.iter().map(row).collect::<Vec<_>>(), &mut self.widths);
            self.below = heads.iter().any(|line| line.chars().count() > self.width);
        }
        if self.below {
            let cells: Vec<Vec<String>> = rows.iter().map(|(cells, ..)| cells.clone()).collect();
            let lines = uncut(&cells, &mut self.widths);
            heads = lines.iter().map(|line| cut(line, self.width)).collect();
        }
        let mut lines = Vec::new();
        for (head, (_, id, said)) in heads.into_iter().zip(rows) {
            lines.push(head);
            if self.below {
                lines.push(format!("    {}", outside::escaped(id)));
            }
            lines.extend(fold(said, self.width - 4).map(|line| format!("    {line}")));
        }
        lines
    }
}

/// How wide each column is.
#[derive(Default)]
struct Widths(Vec<usize>);

impl Widths {
    /// Makes room for a row. The last cell is never padded, unless it is a figure: a long one would push the others away.
    fn fit(&mut self, row: &[String]) {
        let figure = row.last().is_some_and(|cell| is_figure(cell));
        let padded = row.len() - usize::from(!figure && !row.is_empty());
        for (column, cell) in row.iter().take(padded).enumerate() {
            if self.0.len() <= column {
                self.0.resize(column + 1, 0);
            }
            self.0[column] = self.0[column].max(cell.chars().count());
        }
    }

    fn pad(&self, column: usize, cell: &str) -> String {
        let width = self.0.get(column).copied().unwrap_or(0);
        let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
        match column > 0 && is_figure(cell) {
            true => pad + cell,
            false => cell.to_owned() + &pad,
        }
    }
}

fn uncut(rows: &[Vec<String>], widths: &mut Widths) -> Vec<String> {
    rows.iter().for_each(|row| widths.fit(row));
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate();
        let cells: Vec<String> = cells
            .map(|(column, cell)| widths.pad(column, cell))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// What stands behind the figure of a cell.
const UNITS: [&str; 13] = [
    "", "B", "kB", "MB", "GB", "TB", "o", "ko", "Mo", "Go", "To", "s", "min",
];

/// Whether a cell is a number, perhaps with a unit.
fn is_figure(cell: &str) -> bool {
    let (number, unit) = cell.split_once([' ', '\u{a0}']).unwrap_or((cell, ""));
    let digits = number
        .chars()
        .all(|c| c.is_ascii_digit() || ['.', ',', '\u{202f}'].contains(&c));
    digits && !number.is_empty() && UNITS.contains(&unit)
}

/// Names and what is said of each, in two columns; the second goes on below itself.
pub(in crate::cli) fn pairs(rows: &[(String, String)], width: usize) -> Vec<String> {
    let names = rows.iter().map(|(name, _)| name.chars().count());
    let column = names.max().unwrap_or(0);
    let mut lines = Vec::new();
    for (name, text) in rows {
        let mut name = name.as_str();
        for line in fold(text, width.saturating_sub(column + 2)) {
            lines.push(format!("{name:column$}  {line}"));
            name = "";
        }
    }
    lines
}
