use jingwei_data::Sequences;
use jingwei_metrics::{Labelled, Predictions, check_labels, label_log_loss, log_loss};

use super::logistic::{Logistic, columns};
use super::rows::Rows;
use super::tfidf::TfIdf;
use crate::Error;

/// How little large weights cost, scikit-learn's `C`: its default, and what else may be chosen.
const STRENGTHS: [f64; 3] = [1.0, 4.0, 16.0];
/// At most so many weights, over all classes: beyond, the rarest tokens and pairs are left out.
const MOST_WEIGHTS: usize = 2_000_000;
/// At most so many weights over all regressions, where each label has one of its own (400 MB).
const MOST_OF_ALL: usize = 50_000_000;

/// TF-IDF and logistic regression: see [the module](super).
#[derive(Debug, Clone)]
pub struct Baseline {
    tfidf: TfIdf,
    heads: Vec<Head>,
    classes: usize,
    strength: f64,
}

/// What one regression says: the probabilities of these classes, `None` for one that nobody reads.
#[derive(Debug, Clone)]
struct Head {
    classes: Vec<Option<usize>>,
    /// `None` if there is one class only: it is certain.
    model: Option<Logistic>,
}

/// What one regression learns: the position of each text's class among some.
struct Task {
    classes: Vec<Option<usize>>,
    labels: Vec<u32>,
}

impl Baseline {
    /// Fits to texts of one class each, with scikit-learn's `C = 1`.
    ///
    /// # Arguments
    ///
    /// - `train`: the token ids of each text.
    /// - `labels`: the class of each text, below `classes`. A class without texts gets a probability of 0.
    ///
    /// # Errors
    ///
    /// No texts, numbers of texts and labels that differ, a label beyond the classes.
    pub fn fit(train: &Sequences, labels: &[u32], classes: usize) -> Result<Self, Error> {
        let tasks = [one_of_all(train, labels, classes)?];
        Self::train(train, &tasks, classes, &STRENGTHS[..1], |_| Ok(0.0))
    }

    /// As [`Baseline::fit`], with the `C` of 1, 4 and 16 that makes the log loss on a validation part least.
    ///
    /// # Errors
    ///
    /// As [`Baseline::fit`].
    pub fn choose(
        train: (&Sequences, &[u32]),
        valid: (&Sequences, &[u32]),
        classes: usize,
    ) -> Result<Self, Error> {
        let tasks = [one_of_all(train.0, train.1, classes)?];
        Self::train(train.0, &tasks, classes, &STRENGTHS, |baseline| {
            let probabilities = baseline.predict(valid.0);
            let predictions = Predictions::new(&probabilities, classes, valid.1, None)?;
            Ok(log_loss(&predictions))
        })
    }

    /// Fits to texts of any number of labels each: a regression a label, that label against the rest.
    ///
    /// # Errors
    ///
    /// As [`Baseline::fit`].
    pub fn fit_labels(
        train: &Sequences,
        labels: &Sequences,
        classes: usize,
    ) -> Result<Self, Error> {
        let tasks = one_against_rest(train, labels, classes)?;
        Self::train(train, &tasks, classes, &STRENGTHS[..1], |_| Ok(0.0))
    }

    /// As [`Baseline::fit_labels`], with one of three `C`, as [`Baseline::choose`].
    ///
    /// # Errors
    ///
    /// As [`Baseline::fit`].
    pub fn choose_labels(
        train: (&Sequences, &Sequences),
        valid: (&Sequences, &Sequences),
        classes: usize,
    ) -> Result<Self, Error> {
        let tasks = one_against_rest(train.0, train.1, classes)?;
        Self::train(train.0, &tasks, classes, &STRENGTHS, |baseline| {
            let probabilities = baseline.predict(valid.0);
            Ok(label_log_loss(&Labelled::new(
                &probabilities,
                classes,
                valid.1,
            )?))
        })
    }

    /// The number of tokens and pairs that are looked at.
    pub fn features(&self) -> usize {
        self.tfidf.len()
    }

    /// How little large weights cost, scikit-learn's `C`.
    pub fn strength(&self) -> f64 {
        self.strength
    }

