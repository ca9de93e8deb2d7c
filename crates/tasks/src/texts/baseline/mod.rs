//! What an ordinary method reaches on the same texts: a classifier that needs a network should beat it.
//!
//! The baseline is TF-IDF over single tokens and pairs of neighbours, and logistic regression on it, as
//! scikit-learn's `TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))` and `LogisticRegression` with their
//! defaults. It trains on one thread in seconds and depends on nothing but the texts.
//!
//! ```
//! use jingwei_data::Sequences;
//! use jingwei_tasks::texts::baseline::Baseline;
//!
//! let mut texts = Sequences::default();
//! [[2, 3], [2, 4], [5, 3], [5, 4]].iter().for_each(|text| texts.push(text));
//! let baseline = Baseline::fit(&texts, &[0, 0, 1, 1], 2)?;
//! let probabilities = baseline.predict(&texts);
//! assert!(probabilities[0] > 0.5 && probabilities[7] > 0.5);
//! # Ok::<(), jingwei_tasks::Error>(())
//! ```

mod classifier;
mod lbfgs;
mod logistic;
mod rows;
mod tfidf;

pub use classifier::Baseline;
