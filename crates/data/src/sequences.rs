//! Lists of whole numbers of different lengths: the token ids of texts, the tags of their tokens.

/// Many lists of numbers, one after another in memory.
///
/// ```
/// use jingwei_data::Sequences;
/// let mut sequences = Sequences::default();
/// sequences.push(&[5, 3, 8]);
/// sequences.push(&[]);
/// assert_eq!((sequences.len(), sequences.get(0), sequences.longest()), (2, &[5, 3, 8][..], 3));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sequences {
    values: Vec<u32>,
    ends: Vec<usize>,
}

impl Sequences {
    /// Adds a list.
    pub fn push(&mut self, values: &[u32]) {
        self.values.extend_from_slice(values);
        self.ends.push(self.values.len());
    }

    /// Adds all lists of others.
    pub fn append(&mut self, other: &Self) {
        let start = self.values.len();
        self.values.extend_from_slice(&other.values);
        self.ends.extend(other.ends.iter().map(|end| start + end));
    }

    /// The number of lists.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no list.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// One list.
    ///
    /// # Panics
    /// If there is no such list.
    pub fn get(&self, index: usize) -> &[u32] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.values[start..self.ends[index]]
    }

    /// All lists in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// The lists named by `indices`, in that order.
    ///
    /// # Panics
    /// If there is no such list.
    pub fn chosen(&self, indices: &[usize]) -> Self {
        let mut chosen = Self::default();
        indices
            .iter()
            .for_each(|&index| chosen.push(self.get(index)));
        chosen
    }

    /// The numbers of all lists, one after another.
    pub fn values(&self) -> &[u32] {
        &self.values
    }

    /// The length of the longest list.
    pub fn longest(&self) -> usize {
        self.iter().map(<[u32]>::len).max().unwrap_or(0)
    }
}