    /// The probabilities of texts, texts × classes.
    pub fn predict(&self, texts: &Sequences) -> Vec<f32> {
        let rows = self.tfidf.rows(texts);
        let mut probabilities = vec![0.0; texts.len() * self.classes];
        for head in &self.heads {
            head.write(&rows, &mut probabilities, self.classes);
        }
        probabilities
    }

    /// Fits with one strength after the other, each from where the last one ended, for as long as `loss` falls.
    fn train(
        texts: &Sequences,
        tasks: &[Task],
        classes: usize,
        strengths: &[f64],
        loss: impl Fn(&Self) -> Result<f64, Error>,
    ) -> Result<Self, Error> {
        let widest = tasks.iter().map(|task| columns(task.classes.len())).max();
        let most = MOST_WEIGHTS / widest.unwrap_or(1).max(1);
        let tfidf = TfIdf::fit(texts, most.min(MOST_OF_ALL / tasks.len().max(1)));
        let rows = tfidf.rows(texts);
        let features = tfidf.len();
        let mut next = Self {
            tfidf,
            heads: tasks.iter().map(Head::new).collect(),
            classes,
            strength: 0.0,
        };
        let mut best: Option<(f64, Vec<Head>, f64)> = None;
        for &strength in strengths {
            for (head, task) in next.heads.iter_mut().zip(tasks) {
                head.fit(&rows, features, task, strength);
            }
            let reached = loss(&next)?;
            if best.as_ref().is_some_and(|best| reached >= best.0) {
                break;
            }
            best = Some((reached, next.heads.clone(), strength));
        }
        if let Some((_, heads, strength)) = best {
            (next.heads, next.strength) = (heads, strength);
        }
        Ok(next)
    }
}

impl Head {
    fn new(task: &Task) -> Self {
        Self {
            classes: task.classes.clone(),
            model: None,
        }
    }

    fn fit(&mut self, rows: &Rows, features: usize, task: &Task, strength: f64) {
        if self.classes.len() > 1 {
            let model = self.model.take();
            let mut model = model.unwrap_or_else(|| Logistic::new(features, self.classes.len()));
            model.fit(rows, &task.labels, strength);
            self.model = Some(model);
        }
    }

    fn write(&self, rows: &Rows, probabilities: &mut [f32], classes: usize) {
        let mut own = vec![1.0; self.classes.len()];
        for (row, probabilities) in probabilities.chunks_mut(classes).enumerate() {
            if let Some(model) = &self.model {
                model.probabilities(rows, row, &mut own);
            }
            for (class, probability) in self.classes.iter().zip(&own) {
                if let Some(class) = class {
                    probabilities[*class] = *probability as f32;
                }
            }
        }
    }
}

/// Every class that occurs against all others.
fn one_of_all(train: &Sequences, labels: &[u32], classes: usize) -> Result<Task, Error> {
    check(train, labels.len(), classes)?;
    check_labels(labels, classes)?;
    let mut present = labels.to_vec();
    present.sort_unstable();
    present.dedup();
    let number = |label: &u32| present.partition_point(|other| other < label) as u32;
    Ok(Task {
        labels: labels.iter().map(number).collect(),
        classes: present.iter().map(|class| Some(*class as usize)).collect(),
    })
}

/// Every label by itself against its absence; one that all texts or none have is certain.
fn one_against_rest(
    train: &Sequences,
    labels: &Sequences,
    classes: usize,
) -> Result<Vec<Task>, Error> {
    check(train, labels.len(), classes)?;
    check_labels(labels.values(), classes)?;
    let task = |label: usize| {
        let has = |labels: &[u32]| u32::from(labels.contains(&(label as u32)));
        let has: Vec<u32> = labels.iter().map(has).collect();
        let classes = match (has.contains(&0), has.contains(&1)) {
            (true, true) => vec![None, Some(label)],
            (_, all) => vec![all.then_some(label)],
        };
        Task {
            classes,
            labels: has,
        }
    };
    Ok((0..classes).map(task).collect())
}

fn check(train: &Sequences, labels: usize, classes: usize) -> Result<(), Error> {
    if train.is_empty() || classes == 0 {
        return Err(jingwei_metrics::Error::NoRows.into());
    }
    match train.len() == labels {
        true => Ok(()),
        false => Err(jingwei_metrics::Error::Length {
            what: "labels",
            expected: train.len(),
            found: labels,
        }
        .into()),
    }
}
