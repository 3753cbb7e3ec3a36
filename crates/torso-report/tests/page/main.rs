//! The page in a real browser: nothing runs, nothing is fetched, everybody can read it.
//!
//! Skipped where there is no chromedriver. The checks themselves are checked on pages that are
//! wrong.
#![expect(clippy::unwrap_used, reason = "tests may fail anywhere")]

mod browser;
mod record;

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use browser::Browser;

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
const PHONE: u32 = 390;

/// Pages on disk, and a browser to show them.
struct Reader {
    browser: Browser,
    directory: TempDir,
}

impl Reader {
    fn new() -> Option<Self> {
        Some(Self { browser: Browser::start()?, directory: tempfile::tempdir().unwrap() })
    }

    fn write(&self, name: &str, page: &str) -> PathBuf {
        let path = self.directory.path().join(format!("{name}.html"));
        fs::write(&path, page).unwrap();
        path
    }

    /// Shows a page with everything on it opened up.
    fn show(&self, name: &str, page: &str) {
        self.browser.open(&self.write(name, page));
        self.browser.run("document.querySelectorAll('details').forEach(d => d.open = true)");
    }

    /// What is wrong on the page that is shown: a list of texts that a script makes.
    fn faults(&self, script: &str) -> Vec<String> {
        serde_json::from_value(self.browser.run(script)).unwrap()
    }

