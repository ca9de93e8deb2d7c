//! Answers in JSON, written straight into the body that is sent, within the budget of their request.

use std::io::Write;

use jingwei_bounds::{Budget, Exceeded};
use serde::{Serialize, Serializer};

use crate::error::Refusal;

/// The body of an answer as it grows.
struct Body<'b> {
    bytes: Vec<u8>,
    budget: &'b Budget,
    exceeded: Option<Exceeded>,
}

impl Write for Body<'_> {
    fn write(&mut self, more: &[u8]) -> std::io::Result<usize> {
        const LEAST: usize = 4096;
        let (length, capacity) = (self.bytes.len() + more.len(), self.bytes.capacity());
        if length > capacity {
            let wanted = length.max(capacity.saturating_mul(2)).max(LEAST);
            if let Err(exceeded) = self.budget.take(wanted - capacity) {
                self.exceeded = Some(exceeded);
                return Err(std::io::Error::other(exceeded));
            }
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The JSON of an answer. What it takes stays taken, since it lives as long as the budget does.
pub(crate) fn json(answer: &impl Serialize, budget: &Budget) -> Result<Vec<u8>, Refusal> {
    let mut body = Body {
        bytes: Vec::new(),
        budget,
        exceeded: None,
    };
    match (serde_json::to_writer(&mut body, answer), body.exceeded) {
        (Ok(()), _) => Ok(body.bytes),
        (Err(_), Some(exceeded)) => Err(exceeded.into()),
        (Err(error), None) => Err(Refusal::internal(error)),
    }
}

/// Numbers with the digits of double precision, as the values of the Open Inference Protocol always had.
pub(crate) fn doubles<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(|&value| f64::from(value)))
}
