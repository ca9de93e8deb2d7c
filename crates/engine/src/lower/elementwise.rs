//! Functions of one and two values.

use jingwei_graph::ops::{BinaryKind, CompareKind, UnaryKind};
use jingwei_graph::{NodeId, Op};
use jingwei_kernels::elementwise::{Binary, Broadcast, Operand, Unary, select};

use super::Lowering;

impl Lowering<'_> {
    pub(super) fn lower_elementwise(&mut self, id: NodeId) -> bool {
        let node = self.node(id);
        let name = (node.op.name(), node.layer.as_str());
        match &node.op {
            Op::Unary(op) => {
                let function = unary(op.kind);
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, [x], [y], _| {
                        function.forward(workers, x, y)
                    });
            }
            Op::UnaryGrad(op) => {
                let function = unary(op.kind);
                let (reads, dx) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [dx], move |workers, [kept, dy], [dx], _| {
                        function.backward(workers, kept, dy, dx);
                    });
            }
            Op::Binary(op) => return self.lower_binary(id, binary(op.kind)),
            Op::Compare(op) => return self.lower_binary(id, comparison(op.kind)),
            Op::Where(_) => {
                let len = self.len(id);
                if node.inputs.iter().any(|&input| self.len(input) != len) {
                    return false;
                }
                let (reads, y) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [y],
                    move |workers, [condition, a, b], [y], _| {
                        select(workers, condition, a, b, y);
                    },
                );
            }
            Op::BroadcastTo(op) => {
                let Some((shape, [broadcast, _])) = self.broadcasts(id, [self.input(id, 0), id])
                else {
                    return false;
                };
                let copies = self.len(id) / self.len(self.input(id, 0)).max(1);
                let factor = [if op.average { 1.0 / copies as f32 } else { 1.0 }];
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, [values], [y], _| {
                        let x = Operand { values, broadcast };
                        Binary::Multiply.run(workers, shape, x, Operand::scalar(&factor), y);
                    });
            }
            _ => return false,
        }
        true
    }

    fn lower_binary(&mut self, id: NodeId, function: Binary) -> bool {
        let Some((shape, [left, right])) =
            self.broadcasts(id, [self.input(id, 0), self.input(id, 1)])
        else {
            return false;
        };
        let (reads, y) = (self.operands(id), self.define(id));
        let name = (self.node(id).op.name(), self.layer(id));
        self.program
            .emit(name, reads, [y], move |workers, [a, b], [y], _| {
                let a = Operand {
                    values: a,
                    broadcast: left,
                };
                let b = Operand {
                    values: b,
                    broadcast: right,
                };
                function.run(workers, shape, a, b, y);
            });
        true
    }

    /// Sees the result as rows and columns in which each operand is whole, or the same in every row or groups of them, in
    /// every column, or everywhere; `None` where that is not possible.
    fn broadcasts(
        &self,
        result: NodeId,
        operands: [NodeId; 2],
    ) -> Option<([usize; 2], [Broadcast; 2])> {
        let to = self.sizes(result);
        let len: usize = to.iter().product();
        let forms = operands.map(|operand| form(&self.sizes(operand), &to));
        let columns = match forms {
            [Some((_, Some(a))), Some((_, Some(b)))] if a != b => return None,
            [Some((_, a)), Some((_, b))] => a.or(b).unwrap_or(len),
            _ => return None,
        };
        let rows = len.checked_div(columns)?;
        Some((
            [rows, columns],
            forms.map(|form| form.map_or(Broadcast::Full, |(broadcast, _)| broadcast)),
        ))
    }
}

/// How an operand fills a result, and the number of columns that this needs if any will not do.
fn form(from: &[usize], to: &[usize]) -> Option<(Broadcast, Option<usize>)> {
    let len: usize = from.iter().product();
    if len == to.iter().product() {
        return Some((Broadcast::Full, None));
    }
    if len == 1 {
        return Some((Broadcast::Scalar, None));
    }
    let trimmed = &from[from.iter().position(|&size| size != 1)?..];
    if to.ends_with(trimmed) {
        return Some((Broadcast::Row, Some(len)));
    }
    let kept = from.len() - from.iter().rev().position(|&size| size != 1)?;
    if from.len() == to.len() && from[..kept] == to[..kept] {
        return Some((Broadcast::Column, Some(to[kept..].iter().product())));
    }
    // Equal sizes, then those that are repeated, then equal sizes.
    let start = from.iter().zip(to).position(|(own, size)| own != size)?;
    let end = start + from[start..].iter().position(|&size| size != 1)?;
    if from.len() == to.len() && from[end..] == to[end..] {
        let repeats = to[start..end].iter().product();
        return Some((Broadcast::Groups(repeats), Some(to[end..].iter().product())));
    }
    None
}

fn unary(kind: UnaryKind) -> Unary {
    match kind {
        UnaryKind::Relu => Unary::Relu,
        UnaryKind::LeakyRelu(slope) => Unary::LeakyRelu(slope),
        UnaryKind::Gelu => Unary::Gelu,
        UnaryKind::Silu => Unary::Silu,
        UnaryKind::Sigmoid => Unary::Sigmoid,
        UnaryKind::Tanh => Unary::Tanh,
        UnaryKind::Softplus => Unary::Softplus,
        UnaryKind::Exp => Unary::Exp,
        UnaryKind::Log => Unary::Log,
        UnaryKind::Sqrt => Unary::Sqrt,
        UnaryKind::Square => Unary::Square,
        UnaryKind::Neg => Unary::Negate,
        UnaryKind::Abs => Unary::Abs,
        UnaryKind::Reciprocal => Unary::Reciprocal,
    }
}

fn binary(kind: BinaryKind) -> Binary {
    match kind {
        BinaryKind::Add => Binary::Add,
        BinaryKind::Sub => Binary::Subtract,
        BinaryKind::Mul => Binary::Multiply,
        BinaryKind::Div => Binary::Divide,
        BinaryKind::Max => Binary::Maximum,
        BinaryKind::Min => Binary::Minimum,
        BinaryKind::Pow => Binary::Power,
    }
}

fn comparison(kind: CompareKind) -> Binary {
    match kind {
        CompareKind::Equal => Binary::Equal,
        CompareKind::Less => Binary::Less,
        CompareKind::LessEqual => Binary::LessOrEqual,
        CompareKind::Greater => Binary::Greater,
        CompareKind::GreaterEqual => Binary::GreaterOrEqual,
        CompareKind::NotEqual => Binary::NotEqual,
    }
}