    fn screen(&self, width: u32) {
        let size =
            json!({ "width": width, "height": 844, "deviceScaleFactor": 2, "mobile": width < 500 });
        self.browser.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    fn scheme(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.browser.devtools("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
    }
}

/// All kinds of pages, by name; those with hostile names last.
fn pages() -> Vec<(&'static str, String)> {
    let html = |record| torso_report::html(record).unwrap();
    let train_html = |record| torso_report::train_html(&record::trained(record)).unwrap();
    let (usual, many_tasks, hostile) = (record::usual(), record::many_tasks(), record::hostile());
    vec![
        ("usual", html(&usual)),
        ("many tasks", html(&many_tasks)),
        ("trained", train_html(&usual)),
        ("trained for many tasks", train_html(&many_tasks)),
        ("hostile", html(&hostile)),
        ("trained with hostile names", train_html(&hostile)),
    ]
}

#[test]
fn nothing_is_fetched_and_the_console_is_silent() {
    let Some(reader) = Reader::new() else { return };
    for (name, page) in pages() {
        let path = reader.write(name, &page);
        let address = reader.browser.open(&path);
        assert_eq!(reader.browser.requests(), [address.replace(' ', "%20")], "{name}");
        assert_eq!(reader.browser.complaints(), Vec::<String>::new(), "{name}");
        assert_eq!(reader.browser.dialog(), None, "{name}");
    }
    let path = reader.write("bad", "<p>bad</p><img src=\"bad.png\"><script>bad()</script>");
    let address = reader.browser.open(&path);
    assert_eq!(
        reader.browser.requests(),
        [address.clone(), address.replace("bad.html", "bad.png")]
    );
    assert_eq!(reader.browser.complaints().len(), 2);
    reader.browser.open(&reader.write("alert", "<script>alert(9)</script>"));
    assert_eq!(reader.browser.dialog().as_deref(), Some("9"));
}

/// Elements that run or fetch something, and addresses that lead away.
const ACTIVE: &str = r"
    const bad = [];
    for (const element of document.querySelectorAll('*')) {
        if (element.matches('script, img, iframe, object, embed, base, link, form, image, use'))
            bad.push(element.outerHTML.slice(0, 200));
        for (const { name, value } of element.attributes) {
            if (name.startsWith('on') || name === 'src' || name === 'style'
                || (name.endsWith('href') && !value.startsWith('#')))
                bad.push(`${name}=${value}`);
        }
    }
    if (document.styleSheets.length !== 1) bad.push('another style sheet');
    return bad;";

#[test]
fn hostile_names_are_text() {
    let Some(reader) = Reader::new() else { return };
    let long = "x".repeat(10_000);
    for (page_name, page) in pages() {
        reader.show(page_name, &page);
        assert_eq!(reader.faults(ACTIVE), Vec::<String>::new(), "{page_name}");
        if !page_name.contains("hostile") {
            continue;
        }
        assert_eq!(reader.browser.dialog(), None, "{page_name}");
        let shown = reader.browser.run("return document.body.textContent");
        for name in record::HOSTILE.iter().copied().chain([long.as_str()]) {
            // Tables and lists have it whole: as a task, a class, a feature, an option and a note.
            let n = shown.as_str().unwrap().matches(name).count();
            assert!(
                n >= 5,
                "{page_name}: {n} times {}",
                &name.chars().take(80).collect::<String>()
            );
        }
        let title = reader.browser.run("return document.title");
        assert!(title.as_str().unwrap().contains(record::HOSTILE[0]), "{title}");
    }
    reader.show("bad", "<p onclick=\"x()\">bad</p><a href=\"javascript:x()\">b</a><img>");
    assert_eq!(reader.faults(ACTIVE).len(), 4, "and there is no style sheet");
}

/// What is wider than the screen and is neither cut nor in an area that is marked to scroll.
const WIDE: &str = r"
    const bad = [];
    const width = window.screen.width;
    if (document.documentElement.scrollWidth > width)
        bad.push(`the page is ${document.documentElement.scrollWidth} wide`);
    const holds = element => getComputedStyle(element).overflowX !== 'visible';
    const isHeld = element => {
        for (let e = element.parentElement; e !== document.body; e = e.parentElement)
            if (holds(e)) return true;
        return false;
    };
    for (const element of document.body.querySelectorAll('*')) {
        const isInside = element.getBoundingClientRect().right <= width + 0.5;
        if (!isInside && !isHeld(element))
            bad.push(`${element.tagName}.${element.className} ends right of the screen`);
        if (['auto', 'scroll'].includes(getComputedStyle(element).overflowX)
            && (element.tabIndex !== 0 || !element.getAttribute('aria-label')))
            bad.push('an area that scrolls cannot be reached or has no name');
    }
    return bad.slice(0, 20);";

#[test]
fn nothing_scrolls_sideways_on_a_phone() {
    let Some(reader) = Reader::new() else { return };
    reader.screen(PHONE);
    for (name, page) in pages() {
        reader.show(name, &page);
        assert_eq!(reader.browser.run("return window.innerWidth"), PHONE, "{name}");
        assert_eq!(reader.faults(WIDE), Vec::<String>::new(), "{name}");
    }
    let phone = "<meta name=\"viewport\" content=\"width=device-width\">";
    let bad = "<p style=\"width: 500px\">wide</p><p style=\"overflow: auto\">area</p>";
    reader.show("bad", &format!("{phone}{bad}"));
    assert_eq!(reader.faults(WIDE).len(), 3);
}

/// Texts with too little contrast to what is behind them (WCAG: 4.5).
const FAINT: &str = r"
    const channels = color => {
        const parts = color.match(/[\d.]+/g).map(Number);
        return color.startsWith('color(') ? parts : parts.map((part, i) => i < 3 ? part / 255 : part);
    };
    const light = channels => {
        const linear = channels.slice(0, 3)
            .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const ground = element => {
        for (let e = element; e; e = e.parentElement) {
            const color = getComputedStyle(e).backgroundColor;
            if (channels(color)[3] !== 0) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    // What text may lie on in a picture, mixed with what is behind the picture.
    const painted = element => {
        const bars = element.closest('.bars') ? element.parentElement.querySelectorAll('rect') : [];
        const cells = element.matches('.number') ? element.closest('svg').querySelectorAll('path') : [];
        const below = channels(ground(element));
        const mix = (color, share) => channels(color).map((c, i) => share * c + (1 - share) * below[i]);
        const of = element => getComputedStyle(element);
        return [below, ...[...bars].map(rect => mix(of(rect).fill, Number(of(rect).fillOpacity))),
            ...[...cells].map(cell => mix(of(cell).stroke, Number(of(cell).strokeOpacity)))];
    };
    const bad = [];
    let n = 0;
    for (const element of document.body.querySelectorAll('*')) {
        const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        if (!own || element.tagName === 'title') continue;
        n += 1;
        const style = getComputedStyle(element);
        const color = element.tagName === 'text' ? style.fill : style.color;
        const contrasts = painted(element).map(below => {
            const [a, b] = [light(channels(color)), light(below)];
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        });
        const contrast = Math.min(...contrasts);
        if (contrast < 4.5) bad.push(
            `${contrast.toFixed(2)}: ${color} on ${ground(element)}, ${element.outerHTML.slice(0, 80)}`);
    }
    if (n === 0) bad.push('no text');
    return bad.slice(0, 20);";

#[test]
fn text_can_be_read_in_the_light_and_in_the_dark() {
    let Some(reader) = Reader::new() else { return };
    let ground = "return getComputedStyle(document.body).backgroundColor";
    for (name, page) in pages() {
        let grounds = ["light", "dark"].map(|scheme| {
            reader.scheme(scheme);
            reader.show(name, &page);
            assert_eq!(reader.faults(FAINT), Vec::<String>::new(), "{name}, {scheme}");
            reader.browser.run(ground)
        });
        assert_eq!(grounds[0], "rgb(255, 255, 255)");
        assert_ne!(grounds[0], grounds[1], "{name}");
    }
    let faint = "<body style=\"background: #eee\"><p style=\"color: #888\">faint</p><p>good</p>\
                 <svg class=\"bars\"><g><rect style=\"fill: #333\"/><text>faint</text></g></svg>\
                 <svg><path style=\"stroke: #333\"/><text class=\"number\">faint</text></svg>\
                 <svg><path style=\"stroke: #333\"/><text>good</text></svg>";
    reader.show("bad", faint);
    assert_eq!(reader.faults(FAINT).len(), 3);
}

/// What somebody who hears the page would miss.
const UNNAMED: &str = r"
    const bad = [];
    const say = (what, element) => bad.push(`${what}: ${element.outerHTML.slice(0, 120)}`);
    for (const svg of document.querySelectorAll('svg')) {
        if (svg.parentElement.closest('svg') || svg.getAttribute('aria-hidden') === 'true') continue;
        const title = svg.querySelector(':scope > title');
        if (svg.getAttribute('role') !== 'img' || !title || !title.textContent.trim())
            say('a picture without a name', svg);
    }
    let level = 0;
    for (const heading of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
        const own = Number(heading.tagName[1]);
        if (own > level + 1) say('a heading skips a level', heading);
        level = own;
    }
    if (document.querySelectorAll('h1').length !== 1) bad.push('not one h1');
    for (const cell of document.querySelectorAll('th'))
        if (!['row', 'col', 'rowgroup', 'colgroup'].includes(cell.scope))
            say('a header cell without a scope', cell);
    for (const table of document.querySelectorAll('table'))
        if (!table.caption || !table.caption.textContent.trim()) say('a table without a caption', table);
    const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
    if (new Set(ids).size !== ids.length) bad.push('an id is used twice');
    if (!document.documentElement.lang) bad.push('no language');
    if (!document.title.trim()) bad.push('no title');
    return bad.slice(0, 20);";

#[test]
fn the_page_can_be_heard() {
    let Some(reader) = Reader::new() else { return };
    for (name, page) in pages() {
        reader.show(name, &page);
        assert_eq!(reader.faults(UNNAMED), Vec::<String>::new(), "{name}");
        // What the browser tells a screen reader.
        let root = reader.browser.devtools("DOM.getDocument", &json!({ "depth": 0 }));
        let query = json!({ "nodeId": root["root"]["nodeId"], "role": "image" });
        let images = reader.browser.devtools("Accessibility.queryAXTree", &query);
        let images = images["nodes"].as_array().unwrap();
        let n = reader.browser.run("return document.querySelectorAll('svg[role=img]').length");
        assert!(n.as_u64().unwrap() > 0, "{name}");
        assert_eq!(n.as_u64(), u64::try_from(images.len()).ok(), "{name}");
        for image in images {
            assert!(image["name"]["value"].as_str().is_some_and(|n| !n.is_empty()), "{image}");
        }
    }
    let bad = "<h1></h1><h3>b</h3><table><tr><th>c</table><svg></svg><p id=d></p><p id=d></p>";
    reader.show("bad", bad);
    let faults = reader.faults(UNNAMED);
    assert_eq!(faults.len(), 7, "{faults:?}");
}

/// Keeps what the keyboard reaches.
const WATCH: &str = r"
    window.reached = new Set();
    document.addEventListener('focusin', event => window.reached.add(event.target));";
/// What people work with that the keyboard did not reach.
const MISSED: &str = r"
    const all = [...document.querySelectorAll('a, summary, .scroll, pre')];
    const missed = all.filter(element => !window.reached.has(element));
    return missed.map(element => element.outerHTML.slice(0, 120));";

#[test]
fn the_keyboard_reaches_everything() {
    let Some(reader) = Reader::new() else { return };
    for (name, page) in pages() {
        reader.show(name, &page);
        let n =
            reader.browser.run("return document.querySelectorAll('a, summary, [tabindex]').length");
        let n = usize::try_from(n.as_u64().unwrap()).unwrap();
        reader.browser.run(WATCH);
        reader.browser.press(TAB, n);
        assert!(n > 3);
        assert_eq!(reader.faults(MISSED), Vec::<String>::new(), "{name}");
    }
    let page = "<details><summary>a</summary>b</details><a>no link</a>";
    reader.browser.open(&reader.write("bad", page));
    reader.browser.run(WATCH);
    reader.browser.press(TAB, 1);
    assert_eq!(reader.faults(MISSED), ["<a>no link</a>"]);
    reader.browser.press(ENTER, 1);
    assert_eq!(reader.browser.run("return document.querySelector('details').open"), true);
}
