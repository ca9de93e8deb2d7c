//! Least time of many runs of the operators beside products and convolutions, on one and two threads,
//! with the memory that they read and write per second. Shapes are those of the MNIST network.
//!
//! `cargo bench -p jingwei-kernels --bench operators -- [filter]`

use jingwei_kernels::batch_norm::BatchNorm;
use jingwei_kernels::crf::{Crf, Field};
use jingwei_kernels::cross_entropy::{CrossEntropy, Targets};
use jingwei_kernels::elementwise::{Binary, Operand, Unary, accumulate};
use jingwei_kernels::layer_norm::LayerNorm;
use jingwei_kernels::layout::StridedCopy;
use jingwei_kernels::norms::{sum_of_squares, sum_of_squares_shared};
use jingwei_kernels::optimiser::{Decay, Rule, Step, Tensors, TouchedRows, Update};
use jingwei_kernels::pooling::{Pooling, packed_positions};
use jingwei_kernels::random::Key;
use jingwei_kernels::reduce::{Reduce, Reduction};
use jingwei_kernels::softmax::Softmax;
use jingwei_kernels::{AlignedVec, Level, Pool, Scratch, Workers};
use std::time::{Duration, Instant};

/// Parameters of the MNIST network.
const PARAMETERS: usize = 225_034;
/// Its largest activation, `[64, 26, 26, 32]`.
const ROWS: usize = 64 * 26 * 26;
const CHANNELS: usize = 32;

struct Bench {
    filter: String,
    level: Level,
}

impl Bench {
    /// Prints one line; `floats` are those that `run` reads and writes.
    fn operator(&self, name: &str, floats: usize, mut run: impl FnMut(&Workers)) {
        if !name.contains(&self.filter) {
            return;
        }
        let times = [1, 2].map(|threads| {
            let pool = Pool::new(threads);
            let mut scratch = Scratch::new(threads, 4096);
            let workers = Workers::new(self.level, &pool, &mut scratch);
            least(|| run(&workers)).as_secs_f64()
        });
        let speed = times.map(|time| 4.0 * floats as f64 / time / 1e9);
        let [one, two] = times.map(|time| time * 1e3);
        println!(
            "{name:40} {one:9.4} {two:9.4} {:8.1} {:8.1}",
            speed[0], speed[1]
        );
    }
}

fn least(mut run: impl FnMut()) -> Duration {
    let begin = Instant::now();
    let mut least = Duration::MAX;
    while begin.elapsed() < Duration::from_millis(200) {
        let start = Instant::now();
        run();
        least = least.min(start.elapsed());
    }
    least
}

fn main() {
    let filter = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let level = std::env::var("JINGWEI_SIMD")
        .ok()
        .and_then(|name| name.parse().ok());
    let level = level.unwrap_or_else(Level::best);
    let bench = Bench {
        filter: filter.unwrap_or_default(),
        level,
    };
    println!(
        "{:40} {:>9} {:>9} {:>8} {:>8}",
        level, "ms 1", "ms 2", "GB/s 1", "GB/s 2"
    );
    optimisers(&bench);
    losses(&bench);
    fields(&bench);
    rows(&bench);
    elementwise(&bench);
    images(&bench);
}

fn optimisers(bench: &Bench) {
    let n = PARAMETERS;
    let [mut parameters, mut velocity, mut squares, mut average] =
        [(); 4].map(|()| AlignedVec::new(n));
    let gradients = AlignedVec::from(vec![0.01; n].as_slice());
    let adam = Rule::Adam {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-7,
    };
    let sgd = Rule::Sgd {
        momentum: 0.9,
        nesterov: true,
    };
    let rms_prop = Rule::RmsProp {
        rho: 0.9,
        epsilon: 1e-7,
        momentum: 0.0,
    };
    let plain = Update::new(adam);
    let cases = [
        ("adam", plain, 7),
        (
            "adamw with average",
            Update {
                decay: Decay::Decoupled(0.01),
                average: Some(0.99),
                ..plain
            },
            10,
        ),
        ("nesterov", Update::new(sgd), 5),
        ("rmsprop", Update::new(rms_prop), 5),
    ];
    for (name, update, floats) in cases {
        let mut number = 0;
        bench.operator(&format!("{name}, {n} parameters"), floats * n, |workers| {
            number += 1;
            let tensors = Tensors {
                parameters: &mut parameters,
                gradients: &gradients,
                velocity: &mut velocity,
                squares: &mut squares,
                average: &mut average,
            };
            update.run(
                workers,
                Step {
                    learning_rate: 1e-3,
                    number,
                    scale: 1.0,
                },
                tensors,
            );
        });
    }
    let mut shared = AlignedVec::new(sum_of_squares_shared(n));
    bench.operator("sum of squares", n, |workers| {
        std::hint::black_box(sum_of_squares(workers, &gradients, &mut shared));
    });
}

