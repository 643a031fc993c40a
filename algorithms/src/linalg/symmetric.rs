//! Eigenvalues of symmetric matrices.

use super::{add_scaled, dot};

/// A square matrix, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Square {
    size: usize,
    cells: Vec<f64>,
}

/// A symmetric matrix that is 0 but on its diagonal and beside it.
struct Tridiagonal {
    diagonal: Vec<f64>,
    /// Cell k is between k and k + 1 on the diagonal.
    beside: Vec<f64>,
}

/// Steps for an eigenvalue; convergence is cubic, so that two are enough as a rule.
const STEPS: usize = 30;
/// Far below the rounding of cells up to 1, and its square is not 0.
const ROUNDING: f64 = 1e-100;

// === impl Square ===

impl Square {
    pub(crate) fn identity(size: usize) -> Self {
        let mut cells = vec![0.0; size * size];
        cells.iter_mut().step_by(size + 1).for_each(|c| *c = 1.0);
        Self { size, cells }
    }

    pub(crate) fn row(&self, i: usize) -> &[f64] {
        &self.cells[i * self.size..][..self.size]
    }

    pub(crate) fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.cells[i * self.size..][..self.size]
    }

    /// The eigenvalues of this symmetric matrix, in no order, and its eigenvectors as rows: it is made tridiagonal by
    /// reflections, and that diagonal by rotations (Golub and Van Loan, "Matrix Computations", section 8.3). The values are not
    /// numbers if some cell is not finite.
    pub(crate) fn eigen(mut self) -> (Vec<f64>, Self) {
        let mut vectors = Self::identity(self.size);
        if !self.cells.iter().all(|c| c.is_finite()) {
            return (vec![f64::NAN; self.size], vectors);
        }
        let largest = self.cells.iter().fold(0.0_f64, |most, c| most.max(c.abs()));
        if largest == 0.0 {
            return (vec![0.0; self.size], vectors);
        }
        // Squares of what is left neither overflow nor vanish where they count.
        self.cells.iter_mut().for_each(|c| *c /= largest);
        let mut small = self.reduce(&mut vectors);
        small.solve(&mut vectors);
        let values = small.diagonal.into_iter().map(|value| value * largest);
        (values.collect(), vectors)
    }

    /// Makes it tridiagonal, and turns `vectors`, which are the axes, with it.
    fn reduce(mut self, vectors: &mut Self) -> Tridiagonal {
        let n = self.size;
        let mut beside = Vec::new();
        let mut mirrors: Vec<Vec<f64>> = Vec::new();
        for k in 0..n - 1 {
            let (mirror, length) = reflection(&self.row(k)[k + 1..]);
            beside.push(length);
            self.reflect(k + 1, &mirror);
            mirrors.push(mirror);
        }
        // From the last on, because rows and columns before it are still those of the identity.
        for (k, mirror) in mirrors.iter().enumerate().rev() {
            for i in k + 1..n {
                let row = &mut vectors.row_mut(i)[k + 1..];
                let along = dot(row, mirror);
                add_scaled(row, -2.0 * along, mirror);
            }
        }
        let diagonal = self.cells.iter().step_by(n + 1).copied().collect();
        Tridiagonal { diagonal, beside }
    }

    /// Mirrors rows and columns from `first` on along a unit vector, or none if it is 0.
    fn reflect(&mut self, first: usize, mirror: &[f64]) {
        let rows = first..self.size;
        let image = rows.map(|i| dot(&self.row(i)[first..], mirror));
        let mut image: Vec<f64> = image.collect();
        let along = dot(&image, mirror);
        add_scaled(&mut image, -along, mirror);
        for (i, (&x, &y)) in mirror.iter().zip(&image).enumerate() {
            let row = &mut self.row_mut(first + i)[first..];
            add_scaled(row, -2.0 * x, &image);
            add_scaled(row, -2.0 * y, mirror);
        }
    }

    /// Turns row i and the next one.
    fn rotate(&mut self, i: usize, cosine: f64, sine: f64) {
        let rows = &mut self.cells[i * self.size..][..2 * self.size];
        let (first, second) = rows.split_at_mut(self.size);
        for (x, y) in first.iter_mut().zip(second) {
            (*x, *y) = (cosine * *x + sine * *y, cosine * *y - sine * *x);
        }
    }
}

/// The unit vector along which a mirror puts `x` on the first axis, and where there; 0 if `x` is.
fn reflection(x: &[f64]) -> (Vec<f64>, f64) {
    let length = dot(x, x).sqrt();
    if length < ROUNDING {
        return (vec![0.0; x.len()], 0.0);
    }
    let mut mirror = x.to_vec();
    // To the side where nothing cancels.
    let end = -length.copysign(x[0]);
    mirror[0] -= end;
    let size = dot(&mirror, &mirror).sqrt();
    mirror.iter_mut().for_each(|m| *m /= size);
    (mirror, end)
}

// === impl Tridiagonal ===

impl Tridiagonal {
    /// Makes it diagonal, and turns `vectors` with it.
    fn solve(&mut self, vectors: &mut Square) {
        let mut last = self.beside.len();
        for _ in 0..STEPS * self.diagonal.len() {
            while last > 0 && self.is_apart(last - 1) {
                last -= 1;
            }
            if last == 0 {
                return;
            }
            let before = (0..last - 1).rev().find(|&k| self.is_apart(k));
            self.step(before.map_or(0, |k| k + 1), last, vectors);
        }
    }

