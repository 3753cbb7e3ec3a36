//! Predictions beside their labels, in bins: probabilities against shares, numbers against
//! residuals.

use torso_core::record::{CalibrationBin, ResidualBin};

use super::axes::{self, Axes, line_class};
use crate::svg::Element;

/// Probabilities across, shares up. Both are drawn from 0 to 1, so that all pictures compare.
///
/// `line` is the arm's place in the record, which gives the color, and `titles` say each bin.
pub(crate) fn calibration(
    bins: &[CalibrationBin],
    line: usize,
    title: &str,
    titles: &[String],
) -> String {
    let unit = || [0.0, 1.0].into_iter();
    let names = ["predicted probability", "observed share"];
    let Some(axes) = Axes::plane(unit(), unit(), names) else {
        return axes::frame(title).render();
    };
    let place = |value: f64| format!("{} {}", axes.x(value), axes.y(value));
    let diagonal = Element::new("path").set("class", "zero");
    let diagonal = diagonal.set("d", format_args!("M{}L{}", place(0.0), place(1.0)));
    let ranges = bins.iter().map(|bin| (bin.predicted, bin.observed.low, bin.observed.high));
    let dots = bins.iter().map(|bin| (bin.predicted, bin.observed.mean)).zip(titles);
    let group = Element::new("g")
        .set("class", line_class(line))
        .child(strokes(&axes, "range", ranges))
        .children(dots.filter_map(|(place, title)| dot(&axes, place, title)));
    axes.picture(title, [diagonal, group])
}

/// Axes that hold the residuals of several arms.
pub(crate) struct Residuals(Option<Axes>);

impl Residuals {
    pub(crate) fn over<'a>(bins: impl Iterator<Item = &'a ResidualBin>) -> Self {
        let bins: Vec<&ResidualBin> = bins.collect();
        let ups = bins.iter().flat_map(|bin| {
            let (low, high) = bin.range.unwrap_or((bin.residual, bin.residual));
            [bin.percentiles.0, bin.percentiles.1, low, high]
        });
        let across = bins.iter().map(|bin| bin.predicted);
        Self(Axes::plane(across, ups.chain([0.0]), ["prediction", "label − prediction"]))
    }

    /// The residuals of one arm: for each bin a dot at the mean, a thick line for its interval, and
    /// a thin one from the 10th to the 90th percentile.
    pub(crate) fn picture(
        &self,
        bins: &[ResidualBin],
        line: usize,
        title: &str,
        titles: &[String],
    ) -> String {
        let Some(axes) = &self.0 else { return axes::frame(title).render() };
        let spreads = bins.iter().map(|bin| (bin.predicted, bin.percentiles.0, bin.percentiles.1));
        let ranges =
            bins.iter().filter_map(|bin| bin.range.map(|(low, high)| (bin.predicted, low, high)));
        let dots = bins.iter().map(|bin| (bin.predicted, bin.residual)).zip(titles);
        let group = Element::new("g")
            .set("class", line_class(line))
            .child(strokes(axes, "spread", spreads))
            .child(strokes(axes, "range", ranges))
            .children(dots.filter_map(|(place, title)| dot(axes, place, title)));
        axes.picture(title, [axes.zero(), group])
    }
}

/// Upright strokes, each (place across, from, to), as one path.
fn strokes(axes: &Axes, class: &str, strokes: impl Iterator<Item = (f64, f64, f64)>) -> Element {
    let known =
        strokes.filter(|(x, low, high)| x.is_finite() && low.is_finite() && high.is_finite());
    let stroke = |(x, low, high)| format!("M{} {}V{}", axes.x(x), axes.y(low), axes.y(high));
    Element::new("path").set("class", class).set("d", known.map(stroke).collect::<String>())
}

/// A dot; none where it cannot be placed.
fn dot(axes: &Axes, (x, y): (f64, f64), title: &str) -> Option<Element> {
    let dot = Element::new("circle").set("cx", axes.x(x)).set("cy", axes.y(y)).set("r", 3.5);
    (x.is_finite() && y.is_finite()).then(|| dot.title(title))
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::record::Interval;

    fn numbers(picture: &str, before: &str) -> Vec<f64> {
        let parts = picture.split(before).skip(1);
        parts
            .map(|part| part.split(['"', ' ', 'V', 'L']).next().unwrap().parse().unwrap())
            .collect()
    }

    #[test]
    fn well_calibrated_bins_lie_on_the_diagonal() {
        let bin = |p: f64| CalibrationBin {
            n: 9,
            predicted: p,
            observed: Interval { mean: p, low: p - 0.1, high: p + 0.1 },
        };
        let bins = [0.2, 0.5, 0.9].map(bin);
        let picture = calibration(&bins, 0, "t", &["a".into(), "b".into(), "c".into()]);
        let (x, y) = (numbers(&picture, "cx=\""), numbers(&picture, "cy=\""));
        assert_eq!(x.len(), 3);
        let slope = |i: usize, j: usize| (y[j] - y[i]) / (x[j] - x[i]);
        assert!((slope(0, 1) - slope(1, 2)).abs() < 0.01 && slope(0, 1) < 0.0, "{picture}");
        assert!(picture.contains("<title>b</title>"));
    }

    #[test]
    fn residuals_above_zero_are_above_the_line() {
        let bin = |residual: f64| ResidualBin {
            n: 30,
            predicted: residual * 10.0,
            residual,
            range: Some((residual - 0.5, residual + 0.5)),
            percentiles: (residual - 3.0, residual + 3.0),
        };
        let bins = [-1.0, 0.0, 2.0].map(bin);
        let titles = ["a", "b", "c"].map(String::from);
        let picture = Residuals::over(bins.iter()).picture(&bins, 1, "t", &titles);
        let y = numbers(&picture, "cy=\"");
        assert!(y[0] > y[1] && y[1] > y[2], "{picture}");
        let zero = picture.split_once("class=\"zero\" d=\"M").unwrap().1;
        let zero = zero.split_once(' ').unwrap().1.split_once('H').unwrap().0;
        assert!((zero.parse::<f64>().unwrap() - y[1]).abs() < 0.05);
    }

    #[test]
    fn what_is_not_known_is_not_drawn() {
        let bin = ResidualBin {
            n: 0,
            predicted: f64::NAN,
            residual: f64::INFINITY,
            range: None,
            percentiles: (f64::NAN, 1.0),
        };
        let bins = [bin];
        let picture = Residuals::over(bins.iter()).picture(&bins, 0, "t", &[String::new()]);
        assert!(!picture.contains("NaN") && !picture.contains("<circle"), "{picture}");
        let wide = [-12_345_678.0, 12_345_678.0].map(|predicted| ResidualBin {
            n: 1,
            predicted,
            residual: predicted,
            range: None,
            percentiles: (predicted, predicted),
        });
        let picture =
            Residuals::over(wide.iter()).picture(&wide, 0, "t", &[String::new(), String::new()]);
        assert!(numbers(&picture, "<text x=\"").iter().all(|x| *x > 40.0), "{picture}");
    }
}
