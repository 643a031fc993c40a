//! The images, from the file in `data/`, and their split into training and validation.

use std::fmt;

use ndarray::{Array2, ArrayView2, Axis};

/// Pixels of an image, row by row.
pub(crate) const PIXELS: usize = 64;
/// Digits there are.
pub(crate) const CLASSES: usize = 10;

const BRIGHTEST: u8 = 16;
/// Every third image is kept from training: always the same ones, so that the accuracies of all runs can be compared.
const VALIDATION_EVERY: usize = 3;

/// Images with the digits they show.
#[derive(Clone, Debug)]
pub(crate) struct Digits {
    /// One image a row, pixels from 0 to 1.
    pub(crate) images: Array2<f64>,
    /// The digit of each row, below [`CLASSES`].
    pub(crate) labels: Vec<usize>,
}

/// A line that is no image.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadLine {
    /// Counted from 1.
    line: usize,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line;
        write!(
            f,
            "line {line} must hold {PIXELS} pixels from 0 to {BRIGHTEST} and a digit, separated by commas"
        )
    }
}

impl Digits {
    /// The file that is compiled into the program.
    pub(crate) fn embedded() -> Result<Self, BadLine> {
        Self::parse(include_str!("../data/digits.csv"))
    }

    fn parse(text: &str) -> Result<Self, BadLine> {
        let mut images = Array2::zeros((0, PIXELS));
        let mut labels = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let bad = || BadLine { line: index + 1 };
            let (pixels, label) = parse_line(line).ok_or_else(bad)?;
            images
                .push_row(ArrayView2::from(&[pixels]).row(0))
                .map_err(|_| bad())?;
            labels.push(label);
        }
        Ok(Self { images, labels })
    }

    /// Training and validation images: always the same.
    pub(crate) fn split(&self) -> (Self, Self) {
        let is_validation = |row: &usize| row % VALIDATION_EVERY == VALIDATION_EVERY - 1;
        let (validation, training): (Vec<_>, Vec<_>) = (0..self.len()).partition(is_validation);
        (self.select(&training), self.select(&validation))
    }

    /// The images at these rows, in this order.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        Self {
            images: self.images.select(Axis(0), rows),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
        }
    }

    /// How many images there are.
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }
}

fn parse_line(line: &str) -> Option<([f64; PIXELS], usize)> {
    let numbers: Vec<u8> = line
        .split(',')
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    let (&label, pixels) = numbers.split_last()?;
    let pixels: [u8; PIXELS] = pixels.try_into().ok()?;
    let label = usize::from(label);
    let in_range = label < CLASSES && pixels.iter().all(|&pixel| pixel <= BRIGHTEST);
    in_range.then(|| {
        (
            pixels.map(|pixel| f64::from(pixel) / f64::from(BRIGHTEST)),
            label,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_file_has_every_image() {
        let digits = Digits::embedded().unwrap();
        assert_eq!(digits.images.dim(), (1797, PIXELS));
        assert_eq!(digits.labels[..11], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
        assert_eq!(
            digits.images[[0, 2]],
            5.0 / 16.0,
            "the third pixel of the first zero"
        );
    }

    #[test]
    fn the_split_uses_each_image_once_and_every_digit_on_both_sides() {
        let digits = Digits::embedded().unwrap();
        let (training, validation) = digits.split();
        assert_eq!((training.len(), validation.len()), (1198, 599));
        for digit in 0..CLASSES {
            let count = |part: &Digits| part.labels.iter().filter(|&&label| label == digit).count();
            assert_eq!(count(&training) + count(&validation), count(&digits));
            assert!(count(&validation) > 40, "digit {digit}");
        }
    }

    #[test]
    fn a_bad_line_is_named() {
        let good = format!("{}7", "0,".repeat(PIXELS));
        assert!(Digits::parse(&good).is_ok());
        let too_bright = format!("17,{}7", "0,".repeat(PIXELS - 1));
        let no_digit = format!("{}10", "0,".repeat(PIXELS));
        for bad in ["", "1,2,3", "x", &too_bright, &no_digit] {
            let text = format!("{good}\n{bad}\n{good}");
            assert_eq!(
                Digits::parse(&text).unwrap_err(),
                BadLine { line: 2 },
                "{bad}"
            );
        }
    }
}
