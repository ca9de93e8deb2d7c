use jingwei_kernels::{AlignedVec, Buffers, Place, Scratch};

use crate::{Function, Plan, Runtime, Weights};

/// The buffers of a [`Workspace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Buffer {
    /// Every intermediate of a run; what it holds afterwards is of no use but for the outputs.
    Arena,
    /// The parameters, by the function's layout.
    Parameters,
    /// The gradients, by the same layout.
    Gradients,
    /// The states, by their layout.
    States,
    /// The numbers that stand in the graph.
    Constants,
}

impl Buffer {
    /// How many there are. Prepared parameters come after them, each in a buffer of its own.
    pub(crate) const COUNT: usize = 5;
}

/// The memory that one caller needs to run plans of one or more functions over the same layouts.
pub struct Workspace {
    pub(crate) buffers: Buffers,
    pub(crate) scratch: Scratch,
    scratch_len: usize,
    threads: usize,
    /// The plan whose constants and prepared parameters are loaded.
    pub(crate) loaded: usize,
    weights: Option<Weights>,
}

impl Workspace {
    /// Memory for plans of `function` that train: parameters, gradients and states of its own, all zero.
    #[must_use]
    pub fn for_training(function: &Function, runtime: &Runtime) -> Self {
        let (parameters, states) = (function.parameters.len(), function.states.len());
        let threads = runtime.pool().threads();
        Self {
            buffers: Buffers::new(&[0, parameters, function.gradient_len, states, 0]),
            scratch: Scratch::new(threads, 0),
            scratch_len: 0,
            threads,
            loaded: 0,
            weights: None,
        }
    }

    /// Memory for plans that only read parameters and states, which many workspaces share.
    #[must_use]
    pub fn for_inference(weights: &Weights, runtime: &Runtime) -> Self {
        let threads = runtime.pool().threads();
        let mut buffers = Buffers::new(&[0; Buffer::COUNT]);
        buffers.share(Buffer::Parameters as usize, weights.parameters().clone());
        buffers.share(Buffer::States as usize, weights.states().clone());
        Self {
            buffers,
            scratch: Scratch::new(threads, 0),
            scratch_len: 0,
            threads,
            loaded: 0,
            weights: Some(weights.clone()),
        }
    }

    /// Makes the memory large enough for a plan and loads its constants; a run does it by itself, but allocates then.
    ///
    /// # Panics
    /// If the plan's function is [frozen](crate::Function::frozen) and the workspace is not
    /// [for inference](Self::for_inference).
    pub fn prepare(&mut self, plan: &Plan) {
        if self.buffers.buffer(Buffer::Arena as usize).len() < plan.arena {
            *self.buffers.buffer_mut(Buffer::Arena as usize) = AlignedVec::new(plan.arena);
        }
        if self.scratch_len < plan.scratch {
            self.scratch = Scratch::new(self.threads, plan.scratch);
            self.scratch_len = plan.scratch;
        }
        if self.loaded != plan.id {
            let constants = self.buffers.buffer_mut(Buffer::Constants as usize);
            if constants.len() < plan.constants.len() {
                *constants = AlignedVec::new(plan.constants.len());
            }
            constants[..plan.constants.len()].copy_from_slice(&plan.constants);
            self.buffers.truncate(Buffer::COUNT);
            match &self.weights {
                Some(weights) => {
                    for prepared in &plan.prepared {
                        self.buffers.push_shared(weights.prepared(prepared));
                    }
                }
                None => assert!(
                    !plan.frozen,
                    "a plan of a frozen function runs in a workspace for inference only"
                ),
            }
            self.loaded = plan.id;
        }
    }

    /// A whole buffer.
    #[must_use]
    pub fn buffer(&self, buffer: Buffer) -> &[f32] {
        self.buffers.buffer(buffer as usize)
    }

    /// A whole buffer, to write.
    ///
    /// # Panics
    /// If it is shared with other workspaces.
    pub fn buffer_mut(&mut self, buffer: Buffer) -> &mut [f32] {
        self.buffers.buffer_mut(buffer as usize)
    }

    /// The parameters, to write, and the gradients.
    pub fn update(&mut self) -> (&mut [f32], &[f32]) {
        let (parameters, gradients, _) = self.update_rows();
        (parameters, gradients)
    }

    /// The parameters, to write, the gradients, and the arena, where gradients by rows lie as
    /// [`Plan::row_gradients`](crate::Plan::row_gradients) says.
    pub fn update_rows(&mut self) -> (&mut [f32], &[f32], &[f32]) {
        let whole = |buffer: Buffer| Place {
            buffer: buffer as usize,
            offset: 0,
            len: self.buffer(buffer).len(),
        };
        let reads = [whole(Buffer::Gradients), whole(Buffer::Arena)];
        let writes = [whole(Buffer::Parameters)];
        let ([gradients, arena], [parameters]) = self.buffers.split(reads, writes);
        (parameters, gradients, arena)
    }

    /// The values of an input of a plan, to fill before a run.
    ///
    /// # Panics
    /// If the plan has no such input.
    pub fn input_mut(&mut self, plan: &Plan, index: usize) -> &mut [f32] {
        self.prepare(plan);
        self.buffers.get_mut(plan.inputs[index])
    }

    /// Two inputs at once, such as samples and labels.
    ///
    /// # Panics
    /// If the plan lacks one of them.
    pub fn two_inputs_mut(
        &mut self,
        plan: &Plan,
        first: usize,
        second: usize,
    ) -> (&mut [f32], &mut [f32]) {
        self.prepare(plan);
        let ([], [a, b]) = self
            .buffers
            .split([], [plan.inputs[first], plan.inputs[second]]);
        (a, b)
    }

    /// The values of an output, after a run.
    ///
    /// # Panics
    /// If the plan has no such output.
    #[must_use]
    pub fn output(&self, plan: &Plan, index: usize) -> &[f32] {
        self.buffers.get(plan.outputs[index])
    }
}
