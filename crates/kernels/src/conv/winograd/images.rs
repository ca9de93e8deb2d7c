//! Whole convolutions by Winograd's transforms, forward and backward to the images.

use super::{
    Filters, MOST_TILES, Pixels, TERMS, group, multiply_terms, pack, packed_len, scratch, suits,
    transform_input, transform_output,
};
use crate::{
    Activation, ConvShape, Epilogue, Level, Workers,
    conv::{PIECES, forward::apply_activation},
    gemm::tile::{Finish, store},
    level::dispatch,
    simd::Simd,
    workers::Parts,
};

/// A 3 × 3 convolution with any padding. Border and last odd positions cost no copy: pixels outside
/// the image are read from a few zeros.
#[derive(Clone, Debug)]
pub(crate) struct Winograd {
    level: Level,
    shape: ConvShape,
    /// Rows and columns of the result.
    size: [usize; 2],
    /// Rows and columns of tiles of an image.
    tiles: [usize; 2],
    /// Whether the filters are those of a gradient.
    turned: bool,
    epilogue: Epilogue,
}

impl Winograd {
    /// Plans a convolution, where it pays.
    pub(crate) fn forward(level: Level, shape: ConvShape, epilogue: Epilogue) -> Option<Self> {
        let plan = Self::new(level, shape, epilogue);
        plan.pays(shape.out_height() * shape.out_width())
            .then_some(plan)
    }

    /// Plans the gradient of a convolution by its images, where it pays: a convolution of the
    /// result's gradient.
    pub(crate) fn grad_input(level: Level, shape: ConvShape) -> Option<Self> {
        if shape.kernel != [3, 3] || shape.padding.iter().any(|&padding| padding > 2) {
            return None;
        }
        let [top, bottom, left, right] = shape.padding;
        let turned = ConvShape {
            height: shape.out_height(),
            width: shape.out_width(),
            channels: shape.filters,
            filters: shape.channels,
            padding: [2 - top, 2 - bottom, 2 - left, 2 - right],
            ..shape
        };
        let plan = Self {
            turned: true,
            ..Self::new(level, turned, Epilogue::default())
        };
        plan.pays(turned.height * turned.width).then_some(plan)
    }

    fn new(level: Level, shape: ConvShape, epilogue: Epilogue) -> Self {
        let size = [shape.out_height(), shape.out_width()];
        Self {
            level,
            shape,
            size,
            tiles: size.map(|size| size.div_ceil(2)),
            turned: false,
            epilogue,
        }
    }

    /// Whether it pays against a direct kernel that takes nine products at each of `positions`: tiles,
    /// which may pass the border, have to take at most two thirds of that.
    fn pays(&self, positions: usize) -> bool {
        let tiles = self.tiles[0] * self.tiles[1];
        suits(self.level, &self.shape, tiles)
            && self.shape.filters > self.level.lanes()
            && 8 * tiles <= 3 * positions
    }

    /// Floats of temporary memory each worker needs: a pixel of zeros, and a group of tiles.
    pub(crate) fn scratch(&self) -> usize {
        self.shape.channels + scratch(self.level, self.shape.channels)
    }

    /// Floats of the transformed filters.
    pub(crate) fn shared(&self) -> usize {
        packed_len(self.level, self.shape.channels, self.shape.filters)
    }

    /// Rows of tiles that a piece walks.
    fn rows_per_piece(&self) -> usize {
        let batch = self.shape.batch;
        if batch < PIECES {
            (batch * self.tiles[0]).div_ceil(PIECES)
        } else {
            batch.div_ceil(PIECES) * self.tiles[0]
        }
    }

    /// Floats of the result before a row of tiles, counted through the batch.
    fn start(&self, row: usize) -> usize {
        let (sample, row) = (row / self.tiles[0], row % self.tiles[0]);
        (sample * self.size[0] + 2 * row) * self.size[1] * self.shape.filters
    }

    /// Computes `y` from images, filters and, where the epilogue has one, bias, whose lengths the
    /// caller has checked.
    pub(crate) fn run(
        &self,
        workers: &Workers,
        x: &[f32],
        w: &[f32],
        bias: Option<&[f32]>,
        y: &mut [f32],
        shared: &mut [f32],
    ) {
        let filters = Filters {
            w,
            channels: self.shape.channels,
            filters: self.shape.filters,
            turned: self.turned,
        };
        pack(self.level, workers, filters, shared);
        let (rows, per_piece) = (self.shape.batch * self.tiles[0], self.rows_per_piece());
        let output = Parts::new(y);
        workers.run(rows.div_ceil(per_piece), &|piece, scratch| {
            let first = piece * per_piece;
            let last = (first + per_piece).min(rows);
            let start = self.start(first);
            // SAFETY: pieces are disjoint rows of tiles, which `part` finds within `y`.
            let y = unsafe { output.part(start, self.start(last) - start) };
            let call = Call {
                plan: self,
                x,
                packed: shared,
                bias,
                tiles: [first * self.tiles[1], last * self.tiles[1]],
                start,
            };
            convolve(self.level, &call, scratch, y);
        });
    }
}

