//! A table of numbers as a heat map: the sign by hue, the size by strength.
//!
//! A color begins at 0 and is strongest at the number of the largest size. Where there are more
//! rows or columns than a picture has room for, a cell shows the number farthest from 0 of several
//! of them, so that what is not 0 is never hidden. Cells of one color are one path, some 9 bytes a
//! cell: 139 x 139 are less than 200 kB. What is pointed at says its words: each cell where there
//! are few, else each row.

mod plan;

use std::fmt::Write;

use crate::number::{Digits, UNKNOWN};
use crate::svg::Element;
use plan::{Plan, Side};

/// Colors of each sign.
const LEVELS: usize = 10;
/// Sizes below this share of the largest are rounding errors.
const DUST: f64 = 1e-6;
/// With more columns than this, cells have no numbers.
const MOST_WITH_NUMBERS: usize = 12;

/// A table of which one number at least is known, and how to write it.
pub(crate) struct Heat<'a> {
    rows: &'a [String],
    columns: &'a [String],
    values: &'a [f64],
    /// The largest size.
    most: f64,
}

impl<'a> Heat<'a> {
    /// None where nothing is known, or the numbers do not fit the names. `values` is
    /// `[rows, columns]`, row-major.
    pub(crate) fn new(
        rows: &'a [String],
        columns: &'a [String],
        values: &'a [f64],
    ) -> Option<Self> {
        let sizes = values.iter().map(|value| value.abs()).filter(|size| size.is_finite());
        let most = sizes.reduce(f64::max)?;
        let fits = rows.len().checked_mul(columns.len()) == Some(values.len());
        fits.then_some(Self { rows, columns, values, most })
    }

    /// The largest size.
    pub(crate) fn most(&self) -> f64 {
        self.most
    }

    /// How the numbers are written.
    pub(crate) fn digits(&self) -> Digits {
        Digits::significant(self.most, 3)
    }

    /// How many colors a number is away from 0, with its sign; 0 where it is not known.
    pub(crate) fn level(&self, value: f64) -> (bool, usize) {
        let share = (value / self.most).abs();
        if !share.is_finite() || share <= DUST {
            return (false, 0);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10")]
        let level = (LEVELS as f64 * share - DUST).ceil() as usize;
        (value < 0.0, level.clamp(1, LEVELS))
    }

    /// The picture with at most so many rows and columns.
    pub(crate) fn picture(&self, most_lines: usize, title: &str) -> String {
        let [rows, columns] = [self.rows, self.columns].map(|names| Side::new(names, most_lines));
        let has_numbers = columns.len() <= MOST_WITH_NUMBERS && rows.are_named();
        let plan = Plan::new(&rows, &columns, has_numbers);
        let (width, height) = plan.size();
        let cells = Cells { heat: self, rows, columns, has_numbers };
        Element::new("svg")
            .set("class", "heat")
            .set("role", "img")
            .set("width", width)
            .set("height", height)
            .set("viewBox", format_args!("0 0 {width} {height}"))
            .title(title)
            .children(plan.names())
            .child(cells.colors(&plan))
            .children(if has_numbers { cells.numbers(&plan) } else { Vec::new() })
            .children(cells.words(&plan))
            .render()
    }

    /// How many (rows, columns) one cell stands for.
    pub(crate) fn lines_of_cell(&self, most_lines: usize) -> (usize, usize) {
        let step = |names: &[String]| Side::new(names, most_lines).step;
        (step(self.rows), step(self.columns))
    }
}

/// The cells that are drawn.
struct Cells<'a> {
    heat: &'a Heat<'a>,
    rows: Side<'a>,
    columns: Side<'a>,
    has_numbers: bool,
}

