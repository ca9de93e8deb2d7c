//! Texts and labels in the columns of a table.

use std::path::Path;

use crate::read::rows::Collector;
use crate::table::{Fields, Table};
use crate::{Error, Result};

pub(super) fn read(path: &Path, delimiter: u8, collector: &mut Collector) -> Result<()> {
    let bound = collector.options.max_text_bytes.saturating_add(1 << 12);
    let lines = collector.open(path, bound)?;
    let mut table = Table::new(lines, delimiter, bound)?;
    if table.header().is_empty() {
        return Ok(());
    }
    let text = column(path, table.header(), "text", &collector.options.text)?;
    let label = match &collector.options.label {
        Some(label) => Some(column(path, table.header(), "label", label)?),
        None => None,
    };
    let mut fields = Fields::default();
    while let Some(row) = table.next(&mut fields)? {
        match (row.bad, label) {
            (Some(bad), _) => collector.set_aside(path, row.line, bad)?,
            (None, Some(label)) => {
                collector.labelled(path, row.line, fields.get(text), fields.get(label))?;
            }
            (None, None) => collector.plain(path, row.line, fields.get(text))?,
        }
    }
    Ok(())
}

fn column(path: &Path, names: &[String], key: &str, wanted: &str) -> Result<usize> {
    let mut found = (0..names.len()).filter(|&at| names[at] == wanted);
    match (found.next(), found.next()) {
        (Some(at), None) => Ok(at),
        (Some(_), Some(_)) => Err(Error::content(
            format!("{}, line 1", path.display()),
            format!("two columns are called `{wanted}`"),
            "give them different names",
        )),
        (None, _) => {
            let mut shown = names
                .iter()
                .take(20)
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>();
            if names.len() > shown.len() {
                shown.push(format!("and {} more", names.len() - shown.len()));
            }
            let remedy = match key {
                "text" => {
                    "name the one of the texts, in a recipe by `text = { column = \"…\" }`, to a command by --text-column"
                }
                _ => {
                    "name the one of the labels, in a recipe by `target = \"…\"`, to a command by --target"
                }
            };
            Err(Error::content(
                format!("{}, line 1", path.display()),
                format!(
                    "there is no column `{wanted}`; its columns are {}",
                    shown.join(", ")
                ),
                remedy,
            ))
        }
    }
}
