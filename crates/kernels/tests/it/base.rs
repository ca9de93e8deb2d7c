use jingwei_kernels::{AlignedVec, Buffers, Level, Place, Pool, Scratch, Workers};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[test]
fn levels_have_names() {
    for level in Level::ALL {
        assert_eq!(level.to_string().parse(), Ok(level));
    }
    let error = "sse9".parse::<Level>().unwrap_err().to_string();
    assert!(
        error.contains("sse9") && error.contains("avx512"),
        "{error}"
    );
    assert!(Level::available().contains(&Level::best()));
}

#[test]
fn every_piece_runs_once() {
    for threads in [1, 2, 5] {
        let pool = Pool::new(threads);
        let mut scratch = Scratch::new(threads, 8);
        let workers = Workers::new(Level::Scalar, &pool, &mut scratch);
        for pieces in [0, 1, 2, 7, 100] {
            let counts: Vec<_> = (0..pieces).map(|_| AtomicUsize::new(0)).collect();
            for _ in 0..200 {
                workers.run(pieces, &|piece, scratch| {
                    scratch.fill(piece as f32);
                    counts[piece].fetch_add(1, Relaxed);
                    assert!(scratch.iter().all(|&float| float == piece as f32));
                });
            }
            assert!(counts.iter().all(|count| count.load(Relaxed) == 200));
        }
    }
}

#[test]
fn a_busy_pool_serves_a_second_caller() {
    let pool = Pool::new(2);
    let total = AtomicUsize::new(0);
    let call = || {
        let mut scratch = Scratch::new(2, 0);
        let workers = Workers::new(Level::Scalar, &pool, &mut scratch);
        for _ in 0..500 {
            workers.run(5, &|_, _| {
                total.fetch_add(1, Relaxed);
            });
        }
    };
    std::thread::scope(|scope| {
        (0..3).for_each(|_| drop(scope.spawn(call)));
    });
    assert_eq!(total.load(Relaxed), 3 * 500 * 5);
}

#[test]
fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
    let pool = Pool::new(2);
    let mut scratch = Scratch::new(2, 0);
    let workers = Workers::new(Level::Scalar, &pool, &mut scratch);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        workers.run(8, &|piece, _| assert!(piece != 5, "piece five"));
    }));
    assert!(result.is_err());
    let total = AtomicUsize::new(0);
    workers.run(8, &|_, _| {
        total.fetch_add(1, Relaxed);
    });
    assert_eq!(total.load(Relaxed), 8);
}

fn place(buffer: usize, offset: usize, len: usize) -> Place {
    Place {
        buffer,
        offset,
        len,
    }
}

#[test]
fn buffers_split_into_disjoint_places() {
    let mut buffers = Buffers::new(&[10, 4]);
    buffers.get_mut(place(0, 0, 10)).fill(2.0);
    let reads = [place(0, 0, 4), place(0, 2, 3)];
    let ([a, b], [c, d]) = buffers.split(reads, [place(0, 5, 5), place(1, 0, 4)]);
    c.copy_from_slice(&[a[0] + b[0]; 5]);
    d.fill(7.0);
    assert_eq!(buffers.get(place(0, 4, 3)), [2.0, 4.0, 4.0]);
    assert_eq!(buffers.buffer(1).len(), 4);
    assert_eq!(
        buffers
            .buffer(1)
            .as_ptr()
            .align_offset(jingwei_kernels::ALIGNMENT),
        0
    );
    assert!(AlignedVec::new(0).is_empty());
}

#[test]
#[should_panic(expected = "is written while")]
fn a_write_may_not_overlap_a_read() {
    Buffers::new(&[10]).split([place(0, 0, 5)], [place(0, 4, 2)]);
}

#[test]
#[should_panic(expected = "is written while")]
fn a_write_may_not_overlap_a_write() {
    Buffers::new(&[10]).split([], [place(0, 0, 5), place(0, 4, 2)]);
}
