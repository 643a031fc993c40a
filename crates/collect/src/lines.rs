//! Bytes, cut into lines.

/// The longest line that is read, in bytes. The rest of a longer one is passed over.
pub const MAX_LINE: usize = 64 << 10;

/// That some lines were longer than [`MAX_LINE`]; nothing if none was.
#[must_use]
pub fn told_cut(count: u64) -> Option<String> {
    let limit = MAX_LINE >> 10;
    match count {
        0 => None,
        1 => Some(format!(
            "1 line is longer than {limit} KiB; the rest of it was passed over"
        )),
        _ => Some(format!(
            "{count} lines are longer than {limit} KiB; the rest of each was passed over"
        )),
    }
}

/// One line, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where it starts, in bytes from the start of the stream.
    pub offset: u64,
    /// How many `\n` the splitter saw before it.
    pub number: u64,
    /// At most [`MAX_LINE`] bytes; never none.
    pub bytes: &'a [u8],
    /// Whether the line is longer.
    pub is_cut: bool,
}

/// Cuts a stream into lines, whatever the chunks that it comes in.
///
/// A line ends at `\n`, `\r\n`, or at `\r` alone, with which progress bars draw themselves again. Empty lines are passed over.
///
/// A run of zero bytes at the start of a line stands for data that is gone (a hole in a log that was shortened from the
/// front). It is passed over, and with it the line that it ends in, of which only the end is left.
#[derive(Clone, Debug, Default)]
pub struct LineSplitter {
    /// Where the unfinished line starts.
    start: u64,
    /// How long it is so far.
    length: u64,
    /// Its first bytes.
    held: Vec<u8>,
    /// Whether its start is gone.
    is_torn: bool,
    newlines: u64,
}

impl LineSplitter {
    /// Starts at `cursor`, which must be the start of a line or what [`cursor`](Self::cursor) gave.
    #[must_use]
    pub fn new(cursor: u64) -> Self {
        Self {
            start: cursor,
            ..Self::default()
        }
    }

    /// Takes the next bytes, calls `each` for every line that ends in them.
    pub fn push(&mut self, mut chunk: &[u8], mut each: impl FnMut(Line<'_>)) {
        loop {
            chunk = self.without_hole(chunk);
            let Some(end) = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                break;
            };
            if self.length == 0 {
                self.length = size(end);
                self.end_line(&chunk[..end.min(MAX_LINE)], &mut each);
            } else {
                self.hold(&chunk[..end]);
                self.end_held(&mut each);
            }
            self.start += 1;
            self.newlines += u64::from(chunk[end] == b'\n');
            chunk = &chunk[end + 1..];
        }
        self.hold(chunk);
    }

    /// Ends the unfinished line, if there is one: no more bytes come.
    pub fn finish(&mut self, mut each: impl FnMut(Line<'_>)) {
        self.end_held(&mut each);
    }

    /// Where to start again: all lines before it were given to `each`.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        // On the last zero byte of a hole, so that the line is known as torn then too.
        self.start.saturating_sub(u64::from(self.is_torn))
    }

