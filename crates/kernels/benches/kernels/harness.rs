//! Timing.

use jingwei_kernels::{AlignedVec, Epilogue, Level, MatMul, MatMulShape, Pool, Scratch, Workers};
use std::time::{Duration, Instant};

/// Filter and peaks of a sitting.
pub struct Bench {
    filter: String,
    pub level: Level,
    /// GFLOP/s of one thread and of two.
    peak: [f64; 2],
}

impl Bench {
    pub fn new(filter: String) -> Self {
        let level = std::env::var("JINGWEI_SIMD")
            .ok()
            .and_then(|name| name.parse().ok());
        let level = level.unwrap_or_else(Level::best);
        let mut bench = Self {
            filter,
            level,
            peak: [1.0; 2],
        };
        bench.peak = [1, 2].map(|threads| bench.measure_peak(threads));
        println!(
            "level {level}, peak {:.0} and {:.0} GFLOP/s on one and two threads",
            bench.peak[0], bench.peak[1]
        );
        println!(
            "{:44} {:>9} {:>9}  {:>7} {:>7}  {:>5} {:>5}",
            "", "ms 1", "ms 2", "GF/s 1", "GF/s 2", "%", "%"
        );
        bench
    }

    /// The best of products whose operands fit in the first-level cache: within a few per cent of
    /// what the multiply-add units can do.
    fn measure_peak(&self, threads: usize) -> f64 {
        let shape = MatMulShape {
            m: 48,
            n: 32,
            k: 128,
            ..MatMulShape::default()
        };
        let plan = MatMul::new(self.level, shape, Epilogue::default());
        let pool = Pool::new(threads);
        let mut outer = Scratch::new(threads, 0);
        let workers = Workers::new(self.level, &pool, &mut outer);
        let time = least(|| {
            workers.run(threads, &|_, _| {
                let alone = Pool::new(1);
                let mut scratch = Scratch::new(1, plan.scratch());
                let workers = Workers::new(self.level, &alone, &mut scratch);
                let (a, b) = (AlignedVec::new(48 * 128), AlignedVec::new(128 * 32));
                let mut c = AlignedVec::new(48 * 32);
                for _ in 0..400 {
                    plan.run(&workers, &a, &b, None, &mut c, &mut []);
                }
            });
        });
        threads as f64 * 400.0 * 2.0 * (48 * 32 * 128) as f64 / time.as_secs_f64() / 1e9
    }

    /// Times `run` on one and two threads and prints a line.
    pub fn kernel(&self, name: &str, flop: f64, scratch: usize, mut run: impl FnMut(&Workers)) {
        let times = [1, 2].map(|threads| {
            let pool = Pool::new(threads);
            let mut scratch = Scratch::new(threads, scratch);
            let workers = Workers::new(self.level, &pool, &mut scratch);
            if self.selects(name) {
                least(|| run(&workers))
            } else {
                Duration::ZERO
            }
        });
        self.report(name, flop, times);
    }

    pub fn selects(&self, name: &str) -> bool {
        name.contains(&self.filter)
    }

    pub fn report(&self, name: &str, flop: f64, times: [Duration; 2]) {
        if !self.selects(name) {
            return;
        }
        let ms = times.map(|time| time.as_secs_f64() * 1e3);
        let speed = ms.map(|ms| flop / ms / 1e6);
        let share = [0, 1].map(|index| 100.0 * speed[index] / self.peak[index]);
        println!(
            "{name:44} {:9.4} {:9.4}  {:7.1} {:7.1}  {:5.0} {:5.0}",
            ms[0], ms[1], speed[0], speed[1], share[0], share[1]
        );
    }
}

/// The least time of many runs, over a third of a second: other work on the machine only adds.
pub fn least(mut run: impl FnMut()) -> Duration {
    let begin = Instant::now();
    let mut least = Duration::MAX;
    let mut runs = 0;
    while runs < 10 || begin.elapsed() < Duration::from_millis(350) {
        let start = Instant::now();
        run();
        least = least.min(start.elapsed());
        runs += 1;
    }
    least
}
