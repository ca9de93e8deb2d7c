//! Samples with a number that is finite in its file and infinite once it is scaled.

use super::{Column, ColumnMap, FeaturePreparation, Preparation, TargetPreparation};
use crate::{Dataset, Error, Features, OnBad, Quarantined, Result, Targets};

impl Preparation {
    /// The samples that scaling leaves finite. Others are put on the list, as readers do with bad samples, or end this.
    ///
    /// # Errors
    /// With [`OnBad::Stop`], the first sample with a column or target that is infinite once it is scaled, by file and
    /// row.
    pub fn finite(
        &self,
        dataset: &Dataset,
        indices: &[usize],
        on_bad: OnBad,
        left_out: &mut Vec<Quarantined>,
    ) -> Result<Vec<usize>> {
        let maps = self.maps(dataset);
        let mut kept = Vec::with_capacity(indices.len());
        for &index in indices {
            let cause = maps.iter().find_map(|(columns, map, values)| {
                overflow(
                    columns,
                    map,
                    &values[index * columns.len()..][..columns.len()],
                )
            });
            match cause {
                None => kept.push(index),
                Some(cause) => {
                    let remedy = "give numbers of the size that the model was trained on";
                    let error = Error::content(dataset.origin(index), cause, remedy);
                    on_bad.handle(error, left_out)?;
                }
            }
        }
        Ok(kept)
    }

    /// The columns of features and targets, where samples have any, with their scaling and all values.
    fn maps<'a>(&'a self, dataset: &'a Dataset) -> Vec<(&'a [Column], ColumnMap, &'a [f32])> {
        let features = match (&self.features, dataset.features()) {
            (FeaturePreparation::Rows(columns), Features::Rows { values, .. }) => {
                Some((&columns[..], &values[..]))
            }
            _ => None,
        };
        let targets = match (&self.targets, dataset.targets()) {
            (TargetPreparation::Values(columns), Targets::Values { values, .. }) => {
                Some((&columns[..], &values[..]))
            }
            _ => None,
        };
        let fits =
            |(columns, values): &(&[Column], &[f32])| values.len() == columns.len() * dataset.len();
        let found = [features, targets].into_iter().flatten().filter(fits);
        found
            .map(|(columns, values)| (columns, ColumnMap::new(columns), values))
            .collect()
    }
}

/// What becomes infinite in a row, if anything does.
fn overflow(columns: &[Column], map: &ColumnMap, row: &[f32]) -> Option<String> {
    let at = map.values(row).position(|value| !value.is_finite())?;
    let (name, value) = (&columns[at].name, row[at]);
    Some(format!(
        "`{name}` is {value:e}, which is infinite once it is scaled"
    ))
}
