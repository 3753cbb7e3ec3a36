//! Finds the pictures of a page, with the words that stand beside them.
//!
//! What is looked for: headings; `.about` in them; `svg` with the role `img`; rows of a `.forest`,
//! which are one picture together; and the `p.legend` before a picture.

use resvg::usvg::roxmltree::{Document, Node};

use crate::ReportError;

/// A picture and its words.
pub(super) struct Figure {
    /// What its file is called after: the section, then headings.
    pub names: Vec<String>,
    /// The section's heading.
    pub section: String,
    /// The headings below the section's.
    pub title: String,
    /// The small print beside them.
    pub about: String,
    /// Marks or lines with their meaning.
    pub legend: Vec<Key>,
    pub body: Body,
}

/// One entry of a legend.
pub(super) struct Key {
    /// As SVG; none for a remark.
    pub picture: Option<String>,
    pub text: String,
}

pub(super) enum Body {
    /// One picture.
    Single(Svg),
    /// Rows that share an axis.
    Forest(Vec<Row>),
}

/// An `svg` element of the page, as it is written there.
pub(super) struct Svg {
    pub source: String,
    /// Pixels; none where it is as wide as its place.
    pub width: Option<f64>,
    /// Pixels.
    pub height: f64,
}

/// A row of a forest plot; the last one holds the axis.
pub(super) struct Row {
    /// The arm, or what the axis shows.
    pub name: String,
    pub picture: Svg,
    pub gain: String,
    pub word: String,
    /// The class that gives the word its color.
    pub class: String,
    pub note: String,
}

/// The figures of a page, in its order.
pub(super) fn figures(html: &str) -> Result<Vec<Figure>, ReportError> {
    let main = main_part(html);
    let document = Document::parse(&main).map_err(|error| ReportError::Page(error.to_string()))?;
    let mut reader = Reader { source: &main, headings: Vec::new() };
    Ok(document.descendants().filter_map(|node| reader.figure(node)).collect())
}

/// The page's content, which is well-formed XML but for characters that XML has no place for.
fn main_part(html: &str) -> String {
    let start = html.find("<main>").unwrap_or(0);
    let end = html.rfind("</main>").map_or(html.len(), |end| end + "</main>".len());
    let is_fit = |c: char| match c {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => !c.is_control(),
    };
    html[start..end].chars().map(|c| if is_fit(c) { c } else { '\u{fffd}' }).collect()
}

/// Goes through the page and keeps the headings that hold.
struct Reader<'a> {
    source: &'a str,
    headings: Vec<Heading>,
}

struct Heading {
    level: u8,
    name: String,
    text: String,
    about: String,
}

