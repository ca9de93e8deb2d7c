use minijinja::{Environment, UndefinedBehavior};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::svg::escape;

/// A part of the page that only some reports have, made by whoever knows what it is about.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Section {
    /// The identifier that links on the page lead to.
    pub id: String,
    /// The heading, as the list of sections shows it.
    pub title: String,
    /// The element itself, which stands on the page as it is: from [`Section::render`], which escapes what is in it.
    pub html: String,
}

impl Section {
    /// A section from a template, in which the values are escaped and the macros of all reports (`macros.html`) are known.
    ///
    /// # Errors
    /// [`Error::Template`] if the template is wrong.
    ///
    /// ```
    /// use jingwei_report::Section;
    /// let values = std::collections::BTreeMap::from([("name", "<b>")]);
    /// let section = Section::render("names", "Names", "<p>{{ name }}</p>", &values)?;
    /// assert_eq!(section.html, "<p>&lt;b&gt;</p>");
    /// # Ok::<(), jingwei_report::Error>(())
    /// ```
    pub fn render(
        id: &str,
        title: &str,
        template: &str,
        values: &impl Serialize,
    ) -> Result<Self, Error> {
        Ok(Self {
            id: id.to_owned(),
            title: title.to_owned(),
            html: environment()?.render_str(template, values)?,
        })
    }
}

/// Templates that escape whatever is not marked as safe, and know the macros.
pub(crate) fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_formatter(|output, _, value| {
        let text = value.to_string();
        output
            .write_str(&if value.is_safe() { text } else { escape(&text) })
            .map_err(minijinja::Error::from)
    });
    environment.add_template("macros.html", include_str!("macros.html"))?;
    Ok(environment)
}
