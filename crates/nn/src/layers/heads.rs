//! Attention with its projections, as a layer of its own and inside of blocks.

use jingwei_graph::{Dim, NodeId, ops};

use super::{Builder, Dropout};
use crate::{Error, Initializer, Mode, Result};

/// The wavelength of [`ops::RotaryEmbedding`] that most networks have.
const ROTARY_BASE: f32 = 10_000.0;

/// The settings of one attention.
pub(super) struct Heads<'a> {
    /// What the names of its parameters begin with.
    pub part: &'a str,
    pub num_heads: usize,
    pub num_kv_heads: usize,
    pub key_dim: usize,
    pub causal: bool,
    pub rotary: bool,
    pub use_bias: bool,
    pub kernel_initializer: Initializer,
    pub bias_initializer: Initializer,
}

impl Heads<'_> {
    /// Adds attention of `query` over `value`, or over itself, with a projection of the heads back to the channels of
    /// the query. One product makes all heads that read the same sequence.
    pub fn build(
        &self,
        builder: &mut Builder<'_>,
        query: NodeId,
        value: Option<NodeId>,
    ) -> Result<NodeId> {
        let (_, channels) = builder.steps(query)?;
        self.check(builder)?;
        let (heads, kv_heads) = (self.num_heads, self.num_kv_heads);
        let [q, k, v] = match value {
            None => {
                let columns = (heads + 2 * kv_heads) * self.key_dim;
                let all = self.project(builder, "qkv", query, columns)?;
                [
                    self.heads(builder, all, 0, heads)?,
                    self.heads(builder, all, heads, kv_heads)?,
                    self.heads(builder, all, heads + kv_heads, kv_heads)?,
                ]
            }
            Some(value) => {
                builder.steps(value)?;
                let q = self.project(builder, "query", query, heads * self.key_dim)?;
                let kv = self.project(builder, "kv", value, 2 * kv_heads * self.key_dim)?;
                [
                    self.heads(builder, q, 0, heads)?,
                    self.heads(builder, kv, 0, kv_heads)?,
                    self.heads(builder, kv, kv_heads, kv_heads)?,
                ]
            }
        };
        let [q, k] = match self.rotary {
            true => [self.turn(builder, q)?, self.turn(builder, k)?],
            false => [q, k],
        };
        let op = ops::Attention {
            causal: self.causal,
            scale: 1.0 / (self.key_dim as f32).sqrt(),
        };
        let mask = builder.mask(value.unwrap_or(query));
        let inputs: Vec<NodeId> = [q, k, v].into_iter().chain(mask).collect();
        let y = builder.add(op, &inputs)?;
        let length = builder.dims(query)[0];
        let y = builder.reshape(y, [length, (heads * self.key_dim).into()])?;
        self.project(builder, "output", y, channels)
    }

    fn check(&self, builder: &Builder<'_>) -> Result<()> {
        builder.at_least_one("num_heads", self.num_heads)?;
        builder.at_least_one("num_kv_heads", self.num_kv_heads)?;
        builder.at_least_one("key_dim", self.key_dim)?;
        let wrong = |setting, expected, found: usize| {
            Err(Error::Setting {
                place: builder.place(),
                setting,
                expected,
                found: found.to_string(),
            })
        };
        if !self.num_heads.is_multiple_of(self.num_kv_heads) {
            return wrong(
                "num_kv_heads",
                "a divisor of `num_heads`",
                self.num_kv_heads,
            );
        }
        if self.rotary && self.key_dim % 2 == 1 {
            return wrong("key_dim", "even, as positions are rotary", self.key_dim);
        }
        builder
            .count(&[self.num_heads, self.key_dim, 3])
            .map(|_| ())
    }

    fn project(
        &self,
        builder: &mut Builder<'_>,
        name: &str,
        x: NodeId,
        columns: usize,
    ) -> Result<NodeId> {
        let rows = builder.channels(x)?;
        let place = builder.place();
        let kernel = format!("{}{name}_kernel", self.part);
        self.kernel_initializer
            .check(&place, "kernel_initializer")?;
        let kernel = builder.parameter(&kernel, &[rows, columns], self.kernel_initializer, true)?;
        let y = builder.matmul(x, kernel)?;
        if !self.use_bias {
            return Ok(y);
        }
        let bias = format!("{}{name}_bias", self.part);
        self.bias_initializer.check(&place, "bias_initializer")?;
        let bias = builder.parameter(&bias, &[columns], self.bias_initializer, false)?;
        builder.sum(y, bias)
    }

    /// `count` heads from the columns of a projection, `[batch, time, count, key_dim]`.
    fn heads(
        &self,
        builder: &mut Builder<'_>,
        all: NodeId,
        first: usize,
        count: usize,
    ) -> Result<NodeId> {
        let length = builder.dims(all)[0];
        let (start, len) = (first * self.key_dim, count * self.key_dim);
        let part = match builder.channels(all)? {
            columns if columns == len => all,
            _ => builder.add(
                ops::Slice {
                    axis: 2,
                    start,
                    len,
                },
                &[all],
            )?,
        };
        builder.reshape(part, [length, Dim::from(count), self.key_dim.into()])
    }

    fn turn(&self, builder: &mut Builder<'_>, x: NodeId) -> Result<NodeId> {
        let (base, inverse) = (ROTARY_BASE, false);
        builder.add(ops::RotaryEmbedding { base, inverse }, &[x])
    }
}

/// x with random zeros, of a part of a layer.
pub(super) fn drop(builder: &mut Builder<'_>, part: &str, x: NodeId, rate: f32) -> Result<NodeId> {
    Dropout { rate }.check(builder)?;
    if builder.mode() == Mode::Inference || rate == 0.0 {
        return Ok(x);
    }
    let stream = builder.stream_of(part);
    builder.add(ops::Dropout { rate, stream }, &[x])
}
