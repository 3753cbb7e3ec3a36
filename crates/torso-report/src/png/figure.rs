//! Puts a picture and its words together, as an SVG of its own.

use std::fmt::Write;

use super::page::{Body, Figure, Key, Row, Svg};
use crate::reading::shortened;
use crate::svg::escape;

/// Pixels around everything, and between columns.
const MARGIN: f64 = 16.0;
/// Where a picture is as wide as its place.
const USUAL_WIDTH: f64 = 720.0;
/// The columns of a forest plot: arm, picture, gain, word.
const COLUMNS: [f64; 4] = [176.0, 300.0, 190.0, 150.0];
/// Names and numbers in rows.
const ROW_TEXT: f64 = 13.0;
const SMALL: f64 = 12.0;
/// The width of an average letter, as a share of the size of the text.
const LETTER: f64 = 0.52;

/// What the words need beside the page's style sheet.
pub(super) const STYLE: &str = "
.sheet { color: var(--ink); }
.ground { fill: var(--paper); }
.title { fill: currentColor; font-size: 17px; }
.said { fill: currentColor; font-size: 13px; }
.small { font-size: 12px; }
";

/// The figure as an SVG of its own, with this style sheet.
pub(super) fn svg(figure: &Figure, style: &str) -> String {
    let width = match &figure.body {
        Body::Single(picture) => picture.width.unwrap_or(USUAL_WIDTH),
        Body::Forest(_) => COLUMNS.iter().sum::<f64>() + 3.0 * MARGIN,
    };
    let mut page = Sheet { width, y: MARGIN, content: String::new() };
    page.words(figure);
    match &figure.body {
        Body::Single(picture) => page.picture(picture),
        Body::Forest(rows) => rows.iter().for_each(|row| page.row(row)),
    }
    page.legend(&figure.legend);
    let title = match figure.title.as_str() {
        "" => figure.section.clone(),
        title => format!("{}: {title}", figure.section),
    };
    page.finish(style, &title)
}

/// A sheet that is filled from top to bottom.
struct Sheet {
    /// Pixels between the margins.
    width: f64,
    /// How far it is filled.
    y: f64,
    content: String,
}

impl Sheet {
    fn words(&mut self, figure: &Figure) {
        let title = if figure.title.is_empty() { &figure.section } else { &figure.title };
        if !figure.title.is_empty() {
            self.paragraph("small", SMALL, &figure.section);
        }
        self.paragraph("title", 17.0, title);
        self.paragraph("small", SMALL, &figure.about);
        // Rows on whole pixels have no seams between them.
        self.y = (self.y + MARGIN / 2.0).ceil();
    }

    /// Text in as many lines as it needs, but at most three.
    fn paragraph(&mut self, class: &str, size: f64, text: &str) {
        for line in lines(text, letters(self.width, size), 3) {
            self.y += 1.4 * size;
            self.text(class, MARGIN, self.y - 0.4 * size, "start", &line);
        }
    }

    fn picture(&mut self, picture: &Svg) {
        self.nested(MARGIN, self.y, (self.width, picture.height), &picture.source);
        self.y += picture.height;
    }

    /// A row of a forest plot, as high as its words need. Rows without gaps make one plot.
    fn row(&mut self, row: &Row) {
        const LINE: f64 = 1.3;
        /// The line that the first words stand on.
        const FIRST: f64 = 18.5;
        let [name, picture, gain, word] = COLUMNS;
        let notes = lines(&row.note, letters(word, SMALL), 4);
        // The axis is told in words as long as they need be, an arm by its name.
        let (class, names) = if row.word.is_empty() {
            ("small", lines(&row.name, letters(name, SMALL), 4))
        } else {
            ("said", vec![shortened(&row.name, letters(name, ROW_TEXT))])
        };
        let below = |n_lines: usize| LINE * SMALL * n_lines as f64;
        let with_notes = row.picture.height + below(notes.len());
        let with_names = FIRST + below(names.len().saturating_sub(1)) + MARGIN / 2.0;
        let height = with_notes.max(with_names).ceil();
        let mut x = MARGIN;
        let middle = self.y + FIRST;
        for (i, line) in names.iter().enumerate() {
            self.text(class, x, middle + below(i), "start", line);
        }
        x += name + MARGIN;
        // As on the page, lines behind the marks go through the whole row.
        let own = format!("height=\"{}\"", row.picture.height);
        let source = row.picture.source.replacen(&own, "height=\"100%\"", 1);
        self.nested(x, self.y, (picture, height), &source);
        x += picture + MARGIN;
        self.text("said", x + gain, middle, "end", &row.gain);
        x += gain + MARGIN;
        self.text(&format!("said {}", row.class), x, middle, "start", &row.word);
        for (i, line) in notes.iter().enumerate() {
            self.text("small", x, middle + below(i + 1), "start", line);
        }
        self.y += height;
    }

