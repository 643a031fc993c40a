//! Values from a list: numbers in their order, or words without one.

/// The values of a list, as they were written.
#[derive(Clone, Debug)]
pub(crate) struct List {
    texts: Vec<String>,
    /// The numbers that the texts are, rising; none for words.
    numbers: Option<Vec<f64>>,
}

// === impl List ===

impl List {
    /// Words, in the order given, each once.
    pub(crate) fn words(list: &[String]) -> Self {
        let mut texts: Vec<String> = Vec::new();
        for word in list {
            if !texts.contains(word) {
                texts.push(word.clone());
            }
        }
        Self {
            texts,
            numbers: None,
        }
    }

    /// Numbers, sorted, each once however written. Fails with the first text that is no finite number.
    pub(crate) fn numbers(list: &[String]) -> Result<Self, &str> {
        let mut pairs = Vec::new();
        for text in list {
            let number = parse_finite(text).ok_or(text.as_str())?;
            pairs.push((number + 0.0, text.trim().to_owned())); // -0 becomes 0
        }
        pairs.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        pairs.dedup_by(|(a, _), (b, _)| a == b);
        let (numbers, texts) = pairs.into_iter().unzip();
        Ok(Self {
            texts,
            numbers: Some(numbers),
        })
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
            let number = parse_finite(text)?;
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

/// Reads a finite number.
pub(crate) fn parse_finite(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}
