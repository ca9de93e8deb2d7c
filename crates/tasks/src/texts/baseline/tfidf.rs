use std::collections::HashMap;

use jingwei_data::Sequences;

use super::rows::Rows;

/// So many different tokens and pairs are counted at once; beyond, those seen least are forgotten.
const MOST_COUNTED: usize = 8_000_000;

/// A token, or a token and its right neighbour.
type Gram = (u32, Option<u32>);

/// Turns texts into rows of weights, a column a token or pair, as scikit-learn's `TfidfVectorizer` with
/// `sublinear_tf=True, ngram_range=(1, 2)`: `(1 + ln tf) · (ln((1 + n) / (1 + df)) + 1)`, rows scaled to length 1.
#[derive(Debug, Clone)]
pub(super) struct TfIdf {
    /// The column and the inverse document frequency.
    columns: HashMap<Gram, (u32, f64)>,
}

impl TfIdf {
    /// Counts in how many of `texts` each token and pair stands, and keeps the `limit` most frequent ones.
    pub(super) fn fit(texts: &Sequences, limit: usize) -> Self {
        let mut counted: Vec<(Gram, u32)> = document_frequencies(texts).into_iter().collect();
        counted.sort_unstable_by_key(|(gram, frequency)| (std::cmp::Reverse(*frequency), *gram));
        counted.truncate(limit);
        let inverse =
            |frequency: u32| ((1.0 + texts.len() as f64) / (1.0 + f64::from(frequency))).ln() + 1.0;
        let numbered = counted.iter().enumerate();
        Self {
            columns: numbered
                .map(|(column, (gram, frequency))| (*gram, (column as u32, inverse(*frequency))))
                .collect(),
        }
    }

    /// Number of columns.
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// A row a text.
    pub(super) fn rows(&self, texts: &Sequences) -> Rows {
        let mut rows = Rows::default();
        for text in texts.iter() {
            let mut cells = self.weights(text);
            let length = cells.iter().map(|cell| cell.1 * cell.1).sum::<f64>().sqrt();
            cells.iter_mut().for_each(|cell| cell.1 /= length);
            rows.push(cells.iter().map(|cell| (cell.0, cell.1 as f32)));
        }
        rows
    }

    /// The columns of a text in ascending order, with their weights.
    fn weights(&self, text: &[u32]) -> Vec<(u32, f64)> {
        let known = grams(text).filter_map(|gram| self.columns.get(&gram).copied());
        let mut found: Vec<(u32, f64)> = known.collect();
        found.sort_unstable_by_key(|cell| cell.0);
        let same = found.chunk_by(|left, right| left.0 == right.0);
        same.map(|cells| (cells[0].0, (1.0 + (cells.len() as f64).ln()) * cells[0].1))
            .collect()
    }
}

fn grams(text: &[u32]) -> impl Iterator<Item = Gram> {
    let pairs = text.windows(2).map(|pair| (pair[0], Some(pair[1])));
    text.iter().map(|token| (*token, None)).chain(pairs)
}

fn document_frequencies(texts: &Sequences) -> HashMap<Gram, u32> {
    let mut frequencies: HashMap<Gram, u32> = HashMap::new();
    let mut least = 1;
    for text in texts.iter() {
        let mut found: Vec<Gram> = grams(text).collect();
        found.sort_unstable();
        found.dedup();
        for gram in found {
            *frequencies.entry(gram).or_default() += 1;
        }
        while frequencies.len() > MOST_COUNTED {
            frequencies.retain(|_, frequency| *frequency > least);
            least += 1;
        }
    }
    frequencies
}