    /// Where the next byte to push stands in the stream.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.start.saturating_add(self.length)
    }

    fn without_hole<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        if self.length > 0 || chunk.first() != Some(&0) {
            return chunk;
        }
        let hole = chunk
            .iter()
            .position(|byte| *byte != 0)
            .unwrap_or(chunk.len());
        self.is_torn = true;
        self.start += size(hole);
        &chunk[hole..]
    }

    fn hold(&mut self, bytes: &[u8]) {
        self.length += size(bytes.len());
        let room = MAX_LINE.saturating_sub(self.held.len());
        self.held.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end_held(&mut self, each: &mut impl FnMut(Line<'_>)) {
        let held = std::mem::take(&mut self.held);
        self.end_line(&held, each);
        self.held = held;
        self.held.clear();
    }

    fn end_line(&mut self, bytes: &[u8], each: &mut impl FnMut(Line<'_>)) {
        if !bytes.is_empty() && !self.is_torn {
            let is_cut = self.length > size(bytes.len());
            each(Line {
                offset: self.start,
                number: self.newlines,
                bytes,
                is_cut,
            });
        }
        self.start += self.length;
        self.length = 0;
        self.is_torn = false;
    }
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Owned = (u64, Vec<u8>, bool);

    fn owned(line: Line<'_>) -> Owned {
        (line.offset, line.bytes.to_vec(), line.is_cut)
    }

    /// The lines of `bytes`, pushed in chunks of the given lengths, and the cursor after each chunk.
    fn split(start: usize, bytes: &[u8], chunks: &[usize]) -> (Vec<Owned>, Vec<u64>) {
        let mut splitter = LineSplitter::new(size(start));
        let (mut lines, mut cursors, mut rest) = (Vec::new(), Vec::new(), &bytes[start..]);
        for length in chunks.iter().chain([&usize::MAX]) {
            let (chunk, later) = rest.split_at((*length).min(rest.len()));
            splitter.push(chunk, |line| lines.push(owned(line)));
            cursors.push(splitter.cursor());
            rest = later;
        }
        assert_eq!(splitter.position(), size(bytes.len()));
        splitter.finish(|line| lines.push(owned(line)));
        (lines, cursors)
    }

    fn texts(bytes: &[u8]) -> Vec<(u64, String)> {
        let (lines, _) = split(0, bytes, &[]);
        lines
            .into_iter()
            .map(|(offset, bytes, _)| (offset, String::from_utf8(bytes).unwrap()))
            .collect()
    }

    #[test]
    fn every_kind_of_end() {
        let expected = [(0, "a"), (2, "b"), (6, "c"), (8, "d")]
            .map(|(offset, text)| (offset, text.to_owned()));
        assert_eq!(texts(b"a\nb\r\n\nc\rd"), expected);
        assert_eq!(texts(b"\n\r\n"), []);
    }

    #[test]
    fn numbers_count_newlines_alone() {
        let mut numbers = Vec::new();
        LineSplitter::new(0).push(b"a\r\nb\rc\n\nd\n", |line| numbers.push(line.number));
        assert_eq!(numbers, [0, 1, 1, 3]);
    }

    #[test]
    fn long_lines_are_cut() {
        let mut bytes = vec![b'x'; MAX_LINE + 1];
        bytes.extend(b"\ny\n");
        for chunks in [vec![], vec![1000; 70]] {
            let (lines, _) = split(0, &bytes, &chunks);
            assert_eq!(
                lines
                    .iter()
                    .map(|line| (line.0, line.1.len(), line.2))
                    .collect::<Vec<_>>(),
                [(0, MAX_LINE, true), (size(MAX_LINE) + 2, 1, false)]
            );
        }
    }

    #[test]
    fn cut_lines_are_told_with_the_limit() {
        assert_eq!(told_cut(0), None);
        let one = "1 line is longer than 64 KiB; the rest of it was passed over";
        assert_eq!(told_cut(1).as_deref(), Some(one));
        let more = "2 lines are longer than 64 KiB; the rest of each was passed over";
        assert_eq!(told_cut(2).as_deref(), Some(more));
    }

    #[test]
    fn a_hole_and_the_rest_of_its_line_are_passed_over() {
        assert_eq!(texts(b"\0\0\0ss=1\na\0b\n"), [(8, "a\0b".to_owned())]);
        assert_eq!(texts(b"\0\0\nb"), [(3, "b".to_owned())]);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_lines(
            bytes in prop::collection::vec(prop::sample::select(b"ab\n\r\0\xff".to_vec()), 0..60),
            chunks in prop::collection::vec(0_usize..9, 0..20),
        ) {
            prop_assert_eq!(split(0, &bytes, &chunks).0, split(0, &bytes, &[]).0);
        }

        #[test]
        fn any_cursor_resumes_without_loss_or_doubles(
            bytes in prop::collection::vec(prop::sample::select(b"ab\n\r\0".to_vec()), 0..60),
            chunks in prop::collection::vec(0_usize..9, 0..20),
        ) {
            let (all, cursors) = split(0, &bytes, &chunks);
            for cursor in cursors {
                let before = all.iter().filter(|line| line.0 < cursor).cloned();
                let (after, _) = split(usize::try_from(cursor).unwrap(), &bytes, &[]);
                prop_assert_eq!(before.chain(after).collect::<Vec<_>>(), all.clone());
            }
        }
    }
}
