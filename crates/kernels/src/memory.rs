//! Aligned buffers, and taking several disjoint slices of them at once.

use std::{
    alloc::{Layout, alloc, dealloc, handle_alloc_error},
    ops::{Deref, DerefMut, Range},
    ptr::NonNull,
    sync::Arc,
};

/// Bytes that every [`AlignedVec`] is aligned to: a cache line, and a 512-bit vector.
pub const ALIGNMENT: usize = 64;

/// Bytes of a large page.
const HUGE_PAGE: usize = 1 << 21;

/// A fixed number of `f32`, zeroed at first and aligned to [`ALIGNMENT`].
pub struct AlignedVec {
    start: NonNull<f32>,
    len: usize,
}

// SAFETY: an `AlignedVec` owns its floats as a `Box<[f32]>` does.
unsafe impl Send for AlignedVec {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for AlignedVec {}

impl AlignedVec {
    /// A buffer of `len` zeros.
    pub fn new(len: usize) -> Self {
        if len == 0 {
            return Self {
                start: NonNull::<Line>::dangling().cast(),
                len,
            };
        }
        let layout = Self::layout(len);
        // SAFETY: the layout has a size above zero.
        let start = unsafe { alloc(layout) }.cast::<f32>();
        let start = NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout));
        advise(start, layout);
        // SAFETY: the memory was just allocated with this size.
        unsafe { start.write_bytes(0, len) }
        Self { start, len }
    }

    fn layout(len: usize) -> Layout {
        let bytes = len.checked_mul(size_of::<f32>());
        bytes
            .and_then(|bytes| {
                let alignment = if bytes < 2 * HUGE_PAGE {
                    ALIGNMENT
                } else {
                    HUGE_PAGE
                };
                Layout::from_size_align(bytes, alignment).ok()
            })
            .unwrap_or_else(|| panic!("a buffer of {len} floats exceeds the address space"))
    }
}

