//! The critical-difference diagram: arms at their mean ranks on one axis, thick bars over those
//! that are not told apart.

use torso_core::record::Ranks;

use super::{line, tenth};
use crate::reading::shortened;
use crate::svg::{Element, picture};

/// Names stand in the outer parts of the width, the axis between them.
const LEFT: f64 = 0.31;
const RIGHT: f64 = 1.0 - LEFT;
/// Letters of a name that fit beside the axis on a phone.
const MOST_LETTERS: usize = 16;
/// Where the axis is, in pixels down.
const AXIS: f64 = 56.0;
/// From bar to bar.
const BAR: f64 = 7.0;
/// From name to name.
const ROW: f64 = 19.0;

/// The diagram. The best rank is at the left.
pub(crate) fn diagram(ranks: &Ranks, title: &str) -> String {
    let known: Vec<(&str, f64)> = ranks
        .arms
        .iter()
        .filter(|(_, rank)| rank.is_finite())
        .map(|(arm, rank)| (arm.as_str(), *rank))
        .collect();
    let axis = Axis { n_arms: ranks.arms.len().max(2) as f64 };
    let first_row = AXIS + 14.0 + BAR * ranks.groups.len() as f64 + ROW / 2.0;
    let n_rows = known.len().div_ceil(2);
    let height = first_row + ROW * n_rows as f64;
    let half = known.len() / 2 + known.len() % 2;
    let at_left = known[..half].iter().enumerate();
    let at_right = known[half..].iter().rev().enumerate();
    let row = |i: usize| first_row + ROW * i as f64;
    let left = at_left.flat_map(|(i, arm)| axis.arm(*arm, row(i), true));
    let right = at_right.flat_map(|(i, arm)| axis.arm(*arm, row(i), false));
    picture("ranks", height, title)
        .children(axis.scale())
        .children(axis.critical_difference(ranks.critical_difference))
        .children(left.chain(right))
        .children(bars(&axis, ranks))
        .render()
}

/// Ranks from 1 to the number of arms.
struct Axis {
    n_arms: f64,
}

impl Axis {
    /// A share of the width.
    fn x(&self, rank: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * ((rank - 1.0) / (self.n_arms - 1.0)).clamp(0.0, 1.0)
    }

    fn scale(&self) -> Vec<Element> {
        const MOST_NUMBERS: f64 = 6.0;
        let step = (self.n_arms / MOST_NUMBERS).ceil();
        let mut rank = 1.0;
        let mut marks =
            vec![line((self.x(1.0), AXIS), (self.x(self.n_arms), AXIS)).set("class", "zero")];
        while rank <= self.n_arms {
            let x = self.x(rank);
            marks.push(line((x, AXIS - 4.0), (x, AXIS)).set("class", "zero"));
            marks.push(text(x, AXIS - 8.0, &rank.to_string(), "middle"));
            rank += step;
        }
        marks.push(text(LEFT - 0.03, AXIS - 8.0, "better ←", "end"));
        marks
    }

    /// A bar as long as the critical difference, above the axis; as long as the axis if that is
    /// shorter.
    fn critical_difference(&self, difference: f64) -> Vec<Element> {
        const TOP: f64 = 22.0;
        if !difference.is_finite() {
            return Vec::new();
        }
        let end = self.x(1.0 + difference);
        let tick = |x: f64| line((x, TOP - 4.0), (x, TOP + 4.0)).set("class", "zero");
        let name = format!("critical difference {}", crate::number::three(difference));
        vec![
            line((LEFT, TOP), (end, TOP)).set("class", "zero"),
            tick(LEFT),
            tick(end),
            text(LEFT, TOP - 9.0, &name, "start"),
        ]
    }

