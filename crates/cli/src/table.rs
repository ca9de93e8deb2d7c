use std::fmt::{self, Display};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Cells wider than this are cut, so that a row stays on a line.
const WIDEST: usize = 60;
const GAP: &str = "  ";

/// Rows of text in columns that line up on a terminal, Chinese ones included.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

impl Table {
    /// A table with a heading a column; those that begin with `>` are set to the right, as numbers are.
    pub fn new(heads: &[&str]) -> Self {
        let right = heads.iter().map(|head| head.starts_with('>')).collect();
        let heads = heads
            .iter()
            .map(|head| head.trim_start_matches('>').to_owned());
        Self {
            rows: vec![heads.collect()],
            right,
        }
    }

    /// Adds a row of as many cells as there are columns.
    pub fn row<const CELLS: usize>(&mut self, cells: [&dyn Display; CELLS]) {
        self.push(cells.iter().map(ToString::to_string).collect());
    }

    /// Adds a row of as many cells as there are columns.
    pub fn push(&mut self, cells: Vec<String>) {
        self.rows
            .push(cells.iter().map(|cell| clean(cell)).collect());
    }

    /// The width of each column.
    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.width())
                .max()
                .unwrap_or(0)
        };
        (0..self.right.len()).map(width).collect()
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for (number, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).zip(&self.right);
            let line: Vec<String> = cells
                .map(|((cell, &width), &right)| pad(cell, width, right))
                .collect();
            let end = if number + 1 < self.rows.len() {
                "\n"
            } else {
                ""
            };
            write!(f, "{}{end}", line.join(GAP).trim_end())?;
        }
        Ok(())
    }
}

/// Fills a text up to a width on the terminal.
pub fn pad(text: &str, width: usize, right: bool) -> String {
    let filling = " ".repeat(width.saturating_sub(text.width()));
    if right {
        filling + text
    } else {
        text.to_owned() + &filling
    }
}

/// One line of bounded width: a name from outside must not break the table, nor send codes to the terminal. What is
/// too long loses its middle, as paths tell most at their ends.
pub fn clean(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|letter| {
            if letter.is_control() {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect();
    if text.width() <= WIDEST {
        return text;
    }
    let start = fitting(text.chars(), WIDEST / 3);
    let end = fitting(text.chars().rev(), WIDEST - WIDEST / 3 - 1);
    let letters: Vec<char> = text.chars().collect();
    letters[..start]
        .iter()
        .chain(&['…'])
        .chain(&letters[letters.len() - end..])
        .collect()
}

/// How many of the letters stay within a width.
fn fitting(letters: impl Iterator<Item = char>, most: usize) -> usize {
    let mut width = 0;
    let fits = |letter: &char| {
        width += letter.width().unwrap_or(0);
        width <= most
    };
    letters.take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_line_up() {
        let mut table = Table::new(&["class", ">count"]);
        table.row([&"猫", &7]);
        table.row([&"lion", &12]);
        assert_eq!(
            table.to_string(),
            "class  count\n猫         7\nlion      12"
        );
    }

    #[test]
    fn control_characters_and_long_names_are_tamed() {
        assert_eq!(clean("a\x1b[31mb\n"), "a\u{fffd}[31mb\u{fffd}");
        let cut = clean(&format!("{}尾.png", "长".repeat(50)));
        assert!(cut.width() <= WIDEST && cut.contains('…') && cut.ends_with("尾.png"));
    }
}
