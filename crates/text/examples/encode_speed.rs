//! How much longer segmentation, cleaning and encoding take than jieba alone.
//!
//! `cargo run --release -p jingwei-text --example encode_speed -- reviews.csv [threads]`: both sides in turns, on the same
//! threads; the ratio of the sums of the fastest rounds.

use std::time::{Duration, Instant};

use jieba_rs::Jieba;
use jingwei_text::prepare::{Encoder, TextOptions, TextPreparation};
use jingwei_text::read::{ReadOptions, read};

const ROUNDS: usize = 15;
/// Texts that are timed together, so that one disturbance does not spoil a whole round.
const PART: usize = 1_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .ok_or("name a CSV file with a column `text`")?;
    let threads: usize = arguments.next().map_or(Ok(1), |threads| threads.parse())?;
    let options = ReadOptions {
        label: None,
        ..ReadOptions::default()
    };
    let corpus = read(path.as_ref(), &options)?;
    let texts: Vec<String> = (0..corpus.len())
        .map(|index| corpus.texts.get(index).map(|text| text.into_owned()))
        .collect::<Result<_, _>>()?;

    let fitting = Instant::now();
    let preparation = TextPreparation::fit(&texts[..], &TextOptions::default())?;
    println!(
        "fit: {:.2} s, {} ids",
        fitting.elapsed().as_secs_f64(),
        preparation.ids()
    );
    let encoder = Encoder::new(preparation)?;
    let jieba = Jieba::new();

    let (mut alone, mut ours) = (Duration::ZERO, Duration::ZERO);
    let mut tokens = 0;
    for part in texts.chunks(PART) {
        let (mut least_alone, mut least_ours) = (Duration::MAX, Duration::MAX);
        for round in 0..ROUNDS {
            let (time, _) = timed(part, threads, |part| {
                part.iter().map(|text| jieba.cut(text, true).len()).sum()
            });
            least_alone = least_alone.min(time);
            let (time, sum) = timed(part, threads, |part| {
                let mut ids = Vec::new();
                part.iter()
                    .map(|text| {
                        encoder.encode(text, &mut ids);
                        ids.len()
                    })
                    .sum()
            });
            least_ours = least_ours.min(time);
            tokens += if round == 0 { sum } else { 0 };
        }
        alone += least_alone;
        ours += least_ours;
    }
    let bytes: usize = texts.iter().map(String::len).sum();
    let speed = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    println!(
        "{} texts, {bytes} bytes, {tokens} ids, {threads} threads",
        texts.len()
    );
    println!(
        "jieba alone: {:6.1} ms, {:5.1} MB/s",
        alone.as_secs_f64() * 1e3,
        speed(alone)
    );
    println!(
        "encode:      {:6.1} ms, {:5.1} MB/s",
        ours.as_secs_f64() * 1e3,
        speed(ours)
    );
    println!("ratio: {:.3}", ours.as_secs_f64() / alone.as_secs_f64());
    Ok(())
}

/// The processor time of all threads, and the sum of their results.
fn timed(
    texts: &[String],
    threads: usize,
    work: impl Fn(&[String]) -> usize + Sync,
) -> (Duration, usize) {
    std::thread::scope(|scope| {
        let parts = texts.chunks(texts.len().div_ceil(threads));
        let run = |part| {
            let start = busy();
            let sum = work(part);
            (busy().saturating_sub(start), sum)
        };
        let handles: Vec<_> = parts.map(|part| scope.spawn(move || run(part))).collect();
        handles
            .into_iter()
            .fold((Duration::ZERO, 0), |all, handle| {
                let (time, sum) = handle.join().unwrap_or_default();
                (all.0 + time, all.1 + sum)
            })
    })
}

/// What this thread has had of a processor: others may be busy too.
fn busy() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
