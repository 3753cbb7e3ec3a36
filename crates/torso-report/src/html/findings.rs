//! What was found out about tasks and features: a block for each finding, with its picture.

use serde::Serialize;
use torso_core::finding::Finding;
use torso_core::record::{RunRecord, TrainRecord};

use super::matrix::{Cell, Matrix};
use super::pictures::MOST_LETTERS;
use crate::chart::findings::bars::{self, Bar};
use crate::chart::findings::heat::Heat;
use crate::chart::findings::path::{self, Point};
use crate::number::{Digits, count, counted, three};
use crate::reading::shortened;
use crate::words::{self, Group, Sentence};

/// The section.
#[derive(Serialize)]
pub(super) struct Learned<'a> {
    /// Of the solution as a whole.
    said: Vec<Sentence>,
    arms: Vec<Arm<'a>>,
    /// Whether arms are closed until somebody opens them.
    is_collapsed: bool,
}

#[derive(Serialize)]
struct Arm<'a> {
    name: &'a str,
    about: String,
    findings: Vec<Block>,
}

/// One finding. Whatever it has not is empty.
#[derive(Default, Serialize)]
struct Block {
    name: String,
    about: String,
    picture: Option<String>,
    /// Whether the picture is not as wide as its place.
    has_own_width: bool,
    /// Whether it needs the page's whole width.
    is_wide: bool,
    groups: Vec<Group>,
    /// What the picture shows and leaves out.
    said: Vec<Sentence>,
    numbers: Option<Matrix>,
}

/// Of a training: the solution as a whole, and all findings.
pub(super) fn of_training(record: &TrainRecord) -> Option<Learned<'_>> {
    let certificate = words::certificate(record).map(|text| Sentence::default().text(text));
    let said: Vec<Sentence> = certificate.into_iter().chain(words::parameters(record)).collect();
    let arms = arms([(record.method.as_str(), record.findings.as_slice())].into_iter());
    (!said.is_empty() || !arms.is_empty()).then_some(Learned { said, arms, is_collapsed: false })
}

/// Of the arms that found something.
pub(super) fn of_comparison(record: &RunRecord) -> Option<Learned<'_>> {
    const MOST_OPEN: usize = 2;
    let found = record.findings.iter().map(|own| (own.arm.as_str(), own.findings.as_slice()));
    let arms = arms(found);
    let is_collapsed = arms.len() > MOST_OPEN;
    (!arms.is_empty()).then_some(Learned { said: Vec::new(), arms, is_collapsed })
}

fn arms<'a>(found: impl Iterator<Item = (&'a str, &'a [Finding])> + Clone) -> Vec<Arm<'a>> {
    let all = found.clone().flat_map(|(_, findings)| findings);
    let lines = lines_of_matrices(all.filter(|f| matches!(f, Finding::Matrix { .. })).count());
    let arm = |(name, findings): (&'a str, &'a [Finding])| Arm {
        name,
        about: counted(findings.len(), "finding"),
        findings: findings.iter().map(|finding| block(finding, lines)).collect(),
    };
    found.filter(|(_, findings)| !findings.is_empty()).map(arm).collect()
}

/// The most rows and columns of each of so many matrices: together they have some 50,000 cells,
/// less than half a megabyte, so that a page with many arms stays small. One or two hold 139 tasks.
fn lines_of_matrices(n: usize) -> usize {
    const CELLS: usize = 50_000;
    (CELLS / n.max(1)).isqrt().clamp(24, 160)
}

fn block(finding: &Finding, lines: usize) -> Block {
    let block = match finding {
        Finding::Matrix { name, rows, columns, values } => {
            matrix(name, (rows, columns), values, lines)
        }
        Finding::Groups { items, groups, .. } => partition(items, groups),
        Finding::Bars { name, items, values } => strengths(name, items, values),
        Finding::Path { name, parameter, values, losses, errors, chosen } => {
            let points = points(parameter, values, losses, errors);
            cross_validation(name, parameter, &points, *chosen)
        }
    };
    Block { name: heading(finding.name()), ..block }
}

