use super::Tagged;

/// The share of tokens that have the right tag.
pub fn token_accuracy(tagged: &Tagged) -> f64 {
    let right = tagged.pairs().filter(|(truth, said)| truth == said).count();
    right as f64 / tagged.tokens() as f64
}
