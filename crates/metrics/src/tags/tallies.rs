use super::{MISSING_TAG, Scheme, Span, Tagged};
use crate::{ConfusionMatrix, Tally};

/// How many tokens have each tag, are said to have it, and both.
pub fn tag_tallies(tagged: &Tagged) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); tagged.names().len()];
    for (truth, said) in tagged.pairs() {
        tallies[truth as usize].support += 1.0;
        tallies[truth as usize].correct += f64::from(truth == said);
        if said != MISSING_TAG {
            tallies[said as usize].predicted += 1.0;
        }
    }
    tallies
}

/// Which tags are taken for which, without tokens that got none.
pub fn tag_confusion(tagged: &Tagged) -> ConfusionMatrix {
    let pairs = tagged.pairs().filter(|(_, said)| *said != MISSING_TAG);
    let pairs = pairs.map(|(truth, said)| (truth as usize, said as usize));
    ConfusionMatrix::of(tagged.names().len(), pairs)
}

/// How many spans of each type there are, are said, and both with the same bounds and type; `None` if the tags mark
/// no spans. Sums and averages of these are seqeval's scores in its default mode.
pub fn span_tallies(tagged: &Tagged) -> Option<Vec<Tally>> {
    let scheme = tagged.scheme()?;
    Some(tally_spans(tagged, scheme, |_, _| true))
}

/// As [`span_tallies`], of spans that keep to the scheme only: seqeval's scores in its strict mode.
pub fn strict_span_tallies(tagged: &Tagged) -> Option<Vec<Tally>> {
    let scheme = tagged.scheme()?;
    let strict = |tags: &[u32], span| scheme.is_strict(tags, span);
    Some(tally_spans(tagged, scheme, strict))
}

fn tally_spans(
    tagged: &Tagged,
    scheme: &Scheme,
    counts: impl Fn(&[u32], Span) -> bool,
) -> Vec<Tally> {
    let read = |tags: &[u32]| -> Vec<Span> {
        let spans = scheme.spans(tags).into_iter();
        spans.filter(|span| counts(tags, *span)).collect()
    };
    let mut tallies = vec![Tally::default(); scheme.types().len()];
    for row in 0..tagged.rows() {
        let (truth, said) = (read(tagged.truth(row)), read(tagged.predicted(row)));
        truth
            .iter()
            .for_each(|span| tallies[span.kind].support += 1.0);
        for span in &said {
            tallies[span.kind].predicted += 1.0;
            // Spans are in the order of their starts, and no two overlap.
            let found = truth.binary_search_by_key(&span.start, |span| span.start);
            let right = found.is_ok_and(|index| truth[index] == *span);
            tallies[span.kind].correct += f64::from(right);
        }
    }
    tallies
}
