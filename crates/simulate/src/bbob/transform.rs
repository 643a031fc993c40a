//! What the functions' search spaces are bent with (section 0.2 of the definitions).

/// A square matrix, row by row.
pub(crate) struct Matrix {
    size: usize,
    entries: Vec<f64>,
}

impl Matrix {
    /// Columns of `entries`, each `size` long, made orthonormal one after the other (Gram and Schmidt).
    pub(crate) fn orthogonal(size: usize, entries: &[f64]) -> Self {
        let mut columns: Vec<Vec<f64>> = entries.chunks(size).map(<[f64]>::to_vec).collect();
        for index in 0..columns.len() {
            let (before, rest) = columns.split_at_mut(index);
            let Some(column) = rest.first_mut() else {
                break;
            };
            for other in before {
                let product = dot(column, other);
                for (entry, other) in column.iter_mut().zip(other) {
                    *entry -= product * *other;
                }
            }
            let norm = dot(column, column).sqrt();
            column.iter_mut().for_each(|entry| *entry /= norm);
        }
        let row = |row: usize| columns.iter().map(move |column| column[row]);
        Self {
            size,
            entries: (0..size).flat_map(row).collect(),
        }
    }

    pub(crate) fn apply(&self, x: &[f64]) -> Vec<f64> {
        self.rows().map(|row| dot(row, x)).collect()
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.entries.chunks(self.size)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `x - place`.
pub(crate) fn shifted(x: &[f64], place: &[f64]) -> Vec<f64> {
    x.iter().zip(place).map(|(x, place)| x - place).collect()
}

/// `i / (D - 1)` for each dimension.
pub(crate) fn ramp(dimension: usize) -> impl Iterator<Item = f64> {
    let last = (dimension - 1) as f64;
    (0..dimension).map(move |index| index as f64 / last)
}

/// The diagonal of Λ^α: `α^(i / (2 (D - 1)))`.
pub(crate) fn scales(dimension: usize, alpha: f64) -> Vec<f64> {
    let root = alpha.sqrt();
    ramp(dimension).map(|share| root.powf(share)).collect()
}

/// Λ^α x.
pub(crate) fn scaled(x: &[f64], scales: &[f64]) -> Vec<f64> {
    x.iter().zip(scales).map(|(x, scale)| x * scale).collect()
}

/// T_osz of one number: waves on the identity.
pub(crate) fn oscillated(x: f64) -> f64 {
    let (first, second) = match x {
        x if x > 0.0 => (10.0, 7.9),
        x if x < 0.0 => (5.5, 3.1),
        _ => return x,
    };
    let log = x.abs().ln();
    let waves = (first * log).sin() + (second * log).sin();
    (log + 0.049 * waves).exp().copysign(x)
}

/// T_osz.
pub(crate) fn oscillate(mut x: Vec<f64>) -> Vec<f64> {
    x.iter_mut().for_each(|x| *x = oscillated(*x));
    x
}

/// T_asy^β: stretches what is positive.
pub(crate) fn stretch(mut x: Vec<f64>, beta: f64) -> Vec<f64> {
    let shares = ramp(x.len()).collect::<Vec<_>>();
    for (x, share) in x.iter_mut().zip(shares) {
        if *x > 0.0 {
            *x = x.powf(1.0 + beta * share * x.sqrt());
        }
    }
    x
}

/// f_pen: what is outside [-5, 5].
pub(crate) fn penalty(x: &[f64]) -> f64 {
    let outside = x.iter().map(|x| (x.abs() - 5.0).max(0.0));
    outside.map(|outside| outside * outside).sum()
}

/// Sum of squares.
pub(crate) fn square_norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum()
}
