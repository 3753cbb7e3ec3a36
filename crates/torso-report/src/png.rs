//! The page's pictures as files of their own, and as PNG.
//!
//! They are taken from the page itself (`png/page.rs`), so that every picture on it has its file,
//! get the words that stand beside them there (`png/figure.rs`), and the light colors of the page's
//! style sheet (`png/style.rs`). The font is part of the program, so that the same record gives the
//! same bytes everywhere; letters that it lacks are boxes.

mod figure;
mod page;
mod style;

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use crate::ReportError;

/// The family of the font, which the style sheet of a picture names.
const FONT: &str = "Noto Sans";
/// The PNG's comment that says who made it.
const KEYWORD: &str = "Software";
const MAKER: &str = "Torso";
/// Pixels of the PNG for each of the picture.
const SCALE: u8 = 2;

/// One picture of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    name: String,
    svg: String,
}

impl Picture {
    /// What it shows, as a file name without its ending: lowercase ASCII letters, digits and
    /// hyphens, at most 80, and no other picture of the report has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The picture as an SVG file of its own, in light colors.
    pub fn svg(&self) -> &str {
        &self.svg
    }
}

/// All pictures of a finished page, in its order.
pub(crate) fn of_page(html: &str) -> Result<Vec<Picture>, ReportError> {
    let style = [include_str!("../templates/style.css"), figure::STYLE].concat();
    let style = style::light(&style, FONT);
    let mut pictures: Vec<Picture> = Vec::new();
    for figure in page::figures(html)? {
        let is_taken = |name: &String| pictures.iter().any(|other| other.name == *name);
        let name = slug(&figure.names);
        let numbered = (2_usize..).map(|n| format!("{name}-{n}"));
        let name = std::iter::once(name.clone()).chain(numbered).find(|name| !is_taken(name));
        let name = name.expect("numbers do not end");
        pictures.push(Picture { name, svg: figure::svg(&figure, &style) });
    }
    Ok(pictures)
}

/// `gains-body-mass-g` from headings; never empty.
fn slug(names: &[String]) -> String {
    const MOST_LETTERS: usize = 60;
    let text = names.join(" ").to_ascii_lowercase();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug: String = words.collect::<Vec<_>>().join("-").chars().take(MOST_LETTERS).collect();
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "picture".to_string() } else { slug.to_string() }
}

/// A picture as PNG, two pixels for each of its own.
pub(crate) fn render(picture: &Picture) -> Result<Vec<u8>, ReportError> {
    // Read when the first PNG is asked for, so that nobody else waits for it.
    static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(notosans::REGULAR_TTF.to_vec());
        Arc::new(fonts)
    });
    let failed = |why: String| ReportError::Picture { name: picture.name.clone(), why };
    let options = Options { fontdb: FONTS.clone(), ..Options::default() };
    let tree = Tree::from_str(&picture.svg, &options).map_err(|error| failed(error.to_string()))?;
    let scale = f32::from(SCALE);
    let size = tree.size().to_int_size().scale_by(scale);
    let pixmap = size.and_then(|size| Pixmap::new(size.width(), size.height()));
    let mut pixmap = pixmap.ok_or_else(|| failed("it is too large".to_string()))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    encode(&pixmap).map_err(|error| failed(error.to_string()))
}

/// Pictures cover their ground, so there is no transparency to keep.
fn encode(pixmap: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let colors: Vec<u8> =
        pixmap.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixmap.width(), pixmap.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.add_text_chunk(KEYWORD.to_string(), MAKER.to_string())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&colors)?;
    writer.finish()?;
    Ok(bytes)
}

/// Whether these bytes are a PNG that [`render`] made. Only the first bytes are looked at.
pub(crate) fn is_own(bytes: &[u8]) -> bool {
    const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
    let comment = format!("tEXt{KEYWORD}\0{MAKER}");
    let head = &bytes[..bytes.len().min(200)];
    head.starts_with(SIGNATURE)
        && head.windows(comment.len()).any(|window| window == comment.as_bytes())
}

#[cfg(test)]
mod tests;
