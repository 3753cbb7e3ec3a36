//! The loss of cross-validation along the path of a strength.

use crate::chart::axes::{self, Axes};
use crate::svg::Element;

/// One value of the strength.
pub(crate) struct Point {
    pub value: f64,
    /// The mean loss over folds.
    pub loss: f64,
    /// Its standard error.
    pub error: f64,
    /// What the point says, in words.
    pub title: String,
}

impl Point {
    /// The loss less and plus its standard error, which is 0 where it is not known.
    fn ends(&self) -> [f64; 2] {
        let error = if self.error.is_finite() { self.error } else { 0.0 };
        [self.loss - error, self.loss + error]
    }
}

/// The losses with a band of one standard error; a ring at the point that was chosen.
///
/// The strength is on a logarithmic axis where all its values are above 0.
pub(crate) fn picture(
    parameter: &str,
    points: &[Point],
    chosen: Option<usize>,
    title: &str,
) -> String {
    let known = |point: &&Point| point.value.is_finite() && point.loss.is_finite();
    let mut drawn: Vec<&Point> = points.iter().filter(known).collect();
    drawn.sort_by(|a, b| a.value.total_cmp(&b.value));
    let values: Vec<f64> = drawn.iter().map(|point| point.value).collect();
    let ends = drawn.iter().flat_map(|point| point.ends());
    let Some(axes) = Axes::strength(&values, ends, parameter) else {
        return axes::frame(title).render();
    };
    let place = |value: f64, loss: f64| format!("{} {}", axes.x(value), axes.y(loss));
    let lower = drawn.iter().map(|point| place(point.value, point.ends()[0]));
    let upper = drawn.iter().rev().map(|point| place(point.value, point.ends()[1]));
    let band = polyline(lower.chain(upper)) + "Z";
    let line = polyline(drawn.iter().map(|point| place(point.value, point.loss)));
    let dot = |point: &Point, radius: f64| {
        let dot =
            Element::new("circle").set("cx", axes.x(point.value)).set("cy", axes.y(point.loss));
        dot.set("r", radius).title(&point.title)
    };
    let chosen = chosen.and_then(|place| points.get(place)).filter(known);
    let chosen = chosen.map(|point| {
        let down = Element::new("path").set("class", "leader dash2");
        let down = down.set("d", axes.line_down(point.value, point.loss));
        Element::new("g").set("class", "chosen").child(down).child(dot(point, 6.0))
    });
    let group = Element::new("g")
        .set("class", "line1")
        .child(Element::new("path").set("class", "band").set("d", band))
        .child(Element::new("path").set("class", "value").set("d", line))
        .children(drawn.iter().map(|point| dot(point, 2.5)))
        .children(chosen);
    axes.picture(title, [group])
}

/// A line through places.
fn polyline(places: impl Iterator<Item = String>) -> String {
    format!("M{}", places.collect::<Vec<_>>().join("L"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64], losses: &[f64]) -> Vec<Point> {
        let point = |(value, loss): (&f64, &f64)| Point {
            value: *value,
            loss: *loss,
            error: 0.1,
            title: format!("at {value}"),
        };
        values.iter().zip(losses).map(point).collect()
    }

    /// Where dots of this radius are across.
    fn across(picture: &str, radius: &str) -> Vec<f64> {
        let dots = picture.split("<circle cx=\"").skip(1);
        let own = dots.filter(|dot| dot.contains(&format!("r=\"{radius}\"")));
        own.map(|dot| dot.split('"').next().unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn equal_factors_are_equal_steps_and_the_chosen_point_is_marked() {
        let points = points(&[100.0, 10.0, 1.0, 0.1], &[1.0, 0.5, 0.6, 0.7]);
        let picture = picture("lambda", &points, Some(1), "t");
        let x = across(&picture, "2.5");
        let steps: Vec<f64> = x.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps.iter().all(|step| (step - steps[0]).abs() < 0.21 && *step > 50.0), "{x:?}");
        assert_eq!(across(&picture, "6"), [x[2]]);
        assert!(picture.contains(">lambda, log scale</text>") && picture.contains(">10</text>"));
        assert!(picture.contains("<title>at 10</title>"));
    }

    #[test]
    fn zero_has_a_place_on_a_plain_axis() {
        let points = points(&[1.0, 0.5, 0.0], &[1.0, 0.5, 0.6]);
        let picture = picture("rho", &points, Some(9), "t");
        let x = across(&picture, "2.5");
        assert!((x[2] - x[1] - (x[1] - x[0])).abs() < 0.21, "{x:?}");
        assert!(picture.contains(">rho</text>") && across(&picture, "6").is_empty());
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut some = points(&[4.0, 3.0, f64::NAN, 2.0], &[1.0, f64::INFINITY, 0.5, 0.6]);
        some[3].error = f64::NAN;
        for chosen in [None, Some(1), Some(3)] {
            let picture = picture("lambda", &some, chosen, "t");
            assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
            assert_eq!(across(&picture, "2.5").len(), 2);
        }
        for none in [&some[1..3], &[]] {
            let picture = picture("lambda", none, Some(0), "t");
            assert!(picture.ends_with("<title>t</title></svg>"), "{picture}");
        }
        let one = picture("lambda", &some[..1], Some(0), "t");
        assert_eq!(across(&one, "6").len(), 1, "{one}");
    }
}