/// A range of the tiles of all images.
struct Call<'a> {
    plan: &'a Winograd,
    x: &'a [f32],
    packed: &'a [f32],
    bias: Option<&'a [f32]>,
    tiles: [usize; 2],
    /// Floats of the result before them.
    start: usize,
}

/// Sample, and row and column of the first position of a tile.
type Place = [usize; 3];

impl Call<'_> {
    #[inline(always)]
    fn place(&self, tile: usize) -> Place {
        let [rows, columns] = self.plan.tiles;
        let row = tile / columns;
        [row / rows, 2 * (row % rows), 2 * (tile % columns)]
    }

    /// Where the pixels of a tile lie; `zeros` for those outside the image.
    #[inline(always)]
    fn pixels(&self, [sample, top, left]: Place, zeros: *const f32) -> Pixels {
        let ConvShape {
            height,
            width,
            channels,
            padding,
            ..
        } = self.plan.shape;
        let mut pixels = [[zeros; 4]; 4];
        for (y, row) in pixels.iter_mut().enumerate() {
            let y = (top + y).wrapping_sub(padding[0]);
            for (x, pixel) in row.iter_mut().enumerate() {
                let x = (left + x).wrapping_sub(padding[2]);
                if y < height && x < width {
                    let from = ((sample * height + y) * width + x) * channels;
                    *pixel = self.x.as_ptr().wrapping_add(from);
                }
            }
        }
        pixels
    }
}

dispatch! {
    /// Computes tiles, whose results are `y`.
    fn convolve(call: &Call, temporary: &mut [f32], y: &mut [f32]) => convolve_generic
}

#[inline(always)]
fn convolve_generic<V: Simd>(call: &Call, temporary: &mut [f32], y: &mut [f32]) {
    let (shape, channels) = (&call.plan.shape, call.plan.shape.channels);
    let most = group(V::TILE_ROWS);
    assert!(call.x.len() == shape.input_len() && temporary.len() >= call.plan.scratch());
    let (zeros, temporary) = temporary.split_at_mut(channels);
    let (inputs, products) = temporary.split_at_mut(TERMS * most * channels);
    zeros.fill(0.0);
    let [first, last] = call.tiles;
    let size = (last - first).div_ceil((last - first).div_ceil(most));
    let panel = TERMS * channels * 2 * V::LANES;
    let mut places = [[0; 3]; MOST_TILES];
    for start in (first..last).step_by(size) {
        let rows = size.min(last - start);
        for (row, place) in places[..rows].iter_mut().enumerate() {
            *place = call.place(start + row);
            let pixels = call.pixels(*place, zeros.as_ptr());
            let to = inputs[row * channels..].as_mut_ptr();
            // SAFETY: `pixels` takes those within the image alone, which `x` has, and `channels` zeros for others; by `suits`
            // channels are whole vectors; `inputs` holds a group of tiles, of which `rows` are no more.
            unsafe { transform_input::<V>(&pixels, channels, to, rows * channels) };
        }
        for (panel, packed) in call.packed.chunks_exact(panel).enumerate() {
            // SAFETY: a panel was cut to all terms and channels; the scratch that the assertion above measured has room for a
            // group of tiles, of inputs and of products.
            unsafe { multiply_terms::<V>(channels, rows, inputs, packed, products) };
            for (row, &place) in places[..rows].iter().enumerate() {
                finish_tile::<V>(call, products, [rows, row], place, panel, y);
            }
        }
    }
    apply_activation::<V>(call.plan.epilogue.activation, y);
}

/// Stores the positions of tile `row` of `rows` that lie within the result.
#[inline(always)]
fn finish_tile<V: Simd>(
    call: &Call,
    products: &[f32],
    [rows, row]: [usize; 2],
    [sample, top, left]: Place,
    panel: usize,
    y: &mut [f32],
) {
    let ([height, width], filters) = (call.plan.size, call.plan.shape.filters);
    let epilogue = call.plan.epilogue;
    let first = 2 * panel * V::LANES;
    for vector in 0..(filters - first).div_ceil(V::LANES).min(2) {
        let filter = first + vector * V::LANES;
        let count = (filters - filter).min(V::LANES);
        let finish = Finish {
            add: epilogue.accumulate,
            bias: call
                .bias
                .map_or(std::ptr::null(), |bias| bias[filter..].as_ptr()),
            relu: epilogue.activation == Activation::Relu,
        };
        // SAFETY: `convolve_generic` has measured the room for the products of `rows` tiles, of which `row` is one.
        let four = unsafe { transform_output::<V>(products, rows, row, vector) };
        for (corner, value) in four.into_iter().enumerate() {
            let (row, column) = (top + corner / 2, left + corner % 2);
            if row < height && column < width {
                let to = ((sample * height + row) * width + column) * filters + filter - call.start;
                let to = y[to..to + count].as_mut_ptr();
                // SAFETY: `y` was cut to `count` floats, and the bias has one for each filter, by the check of the caller of `run`.
                unsafe { store([[value]], to, 0, count, finish) };
            }
        }
    }
}
