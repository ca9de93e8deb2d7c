//! Numbers too small for a full mantissa, which count as zero here.
//!
//! Moments of an optimiser and probabilities of a softmax fall into that range in every long training, and there each
//! operation costs the processor a hundred times as much. All threads of a run treat them alike, so the results do not
//! depend on who computed what.

use std::marker::PhantomData;

/// Makes this thread take such numbers for zero as long as the value lives.
pub(crate) struct FlushDenormals {
    before: Control,
    /// It belongs to the thread that made it.
    not_send: PhantomData<*const ()>,
}

impl FlushDenormals {
    pub(crate) fn new() -> Self {
        let before = control();
        set_control(before | FLUSH);
        Self {
            before,
            not_send: PhantomData,
        }
    }
}

impl Drop for FlushDenormals {
    fn drop(&mut self) {
        set_control(self.before);
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod register {
    use std::arch::asm;

    pub(super) type Control = u32;

    /// Flush to zero (results) and denormals are zero (operands).
    pub(super) const FLUSH: Control = 1 << 15 | 1 << 6;

    pub(super) fn control() -> Control {
        let mut value = 0;
        // SAFETY: `stmxcsr` stores four bytes, which `value` has.
        unsafe {
            asm!("stmxcsr [{}]", in(reg) &mut value, options(nostack, preserves_flags));
        }
        value
    }

    pub(super) fn set_control(value: Control) {
        // SAFETY: `ldmxcsr` loads a value that this register held, but for the two bits on tiny numbers; rounding and
        // exceptions, which compiled code relies on, stay as they are.
        unsafe {
            asm!("ldmxcsr [{}]", in(reg) &value, options(nostack, readonly, preserves_flags));
        }
    }
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
mod register {
    use std::arch::asm;

    pub(super) type Control = u64;

    /// FZ: operands and results.
    pub(super) const FLUSH: Control = 1 << 24;

    pub(super) fn control() -> Control {
        let value;
        // SAFETY: reading FPCR has no effect.
        unsafe {
            asm!("mrs {}, fpcr", out(reg) value, options(nomem, nostack, preserves_flags));
        }
        value
    }

    pub(super) fn set_control(value: Control) {
        // SAFETY: the value is what this register held, but for the bit on tiny numbers; rounding and exceptions, which
        // compiled code relies on, stay as they are.
        unsafe {
            asm!("msr fpcr, {}", in(reg) value, options(nomem, nostack, preserves_flags));
        }
    }
}

// Miri runs no assembly.
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod register {
    pub(super) type Control = u32;

    pub(super) const FLUSH: Control = 0;

    pub(super) fn control() -> Control {
        0
    }

    pub(super) fn set_control(_: Control) {}
}

use register::{Control, FLUSH, control, set_control};

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::FlushDenormals;

    #[test]
    #[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
    fn tiny_numbers_are_zero_for_a_while() {
        let half = || black_box(f32::MIN_POSITIVE) * black_box(0.5);
        assert!(half() > 0.0);
        {
            let _flush = FlushDenormals::new();
            assert_eq!(half(), 0.0);
        }
        assert!(half() > 0.0);
    }
}
