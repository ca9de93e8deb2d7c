//! Gradients of tables by rows, which stay in the arena until the update has read them.

use std::ops::Range;

use jingwei_kernels::Place;

use super::{Lowering, Request, entry};
use crate::plan::RowPlace;
use crate::program::{Location, ValueId};
use crate::{Error, Result};

/// A table with the values of its indices and of its rows' gradients.
pub(super) struct Table {
    parameter: Range<usize>,
    width: usize,
    pub(super) values: [ValueId; 2],
}

impl Table {
    pub(super) fn place(&self, places: &[Place]) -> RowPlace {
        let [indices, rows] = self
            .values
            .map(|value| places[value].offset..places[value].offset + places[value].len);
        RowPlace {
            parameter: self.parameter.clone(),
            width: self.width,
            indices,
            rows,
        }
    }
}

impl Lowering<'_> {
    pub(super) fn row_gradients(&mut self, request: &Request<'_>) -> Result<Vec<Table>> {
        let mut tables = Vec::new();
        for gradient in request.row_gradients {
            let entry = entry(request.parameters, &gradient.parameter, "parameters")?;
            let (indices, rows) = (self.len(gradient.indices), self.len(gradient.rows));
            let width = entry.sizes.last().copied().unwrap_or_default();
            if entry.sizes.len() != 2 || rows != indices * width {
                return Err(Error::LeafSize {
                    name: entry.name.clone(),
                    expected: indices * width,
                    found: rows,
                });
            }
            let parameter = entry.range();
            let values = [gradient.indices, gradient.rows].map(|id| self.value(id));
            let values = values.map(|value| self.in_arena(value, &gradient.parameter));
            tables.push(Table {
                parameter,
                width,
                values,
            });
        }
        Ok(tables)
    }

    fn in_arena(&mut self, value: ValueId, name: &str) -> ValueId {
        let len = self.program.values[value].len;
        if self.program.values[value].location == Location::Arena {
            return value;
        }
        let copy = self.temporary(len);
        self.program
            .emit(("copy", name), [value], [copy], |_, [from], [to], _| {
                to.copy_from_slice(from)
            });
        copy
    }
}
