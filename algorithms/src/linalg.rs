//! The little linear algebra that optimizers need: here on lower triangles kept row by row, in `symmetric` eigenvalues.

mod symmetric;

pub(crate) use symmetric::Square;

/// A square matrix of which only the lower triangle is kept: row i has i + 1 entries.
#[derive(Clone, Debug)]
pub(crate) struct Lower {
    size: usize,
    cells: Vec<f64>,
}

// === impl Lower ===

impl Lower {
    pub(crate) fn zeros(size: usize) -> Self {
        Self {
            size,
            cells: vec![0.0; size * (size + 1) / 2],
        }
    }

    pub(crate) fn row(&self, i: usize) -> &[f64] {
        &self.cells[i * (i + 1) / 2..][..=i]
    }

    pub(crate) fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.cells[i * (i + 1) / 2..][..=i]
    }

    /// The Cholesky factor of the symmetric matrix with this lower triangle; `None` if it is not positive definite.
    pub(crate) fn cholesky(mut self) -> Option<Self> {
        for i in 0..self.size {
            let (above, rest) = self.cells.split_at_mut(i * (i + 1) / 2);
            let row = &mut rest[..=i];
            let mut start = 0;
            for j in 0..i {
                let other = &above[start..][..=j];
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
                start += j + 1;
            }
            let left = row[i] - dot(&row[..i], &row[..i]);
            if !(left > 0.0 && left.is_finite()) {
                return None;
            }
            row[i] = left.sqrt();
        }
        Some(self)
    }

    /// Solves `L x = b` in place.
    pub(crate) fn solve(&self, b: &mut [f64]) {
        for i in 0..self.size {
            let row = self.row(i);
            b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
        }
    }

    /// Solves `Lᵀ x = b` in place.
    pub(crate) fn solve_transposed(&self, b: &mut [f64]) {
        for i in (0..self.size).rev() {
            let row = self.row(i);
            b[i] /= row[i];
            let (before, at) = b.split_at_mut(i);
            add_scaled(before, -at[0], &row[..i]);
        }
    }

    /// The lower triangle of `(L Lᵀ)⁻¹`.
    pub(crate) fn inverse_of_product(&self) -> Self {
        // Row i of L⁻¹ follows from those before it; the product's triangle gathers the outer products of these rows.
        let mut inverse = Self::zeros(self.size);
        for i in 0..self.size {
            let factor = self.row(i);
            let (above, rest) = inverse.cells.split_at_mut(i * (i + 1) / 2);
            let row = &mut rest[..=i];
            let mut start = 0;
            for k in 0..i {
                let other = &above[start..][..=k];
                add_scaled(&mut row[..=k], factor[k], other);
                start += k + 1;
            }
            let scale = -1.0 / factor[i];
            row[..i].iter_mut().for_each(|cell| *cell *= scale);
            row[i] = 1.0 / factor[i];
        }
        let mut product = Self::zeros(self.size);
        for i in 0..self.size {
            let row = inverse.row(i);
            for (j, &cell) in row.iter().enumerate() {
                add_scaled(product.row_mut(j), cell, &row[..=j]);
            }
        }
        product
    }

    /// The logarithm of the determinant of `L Lᵀ`.
    pub(crate) fn log_determinant(&self) -> f64 {
        (0..self.size).map(|i| 2.0 * self.row(i)[i].ln()).sum()
    }
}

/// `Σ aᵢ bᵢ`, in eight interleaved sums, which lets the compiler use vector instructions.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    let mut sums = [0.0; 8];
    let (x, y) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 = x
        .remainder()
        .iter()
        .zip(y.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (x, y) in x.zip(y) {
        for k in 0..8 {
            sums[k] += x[k] * y[k];
        }
    }
    sums.iter().sum::<f64>() + tail
}

/// `to += factor * row`.
pub(crate) fn add_scaled(to: &mut [f64], factor: f64, row: &[f64]) {
    for (to, cell) in to.iter_mut().zip(row) {
        *to += factor * cell;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lower triangle of `A Aᵀ + shift`, and the whole of it.
    fn positive(cells: &[f64], size: usize, shift: f64) -> (Lower, Vec<Vec<f64>>) {
        let row = |i: usize| &cells[i * size..][..size];
        let cell = |i: usize, j: usize| dot(row(i), row(j)) + if i == j { shift } else { 0.0 };
        let mut lower = Lower::zeros(size);
        for i in 0..size {
            for j in 0..=i {
                lower.row_mut(i)[j] = cell(i, j);
            }
        }
        let whole = (0..size).map(|i| (0..size).map(|j| cell(i, j)).collect());
        (lower, whole.collect())
    }

    proptest! {
        #[test]
        fn factors_solve_and_invert(cells in prop::collection::vec(-1.0..1.0, 100), b in prop::collection::vec(-1.0..1.0, 10)) {
            let (lower, whole) = positive(&cells, 10, 0.5);
            let factor = lower.cholesky().unwrap();
            let mut x = b.clone();
            factor.solve(&mut x);
            factor.solve_transposed(&mut x);
            let inverse = factor.inverse_of_product();
            for i in 0..10 {
                prop_assert!((dot(&whole[i], &x) - b[i]).abs() < 1e-9);
                let by_inverse: f64 = (0..10).map(|j| inverse.row(i.max(j))[i.min(j)] * b[j]).sum();
                prop_assert!((by_inverse - x[i]).abs() < 1e-8);
            }
        }
    }

    #[test]
    fn what_is_not_positive_definite_has_no_factor() {
        let mut lower = Lower::zeros(2);
        lower.row_mut(0)[0] = 1.0;
        lower.row_mut(1).copy_from_slice(&[2.0, 1.0]);
        assert!(lower.clone().cholesky().is_none());
        lower.row_mut(1).copy_from_slice(&[f64::NAN, 1.0]);
        assert!(lower.cholesky().is_none());
    }

    #[test]
    fn the_determinant_is_the_squared_product_of_the_diagonal() {
        let mut lower = Lower::zeros(2);
        lower.row_mut(0)[0] = 2.0;
        lower.row_mut(1).copy_from_slice(&[5.0, 3.0]);
        assert!((lower.log_determinant() - 36_f64.ln()).abs() < 1e-12);
    }
}
