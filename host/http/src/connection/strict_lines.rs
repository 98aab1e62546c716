//! Every line of an HTTP/1.1 request ends in CR LF, and neither stands alone anywhere.
//!
//! Parsers that let a bare LF or CR pass disagree with others about where a request ends, and that
//! is what request smuggling lives on. This server takes nothing but forms and JSON on one line,
//! whose bodies hold neither character, so the rule can be kept for all bytes of a connection without knowing where
//! heads and bodies begin.

/// Watches a byte stream for a line end that is not CR LF.
#[derive(Debug, Default)]
pub(super) struct StrictLines {
    after_cr: bool,
}

impl StrictLines {
    /// How many bytes of the next piece of the stream are good: all, or those before the first
    /// that breaks the rule.
    pub(super) fn good(&mut self, piece: &[u8]) -> usize {
        for (position, byte) in piece.iter().enumerate() {
            let is_lf = *byte == b'\n';
            if is_lf != self.after_cr {
                return position;
            }
            self.after_cr = *byte == b'\r';
        }
        piece.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&str], expected: &[usize]) {
        let mut lines = StrictLines::default();
        let good: Vec<usize> = pieces
            .iter()
            .map(|piece| lines.good(piece.as_bytes()))
            .collect();
        assert_eq!(good, expected, "{pieces:?}");
    }

    #[test]
    fn whole_line_ends_pass_however_they_are_cut() {
        check(&["GET / HTTP/1.1\r\n\r\n"], &[18]);
        check(&["a\r", "\nb"], &[2, 2]);
        check(&["a", "\r\n", "\r", "\n", "b"], &[1, 2, 1, 1, 1]);
        check(&["", "\r\n"], &[0, 2]);
    }

    #[test]
    fn halves_do_not() {
        check(&["GET / HTTP/1.1\n"], &[14]);
        check(&["\n"], &[0]);
        check(&["a\rb"], &[2]);
        check(&["a\r\r\n"], &[2]);
        check(&["a\r", "b"], &[2, 0]);
        check(&["a\r\n\n"], &[3]);
    }
}