    /// Marks or lines in columns, and remarks on lines of their own.
    fn legend(&mut self, keys: &[Key]) {
        const KEY: f64 = 40.0;
        const LINE: f64 = 20.0;
        const COLUMN: f64 = 170.0;
        self.y += MARGIN / 2.0;
        let marks = keys.iter().filter(|key| key.picture.is_some());
        let longest = marks.map(|key| key.text.chars().count()).max().unwrap_or(0);
        let wanted = KEY + longest as f64 * SMALL * LETTER + MARGIN;
        let n_columns = (self.width / wanted.max(COLUMN)).floor().max(1.0);
        let column = self.width / n_columns;
        // How far the last line is filled; a full one is followed by the next.
        let mut x = self.width;
        for key in keys {
            let Some(picture) = &key.picture else {
                self.y += MARGIN / 4.0;
                self.paragraph("small", SMALL, &key.text);
                x = self.width;
                continue;
            };
            if x + column > self.width + 0.5 {
                (x, self.y) = (0.0, self.y + LINE);
            }
            let top = self.y - LINE + MARGIN / 4.0;
            self.nested(MARGIN + x, top, (KEY, LINE), picture);
            let text = shortened(&key.text, letters(column - KEY, SMALL));
            self.text("small", MARGIN + x + KEY, top + SMALL, "start", &text);
            x += column;
        }
    }

    fn text(&mut self, class: &str, x: f64, y: f64, anchor: &str, text: &str) {
        let (class, text) = (escape(class), escape(text));
        self.write(format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n"
        ));
    }

    /// A finished `svg` in a frame of this (width, height), which cuts what is outside.
    fn nested(&mut self, x: f64, y: f64, (width, height): (f64, f64), source: &str) {
        self.write(format_args!(
            "<svg x=\"{x}\" y=\"{y:.1}\" width=\"{width}\" height=\"{height:.1}\">{source}</svg>\n"
        ));
    }

    fn write(&mut self, text: std::fmt::Arguments) {
        self.content.write_fmt(text).expect("strings take all text");
    }

    fn finish(self, style: &str, title: &str) -> String {
        let (width, height) = (self.width + 2.0 * MARGIN, (self.y + MARGIN).ceil());
        let (title, content) = (escape(title), self.content);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"sheet\" role=\"img\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n<title>{title}</title>\n\
             <style>\n{style}</style>\n\
             <rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n{content}</svg>\n"
        )
    }
}

/// How many letters of this size fit.
fn letters(width: f64, size: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
    let letters = (width / (size * LETTER)).max(1.0) as usize;
    letters
}

/// Text in lines of at most so many letters, broken at spaces where there are some; text that
/// needs more than `most_lines` ends with `…`.
fn lines(text: &str, most_letters: usize, most_lines: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest: &str = text.trim();
    while !rest.is_empty() {
        if lines.len() + 1 == most_lines {
            lines.push(shortened(rest, most_letters));
            break;
        }
        let end = rest.char_indices().nth(most_letters).map_or(rest.len(), |(end, _)| end);
        let is_last = end == rest.len();
        let space = rest[..end].rfind(' ').filter(|_| !is_last);
        let (line, after) = rest.split_at(space.unwrap_or(end));
        lines.push(line.to_string());
        rest = after.trim_start();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_spaces_and_ends() {
        assert_eq!(lines("", 10, 3), Vec::<String>::new());
        assert_eq!(lines("one two three", 8, 3), ["one two", "three"]);
        assert_eq!(lines("abcdefghij", 4, 3), ["abcd", "efgh", "ij"]);
        assert_eq!(lines("abcdefghijkl", 4, 2), ["abcd", "efg…"]);
        assert_eq!(lines("ééééé éé", 5, 3), ["ééééé", "éé"]);
        assert_eq!(lines("one two", 7, 1), ["one two"]);
    }
}