    /// Whether what is beside the diagonal is rounding.
    fn is_apart(&self, k: usize) -> bool {
        let around = self.diagonal[k].abs() + self.diagonal[k + 1].abs();
        self.beside[k].abs() <= (f64::EPSILON * around).max(f64::MIN_POSITIVE)
    }

    /// An implicit step with Wilkinson's shift on the block from `first` to `last`.
    fn step(&mut self, first: usize, last: usize, vectors: &mut Square) {
        let (d, e) = (&mut self.diagonal, &mut self.beside);
        let half = (d[last - 1] - d[last]) / 2.0;
        let corner = e[last - 1];
        let shift = d[last] - corner / (half + half.hypot(corner).copysign(half)) * corner;
        let (mut x, mut bulge) = (d[first] - shift, e[first]);
        for k in first..last {
            let length = x.hypot(bulge);
            let (cosine, sine) = if length > 0.0 {
                (x / length, bulge / length)
            } else {
                (1.0, 0.0)
            };
            if k > first {
                e[k - 1] = length;
            }
            let (a, b, between) = (d[k], d[k + 1], e[k]);
            let moved = sine * (sine * (b - a) + 2.0 * cosine * between);
            d[k] = a + moved;
            d[k + 1] = b - moved;
            e[k] = cosine * sine * (b - a) + (cosine - sine) * (cosine + sine) * between;
            if k + 1 < last {
                x = e[k];
                bulge = sine * e[k + 1];
                e[k + 1] *= cosine;
            }
            vectors.rotate(k, cosine, sine);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn symmetric(size: usize, cells: &[f64]) -> Square {
        let mut matrix = Square::identity(size);
        for i in 0..size {
            for j in 0..=i {
                matrix.row_mut(i)[j] = cells[i * size + j];
                matrix.row_mut(j)[i] = cells[i * size + j];
            }
        }
        matrix
    }

    /// Asserts that the eigenvectors are orthonormal, and images of themselves.
    fn assert_solved(matrix: &Square) {
        let size = matrix.size;
        let cells = matrix.cells.iter();
        let largest = cells.fold(0.0_f64, |most, c| most.max(c.abs()));
        let (values, vectors) = matrix.clone().eigen();
        for (i, value) in values.iter().enumerate() {
            for j in 0..size {
                let expected = if i == j { 1.0 } else { 0.0 };
                let product = dot(vectors.row(i), vectors.row(j));
                assert!((product - expected).abs() < 1e-12, "{i}, {j}: {product}");
                let image = dot(matrix.row(j), vectors.row(i));
                let error = (image - value * vectors.row(i)[j]).abs();
                assert!(error <= 1e-12 * largest, "{i}, {j}: {error}");
            }
        }
    }

    proptest! {
        #[test]
        fn vectors_are_orthonormal_and_scaled_by_their_values(
            size in 1_usize..9,
            cells in prop::collection::vec(prop_oneof![4 => -1.0..1.0, 1 => Just(0.0), 1 => Just(1.0)], 81),
            exponents in prop::collection::vec(-6.0..6.0, 9),
            scale in -280.0..280.0,
        ) {
            let mut matrix = symmetric(size, &cells);
            assert_solved(&matrix);
            for i in 0..size {
                for j in 0..size {
                    matrix.row_mut(i)[j] *= 10_f64.powf(exponents[i] + exponents[j]);
                }
            }
            assert_solved(&matrix);
            matrix.cells.iter_mut().for_each(|c| *c *= 10_f64.powf(scale));
            assert_solved(&matrix);
        }

        #[test]
        fn few_different_values_are_found(
            size in 1_usize..30,
            cells in prop::collection::vec(-1.0..1.0, 900),
            values in prop::collection::vec(prop_oneof![Just(0.0), Just(1.0), Just(-1e-9)], 30),
        ) {
            let (_, axes) = symmetric(size, &cells).eigen();
            let mut matrix = symmetric(size, &[0.0; 900]);
            for (k, value) in values.iter().enumerate().take(size) {
                for i in 0..size {
                    let along = value * axes.row(k)[i];
                    add_scaled(matrix.row_mut(i), along, axes.row(k));
                }
            }
            for i in 0..size {
                for j in 0..i {
                    matrix.row_mut(j)[i] = matrix.row(i)[j];
                }
            }
            assert_solved(&matrix);
            let (mut found, _) = matrix.eigen();
            let mut expected = values[..size].to_vec();
            found.sort_by(f64::total_cmp);
            expected.sort_by(f64::total_cmp);
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!((found - expected).abs() < 1e-12, "{found} is {expected}");
            }
        }
    }

    #[test]
    fn what_is_diagonal_is_left_as_it_is() {
        for diagonal in [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [3.0, -2.0, 1e-300]] {
            let mut matrix = symmetric(3, &[0.0; 9]);
            for (i, value) in diagonal.into_iter().enumerate() {
                matrix.row_mut(i)[i] = value;
            }
            assert_solved(&matrix);
            let (mut values, _) = matrix.eigen();
            values.sort_by(f64::total_cmp);
            let mut expected = diagonal;
            expected.sort_by(f64::total_cmp);
            assert_eq!(values, expected);
        }
    }

    #[test]
    fn many_dimensions_are_solved() {
        let size = 300;
        let cells: Vec<f64> = (0..size * size).map(|i| (i as f64 * 0.7).sin()).collect();
        assert_solved(&symmetric(size, &cells));
    }

    #[test]
    fn what_is_not_finite_ends() {
        let (values, _) = symmetric(2, &[1.0, 0.0, f64::NAN, 1.0]).eigen();
        assert!(values.len() == 2 && values[0].is_nan());
    }
}