/// A name with a capital.
fn heading(name: &str) -> String {
    const MOST_LETTERS: usize = 120;
    let mut letters = name.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    shortened(&first.chain(letters).collect::<String>(), MOST_LETTERS)
}

fn sentence(text: impl Into<String>) -> Sentence {
    Sentence::default().text(text)
}

fn matrix(
    name: &str,
    (rows, columns): (&[String], &[String]),
    values: &[f64],
    lines: usize,
) -> Block {
    const MOST_ROWS_IN_NUMBERS: usize = 150;
    const MOST_COLUMNS_IN_NUMBERS: usize = 12;
    /// Larger ones need the page's width.
    const MOST_LINES_BESIDE: usize = 12;
    let size = format!("{} × {}", count(rows.len()), count(columns.len()));
    let Some(heat) = Heat::new(rows, columns, values) else {
        let said = vec![sentence("No number of it is known.")];
        return Block { about: size, said, ..Block::default() };
    };
    let digits = heat.digits();
    let known = || values.iter().copied().filter(|value| value.is_finite());
    let range =
        digits.range(known().fold(heat.most(), f64::min), known().fold(-heat.most(), f64::max));
    let cell = |i: usize, j: usize| {
        let value = values[columns.len() * i + j];
        let (is_negative, level) = heat.level(value);
        let side = if is_negative { "conflict" } else { "agree" };
        Cell { class: format!("{side} tenth{level}"), text: digits.plain(value) }
    };
    let has_numbers =
        rows.len() <= MOST_ROWS_IN_NUMBERS && columns.len() <= MOST_COLUMNS_IN_NUMBERS;
    let is_signed = known().any(|value| value < 0.0);
    let strongest = digits.plain(heat.most());
    let key = if is_signed {
        format!("Blue is above 0, orange below; both are strongest at a size of {strongest}.")
    } else {
        format!("No color is 0, the strongest {strongest}.")
    };
    let blocks = match heat.lines_of_cell(lines) {
        (1, 1) => None,
        (r, c) => Some(format!(
            " To keep the page small, a cell shows the number farthest from 0 of up to {} and {}, \
             in the order given.",
            counted(r, "row"),
            counted(c, "column"),
        )),
    };
    let title = format!("{}: {size}, from {range}", shortened(name, MOST_LETTERS));
    Block {
        about: format!("{size}, from {range}"),
        picture: Some(heat.picture(lines, &title)),
        has_own_width: true,
        is_wide: rows.len().max(columns.len()) > MOST_LINES_BESIDE,
        said: vec![sentence(key + &blocks.unwrap_or_default())],
        numbers: has_numbers.then(|| Matrix::new(rows.iter(), columns.iter(), cell)),
        ..Block::default()
    }
}

fn partition(items: &[String], groups: &[usize]) -> Block {
    const MOST_GROUPS: usize = 40;
    const MOST_MEMBERS: usize = 60;
    let (groups, more) = words::groups(items, groups, MOST_GROUPS, MOST_MEMBERS);
    Block {
        about: counted(items.len(), "item"),
        groups,
        said: more.into_iter().map(sentence).collect(),
        is_wide: true,
        ..Block::default()
    }
}

