//! Steps allocate nothing, on any thread.

use std::alloc::System;
use std::process::Command;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

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
        let arguments = ["allocations::a_step_allocates_nothing", "--exact", "--test-threads=1"];
        let output = Command::new(program).args(arguments).env(ALONE, "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let bench = Bench::new(everything(), 2);
    let mut trainer = bench.trainer();
    trainer.step().unwrap();
    let before = allocations();
    // The rest of the epoch, its smaller last batch included.
    for _ in 1..trainer.steps_per_epoch() {
        trainer.step().unwrap();
    }
    assert_eq!(allocations(), before);
}
