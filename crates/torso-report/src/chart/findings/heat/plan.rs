//! Where the rows, columns and names of a heat map are.

use std::ops::Range;

use crate::reading::shortened;
use crate::svg::Element;

/// With more rows or columns than this, they have no names and cells no numbers.
const MOST_NAMED: usize = 40;
/// The most letters of a name in words.
const MOST_LETTERS: usize = 60;
/// How far a name that leans by 45 degrees reaches across and up.
const SLANT: f64 = 0.71;

/// The rows or the columns of the picture.
pub(super) struct Side<'a> {
    names: &'a [String],
    /// How many of them are one line.
    pub step: usize,
}

impl<'a> Side<'a> {
    pub(super) fn new(names: &'a [String], most: usize) -> Self {
        Self { names, step: names.len().div_ceil(most.max(1)).max(1) }
    }

    pub(super) fn len(&self) -> usize {
        self.names.len().div_ceil(self.step)
    }

    pub(super) fn are_named(&self) -> bool {
        self.step == 1 && self.names.len() <= MOST_NAMED
    }

    pub(super) fn range(&self, line: usize) -> Range<usize> {
        self.step * line..(self.step * (line + 1)).min(self.names.len())
    }

    /// `a`, or `a to f`.
    pub(super) fn name(&self, line: usize) -> String {
        let names = &self.names[self.range(line)];
        let short = |name: &String| shortened(name, MOST_LETTERS);
        match names {
            [first, .., last] => format!("{} to {}", short(first), short(last)),
            _ => names.first().map(short).unwrap_or_default(),
        }
    }

    /// The names as they stand beside the cells; none where they have no room.
    fn labels(&self, most_letters: usize) -> Vec<String> {
        let names = if self.are_named() { self.names } else { &[] };
        names.iter().map(|name| shortened(name, most_letters)).collect()
    }
}

/// Where everything is, in pixels.
pub(super) struct Plan {
    left: f64,
    top: f64,
    /// The width and height of a cell.
    pub cell: (f64, f64),
    /// How many (columns, rows) of cells.
    n_cells: (f64, f64),
    row_labels: Vec<String>,
    column_labels: Vec<String>,
}

impl Plan {
    pub(super) fn new(rows: &Side, columns: &Side, has_numbers: bool) -> Self {
        const ROOM: f64 = 560.0;
        const USUAL: f64 = 20.0;
        const WITH_NUMBER: f64 = 58.0;
        let across = |side: &Side| {
            if side.are_named() {
                USUAL
            } else {
                (ROOM / side.len() as f64).floor().clamp(3.0, USUAL)
            }
        };
        let (row_labels, column_labels) = (rows.labels(24), columns.labels(18));
        let longest = |labels: &[String]| labels.iter().map(|l| width(l)).fold(0.0, f64::max);
        Self {
            left: (longest(&row_labels) + 8.0).ceil(),
            top: (longest(&column_labels) * SLANT + 16.0).ceil(),
            n_cells: (columns.len() as f64, rows.len() as f64),
            cell: (if has_numbers { WITH_NUMBER } else { across(columns) }, across(rows)),
            row_labels,
            column_labels,
        }
    }

    /// The name of the last column leans over the edge.
    pub(super) fn size(&self) -> (f64, f64) {
        let last = self.column_labels.last().map_or(0.0, |label| width(label) * SLANT);
        let beyond = (last - self.cell.0 / 2.0).max(0.0).ceil() + 3.0;
        let width = self.left + self.cell.0 * self.n_cells.0 + beyond;
        (width, self.top + self.cell.1 * self.n_cells.1 + 1.0)
    }

    /// The upper left corner of a cell.
    pub(super) fn corner(&self, row: usize, column: usize) -> (f64, f64) {
        (self.left + self.cell.0 * column as f64, self.top + self.cell.1 * row as f64)
    }

    pub(super) fn names(&self) -> Vec<Element> {
        let (x, y) = (self.left - 6.0, self.cell.1 / 2.0 + 4.0);
        let row = |(i, name): (usize, &String)| {
            let y = self.corner(i, 0).1 + y;
            Element::new("text").set("x", x).set("y", y).set("text-anchor", "end").text(name)
        };
        let column = |(j, name): (usize, &String)| {
            let x = self.corner(0, j).0 + self.cell.0 / 2.0;
            let place = format!("translate({x} {}) rotate(-45)", self.top - 6.0);
            Element::new("text").set("transform", place).text(name)
        };
        let frame = self.rect((self.left, self.top), self.n_cells).set("class", "grid");
        let rows = self.row_labels.iter().enumerate().map(row);
        let columns = self.column_labels.iter().enumerate().map(column);
        rows.chain(columns).chain([frame]).collect()
    }

    /// An area of so many cells across and down.
    pub(super) fn rect(&self, (x, y): (f64, f64), (wide, high): (f64, f64)) -> Element {
        let (width, height) = (self.cell.0 * wide, self.cell.1 * high);
        let corner = Element::new("rect").set("x", x).set("y", y);
        corner.set("width", width).set("height", height)
    }
}

/// About how wide a text is.
fn width(text: &str) -> f64 {
    text.chars().map(|c| if c.is_ascii() { 7.4 } else { 12.0 }).sum()
}
