//! Values from a list: numbers in their order, or words without one.

use diwan_core::domain::finite;

/// The values of a list, as they were written.
#[derive(Clone, Debug)]
pub(crate) struct List {
    texts: Vec<String>,
    /// The numbers that the texts are, rising; none for words.
    numbers: Option<Vec<f64>>,
}

// === impl List ===

impl List {
    /// Words, in the order given.
    pub(crate) fn words(list: &[String]) -> Self {
        Self {
            texts: list.to_vec(),
            numbers: None,
        }
    }

    /// The `numbers` that these texts are, sorted.
    pub(crate) fn numbers(list: &[String], numbers: Vec<f64>) -> Self {
        let texts = list.iter().map(|text| text.trim().to_owned());
        let mut pairs: Vec<_> = numbers.into_iter().zip(texts).collect();
        pairs.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let (numbers, texts) = pairs.into_iter().unzip();
        Self {
            texts,
            numbers: Some(numbers),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn at(&self, u: f64) -> u64 {
        (u * self.len() as f64) as u64
    }

    pub(crate) fn unit(&self, index: u64) -> f64 {
        (index as f64 + 0.5) / self.len() as f64
    }

    pub(crate) fn text(&self, index: u64) -> &str {
        &self.texts[self.position(index)]
    }

    /// The number at an index; its index, for words.
    pub(crate) fn number(&self, index: u64) -> f64 {
        let position = self.position(index);
        self.numbers
            .as_ref()
            .map_or(position as f64, |numbers| numbers[position])
    }

    /// The index of a value; numbers may be written differently than in the list.
    pub(crate) fn admit(&self, text: &str) -> Option<u64> {
        let same_text = self.texts.iter().position(|known| known == text);
        let position = same_text.or_else(|| {
            let number = finite(text)?;
            self.numbers
                .as_ref()?
                .iter()
                .position(|known| *known == number)
        });
        position.map(|position| position as u64)
    }

    fn position(&self, index: u64) -> usize {
        usize::try_from(index)
            .unwrap_or(usize::MAX)
            .min(self.len() - 1)
    }
}
