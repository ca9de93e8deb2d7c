//! Functions of single elements, and of pairs of elements with broadcasting.

mod binary;
mod unary;

pub use binary::{Binary, Broadcast, Operand};
pub use unary::{Kept, Unary};

use crate::chunks::run_flat;
use crate::level::dispatch;
use crate::simd::Simd;
use crate::{Workers, vectors};

/// Sets every element to `value`.
pub fn fill(workers: &Workers, y: &mut [f32], value: f32) {
    run_flat(workers, [], y, |_, [], y| y.fill(value));
}

/// `y = x`.
///
/// # Panics
/// Where the lengths differ; so do the other functions.
pub fn copy(workers: &Workers, x: &[f32], y: &mut [f32]) {
    run_flat(workers, [x], y, |_, [x], y| y.copy_from_slice(x));
}

/// `y += x`.
pub fn accumulate(workers: &Workers, x: &[f32], y: &mut [f32]) {
    run_flat(workers, [x], y, |level, [x], y| add_chunk(level, x, y));
}

/// `y += factor · x`.
pub fn add_scaled(workers: &Workers, factor: f32, x: &[f32], y: &mut [f32]) {
    run_flat(workers, [x], y, |level, [x], y| {
        add_scaled_chunk(level, factor, x, y)
    });
}

/// `y *= factor`.
pub fn scale(workers: &Workers, y: &mut [f32], factor: f32) {
    run_flat(workers, [], y, |level, [], y| scale_chunk(level, factor, y));
}

/// `y = a` where `condition` is not 0, otherwise `b`.
pub fn select(workers: &Workers, condition: &[f32], a: &[f32], b: &[f32], y: &mut [f32]) {
    run_flat(workers, [condition, a, b], y, |level, inputs, y| {
        select_chunk(level, inputs, y)
    });
}

dispatch! {
    pub(crate) fn add_chunk(x: &[f32], y: &mut [f32]) => add_generic
}

#[inline(always)]
fn add_generic<V: Simd>(x: &[f32], y: &mut [f32]) {
    vectors::update([x], [y], |[x]: [V; 1], [y]| [y + x]);
}

dispatch! {
    fn add_scaled_chunk(factor: f32, x: &[f32], y: &mut [f32]) => add_scaled_generic
}

#[inline(always)]
fn add_scaled_generic<V: Simd>(factor: f32, x: &[f32], y: &mut [f32]) {
    vectors::update([x], [y], |[x]: [V; 1], [y]| [x.fma(V::splat(factor), y)]);
}

dispatch! {
    fn scale_chunk(factor: f32, y: &mut [f32]) => scale_generic
}

#[inline(always)]
fn scale_generic<V: Simd>(factor: f32, y: &mut [f32]) {
    vectors::update([], [y], |_: [V; 0], [y]| [y * V::splat(factor)]);
}

dispatch! {
    fn select_chunk(inputs: [&[f32]; 3], y: &mut [f32]) => select_generic
}

#[inline(always)]
fn select_generic<V: Simd>(inputs: [&[f32]; 3], y: &mut [f32]) {
    vectors::map(inputs, y, |[condition, a, b]: [V; 3]| {
        b.select(a, condition.eq(V::zero()))
    });
}