/// A tagger's sentences: 32 of 60 tokens, 13 tags.
fn fields(bench: &Bench) {
    let crf = Crf {
        batch: 32,
        time: 60,
        tags: 13,
    };
    let n = 32 * 60 * 13;
    let emissions: Vec<f32> = (0..n).map(|i| (i * 7 % 13) as f32 / 3.0 - 2.0).collect();
    let (scores, mask) = (vec![0.1; 15 * 13], vec![1.0; 32 * 60]);
    let tags: Vec<f32> = (0..32 * 60).map(|i| (i * 5 % 13) as f32).collect();
    let field = Field {
        emissions: &emissions,
        scores: &scores,
        mask: &mask,
    };
    let (mut losses, mut best) = (vec![0.0; 32], vec![0.0; 32 * 60]);
    let (mut d_emissions, mut d_scores) = (vec![0.0; n], vec![0.0; 15 * 13]);
    let mut shared = vec![0.0; crf.shared()];
    bench.operator("crf loss 32 × 60 × 13", n, |w| {
        crf.loss(w, field, &tags, &mut losses)
    });
    let ones = vec![1.0; 32];
    bench.operator("crf backward 32 × 60 × 13", 2 * n, |w| {
        let outputs = [&mut d_emissions[..], &mut d_scores[..]];
        crf.backward(w, field, [&tags, &ones], outputs, &mut shared);
    });
    bench.operator("crf decode 32 × 60 × 13", n, |w| {
        crf.decode(w, field, &mut best)
    });
}

/// Adam on the rows that 32 texts of 200 tokens name.
fn rows(bench: &Bench) {
    const WIDTH: usize = 128;
    let update = Update::new(Rule::Adam {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-7,
    });
    for rows in [20_000, 1_000_000] {
        let indices: Vec<f32> = (0..6400u64)
            .map(|i| (i * 2_654_435_761 % rows as u64) as f32)
            .collect();
        let mut touched = TouchedRows::new(rows, WIDTH, indices.len());
        let collect = |touched: &mut TouchedRows| {
            touched.clear();
            touched.add(&indices, 0);
            touched.sort();
        };
        let gradients = vec![0.01; indices.len() * WIDTH];
        let [mut parameters, mut velocity, mut squares] =
            [0, 1, 2].map(|_| AlignedVec::new(rows * WIDTH));
        collect(&mut touched);
        let floats = indices.len() + 7 * touched.len() * WIDTH;
        bench.operator(&format!("adam on 6400 of {rows} rows"), floats, |w| {
            collect(&mut touched);
            let tensors = Tensors {
                parameters: &mut parameters,
                gradients: &gradients,
                velocity: &mut velocity,
                squares: &mut squares,
                average: &mut [],
            };
            let step = Step {
                learning_rate: 1e-3,
                number: 1,
                scale: 1.0,
            };
            update.run_rows(w, step, tensors, &touched);
        });
    }
}

fn losses(bench: &Bench) {
    for (rows, classes) in [(64, 10), (64, 1000), (4096, 100)] {
        let n = rows * classes;
        let loss = CrossEntropy {
            rows,
            classes,
            label_smoothing: 0.1,
        };
        let logits: Vec<f32> = (0..n).map(|i| (i * 7 % 13) as f32 - 6.0).collect();
        let labels: Vec<f32> = (0..rows).map(|i| (i % classes) as f32).collect();
        let (mut y, dy, mut dx) = (vec![0.0; rows], vec![1.0; rows], AlignedVec::new(n));
        bench.operator(&format!("cross-entropy {rows} × {classes}"), n, |w| {
            loss.forward(w, &logits, Targets::Labels(&labels), &mut y);
        });
        bench.operator(
            &format!("cross-entropy backward {rows} × {classes}"),
            2 * n,
            |w| {
                loss.backward(w, &logits, Targets::Labels(&labels), &dy, &mut dx);
            },
        );
        let softmax = Softmax {
            rows,
            columns: classes,
        };
        bench.operator(&format!("softmax {rows} × {classes}"), 2 * n, |w| {
            softmax.forward(w, &logits, &mut dx);
        });
    }
}

