//! Plans by size of batch and length of sequences.

use jingwei_data::BatchSource;
use jingwei_engine::{Function, Plan, Runtime};

use crate::Error;

/// The plans of one function that were needed so far.
pub(super) struct Plans {
    plans: Vec<Plan>,
}

impl Plans {
    /// The plans of all batches of a source; of sequences, that of the longest, which needs the most memory.
    pub(super) fn new(
        function: &Function,
        runtime: &Runtime,
        source: &BatchSource,
        batch: usize,
    ) -> Result<Self, Error> {
        let mut plans = Self { plans: Vec::new() };
        let time = source.longest_time();
        plans.find(function, runtime, batch, time)?;
        let rest = source.len() % batch;
        if rest > 0 && time.is_none() {
            plans.find(function, runtime, rest, None)?;
        }
        Ok(plans)
    }

    /// The place of the plan for a batch, made now if it is the first of its size.
    pub(super) fn find(
        &mut self,
        function: &Function,
        runtime: &Runtime,
        batch: usize,
        time: Option<usize>,
    ) -> Result<usize, Error> {
        let fits = |plan: &Plan| plan.batch() == batch && plan.time() == time.unwrap_or(0);
        if let Some(place) = self.plans.iter().position(fits) {
            return Ok(place);
        }
        self.plans.push(match time {
            Some(time) => function.plan_for(batch, time, runtime.level())?,
            None => function.plan(batch, runtime.level())?,
        });
        Ok(self.plans.len() - 1)
    }

    pub(super) fn get(&self, place: usize) -> &Plan {
        &self.plans[place]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Plan> {
        self.plans.iter()
    }
}
