use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jingwei_train::Error;
use jingwei_train::fit::{Observer, StepEnd, Trainer};

/// Calls that are not counted, until caches and branch predictors are warm.
const WARM_UP: usize = 5;
/// Calls that are counted at least.
const LEAST: usize = 3;

/// The median time of a call in milliseconds, over calls for some seconds.
pub fn median_ms(seconds: f64, mut call: impl FnMut()) -> f64 {
    (0..WARM_UP).for_each(|_| call());
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut times = Vec::new();
    while times.len() < LEAST || Instant::now() < end {
        let start = Instant::now();
        call();
        times.push(start.elapsed());
    }
    middle(&mut times)
}

fn middle(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times
        .get(times.len() / 2)
        .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

/// Takes the time from step to step of a training, and stops it after a while.
pub struct StepClock<'a> {
    times: Vec<Duration>,
    last: Instant,
    end: Instant,
    stop: &'a AtomicBool,
}

impl<'a> StepClock<'a> {
    /// A clock that sets `stop` after some seconds.
    pub fn new(seconds: f64, stop: &'a AtomicBool) -> Self {
        let now = Instant::now();
        // Room for a step every 20 µs, so that the clock allocates nothing while it runs.
        let room = (seconds * 50_000.0) as usize;
        Self {
            times: Vec::with_capacity(room),
            last: now,
            end: now + Duration::from_secs_f64(seconds),
            stop,
        }
    }

    /// The median time of a step in milliseconds.
    pub fn median_ms(mut self) -> f64 {
        let warm = WARM_UP.min(self.times.len().saturating_sub(LEAST));
        middle(&mut self.times[warm..])
    }
}

impl Observer for StepClock<'_> {
    fn step(&mut self, _: &Trainer, _: &StepEnd) -> Result<(), Error> {
        let now = Instant::now();
        self.times.push(now - self.last);
        self.last = now;
        if now >= self.end && self.times.len() >= WARM_UP + LEAST {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