fn elementwise(bench: &Bench) {
    let n = ROWS * CHANNELS;
    let x = AlignedVec::from(
        (0..n)
            .map(|i| (i % 97) as f32 * 0.1 - 4.8)
            .collect::<Vec<_>>()
            .as_slice(),
    );
    let (dy, mut y) = (
        AlignedVec::from(vec![1.0; n].as_slice()),
        AlignedVec::new(n),
    );
    for function in [
        Unary::Relu,
        Unary::Gelu,
        Unary::Silu,
        Unary::Tanh,
        Unary::Log,
    ] {
        bench.operator(&format!("{function:?} of {n}"), 2 * n, |w| {
            function.forward(w, &x, &mut y)
        });
        bench.operator(&format!("{function:?} backward"), 3 * n, |w| {
            function.backward(w, &x, &dy, &mut y)
        });
    }
    let bias = AlignedVec::new(CHANNELS);
    bench.operator("add a bias to each row", 2 * n, |w| {
        Binary::Add.run(
            w,
            [ROWS, CHANNELS],
            Operand::full(&x),
            Operand::row(&bias),
            &mut y,
        );
    });
    bench.operator("accumulate", 3 * n, |w| accumulate(w, &x, &mut y));
    let key = Key {
        seed: 1,
        stream: 2,
        step: 3,
    };
    bench.operator("dropout", 2 * n, |w| key.dropout(w, 0.5, &x, &mut y));
    bench.operator("normal numbers", n, |w| key.normal(w, 0.0, 1.0, &mut y));
    let sum = Reduce::new(Reduction::Sum, 1, ROWS, CHANNELS);
    let mut shared = AlignedVec::new(sum.shared());
    let mut columns = AlignedVec::new(CHANNELS);
    bench.operator("sums of columns", n, |w| {
        sum.run(w, &x, &mut columns, &mut shared)
    });
    let sum = Reduce::new(Reduction::Sum, 1, n, 1);
    let mut shared = AlignedVec::new(sum.shared());
    bench.operator("sum of all", n, |w| sum.run(w, &x, &mut [0.0], &mut shared));
}

fn images(bench: &Bench) {
    let n = ROWS * CHANNELS;
    let x = AlignedVec::from(
        (0..n)
            .map(|i| (i * 31 % 97) as f32)
            .collect::<Vec<_>>()
            .as_slice(),
    );
    let mut y = AlignedVec::new(n);
    let pool = Pooling {
        batch: 64,
        input: [26, 26],
        channels: CHANNELS,
        window: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        output: [13, 13],
    };
    let m = pool.output_len();
    let (mut small, mut positions) = (AlignedVec::new(m), AlignedVec::new(packed_positions(m)));
    bench.operator("maximum pooling", n + m, |w| {
        pool.maximum(w, &x, &mut small, &mut positions)
    });
    bench.operator("maximum pooling backward", n + m, |w| {
        pool.maximum_backward(w, &positions, &small, &mut y);
    });
    bench.operator("average pooling", n + m, |w| {
        pool.average(w, false, &x, &mut small)
    });
    bench.operator("average pooling backward", n + m, |w| {
        pool.average_backward(w, false, &small, &mut y)
    });
    let norm = BatchNorm {
        rows: ROWS,
        channels: CHANNELS,
        epsilon: 1e-3,
    };
    let mut shared = AlignedVec::new(norm.shared());
    let [gamma, beta, mut mean, mut variance, mut dgamma, mut dbeta] =
        [(); 6].map(|()| AlignedVec::new(CHANNELS));
    bench.operator("batch norm", 3 * n, |w| {
        norm.statistics(w, &x, [&mut mean, &mut variance], &mut shared);
        norm.normalise(
            w,
            &x,
            [&gamma, &beta],
            [&mean, &variance],
            &mut y,
            &mut shared,
        );
    });
    let dy = AlignedVec::new(n);
    bench.operator("batch norm backward", 5 * n, |w| {
        let (gradients, moments) = ([&mut dgamma[..], &mut dbeta[..]], [&mean[..], &variance]);
        norm.parameter_gradients(w, [&x, &dy], moments, gradients, &mut shared);
        let kept = [&gamma[..], &mean, &variance, &dgamma, &dbeta];
        norm.input_gradient(w, [&x, &dy], kept, &mut y, &mut shared);
    });
    let norm = LayerNorm {
        rows: n / 128,
        columns: 128,
        epsilon: 1e-5,
    };
    let (gamma, beta) = (AlignedVec::new(128), AlignedVec::new(128));
    bench.operator("layer norm of 128", 2 * n, |w| {
        norm.forward(w, &x, [&gamma, &beta], &mut y)
    });
    let copy = StridedCopy::transpose(&[64, 676, CHANNELS], &[0, 2, 1]);
    bench.operator("transpose NHWC to NCHW", 2 * n, |w| copy.run(w, &x, &mut y));
}