fn strengths(name: &str, items: &[String], values: &[f64]) -> Block {
    const MOST_BARS: usize = 30;
    /// So that a name and its number fit a phone.
    const MOST_LETTERS_ON_BAR: usize = 32;
    let known = |(_, value): &(&String, f64)| value.is_finite();
    let mut known: Vec<(&String, f64)> =
        items.iter().zip(values.iter().copied()).filter(known).collect();
    let n_unknown = items.len() - known.len();
    let n_zero = known.iter().filter(|(_, value)| *value == 0.0).count();
    let n_used = known.len() - n_zero;
    known.sort_by(|a, b| b.1.total_cmp(&a.1));
    let number = |value: f64| if value == 0.0 { "0".to_string() } else { three(value) };
    let bar = |(item, value): &(&String, f64)| Bar {
        value: *value,
        name: shortened(item, MOST_LETTERS_ON_BAR),
        number: number(*value),
        title: format!("{}: {}", shortened(item, MOST_LETTERS), number(*value)),
    };
    let drawn: Vec<Bar> = known.iter().take(MOST_BARS).map(bar).collect();
    let zero = match n_zero {
        0 => String::new(),
        n => format!("{} of {} are exactly 0.", count(n), count(items.len())),
    };
    let more = match n_used.saturating_sub(MOST_BARS) {
        0 => String::new(),
        n => format!("The largest {MOST_BARS}; {} more are not 0. ", count(n)),
    };
    let unknown = match n_unknown {
        0 => String::new(),
        n => format!(" {} are not known.", count(n)),
    };
    let about = match items.len() {
        n if n == n_used => counted(n, "number"),
        n => format!("{} of {} not 0", count(n_used), count(n)),
    };
    let title = format!("{}: {about}; the largest: ", shortened(name, MOST_LETTERS));
    let largest: Vec<&str> = drawn.iter().take(3).map(|bar| bar.title.as_str()).collect();
    let picture = (n_used > 0).then(|| bars::picture(&drawn, &(title + &largest.join("; "))));
    Block {
        about,
        picture,
        said: Some(format!("{more}{zero}{unknown}"))
            .filter(|said| !said.is_empty())
            .map(sentence)
            .into_iter()
            .collect(),
        ..Block::default()
    }
}

fn points(parameter: &str, values: &[f64], losses: &[f64], errors: &[f64]) -> Vec<Point> {
    let name = shortened(parameter, MOST_LETTERS);
    let errors = errors.iter().copied().chain(std::iter::repeat(f64::NAN));
    let point = |((value, loss), error): ((&f64, &f64), f64)| Point {
        value: *value,
        loss: *loss,
        error,
        title: format!(
            "{name} {}: loss {}",
            words::parameter(*value),
            loss_and_error(*loss, error)
        ),
    };
    values.iter().zip(losses).zip(errors).map(point).collect()
}

/// `0.412 ± 0.010`, with two digits of the error.
fn loss_and_error(loss: f64, error: f64) -> String {
    if !error.is_finite() || error <= 0.0 {
        return three(loss);
    }
    let digits = Digits::significant(error, 2);
    format!("{} ± {}", digits.plain(loss), digits.plain(error))
}

fn cross_validation(name: &str, parameter: &str, points: &[Point], chosen: usize) -> Block {
    const MOST_LETTERS_OF_AXIS: usize = 24;
    let known = points.iter().filter(|point| point.loss.is_finite() && point.value.is_finite());
    let Some(lowest) = known.min_by(|a, b| a.loss.total_cmp(&b.loss)) else {
        let said = vec![sentence("No loss of it is known.")];
        return Block { said, ..Block::default() };
    };
    let at = |sentence: Sentence, point: &Point| {
        let value = words::parameter(point.value);
        let sentence = sentence.name(parameter).text(format!(" = {value}, loss "));
        sentence.text(format!("{}.", loss_and_error(point.loss, point.error)))
    };
    let mut said = Sentence::default();
    if let Some(point) = points.get(chosen) {
        said = at(said.text("Chosen, with a ring: "), point).text(" ");
    }
    if points.get(chosen).is_none_or(|point| point.loss.to_bits() != lowest.loss.to_bits()) {
        said = at(said.text("The lowest: "), lowest).text(" ");
    }
    said = said.text("The band is one standard error to each side.");
    let plain = said.with_names(str::to_string, str::to_string);
    let title = format!("{}: {plain}", shortened(name, MOST_LETTERS));
    let axis = shortened(parameter, MOST_LETTERS_OF_AXIS);
    Block {
        about: counted(points.len(), "value"),
        picture: Some(path::picture(&axis, points, Some(chosen), &title)),
        said: vec![said],
        ..Block::default()
    }
}
