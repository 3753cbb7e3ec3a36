//! Pictures as files of their own.

use std::collections::BTreeSet;

use resvg::tiny_skia::Pixmap;

use super::*;
use crate::{fixture, html, pictures, png};

/// The colors of a PNG, and its size.
fn colors(bytes: &[u8]) -> (BTreeSet<[u8; 3]>, u32, u32) {
    let pixmap = Pixmap::decode_png(bytes).unwrap();
    let colors = pixmap.pixels().iter().map(|p| [p.red(), p.green(), p.blue()]).collect();
    (colors, pixmap.width(), pixmap.height())
}

fn named<'a>(pictures: &'a [Picture], name: &str) -> &'a Picture {
    let names: Vec<&str> = pictures.iter().map(Picture::name).collect();
    pictures.iter().find(|picture| picture.name == name).unwrap_or_else(|| panic!("{names:?}"))
}

#[test]
fn every_picture_of_the_page_is_in_a_file() {
    for record in [fixture::penguins(), fixture::schools(), fixture::regressions(5, 3)] {
        let page = html(&record).unwrap();
        let all: String = of_page(&page).unwrap().iter().map(Picture::svg).collect();
        let images = page
            .split("<svg ")
            .skip(1)
            .filter(|rest| rest.split_once('>').unwrap().0.contains("role=\"img\""));
        let mut n = 0;
        for image in images {
            let (_, rest) = image.split_once("<title>").unwrap();
            let (title, _) = rest.split_once("</title>").unwrap();
            assert!(all.contains(&format!("<title>{title}</title>")), "{title}");
            n += 1;
        }
        assert!(n > 3, "{n}");
    }
}

#[test]
fn a_forest_plot_is_one_picture_with_its_words() {
    let pictures = pictures(&fixture::penguins()).unwrap();
    let forest = named(&pictures, "gains-body-mass-g");
    for text in [
        ">hard+uncertainty<",
        ">+12.3 (3.0 to 21.6)",
        ">no difference shown<",
        ">body_mass_g<",
        ">better than alone →<",
        "class=\"said word helps\"",
        "Right of zero is better.",
    ] {
        assert!(forest.svg.contains(text), "{text} in {}", forest.svg);
    }
    named(&pictures, "gains-all-tasks-together");
    named(&pictures, "curves-body-mass-g");
}

#[test]
fn a_legend_has_the_lines_that_are_drawn() {
    let pictures = pictures(&fixture::penguins()).unwrap();
    let curves = named(&pictures, "curves-sex");
    assert!(curves.svg.contains(">hard+nash-mtl</text>"), "{}", curves.svg);
    let shares = named(&pictures, "balance-hard-nash-mtl-share-of-the-weights");
    assert!(shares.svg.contains(">species"), "{}", shares.svg);
    let cosine = named(&pictures, "balance-hard-nash-mtl-mean-cosine-of-the-gradients");
    assert!(!cosine.svg.contains(">species"), "a single line needs no legend");
}

#[test]
fn pictures_have_the_light_colors() {
    let pictures = pictures(&fixture::penguins()).unwrap();
    let forest = colors(&png(named(&pictures, "gains-sex")).unwrap()).0;
    let (paper, ink, helps) = ([0xff; 3], [0x1d, 0x1c, 0x1a], [0x0a, 0x5f, 0xa5]);
    let (line1, line4) = ([0x7a, 0x3f, 0xa3], [0xc0, 0x30, 0x7a]);
    for color in [paper, ink, helps] {
        assert!(forest.contains(&color), "{color:?}");
    }
    let curves = colors(&png(named(&pictures, "curves-sex")).unwrap()).0;
    for color in [paper, ink, line1, line4] {
        assert!(curves.contains(&color), "{color:?}");
    }
}

#[test]
fn text_is_drawn() {
    let svg = |text: &str| {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"200\" height=\"30\">\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/><text x=\"2\" y=\"20\" font-family=\"{FONT}\">{text}</text></svg>"
        );
        render(&Picture { name: "x".to_string(), svg }).unwrap()
    };
    let blank = svg("");
    for text in ["a", "−", "→", "↑", "’", "…", "ß", "ж", "漢"] {
        assert_ne!(svg(text), blank, "{text}");
    }
    assert_ne!(svg("a"), svg("b"));
}

#[test]
fn a_png_is_twice_as_large_and_knows_its_maker() {
    let pictures = pictures(&fixture::schools()).unwrap();
    for picture in &pictures {
        let bytes = png(picture).unwrap();
        assert_eq!(bytes, png(picture).unwrap());
        assert!(is_own(&bytes));
        let (colors, width, height) = colors(&bytes);
        assert!(colors.len() > 20, "{} is nearly blank", picture.name);
        let size = format!("width=\"{}\" height=\"{}\"", width / 2, height / 2);
        assert!(picture.svg.contains(&size), "{size}");
        let anonymous = Pixmap::decode_png(&bytes).unwrap().encode_png().unwrap();
        assert!(!is_own(&anonymous));
        assert!(!is_own(&bytes[1..]) && !is_own(b""));
    }
}

#[test]
fn names_are_names_of_files() {
    let slug = |text: &str| slug(&[text.to_string()]);
    assert_eq!(slug("Gains: body_mass (g)"), "gains-body-mass-g");
    for odd in ["", "../..", "/", "عدد", "🐧", "\u{0}", " "] {
        assert_eq!(slug(odd), "picture", "{odd:?}");
    }
    assert_eq!(slug(&"x".repeat(10_000)).len(), 60);
    let mut record = fixture::penguins();
    for name in ["../../etc/passwd", "con", "</svg>]]>&\u{1}\u{ffff}"] {
        for (i, task) in record.comparison.tasks.iter_mut().enumerate() {
            for arm in &mut record.comparison.arms {
                arm.tasks[i].task = name.to_string();
            }
            task.name = name.to_string();
        }
        record.curves.iter_mut().for_each(|curve| curve.task = name.to_string());
        let pictures = pictures(&record).unwrap();
        let names: BTreeSet<&str> = pictures.iter().map(Picture::name).collect();
        assert_eq!(names.len(), pictures.len(), "each has its own: {names:?}");
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(names.iter().all(|name| name.len() < 80 && name.chars().all(is_plain)));
        assert!(names.iter().all(|name| *name != "con"));
        assert!(pictures.iter().all(|picture| png(picture).is_ok()));
    }
}

#[test]
fn odd_records_have_sound_pictures() {
    for record in fixture::odd() {
        for picture in pictures(&record).unwrap() {
            png(&picture).unwrap();
        }
    }
}

#[test]
fn what_is_no_picture_is_an_error() {
    let broken = |svg: &str| Picture { name: "x".to_string(), svg: svg.to_string() };
    for svg in [
        "",
        "<svg",
        "<p/>",
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1e9\" height=\"1e9\"/>",
    ] {
        let error = render(&broken(svg)).unwrap_err().to_string();
        assert!(error.starts_with("cannot draw the picture `x`: "), "{error}");
    }
    assert!(of_page("<main><p></main>").is_err());
    assert!(of_page("").is_err());
    assert!(of_page("<main><p>no picture</p></main>").unwrap().is_empty());
}
