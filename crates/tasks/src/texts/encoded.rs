//! The texts of a training as token ids.

use jingwei_data::prepare::TextMap;
use jingwei_data::{Dataset, Features, Sequences};

use crate::Error;
use crate::run::Prepared;

/// The texts of all parts as token ids.
pub(crate) struct Encoded<'a> {
    pub(super) map: TextMap,
    pub(super) parts: Vec<EncodedPart<'a>>,
}

/// The texts of a part as token ids.
pub(super) struct EncodedPart<'a> {
    pub(super) name: &'static str,
    pub(super) dataset: &'a Dataset,
    pub(super) indices: &'a [usize],
    pub(super) ids: Sequences,
}

impl<'a> Encoded<'a> {
    /// Encodes all texts; nothing if the samples are no texts.
    pub(crate) fn new(prepared: &'a Prepared) -> Result<Option<Self>, Error> {
        let source = &prepared.source;
        let Some(preparation) = prepared.preparation.text() else {
            return Ok(None);
        };
        let map = TextMap::new(preparation)?;
        let held = [("valid", &source.valid), ("test", &source.test)].into_iter();
        let held = held.filter_map(|(name, part)| Some((name, part.as_ref()?)));
        let named = held.map(|(name, part)| (name, part.dataset(source), part.indices.as_slice()));
        let all = std::iter::once(("train", &source.dataset, source.train.as_slice())).chain(named);
        let encode = |(name, dataset, indices): (_, &'a Dataset, &'a [usize])| {
            let ids = match dataset.features() {
                Features::Texts(column) => map.encode_all(column, indices)?,
                Features::Images { .. } | Features::Rows { .. } => Sequences::default(),
            };
            Ok(EncodedPart {
                name,
                dataset,
                indices,
                ids,
            })
        };
        let parts = all.map(encode).collect::<Result<_, Error>>()?;
        Ok(Some(Self { map, parts }))
    }

    pub(super) fn part(&self, name: &str) -> Option<&EncodedPart<'a>> {
        self.parts.iter().find(|part| part.name == name)
    }
}
