//! Simultaneous orthogonal matching pursuit: the few units of a layer that span the others best.
//!
//! # Formula
//! `min_{A, omega} |W - W_omega A|_F`, `|omega| = n`, greedily: with the residual `R` of `W [inputs,
//! units]` beside the units chosen so far, the next is `argmax_j |R' w_j|_2 / |w_j|_2`.
//!
//! # Method
//! On the Gramian `W'W` by an inverse Cholesky factorization: each step updates `R'W` by one outer
//! product, and no least-squares problem is solved. `O(units^2 n)`.
//!
//! # References
//! Tropp, Gilbert, Strauss, *Algorithms for Simultaneous Sparse Approximation* (2006). Zhu, Yang,
//! Wang, Fan, *Efficient Implementations of Orthogonal Matching Pursuit Based on Inverse Cholesky
//! Factorization* (2013).

use faer::Mat;

/// The `n` units (columns) of a weight `[inputs, units]` to keep, ascending. Where fewer span all,
/// the first of the others make up the number.
pub(super) fn choose(weight: &Mat<f64>, n: usize) -> Vec<usize> {
    let gramian = weight.transpose() * weight;
    let n_units = gramian.nrows();
    // `R'W`, and the Gram-Schmidt directions of the chosen units as `W'` sees them.
    let mut products = gramian.clone();
    let mut directions: Vec<Vec<f64>> = Vec::new();
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < n.min(n_units) {
        let others = (0..n_units).filter(|unit| !chosen.contains(unit));
        let score = |unit: usize| {
            let norm = gramian[(unit, unit)].sqrt();
            if norm > 0.0 { products.col(unit).norm_l2() / norm } else { 0.0 }
        };
        let best = others
            .map(|unit| (score(unit), unit))
            .reduce(|best, other| if other.0 > best.0 { other } else { best });
        let (_, unit) = best.expect("a unit is left");
        let own: Vec<f64> = directions.iter().map(|direction| direction[unit]).collect();
        let beside = gramian[(unit, unit)] - own.iter().map(|d| d * d).sum::<f64>();
        if beside <= 1e-12 * gramian[(unit, unit)] {
            break; // the chosen ones span all
        }
        let scale = 1.0 / beside.sqrt();
        let seen = |j: usize| {
            let known = directions.iter().zip(&own).map(|(direction, own)| direction[j] * own);
            scale * (gramian[(j, unit)] - known.sum::<f64>())
        };
        let direction: Vec<f64> = (0..n_units).map(seen).collect();
        // The residual loses its part along the direction, of every unit: `R'W -= d d'`.
        for j in 0..n_units {
            for i in 0..n_units {
                products[(i, j)] -= direction[i] * direction[j];
            }
        }
        directions.push(direction);
        chosen.push(unit);
    }
    let others: Vec<usize> = (0..n_units).filter(|unit| !chosen.contains(unit)).collect();
    chosen.extend(others.iter().take(n.min(n_units) - chosen.len()));
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::seed::{Seed, normal};
    use torso_math::Spectrum;

    fn random(rows: usize, columns: usize, seed: u64) -> Mat<f64> {
        let mut stream = Seed(seed).stream("test", "somp", 0);
        Mat::from_fn(rows, columns, |_, _| normal(&mut stream))
    }

    /// What is left of a weight beside some of its units.
    fn residual(weight: &Mat<f64>, units: &[usize]) -> Mat<f64> {
        let some = Mat::from_fn(weight.nrows(), units.len(), |i, j| weight[(i, units[j])]);
        let basis = Spectrum::of(some.as_ref()).left;
        weight - &basis * (basis.transpose() * weight)
    }

    /// The definition, with a projection for each step.
    fn naive(weight: &Mat<f64>, n: usize) -> Vec<usize> {
        let mut chosen: Vec<usize> = Vec::new();
        for _ in 0..n {
            let left = if chosen.is_empty() { weight.clone() } else { residual(weight, &chosen) };
            let products = left.transpose() * weight;
            let score = |j: usize| products.col(j).norm_l2() / weight.col(j).norm_l2();
            let others = (0..weight.ncols()).filter(|j| !chosen.contains(j));
            let best = others.max_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap();
            chosen.push(best);
        }
        chosen.sort_unstable();
        chosen
    }

    #[test]
    fn it_chooses_what_the_definition_does() {
        for (seed, at) in (0..40_u64).zip(0..40_usize) {
            let (rows, columns) = ([6, 10, 20][at % 3], [12, 9, 16][at / 3 % 3]);
            let weight = random(rows, columns, seed);
            for n in 1..rows.min(columns) {
                assert_eq!(choose(&weight, n), naive(&weight, n), "seed {seed}, {n}");
            }
        }
    }

    #[test]
    fn it_finds_the_units_that_span_the_others() {
        for seed in 0..10 {
            // Units 3, 7 and 11 are long; the others are sums of them.
            let mut weight = random(8, 12, seed);
            let mixing = random(3, 12, seed + 100);
            let own = [3, 7, 11];
            for j in (0..12).filter(|j| !own.contains(j)) {
                for i in 0..8 {
                    let sum: f64 = (0..3).map(|k| weight[(i, own[k])] * mixing[(k, j)]).sum();
                    weight[(i, j)] = sum;
                }
            }
            let chosen = choose(&weight, 3);
            assert!(residual(&weight, &chosen).norm_l2() < 1e-9 * weight.norm_l2());
            // More than span all: the number is kept, with no unit twice.
            let mut more = choose(&weight, 7);
            assert_eq!(more.len(), 7);
            more.dedup();
            assert_eq!(more.len(), 7);
        }
    }

    #[test]
    fn all_units_are_all() {
        let weight = random(4, 6, 1);
        assert_eq!(choose(&weight, 6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(choose(&weight, 9), [0, 1, 2, 3, 4, 5]);
        assert_eq!(choose(&Mat::zeros(4, 3), 2), [0, 1]);
    }
}
