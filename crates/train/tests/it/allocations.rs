//! Steps allocate nothing, on any thread.

use std::alloc::System;
use std::process::Command;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use crate::embedding::by_rows;
use crate::support::{Bench, everything};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ALONE: &str = "JINGWEI_TEST_ALONE";

/// Allocations of the whole process so far.
fn allocations() -> usize {
    let stats = ALLOCATOR.stats();
    stats.allocations + stats.reallocations
}

/// The count is of the whole process, so the test runs itself again in a process where nothing else does.
#[test]
fn a_step_allocates_nothing() {
    if std::env::var_os(ALONE).is_none() {
        let program = std::env::current_exe().unwrap();
        let arguments = [
            "allocations::a_step_allocates_nothing",
            "--exact",
            "--test-threads=1",
        ];
        let output = Command::new(program)
            .args(arguments)
            .env(ALONE, "1")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
        return;
    }
    for bench in [Bench::new(everything(), 2), by_rows(2)] {
        // The test harness has a thread of its own, which may allocate once while it waits; a step would do so every
        // time.
        let least = (0..3).map(|_| allocations_of_an_epoch(&bench)).min();
        assert_eq!(least, Some(0));
    }
}

/// Allocations of the steps after the first, the smaller last batch included.
fn allocations_of_an_epoch(bench: &Bench) -> usize {
    let mut trainer = bench.trainer();
    trainer.step().unwrap();
    let before = allocations();
    for _ in 1..trainer.steps_per_epoch() {
        trainer.step().unwrap();
    }
    allocations() - before
}
