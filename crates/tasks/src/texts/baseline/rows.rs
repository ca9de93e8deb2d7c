/// Rows of which few columns are not zero.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Rows {
    columns: Vec<u32>,
    values: Vec<f32>,
    ends: Vec<usize>,
}

impl Rows {
    /// Adds a row of (column, value).
    pub(super) fn push(&mut self, cells: impl Iterator<Item = (u32, f32)>) {
        for (column, value) in cells {
            self.columns.push(column);
            self.values.push(value);
        }
        self.ends.push(self.columns.len());
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The (column, value) pairs of a row.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = (usize, f64)> {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        let range = start..self.ends[row];
        let columns = self.columns[range.clone()].iter();
        columns
            .zip(&self.values[range])
            .map(|(column, value)| (*column as usize, f64::from(*value)))
    }
}
