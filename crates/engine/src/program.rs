//! Instructions before their memory is planned.

use std::array;

use jingwei_graph::RunContext;
use jingwei_kernels::{Buffers, MatMul, MatMulShape, Place, Workers};

use crate::weights::{Key, Prepared};
use crate::workspace::Buffer;

/// A value's place in [`Program::values`].
pub(crate) type ValueId = usize;

/// Where a value lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Location {
    /// In the arena, wherever the memory plan puts it.
    Arena,
    /// At an offset of a buffer that outlives the run.
    Fixed(Buffer, usize),
    /// A prepared matrix, by its place in [`Program::prepared`].
    Prepared(usize),
}

/// Floats that one instruction writes and others read.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub len: usize,
    pub location: Location,
}

type Run = dyn Fn(&Workers<'_>, &mut Buffers, &[Place], RunContext) + Send + Sync;

/// One kernel call.
pub(crate) struct Instruction {
    pub name: &'static str,
    pub layer: String,
    pub reads: Vec<ValueId>,
    pub writes: Vec<ValueId>,
    pub run: Box<Run>,
}

/// All kernel calls in order, over values without places.
#[derive(Default)]
pub(crate) struct Program {
    pub values: Vec<Value>,
    pub instructions: Vec<Instruction>,
    /// Floats of scratch memory that each worker needs.
    pub scratch: usize,
    /// Floats of the tables that kernels make when they run first.
    pub tables: usize,
    /// Matrices in the form in which their products read them.
    pub prepared: Vec<Prepared>,
}

impl Program {
    /// A new value of `len` floats in the arena.
    pub fn arena(&mut self, len: usize) -> ValueId {
        self.fixed(len, Location::Arena)
    }

    /// A new value at a location.
    pub fn fixed(&mut self, len: usize, location: Location) -> ValueId {
        self.values.push(Value { len, location });
        self.values.len() - 1
    }

    /// A parameter in the form in which products like this one read it; theirs of before if there is one.
    pub fn prepared(&mut self, offset: usize, shape: MatMulShape, product: &MatMul) -> ValueId {
        let key = Key::new(offset, shape);
        let found = self
            .prepared
            .iter()
            .position(|prepared| prepared.key == key);
        let index = found.unwrap_or_else(|| {
            let product = product.clone();
            self.prepared.push(Prepared { key, product });
            self.prepared.len() - 1
        });
        self.fixed(product.prepared(), Location::Prepared(index))
    }

    /// Appends a kernel call.
    pub fn emit<const READS: usize, const WRITES: usize>(
        &mut self,
        (name, layer): (&'static str, &str),
        reads: [ValueId; READS],
        writes: [ValueId; WRITES],
        run: impl Fn(&Workers<'_>, [&[f32]; READS], [&mut [f32]; WRITES], RunContext)
        + Send
        + Sync
        + 'static,
    ) {
        self.instructions.push(Instruction {
            name,
            layer: layer.to_owned(),
            reads: reads.to_vec(),
            writes: writes.to_vec(),
            run: Box::new(move |workers, buffers, places, context| {
                let (reads, writes) = buffers.split(
                    array::from_fn(|i| places[i]),
                    array::from_fn(|i| places[READS + i]),
                );
                run(workers, reads, writes, context);
            }),
        });
    }
}
