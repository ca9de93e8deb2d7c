use std::collections::HashMap;

use jingwei_bounds::product;

/// Floats to a cache line: every tensor starts on one.
const ALIGNMENT: usize = 16;

/// A named tensor's place in a flat buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Unique in its layout.
    pub name: String,
    /// The sizes, outermost first.
    pub sizes: Vec<usize>,
    /// The first float.
    pub offset: usize,
    /// The number of floats.
    pub len: usize,
}

impl Entry {
    /// The floats that the tensor takes.
    #[must_use]
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset.saturating_add(self.len)
    }
}

/// Named tensors one after the other in a flat buffer, each on a cache line of its own.
///
/// ```
/// use jingwei_engine::Layout;
/// let layout = Layout::new([("kernel", vec![3, 2]), ("bias", vec![2])]);
/// assert_eq!(layout.entry("bias").unwrap().offset, 16);
/// assert_eq!(layout.len(), 32);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    entries: Vec<Entry>,
    places: HashMap<String, usize>,
    len: usize,
}

impl Layout {
    /// Lays tensors out in the given order. A layout of more floats than a `usize` counts has [`usize::MAX`] of them,
    /// which no plan accepts.
    pub fn new<N: Into<String>>(tensors: impl IntoIterator<Item = (N, Vec<usize>)>) -> Self {
        let mut layout = Self::default();
        for (name, sizes) in tensors {
            let name = name.into();
            let len = product(sizes.iter().copied()).unwrap_or(usize::MAX);
            layout.places.insert(name.clone(), layout.entries.len());
            layout.entries.push(Entry {
                name,
                sizes,
                offset: layout.len,
                len,
            });
            let end = layout.len.checked_add(len);
            layout.len = end
                .and_then(|end| end.checked_next_multiple_of(ALIGNMENT))
                .unwrap_or(usize::MAX);
        }
        layout
    }

    /// All tensors, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The tensor of a name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.places.get(name).map(|&place| &self.entries[place])
    }

    /// The floats of the whole buffer, padding included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of values, padding excluded.
    #[must_use]
    pub fn values(&self) -> usize {
        let lens = self.entries.iter().map(|entry| entry.len);
        lens.fold(0, usize::saturating_add)
    }
}
