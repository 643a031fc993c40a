//! Eigenvalues of symmetric matrices.

/// A square matrix, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Square {
    size: usize,
    cells: Vec<f64>,
}

/// Sweeps over all pairs of axes; convergence is quadratic, so half as many do.
const SWEEPS: usize = 30;

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

    pub(crate) fn diagonal(&self) -> impl Iterator<Item = f64> {
        self.cells.iter().step_by(self.size + 1).copied()
    }

    /// The eigenvalues of this symmetric matrix, in no order, and its eigenvectors as rows (Jacobi's method: Golub and Van
    /// Loan, "Matrix Computations", section 8.5).
    pub(crate) fn eigen(&self) -> (Vec<f64>, Self) {
        let mut left = self.clone();
        let mut vectors = Self::identity(self.size);
        let total: f64 = self.cells.iter().map(|c| c * c).sum();
        for _ in 0..SWEEPS {
            let on: f64 = left.diagonal().map(|c| c * c).sum();
            // Whatever is off the diagonal by now is rounding, or the matrix is not finite.
            let off: f64 = left.off_diagonal();
            if !(off > 1e-30 * total && on.is_finite()) {
                break;
            }
            for p in 0..self.size {
                for q in p + 1..self.size {
                    left.rotate_away(p, q, &mut vectors);
                }
            }
        }
        (left.diagonal().collect(), vectors)
    }

    fn off_diagonal(&self) -> f64 {
        let above = |i: usize| self.row(i)[i + 1..].iter().map(|c| c * c).sum::<f64>();
        2.0 * (0..self.size).map(above).sum::<f64>()
    }

    /// Turns the axes p < q such that the cell at their crossing becomes 0.
    fn rotate_away(&mut self, p: usize, q: usize, vectors: &mut Self) {
        let cell = self.row(p)[q];
        let (a, b) = (self.row(p)[p], self.row(q)[q]);
        if cell.abs() <= f64::EPSILON * 1e-3 * (a.abs() * b.abs()).sqrt() {
            return;
        }
        let ratio = (b - a) / (2.0 * cell);
        let tangent = ratio.signum() / (ratio.abs() + ratio.hypot(1.0));
        let cosine = 1.0 / tangent.hypot(1.0);
        let sine = tangent * cosine;
        // Rows first; the columns follow by symmetry.
        self.rotate_rows(p, q, cosine, sine);
        for k in 0..self.size {
            if k != p && k != q {
                let (x, y) = (self.row(p)[k], self.row(q)[k]);
                self.cells[k * self.size + p] = x;
                self.cells[k * self.size + q] = y;
            }
        }
        self.row_mut(p)[p] = a - tangent * cell;
        self.row_mut(q)[q] = b + tangent * cell;
        self.row_mut(p)[q] = 0.0;
        self.row_mut(q)[p] = 0.0;
        vectors.rotate_rows(p, q, cosine, sine);
    }

    fn rotate_rows(&mut self, p: usize, q: usize, cosine: f64, sine: f64) {
        let (before, rest) = self.cells.split_at_mut(q * self.size);
        let first = &mut before[p * self.size..][..self.size];
        for (x, y) in first.iter_mut().zip(&mut rest[..self.size]) {
            (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::dot;
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

    proptest! {
        #[test]
        fn vectors_are_orthonormal_and_scaled_by_their_values(
            size in 1_usize..9,
            cells in prop::collection::vec(-1.0..1.0, 81),
            exponents in prop::collection::vec(-6.0..6.0, 9),
        ) {
            let mut matrix = symmetric(size, &cells);
            for i in 0..size {
                for j in 0..size {
                    matrix.row_mut(i)[j] *= 10_f64.powf(exponents[i] + exponents[j]);
                }
            }
            let largest = matrix.cells.iter().fold(0.0_f64, |most, c| most.max(c.abs()));
            let (values, vectors) = matrix.eigen();
            for (i, value) in values.iter().enumerate() {
                for j in 0..size {
                    let expected = if i == j { 1.0 } else { 0.0 };
                    prop_assert!((dot(vectors.row(i), vectors.row(j)) - expected).abs() < 1e-12);
                    let image = dot(matrix.row(j), vectors.row(i));
                    prop_assert!((image - value * vectors.row(i)[j]).abs() <= 1e-12 * largest);
                }
            }
        }
    }

    #[test]
    fn what_is_not_finite_ends() {
        let (values, _) = symmetric(2, &[1.0, 0.0, f64::NAN, 1.0]).eigen();
        assert_eq!(values.len(), 2);
    }
}
