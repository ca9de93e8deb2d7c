use std::collections::HashMap;

use super::MISSING_TAG;

/// How tags mark spans of tokens: `B-PER I-PER O` (BIO), `B-PER I-PER E-PER S-LOC O` (BIOES, with `M` for `I` also
/// called BMES, with `L` and `U` for `E` and `S` BILOU), or without types (`B M E S`, the words of a Chinese text).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    marks: Vec<Mark>,
    types: Vec<String>,
    /// Whether the end of a span has a tag of its own.
    ends: bool,
}

/// Some tokens one after another that are one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Span {
    /// The first token.
    pub start: usize,
    /// The token after the last one.
    pub end: usize,
    /// What it is: a number of [`Scheme::types`].
    pub kind: usize,
}

impl Span {
    /// The first token, and the token after the last one.
    pub(super) fn bounds(self) -> (usize, usize) {
        (self.start, self.end)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Begin,
    Inside,
    End,
    Single,
}

/// What a tag says: where in a span of which type its token is; `None` outside of spans.
type Mark = Option<(Place, usize)>;

impl Scheme {
    /// Reads the scheme off the names of the tags; `None` if some name is no tag of a scheme, as with parts of speech,
    /// or none begins or continues a span.
    ///
    /// ```
    /// use jingwei_metrics::Scheme;
    ///
    /// let names = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"].map(str::to_owned);
    /// let scheme = Scheme::of(&names).unwrap();
    /// assert_eq!(scheme.types(), ["PER", "LOC"]);
    /// assert_eq!(scheme.spans(&[1, 2, 0, 3]).len(), 2);
    /// assert_eq!(Scheme::of(&["NN", "VB", "IN"].map(str::to_owned)), None);
    /// ```
    pub fn of(names: &[String]) -> Option<Self> {
        let (mut types, mut known) = (Vec::new(), HashMap::new());
        let mut mark = |name| mark(name, &mut types, &mut known);
        let marks: Option<Vec<Mark>> = names.iter().map(|name| mark(name)).collect();
        let marks = marks.filter(|_| !types.is_empty())?;
        let ends = |mark: &Mark| matches!(mark, Some((Place::End | Place::Single, _)));
        Some(Self {
            ends: marks.iter().any(ends),
            marks,
            types,
        })
    }

    /// The types of spans; a single empty name if the tags have no types.
    pub fn types(&self) -> &[String] {
        &self.types
    }

    /// The spans that tags mark, read leniently, as seqeval's default mode reads them: a new span begins where a tag
    /// begins one, after the end of one, and wherever the type changes, so that `O I-PER I-LOC` are two spans and a
    /// span of BIOES may lack its end. A missing tag is outside.
    pub fn spans(&self, tags: &[u32]) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let mut before = None;
        for (token, tag) in tags.iter().enumerate() {
            let mark = self.mark(*tag);
            match (spans.last_mut(), mark) {
                (_, None) => {}
                (Some(span), Some(_)) if continues(before, mark) => span.end = token + 1,
                (_, Some((_, kind))) => spans.push(Span {
                    start: token,
                    end: token + 1,
                    kind,
                }),
            }
            before = mark;
        }
        spans
    }

    /// Whether a span of [`Scheme::spans`] keeps to the scheme, so that seqeval's strict mode would find it: it begins
    /// with `B`, and where ends have tags it ends with `E`, or is a single `S`.
    pub fn is_strict(&self, tags: &[u32], span: Span) -> bool {
        let place = |token: usize| self.mark(tags[token]).map(|mark| mark.0);
        let (first, last) = (place(span.start), place(span.end - 1));
        match first {
            Some(Place::Single) => true,
            Some(Place::Begin) => !self.ends || last == Some(Place::End),
            _ => false,
        }
    }

    fn mark(&self, tag: u32) -> Mark {
        if tag == MISSING_TAG {
            None
        } else {
            self.marks[tag as usize]
        }
    }
}

/// Whether the second of two neighbours belongs to the span of the first.
fn continues(before: Mark, mark: Mark) -> bool {
    match (before, mark) {
        (Some((before, left)), Some((place, right))) => {
            left == right
                && matches!(before, Place::Begin | Place::Inside)
                && matches!(place, Place::Inside | Place::End)
        }
        _ => false,
    }
}

/// What a name says; the outer `None` if it is no tag of a scheme.
fn mark<'n>(
    name: &'n str,
    types: &mut Vec<String>,
    known: &mut HashMap<&'n str, usize>,
) -> Option<Mark> {
    if name == "O" {
        return Some(None);
    }
    let (letter, kind) = match name.split_once('-') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (name, ""),
    };
    let place = match letter {
        "B" => Place::Begin,
        "I" | "M" => Place::Inside,
        "E" | "L" => Place::End,
        "S" | "U" => Place::Single,
        _ => return None,
    };
    let kind = *known.entry(kind).or_insert_with(|| {
        types.push(kind.to_owned());
        types.len() - 1
    });
    Some(Some((place, kind)))
}