impl Reader<'_> {
    fn figure(&mut self, node: Node) -> Option<Figure> {
        if let Some(level) = level(node) {
            self.headings.retain(|heading| heading.level < level);
            let text = text(node, &["about"]);
            let name = node.attribute("id").map_or_else(|| text.clone(), str::to_string);
            self.headings.push(Heading { level, name, text, about: text_of(node, "about") });
            return None;
        }
        let is_inside = |class: &str| node.ancestors().skip(1).any(|outer| has_class(outer, class));
        let body = if has_class(node, "forest") {
            Body::Forest(children(node, "row").filter_map(|row| self.row(row)).collect())
        } else if is_picture(node) && !is_inside("forest") {
            Body::Single(self.svg(node)?)
        } else {
            return None;
        };
        let (section, below) = self.headings.split_first()?;
        let join = |part: fn(&Heading) -> &str, with: &str| {
            let parts = below.iter().map(part).filter(|part| !part.is_empty());
            parts.collect::<Vec<_>>().join(with)
        };
        Some(Figure {
            names: self.headings.iter().map(|heading| heading.name.clone()).collect(),
            section: section.text.clone(),
            title: join(|heading| &heading.text, ": "),
            about: join(|heading| &heading.about, "; "),
            legend: self.legend(node),
            body,
        })
    }

    fn row(&self, row: Node) -> Option<Row> {
        let picture = row.descendants().find(|node| is_picture(*node))?;
        let word = children(row, "word").next();
        let class = word.and_then(|word| word.attribute("class")).unwrap_or_default();
        let (arm, unit) = (text_of(row, "arm"), text_of(row, "unit"));
        Some(Row {
            name: if arm.is_empty() { unit } else { arm },
            picture: self.svg(picture)?,
            gain: text_of(row, "gain"),
            word: word.map_or(String::new(), |word| text(word, &["note"])),
            class: class.to_string(),
            note: text_of(row, "note"),
        })
    }

    fn svg(&self, node: Node) -> Option<Svg> {
        const USUAL_HEIGHT: f64 = 200.0;
        let pixels = |name: &str| node.attribute(name).and_then(|text| text.parse::<f64>().ok());
        let view = node.attribute("viewBox").map(|view| {
            view.split_whitespace().filter_map(|part| part.parse().ok()).collect::<Vec<f64>>()
        });
        let view = |i: usize| view.as_ref().and_then(|view| view.get(i)).copied();
        Some(Svg {
            source: self.source.get(node.range())?.to_string(),
            width: pixels("width").or(view(2)),
            height: pixels("height").or(view(3)).unwrap_or(USUAL_HEIGHT),
        })
    }

    /// The entries of the nearest legend before a picture that are in it. A single line needs none.
    fn legend(&self, node: Node) -> Vec<Key> {
        let mut before = node.ancestors().flat_map(|outer| outer.prev_siblings().skip(1));
        let Some(legend) = before.find(|node| has_class(*node, "legend")) else {
            return Vec::new();
        };
        let source = self.source.get(node.range()).unwrap_or_default();
        let entry = |span: Node| {
            let Some(key) = span.descendants().find(|node| has_class(*node, "key")) else {
                return Some(Key { picture: None, text: text(span, &[]) });
            };
            let change = text_of(span, "change");
            let change = if change.is_empty() { change } else { format!(" ({change})") };
            let class = key.attribute("class")?.strip_prefix("key ")?;
            let picture = self.source.get(key.range())?.to_string();
            let is_drawn = source.contains(&format!("class=\"{class}\""));
            is_drawn
                .then(|| Key { picture: Some(picture), text: text(span, &["change"]) + &change })
        };
        let mut keys: Vec<Key> =
            legend.children().filter(Node::is_element).filter_map(entry).collect();
        let n_pictures = keys.iter().filter(|key| key.picture.is_some()).count();
        if is_picture(node) {
            // What is said after the marks is said of the rows of a forest.
            keys.truncate(keys.iter().rposition(|key| key.picture.is_some()).map_or(0, |i| i + 1));
        }
        let is_needed = n_pictures > 1 || n_pictures == 1 && !source.contains("class=\"line");
        if is_needed { keys } else { Vec::new() }
    }
}

/// The level of a heading below the page's own.
fn level(node: Node) -> Option<u8> {
    let level = node.tag_name().name().strip_prefix('h')?.parse().ok()?;
    (2..=6).contains(&level).then_some(level)
}

fn is_picture(node: Node) -> bool {
    node.tag_name().name() == "svg" && node.attribute("role") == Some("img")
}

fn has_class(node: Node, class: &str) -> bool {
    let classes = node.attribute("class").unwrap_or_default();
    classes.split_whitespace().any(|other| other == class)
}

fn children<'a, 'b>(node: Node<'a, 'b>, class: &'static str) -> impl Iterator<Item = Node<'a, 'b>> {
    node.children().filter(move |child| has_class(*child, class))
}

/// The text of the first part with this class.
fn text_of(node: Node, class: &str) -> String {
    node.descendants().find(|part| has_class(*part, class)).map_or(String::new(), |n| text(n, &[]))
}

/// The text of a part on one line, without pictures and parts with these classes.
fn text(node: Node, without: &[&str]) -> String {
    let is_left_out = |part: &Node| {
        part.tag_name().name() == "svg" || without.iter().any(|class| has_class(*part, class))
    };
    let is_shown = |part: &Node| {
        let up_to_node = part.ancestors().take_while(|outer| *outer != node);
        part.is_text() && !up_to_node.into_iter().any(|outer| is_left_out(&outer))
    };
    let texts: String =
        node.descendants().filter(is_shown).filter_map(|part| part.text()).collect();
    texts.split_whitespace().collect::<Vec<_>>().join(" ")
}
