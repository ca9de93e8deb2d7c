//! Memory between pages that nobody may touch: all floats that these tests allocate lie in such, so that a kernel that
//! reads or writes outside a slice of them ends the process at once.
//!
//! Buffers end at the page behind them, but for what their alignment leaves over, which is not a number before and is seen
//! to be so after. With `JINGWEI_GUARD=before` they begin at the page before them instead; one of the tests runs all others
//! again that way. What a buffer holds at first is not a number either.

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

#[global_allocator]
static ALLOCATOR: Guarded = Guarded;

struct Guarded;

const PAGE: usize = 4096;
/// Bytes of one buffer at most: no test needs so many, and no plan may ask for them.
const MOST: usize = 1 << 28;
/// What fills a buffer: no number.
const FILLING: u8 = 0xff;

/// Whether memory of this layout holds floats, or the numbers of places that kernels read with them.
fn is_guarded(layout: Layout) -> bool {
    (layout.align() == align_of::<f32>() || layout.align() == jingwei_kernels::ALIGNMENT)
        && layout.size() > 0
}

/// Whether buffers begin at a guard instead of ending at one.
fn is_before() -> bool {
    static BEFORE: AtomicU8 = AtomicU8::new(u8::MAX);
    if BEFORE.load(Relaxed) == u8::MAX {
        // SAFETY: the name ends in a zero; nobody changes the environment of tests. (`std::env` would allocate.)
        let is_set = unsafe { !libc::getenv(c"JINGWEI_GUARD".as_ptr()).is_null() };
        BEFORE.store(is_set.into(), Relaxed);
    }
    BEFORE.load(Relaxed) == 1
}

/// Bytes of the pages that hold a buffer.
fn pages(layout: Layout) -> usize {
    layout.size().next_multiple_of(PAGE)
}

/// Bytes in these pages before the buffer.
fn gap(layout: Layout) -> usize {
    match is_before() {
        true => 0,
        false => pages(layout) - layout.size().next_multiple_of(layout.align()),
    }
}

/// Ends the process; what to say is written without an allocation.
fn end(message: &[u8]) -> ! {
    // SAFETY: the bytes are there to be read.
    unsafe { libc::write(2, message.as_ptr().cast(), message.len()) };
    std::process::abort();
}

// SAFETY: memory comes from the system's allocator or is mapped for the layout alone; its place follows from the layout.
unsafe impl GlobalAlloc for Guarded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > MOST {
            end(b"an allocation of more than 256 MiB\n");
        }
        if !is_guarded(layout) {
            // SAFETY: by the contract.
            return unsafe { System.alloc(layout) };
        }
        let (none, both) = (libc::PROT_NONE, libc::PROT_READ | libc::PROT_WRITE);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: the pages are new, and those between the first and the last are opened.
        unsafe {
            let len = pages(layout) + 2 * PAGE;
            let start = libc::mmap(std::ptr::null_mut(), len, none, flags, -1, 0);
            if start == libc::MAP_FAILED {
                return std::ptr::null_mut();
            }
            let first = start.cast::<u8>().add(PAGE);
            if libc::mprotect(first.cast(), pages(layout), both) != 0 {
                return std::ptr::null_mut();
            }
            first.write_bytes(FILLING, pages(layout));
            first.add(gap(layout))
        }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        if !is_guarded(layout) {
            // SAFETY: by the contract.
            return unsafe { System.dealloc(place, layout) };
        }
        // SAFETY: `alloc` mapped these pages for this layout, with a guard on either side.
        unsafe {
            let first = place.sub(gap(layout));
            let all = std::slice::from_raw_parts(first, pages(layout));
            let (before, rest) = all.split_at(gap(layout));
            let filling = before.iter().chain(&rest[layout.size()..]);
            if !filling.copied().all(|byte| byte == FILLING) {
                end(b"a write outside a buffer\n");
            }
            libc::munmap(first.sub(PAGE).cast(), pages(layout) + 2 * PAGE);
        }
    }
}

fn again(before: bool, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env_remove("JINGWEI_GUARD").args(arguments);
    if before {
        command.env("JINGWEI_GUARD", "before");
    }
    command.output().unwrap()
}

#[test]
fn all_tests_again_with_guards_before_buffers() {
    if is_before() {
        return;
    }
    let output = again(true, &["--skip", "guard::"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {said}", output.status);
}

/// Not tests by themselves: they end the process.
#[test]
#[ignore = "for another test, which looks at how the process ends"]
fn read_behind() {
    let buffer: Box<[f32]> = Box::new([1.0; 13]);
    // SAFETY: none.
    std::hint::black_box(unsafe { buffer.as_ptr().add(13).read_volatile() });
}

#[test]
#[ignore = "for another test, which looks at how the process ends"]
fn write_before() {
    let mut buffer: Box<[f32]> = Box::new([1.0; 13]);
    // SAFETY: none.
    unsafe { buffer.as_mut_ptr().sub(1).write_volatile(2.0) };
}

#[test]
fn guards_end_the_process() {
    use std::os::unix::process::ExitStatusExt;
    for (before, name) in [(false, "guard::read_behind"), (true, "guard::write_before")] {
        let status = |before| again(before, &["--ignored", "--exact", name]).status;
        assert_eq!(status(before).signal(), Some(libc::SIGSEGV), "{name}");
        // Nobody sees a read from the other side; a write is seen in the end.
        let expected = before.then_some(libc::SIGABRT);
        assert_eq!(status(!before).signal(), expected, "{name}");
    }
}