impl Cells<'_> {
    /// The known number farthest from 0; `NaN` without one.
    fn at(&self, row: usize, column: usize) -> f64 {
        let n_columns = self.heat.columns.len();
        let columns = self.columns.range(column);
        let values = self.rows.range(row).flat_map(|i| {
            &self.heat.values[n_columns * i + columns.start..n_columns * i + columns.end]
        });
        let known = values.copied().filter(|value| value.is_finite());
        known.reduce(|a, b| if b.abs() > a.abs() { b } else { a }).unwrap_or(f64::NAN)
    }

    /// A path for each color, of strokes as high as a row.
    fn colors(&self, plan: &Plan) -> Element {
        let mut strokes = [const { String::new() }; 2 * LEVELS];
        for row in 0..self.rows.len() {
            let colors: Vec<(bool, usize)> = (0..self.columns.len())
                .map(|column| self.heat.level(self.at(row, column)))
                .collect();
            let mut column = 0;
            for run in colors.chunk_by(|a, b| a == b) {
                let (is_negative, level) = run[0];
                if level > 0 {
                    let path = &mut strokes[level - 1 + if is_negative { LEVELS } else { 0 }];
                    write!(path, "M{column} {row}h{}", run.len()).expect("strings take all text");
                }
                column += run.len();
            }
        }
        // Numbers are read on half the strength.
        let strongest = if self.has_numbers { 0.5 } else { 1.0 };
        let path = |(color, d): (usize, String)| {
            let opacity = strongest * (color % LEVELS + 1) as f64 / LEVELS as f64;
            let class = if color < LEVELS { "above" } else { "below" };
            let path = Element::new("path").set("class", class).set("d", d);
            path.set("stroke-opacity", format_args!("{opacity:.2}"))
        };
        let (width, height) = plan.cell;
        let (x, y) = plan.corner(0, 0);
        let place = format!("translate({x} {}) scale({width} {height})", y + height / 2.0);
        let used = strokes.into_iter().enumerate().filter(|(_, d)| !d.is_empty());
        Element::new("g").set("transform", place).children(used.map(path))
    }

    fn numbers(&self, plan: &Plan) -> Vec<Element> {
        let number = |(row, column)| {
            let (x, y) = plan.corner(row, column);
            let place = Element::new("text").set("class", "number");
            let place = place.set("x", x + plan.cell.0 / 2.0).set("y", y + plan.cell.1 / 2.0 + 4.0);
            place.text(&self.heat.digits().plain(self.at(row, column)))
        };
        self.places().map(number).collect()
    }

    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let n_columns = self.columns.len();
        (0..self.rows.len()).flat_map(move |row| (0..n_columns).map(move |column| (row, column)))
    }

    /// What cells say where there are few, else what rows say.
    fn words(&self, plan: &Plan) -> Vec<Element> {
        const MOST_CELLS: usize = 900;
        let digits = self.heat.digits();
        let cell = |(row, column)| {
            let number = digits.plain(self.at(row, column));
            let title = format!("{}, {}: {number}", self.rows.name(row), self.columns.name(column));
            plan.rect(plan.corner(row, column), (1.0, 1.0)).title(&title)
        };
        if self.rows.len() * self.columns.len() <= MOST_CELLS {
            return self.places().map(cell).collect();
        }
        let row = |row| {
            let area = plan.rect(plan.corner(row, 0), (self.columns.len() as f64, 1.0));
            area.title(&self.row_in_words(row))
        };
        (0..self.rows.len()).map(row).collect()
    }

    /// `a: from −0.30 (c) to 0.91 (b)`; a line's cell with itself is left out.
    fn row_in_words(&self, row: usize) -> String {
        let name = self.rows.name(row);
        let is_square = self.heat.rows == self.heat.columns;
        let others = (0..self.columns.len()).filter(|column| !is_square || *column != row);
        let known = others.map(|column| (self.at(row, column), column));
        let known: Vec<(f64, usize)> = known.filter(|(value, _)| value.is_finite()).collect();
        let end = |(value, column): &(f64, usize)| {
            format!("{} ({})", self.heat.digits().plain(*value), self.columns.name(*column))
        };
        let low = known.iter().min_by(|a, b| a.0.total_cmp(&b.0));
        let high = known.iter().max_by(|a, b| a.0.total_cmp(&b.0));
        match (low, high) {
            (Some(low), Some(high)) => format!("{name}: from {} to {}", end(low), end(high)),
            _ => format!("{name}: {UNKNOWN}"),
        }
    }
}

#[cfg(test)]
mod tests;
