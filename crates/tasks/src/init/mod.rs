//! A first recipe for some data, commented, that trains well as it is.

use std::path::{Path, PathBuf};

use jingwei_data::Limits;
use jingwei_data::inspect::{ColumnSummary, Summary, inspect};
use jingwei_data::source::{Found, SourceKind, detect};
use jingwei_data::texts::{Guess, guess};
use jingwei_engine::{Level, Runtime};
use minijinja::value::Value;
use minijinja::{Environment, context};

use crate::Error;
use crate::check::check;
use crate::run::Job;
use crate::task::all;

/// Looks at data and writes a recipe for them, which trains as it is. Paths in it are relative to `folder`, where the
/// recipe will stand, if they lie below it.
///
/// The recipe is [checked](check()) as `jingwei check` does it, so that no recipe is written that training refuses.
///
/// # Errors
/// If the data cannot be read, are of no known kind, or are too few or too much alike to be trained on.
pub fn init(data: &Path, folder: &Path) -> Result<String, Error> {
    let mut look = Look::new(data, folder)?;
    let text = first_recipe(&look)?;
    let error = match verify(&text, folder) {
        Ok(()) => return Ok(text),
        Err(error) => error,
    };
    // Where only single samples cannot be read, the others make a recipe.
    look.leave_bad_out = true;
    let without_bad = first_recipe(&look)?;
    match without_bad != text && verify(&without_bad, folder).is_ok() {
        true => Ok(without_bad),
        false => Err(error),
    }
}

/// The recipe of the first task that the data are for.
fn first_recipe(look: &Look<'_>) -> Result<String, Error> {
    for task in all() {
        if let Some(text) = task.first_recipe(look)? {
            return Ok(text);
        }
    }
    Err(Error::Setting {
        name: "data".to_owned(),
        reason: format!("no task is known for {}", look.data.display()),
        remedy: "write a recipe by hand".to_owned(),
    })
}

/// Checks a recipe that is about to be written.
fn verify(text: &str, folder: &Path) -> Result<(), Error> {
    let job = Job::read(text.to_owned(), "the recipe for these data", folder)?;
    check(&job, &Runtime::new(Level::best(), 1)?).map(|_| ())
}

/// What lies at a path, looked at once for all tasks.
pub struct Look<'a> {
    /// The path.
    pub data: &'a Path,
    /// Where the recipe will stand.
    pub folder: &'a Path,
    /// What was found there.
    pub content: Content,
    /// Whether the recipe shall leave out samples that cannot be read.
    pub leave_bad_out: bool,
}

/// What data look like.
pub enum Content {
    /// Texts.
    Texts {
        /// Where texts and labels stand.
        guess: Guess,
        /// The training part, or the whole.
        train: PathBuf,
        /// The files to validate and to test with, if there are any.
        parts: [Option<PathBuf>; 2],
    },
    /// Pictures, or rows of a table.
    Samples {
        /// Where they are.
        found: Found,
        /// What they are.
        summary: Summary,
    },
}

impl<'a> Look<'a> {
    fn new(data: &'a Path, folder: &'a Path) -> Result<Self, Error> {
        Ok(Self {
            data,
            folder,
            content: content(data)?,
            leave_bad_out: false,
        })
    }

    /// A path as the recipe writes it.
    #[must_use]
    pub fn path(&self, path: &Path) -> String {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // The folder of a bare file name is empty.
        let folder = absolute(&Path::new(".").join(self.folder));
        let path = absolute(path);
        let relative = path.strip_prefix(&folder).unwrap_or(&path);
        quoted(&relative.display().to_string())
    }

    /// What the template of `[data]` for pictures and rows needs.
    pub(crate) fn samples(&self, found: &Found, summary: &Summary) -> Value {
        let gaps = |column: &&ColumnSummary| column.text == 0 && column.missing > 0;
        let gaps = summary.columns.iter().filter(gaps);
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| self.path(path));
        context! {
            data => summary.path.display().to_string(),
            kind => summary.kind.to_string(),
            notes => summary.notes,
            train => self.path(&found.train),
            valid => path(&found.valid),
            test => path(&found.test),
            gaps => gaps.map(|column| column.missing).sum::<usize>(),
            leave_bad_out => self.leave_bad_out,
        }
    }
}

fn content(data: &Path) -> Result<Content, Error> {
    if let Some(guess) = guess(data)? {
        return Ok(Content::Texts {
            guess,
            train: data.to_owned(),
            parts: [None, None],
        });
    }
    let found = detect(data)?;
    // A folder may hold a table of texts.
    if let (SourceKind::Csv, Some(guess)) = (found.kind, guess(&found.train)?) {
        return Ok(Content::Texts {
            guess,
            train: found.train,
            parts: [found.valid, found.test],
        });
    }
    let summary = inspect(data, &Limits::default())?;
    Ok(Content::Samples { found, summary })
}

/// A text as TOML writes it.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A recipe from a template, which may include `data.toml`, the `[data]` of pictures and rows, or `texts.toml`,
/// the same of texts.
pub(crate) fn render(template: &str, values: Value) -> Result<String, Error> {
    let mut templates = Environment::new();
    templates.set_keep_trailing_newline(true);
    templates.set_trim_blocks(true);
    templates.set_lstrip_blocks(true);
    // Comments line up behind short values.
    templates.add_filter("pad", |text: String| format!("{text:<39}"));
    let rendered = templates
        .add_template("data.toml", include_str!("data.toml"))
        .and_then(|()| templates.add_template("texts.toml", include_str!("texts.toml")))
        .and_then(|()| templates.render_str(template, values));
    Ok(rendered.map_err(jingwei_report::Error::from)?)
}
