//! The page's style sheet for a picture that stands alone.
//!
//! `style.css` is the one source of colors. What a renderer of SVG does not know is put in plain
//! words: variables by their light values, and the color that a line hands down to its parts, which
//! is a variable on the page, by `color` and `currentColor`.

/// The style sheet in its light colors, with `font` for all text.
pub(super) fn light(css: &str, font: &str) -> String {
    let css = without_at_rules(css);
    let (variables, rules) = root(&css);
    let rules = rules.replace("--line:", "color:").replace("var(--line)", "currentColor");
    let replace =
        |css: String, (name, value): &(&str, &str)| css.replace(&format!("var({name})"), value);
    let rules = variables.iter().fold(rules, replace);
    format!("{rules}\nsvg {{ font-family: \"{font}\", sans-serif; }}\n")
}

/// The first block, `:root`, as (variable, value), and the text after it.
fn root(css: &str) -> (Vec<(&str, &str)>, &str) {
    let (head, rules) = css.split_once('}').unwrap_or(("", css));
    let (_, declarations) = head.split_once('{').unwrap_or_default();
    let pairs = declarations.split(';').filter_map(|declaration| declaration.split_once(':'));
    (pairs.map(|(name, value)| (name.trim(), value.trim())).collect(), rules)
}

/// The rules that hold everywhere: blocks for the dark, the phone and paper are left out.
fn without_at_rules(css: &str) -> String {
    let mut kept = String::new();
    let mut rest = css;
    while let Some((before, block)) = rest.split_once('@') {
        kept.push_str(before);
        let mut depth = 0_usize;
        let end = block.char_indices().find_map(|(i, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => return None,
            }
            (depth == 0).then_some(i + 1)
        });
        rest = end.map_or("", |end| &block[end..]);
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_their_light_values() {
        let css = ":root { --ink: #111; --far: #222; }\n\
                   @media (dark) { :root { --ink: #eee; } .a { fill: red; } }\n\
                   .b { fill: var(--ink); }\n@media print { .c { fill: blue; } }\n\
                   .d { --line: var(--far); } .e { stroke: var(--line); }";
        let light = light(css, "F");
        for kept in [".b { fill: #111; }", ".d { color: #222; }", ".e { stroke: currentColor; }"] {
            assert!(light.contains(kept), "{light}");
        }
        for gone in ["#eee", "red", "blue", "var(", "@", "--"] {
            assert!(!light.contains(gone), "{gone} in {light}");
        }
        assert!(light.contains("\"F\""));
    }

    #[test]
    fn no_rule_of_a_picture_has_a_variable_left() {
        let light = light(include_str!("../../templates/style.css"), "F");
        assert!(light.contains(".zero { stroke: #1d1c1a;"), "{light}");
        let open: Vec<&str> = light.lines().filter(|line| line.contains("var(")).collect();
        // Cells of tables are no pictures.
        assert!(open.iter().all(|line| line.contains("background:")), "{open:?}");
        assert!(!light.contains("@media") && !light.contains("#17181b"));
    }
}