/// Asks for large pages, of which a processor needs fewer addresses, where a buffer has room for several.
#[cfg(target_os = "linux")]
fn advise(start: NonNull<f32>, layout: Layout) {
    if layout.align() == HUGE_PAGE {
        // SAFETY: the range is this buffer's own; the advice changes nothing that can be read.
        unsafe { libc::madvise(start.as_ptr().cast(), layout.size(), libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn advise(_: NonNull<f32>, _: Layout) {}

#[repr(align(64))]
struct Line;

impl Drop for AlignedVec {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: `new` allocated `start` with this very layout.
            unsafe { dealloc(self.start.as_ptr().cast(), Self::layout(self.len)) }
        }
    }
}

impl Deref for AlignedVec {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `start` points to `len` initialised floats that this value owns.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for AlignedVec {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl From<&[f32]> for AlignedVec {
    fn from(values: &[f32]) -> Self {
        let mut vec = Self::new(values.len());
        vec.copy_from_slice(values);
        vec
    }
}

impl Clone for AlignedVec {
    fn clone(&self) -> Self {
        Self::from(&**self)
    }
}

impl std::fmt::Debug for AlignedVec {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

/// A range of floats in one of several buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Place {
    /// Index of the buffer.
    pub buffer: usize,
    /// First float.
    pub offset: usize,
    /// Number of floats.
    pub len: usize,
}

impl Place {
    /// Whether two places share a float.
    pub fn overlaps(&self, other: &Place) -> bool {
        self.buffer == other.buffer && self.offset.max(other.offset) < self.end().min(other.end())
    }

    /// Behind the last float; what is too far for a number lies outside any buffer.
    fn end(&self) -> usize {
        self.offset.saturating_add(self.len)
    }

    fn range(&self) -> Range<usize> {
        self.offset..self.end()
    }
}

/// A buffer of its own, or one that several owners read.
#[derive(Clone, Debug)]
enum Storage {
    Owned(AlignedVec),
    Shared(Arc<AlignedVec>),
}

impl Storage {
    fn read(&self) -> &AlignedVec {
        match self {
            Self::Owned(buffer) => buffer,
            Self::Shared(buffer) => buffer,
        }
    }

    fn write(&mut self) -> &mut AlignedVec {
        match self {
            Self::Owned(buffer) => buffer,
            Self::Shared(_) => panic!("a shared buffer cannot be written"),
        }
    }
}

/// Several buffers from which a kernel's inputs and outputs are taken together.
#[derive(Clone, Debug, Default)]
pub struct Buffers {
    buffers: Vec<Storage>,
}

impl Buffers {
    /// Zeroed buffers of these lengths, in floats.
    pub fn new(lengths: &[usize]) -> Self {
        let owned = |&len: &usize| Storage::Owned(AlignedVec::new(len));
        Self {
            buffers: lengths.iter().map(owned).collect(),
        }
    }

    /// Adds a buffer and returns its index.
    pub fn push(&mut self, buffer: AlignedVec) -> usize {
        self.buffers.push(Storage::Owned(buffer));
        self.buffers.len() - 1
    }

    /// Puts in place of a buffer one that others read too; it cannot be written from here.
    pub fn share(&mut self, index: usize, buffer: Arc<AlignedVec>) {
        self.buffers[index] = Storage::Shared(buffer);
    }

    /// Adds a buffer that others read too; it cannot be written from here.
    pub fn push_shared(&mut self, buffer: Arc<AlignedVec>) {
        self.buffers.push(Storage::Shared(buffer));
    }

    /// Drops all buffers but so many.
    pub fn truncate(&mut self, len: usize) {
        self.buffers.truncate(len);
    }

    /// Number of buffers.
    pub fn len(&self) -> usize {
        self.buffers.len()
    }

    /// Whether there is no buffer.
    pub fn is_empty(&self) -> bool {
        self.buffers.is_empty()
    }

    /// A whole buffer.
    pub fn buffer(&self, index: usize) -> &AlignedVec {
        self.buffers[index].read()
    }

    /// A whole buffer, to write or to replace.
    ///
    /// # Panics
    /// Where the buffer is shared.
    pub fn buffer_mut(&mut self, index: usize) -> &mut AlignedVec {
        self.buffers[index].write()
    }

    /// The floats of one place.
    pub fn get(&self, place: Place) -> &[f32] {
        &self.buffers[place.buffer].read()[place.range()]
    }

    /// The floats of one place, to write.
    pub fn get_mut(&mut self, place: Place) -> &mut [f32] {
        &mut self.buffers[place.buffer].write()[place.range()]
    }

    /// The first float of a place, of a buffer's own memory and not of a slice of it.
    fn start(&self, place: Place) -> *mut f32 {
        let buffer = self.buffers[place.buffer].read();
        buffer.start.as_ptr().wrapping_add(place.offset)
    }

    /// Takes `reads` and `writes` at once.
    ///
    /// # Panics
    /// Where a place lies outside its buffer, or a write overlaps any other place.
    pub fn split<const READS: usize, const WRITES: usize>(
        &mut self,
        reads: [Place; READS],
        writes: [Place; WRITES],
    ) -> ([&[f32]; READS], [&mut [f32]; WRITES]) {
        for (index, write) in writes.iter().enumerate() {
            let clash = writes[..index].iter().chain(&reads);
            for other in clash {
                assert!(
                    !write.overlaps(other),
                    "{write:?} is written while {other:?} is in use"
                );
            }
        }
        // All are measured before any slice is made, as the slice of a whole buffer would end those of its parts.
        for place in writes {
            self.get_mut(place);
        }
        for place in reads {
            self.get(place);
        }
        let writes = writes.map(|place| {
            let start = self.start(place);
            // SAFETY: `get_mut` checked the bounds, the loop above that nothing else overlaps it,
            // and `self` stays borrowed exclusively for as long as the slices live.
            unsafe { std::slice::from_raw_parts_mut(start, place.len) }
        });
        let reads = reads.map(|place| {
            let start = self.start(place);
            // SAFETY: `get` checked the bounds, and no write overlaps a read.
            unsafe { std::slice::from_raw_parts(start, place.len) }
        });
        (reads, writes)
    }
}
