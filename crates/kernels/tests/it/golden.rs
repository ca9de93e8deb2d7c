//! Values that PyTorch computed, written by `scripts/golden/kernel_ops.py`.

/// The numbers of one name.
#[track_caller]
pub fn golden(name: &str) -> Vec<f64> {
    let mut lines = include_str!("../golden/ops.txt").lines();
    let numbers = lines
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("no golden values {name}"));
    numbers
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect()
}

/// The numbers of one name in single precision.
#[track_caller]
pub fn golden_f32(name: &str) -> Vec<f32> {
    golden(name).into_iter().map(|x| x as f32).collect()
}
