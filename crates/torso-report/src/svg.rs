//! SVG elements as text. Every value is escaped here and nowhere else.

use std::fmt::{Display, Write};

/// One element under construction.
pub(crate) struct Element {
    name: &'static str,
    attributes: String,
    children: String,
}

impl Element {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, attributes: String::new(), children: String::new() }
    }

    /// Sets an attribute.
    pub(crate) fn set(mut self, name: &str, value: impl Display) -> Self {
        let value = escape(&value.to_string());
        write!(self.attributes, " {name}=\"{value}\"").expect("strings take all text");
        self
    }

    /// Sets a length along the picture's width as a share, so that text keeps its size.
    pub(crate) fn share(self, name: &str, share: f64) -> Self {
        let percent = format!("{:.2}", 100.0 * share);
        let percent = percent.trim_end_matches('0').trim_end_matches('.');
        self.set(name, format_args!("{percent}%"))
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        self.children.push_str(&escape(text));
        self
    }

    /// What a screen reader says and a pointer shows.
    pub(crate) fn title(self, text: &str) -> Self {
        self.child(Self::new("title").text(text))
    }

    pub(crate) fn child(mut self, child: Self) -> Self {
        child.write(&mut self.children);
        self
    }

    pub(crate) fn children(self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().fold(self, Self::child)
    }

    pub(crate) fn render(self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(self, out: &mut String) {
        let Self { name, attributes, children } = self;
        let written = if children.is_empty() {
            write!(out, "<{name}{attributes}/>")
        } else {
            write!(out, "<{name}{attributes}>{children}</{name}>")
        };
        written.expect("strings take all text");
    }
}

/// A picture as wide as its place, lengths across in shares; `height` in pixels.
pub(crate) fn picture(class: &str, height: f64, title: &str) -> Element {
    Element::new("svg")
        .set("class", class)
        .set("role", "img")
        .set("width", "100%")
        .set("height", height)
        .title(title)
}

/// Text that cannot leave its place in HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_place() {
        let element = Element::new("text")
            .set("class", "\"><script>alert(1)</script>")
            .share("x", 0.123_456)
            .title("a & 'b'")
            .text("<i>");
        assert_eq!(
            element.render(),
            "<text class=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\" x=\"12.35%\">\
             <title>a &amp; &#39;b&#39;</title>&lt;i&gt;</text>"
        );
        assert_eq!(Element::new("circle").share("cx", 0.5).render(), "<circle cx=\"50%\"/>");
    }
}
