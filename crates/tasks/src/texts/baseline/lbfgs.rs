use std::collections::VecDeque;

/// How many of the last steps shape the next one.
const MEMORY: usize = 6;
/// No more iterations than this.
const ITERATIONS: usize = 300;
/// The search ends where no derivative is larger than this.
const TOLERANCE: f64 = 1e-6;
/// A step must reach this share of what the slope promises (Armijo).
const SUFFICIENT: f64 = 1e-4;

/// Minimises a convex function by L-BFGS with a backtracking line search (Nocedal and Wright, 2006, "Numerical
/// Optimization", algorithm 7.5).
///
/// `evaluate(point, gradient)` gives the value and overwrites the gradient.
pub(super) fn minimise(point: &mut [f64], mut evaluate: impl FnMut(&[f64], &mut [f64]) -> f64) {
    let size = point.len();
    let mut gradient = vec![0.0; size];
    let mut value = evaluate(point, &mut gradient);
    let (mut next, mut next_gradient) = (vec![0.0; size], vec![0.0; size]);
    let mut steps: VecDeque<Step> = VecDeque::new();
    for _ in 0..ITERATIONS {
        if gradient.iter().all(|slope| slope.abs() <= TOLERANCE) {
            return;
        }
        let direction = direction(&gradient, &steps);
        let slope = dot(&direction, &gradient);
        let mut length = 1.0;
        let reached = loop {
            let pairs = point.iter().zip(&direction);
            let moved = pairs.map(|(start, way)| start + length * way);
            next.iter_mut()
                .zip(moved)
                .for_each(|(next, moved)| *next = moved);
            let reached = evaluate(&next, &mut next_gradient);
            if reached <= value + SUFFICIENT * length * slope {
                break reached;
            }
            length /= 2.0;
            if length < 1e-12 {
                return;
            }
        };
        remember(&mut steps, point, &next, &gradient, &next_gradient);
        point.copy_from_slice(&next);
        std::mem::swap(&mut gradient, &mut next_gradient);
        value = reached;
    }
}

/// A step that was made: where it went, how the gradient changed, and the inverse of their product.
struct Step {
    moved: Vec<f64>,
    bent: Vec<f64>,
    scale: f64,
}

fn remember(steps: &mut VecDeque<Step>, from: &[f64], to: &[f64], before: &[f64], after: &[f64]) {
    let less = |left: &[f64], right: &[f64]| -> Vec<f64> {
        left.iter()
            .zip(right)
            .map(|(left, right)| left - right)
            .collect()
    };
    let (moved, bent) = (less(to, from), less(after, before));
    let curvature = dot(&moved, &bent);
    if curvature <= f64::EPSILON * dot(&bent, &bent) {
        return;
    }
    if steps.len() == MEMORY {
        steps.pop_front();
    }
    steps.push_back(Step {
        moved,
        bent,
        scale: 1.0 / curvature,
    });
}

/// Downhill, bent by what the last steps tell of the curvature (two-loop recursion).
fn direction(gradient: &[f64], steps: &VecDeque<Step>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    let mut shares = Vec::with_capacity(steps.len());
    for step in steps.iter().rev() {
        let share = step.scale * dot(&step.moved, &direction);
        add(&mut direction, -share, &step.bent);
        shares.push(share);
    }
    let scale = match steps.back() {
        Some(last) => 1.0 / (last.scale * dot(&last.bent, &last.bent)),
        None => 1.0 / dot(gradient, gradient).sqrt(),
    };
    direction.iter_mut().for_each(|value| *value *= scale);
    for (step, share) in steps.iter().zip(shares.iter().rev()) {
        let back = step.scale * dot(&step.bent, &direction);
        add(&mut direction, share - back, &step.moved);
    }
    direction
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter()
        .zip(right)
        .map(|(left, right)| left * right)
        .sum()
}

fn add(target: &mut [f64], factor: f64, values: &[f64]) {
    for (target, value) in target.iter_mut().zip(values) {
        *target += factor * value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_bottom_of_a_stretched_bowl() {
        let mut point = vec![5.0, -3.0, 8.0];
        minimise(&mut point, |at, slopes| {
            let stretch = [1.0, 100.0, 0.01];
            for index in 0..3 {
                slopes[index] = 2.0 * stretch[index] * (at[index] - 1.0);
            }
            (0..3)
                .map(|index| stretch[index] * (at[index] - 1.0).powi(2))
                .sum()
        });
        point
            .iter()
            .for_each(|value| assert!((value - 1.0).abs() < 1e-4, "{point:?}"));
    }
}