    /// A line from the axis down to a row and out to the name.
    fn arm(&self, (name, rank): (&str, f64), y: f64, at_left: bool) -> Vec<Element> {
        const GAP: f64 = 0.01;
        let x = self.x(rank);
        let (end, place, anchor) =
            if at_left { (LEFT, LEFT - GAP, "end") } else { (RIGHT, RIGHT + GAP, "start") };
        let said = format!("{}: mean rank {}", shortened(name, 60), crate::number::three(rank));
        let lines = Element::new("g")
            .set("class", "leader")
            .title(&said)
            .child(line((x, AXIS), (x, y)))
            .child(line((x, y), (end, y)));
        vec![lines, text(place, y + 4.0, &shortened(name, MOST_LETTERS), anchor)]
    }
}

/// A bar for each group, from its first to its last arm and a little further.
fn bars(axis: &Axis, ranks: &Ranks) -> Vec<Element> {
    const BEYOND: f64 = 0.008;
    let rank = |name: &String| {
        ranks.arms.iter().find(|(arm, rank)| arm == name && rank.is_finite()).map(|(_, rank)| *rank)
    };
    let bar = |(i, group): (usize, &Vec<String>)| {
        let places: Vec<f64> = group.iter().filter_map(rank).map(|rank| axis.x(rank)).collect();
        let low = places.iter().copied().reduce(f64::min)? - BEYOND;
        let high = places.iter().copied().reduce(f64::max)? + BEYOND;
        let y = AXIS + 10.0 + BAR * i as f64;
        let names: Vec<String> = group.iter().map(|name| shortened(name, 60)).collect();
        let said = format!("Not told apart: {}", names.join(", "));
        let bar = line((low, y), (high, y)).set("class", "bar");
        Some(Element::new("g").title(&said).child(bar))
    };
    ranks.groups.iter().enumerate().filter_map(bar).collect()
}

fn text(x: f64, y: f64, text: &str, anchor: &str) -> Element {
    Element::new("text").share("x", x).set("y", tenth(y)).set("text-anchor", anchor).text(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::record::Friedman;

    fn ranks(arms: &[(&str, f64)], groups: &[&[&str]]) -> Ranks {
        Ranks {
            tasks: 8,
            arms: arms.iter().map(|(arm, rank)| ((*arm).to_string(), *rank)).collect(),
            friedman: Friedman { statistic: 9.0, df: 3, p: 0.03 },
            critical_difference: 1.2,
            groups: groups
                .iter()
                .map(|group| group.iter().map(|arm| (*arm).to_string()).collect())
                .collect(),
        }
    }

    #[test]
    fn arms_stand_at_their_ranks_and_no_row_holds_two_names_of_a_side() {
        let ranks = ranks(
            &[("a", 1.0), ("b", 2.0), ("c", 2.5), ("d", 3.5), ("e", 5.0)],
            &[&["a", "b"], &["b", "c", "d"]],
        );
        let picture = diagram(&ranks, "t");
        assert_eq!(picture.matches("class=\"bar\"").count(), 2);
        assert_eq!(picture.matches(": mean rank ").count(), 5);
        for (name, anchor) in [("a", "end"), ("c", "end"), ("d", "start"), ("e", "start")] {
            assert!(picture.contains(&format!("text-anchor=\"{anchor}\">{name}</text>")), "{name}");
        }
        // The first and the last arm stand at the ends of the axis.
        assert!(picture.contains("x1=\"31%\" y1=\"56\" x2=\"31%\""), "{picture}");
        assert!(picture.contains("x1=\"69%\" y1=\"56\" x2=\"69%\""), "{picture}");
    }

    #[test]
    fn odd_ranks_are_drawn_as_far_as_they_are_known() {
        for odd in [
            ranks(&[], &[&["a"]]),
            ranks(&[("a", f64::NAN), ("b", 99.0)], &[&["a"], &["no such arm"], &[]]),
            Ranks { critical_difference: f64::INFINITY, ..ranks(&[("a", 1.0)], &[]) },
        ] {
            let picture = diagram(&odd, "t");
            assert!(picture.ends_with("</svg>"));
            assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
        }
    }
}
