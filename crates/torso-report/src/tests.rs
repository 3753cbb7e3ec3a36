//! The page as a whole.

use torso_core::record::RunRecord;

use crate::{fixture, html, is_own, terminal};

const HOSTILE: [&str; 4] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>' {{ 7 * 7 }} {% raw %}",
    "</title></style></svg><a href=\"https://example.org\">",
    "عدد الطلاب\u{202e}&amp;",
];

/// The penguins with these names everywhere that a name can be.
fn named(names: &[&str]) -> RunRecord {
    let mut record = fixture::penguins();
    let name = |i: usize| names[i % names.len()].to_string();
    for (i, task) in record.comparison.tasks.iter_mut().enumerate() {
        for curve in record.curves.iter_mut().filter(|curve| curve.task == task.name) {
            curve.task = name(i);
        }
        task.name = name(i);
        (task.kind, task.better, task.classes) = (name(i), name(i), vec![name(i)]);
    }
    for (i, arm) in record.comparison.arms.iter_mut().enumerate() {
        for curve in record.curves.iter_mut().filter(|curve| curve.arm == arm.name) {
            curve.arm = name(i);
        }
        for balance in record.balance.iter_mut().filter(|balance| balance.arm == arm.name) {
            balance.arm = name(i);
            balance.statuses.iter_mut().for_each(|(status, _)| *status = name(i));
        }
        arm.name = name(i);
        for (i, result) in arm.tasks.iter_mut().enumerate() {
            (result.task, result.test.loss) = (name(i), name(i));
        }
    }
    record.comparison.tasks[0].metric = name(0);
    let data = &mut record.comparison.data;
    (data.name, data.blake3, data.features) = (name(0), name(1), vec![name(2), name(3)]);
    record.options = vec![(name(0), name(1)), (name(2), name(3))];
    record.about_arms.clone_from(&record.options);
    record.notes = (0..4).map(name).collect();
    (record.command, record.torso) = (name(0), name(1));
    record
}

/// The tags of a page, in order, without the style sheet.
fn tags(page: &str) -> Vec<&str> {
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    [before, after].into_iter().flat_map(|text| text.split('<').skip(1)).map(tag).collect()
}

fn tag(from: &str) -> &str {
    from.split_once('>').expect("a tag ends").0
}

/// Whether every tag is closed, in order.
#[track_caller]
fn assert_well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in tags(page) {
        let name = tag.split_whitespace().next().unwrap();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "</{tag}>");
        } else if !tag.ends_with('/') && name != "meta" && name != "!doctype" {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// Whether a page fetches and runs nothing and says no number that is none.
#[track_caller]
fn assert_sound(page: &str) {
    assert_well_formed(page);
    assert!(page.contains("default-src 'none'"));
    assert!(!page.contains("url("));
    for tag in tags(page) {
        let name = tag.split_whitespace().next().unwrap().to_lowercase();
        let fetching =
            ["script", "img", "iframe", "link", "object", "embed", "use", "image", "base"];
        assert!(!fetching.contains(&name.as_str()), "<{tag}>");
        // Names of attributes and their values take turns between quotes.
        let parts: Vec<&str> = tag.split('"').collect();
        for attribute in parts.chunks(2) {
            for fetching in [" src=", " on", " srcset=", " style=", ":href="] {
                assert!(!attribute[0].contains(fetching), "<{tag}>");
            }
            if attribute[0].ends_with("href=") {
                let id = attribute[1].strip_prefix('#').expect("a place on the page");
                assert!(page.contains(&format!("id=\"{id}\"")), "no id {id}");
            }
        }
    }
    for none in ["NaN", ">inf", "inf%", "undefined", "nan"] {
        assert!(!page.contains(none), "{none}");
    }
}

#[test]
fn pages_are_sound() {
    let odd = fixture::odd();
    let usual = [fixture::penguins(), fixture::schools(), fixture::regressions(40, 3)];
    for record in usual.iter().chain(&odd) {
        assert_sound(&html(record).unwrap());
    }
}

#[test]
fn a_broken_page_would_be_found() {
    for broken in ["<b>", "</p>", "<b><i></b></i>"] {
        let page = format!("<style></style><p>{broken}</p>");
        assert!(std::panic::catch_unwind(|| assert_well_formed(&page)).is_err(), "{broken}");
    }
}

#[test]
fn the_page_says_the_verdict_first_and_every_number() {
    let page = html(&fixture::penguins()).unwrap();
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no `{text}`"));
    let order = [
        "Did learning 3 tasks together help?",
        "Yes, for 2 of 3 tasks.",
        "<h2 id=\"gains\">",
        "better than alone →",
        "<h2 id=\"numbers\">",
        "<h2 id=\"curves\">",
        "<h2 id=\"balance\">",
        "<h2 id=\"how\">",
        "<h2 id=\"run\">",
        "<h2 id=\"notes\">",
    ];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])));
    for text in [
        "+12.3 (3.0 to 21.6)",
        "+0.21 points (−0.23 to 0.65)",
        "333 labels",
        "0.972",
        "the loss says helps, the metric’s gain is negative",
        "torso compare penguins.csv --targets &#x27;a,b&#x27; --seeds 10",
        "body_mass_g: 2 cells without a label",
    ] {
        place(text);
    }
}

/// The section on balancing, a block for each arm.
fn balance_blocks(record: &RunRecord) -> Vec<String> {
    let page = html(record).unwrap();
    let Some((_, from)) = page.split_once("<h2 id=\"balance\">") else { return Vec::new() };
    let (section, _) = from.split_once("<h2 id=\"how\">").unwrap();
    section.split("<section class=\"balance\">").skip(1).map(str::to_string).collect()
}

#[test]
fn the_page_says_how_tasks_were_balanced() {
    let blocks = balance_blocks(&fixture::penguins());
    assert_eq!(blocks.len(), 2, "equal weights are no news");
    let [by_loss, by_gradient] = blocks.try_into().unwrap();
    for block in [&by_loss, &by_gradient] {
        assert!(block.contains("share of the weights, first to last epoch: species from 0.33 to "));
        assert!(["species", "sex", "body_mass_g"].iter().all(|task| block.contains(task)));
    }
    assert!(by_loss.contains("12,000 steps, all with an answer of the method’s own."));
    assert!(!by_loss.contains("cosine"));
    let place = |text: &str| by_gradient.find(text).unwrap_or_else(|| panic!("no `{text}`"));
    let often = place("In 1.3% of 12,000 steps: <bdi>no solution: the Gramian is singular");
    assert!(often < place("In less than 0.1% of 12,000 steps: <bdi>not converged"));
    place("below 0 the gradients conflict");
    assert_eq!(by_gradient.matches("<td class=\"n conflict tenth").count(), 4);
    assert_eq!(by_gradient.matches("<td class=\"n agree tenth").count(), 2);
}

#[test]
fn equal_weights_are_said_where_there_is_other_news() {
    let mut record = fixture::penguins();
    record.balance.truncate(1);
    assert!(balance_blocks(&record).is_empty());
    record.balance[0].weights[1][7] += 2e-6;
    assert_eq!(balance_blocks(&record).len(), 1, "weights that change are drawn");
    record.balance[0].weights[1][7] -= 2e-6;
    record.balance[0].cosine = vec![0.2, -0.3];
    let [block] = balance_blocks(&record).try_into().unwrap();
    assert!(block.contains("The weights were equal throughout."));
    assert!(block.contains("from 0.20 to −0.30 over the epochs"));
    record.balance.clear();
    assert!(!html(&record).unwrap().contains("id=\"balance\""));
}

#[test]
fn what_is_not_known_of_a_balance_is_left_out() {
    let blocks = balance_blocks(&fixture::odd()[2]);
    let [_, _, unknown, gaps, signed, mismatched, extreme] = blocks.try_into().unwrap();
    assert!(!unknown.contains("<svg") && unknown.contains("In 156 steps: <bdi>no solution"));
    assert!(gaps.contains("body_mass_g from –") && gaps.contains("<td class=\"n \">–</td>"));
    assert!(signed.contains("sex from −0.33 to −0.50") && !signed.contains("<table"));
    assert!(!mismatched.contains("<table"), "a matrix that is not square is not told");
    assert!(extreme.contains("species from 0.33") && extreme.len() < 8_000, "{}", extreme.len());
}

#[test]
fn of_many_tasks_the_outermost_pairs_are_told() {
    let matrix = balance_blocks(&fixture::regressions(12, 2)).pop().unwrap();
    assert_eq!(matrix.matches("<td class=\"n ").count(), 12 * 12);
    let mut record = fixture::regressions(13, 2);
    let cosines = &mut record.balance[0].cosines;
    cosines.fill(Some(0.1));
    for (a, b, cosine) in [(2, 5, -0.4), (0, 12, -0.51), (3, 4, 0.9)] {
        (cosines[a * 13 + b], cosines[b * 13 + a]) = (Some(cosine), Some(cosine));
    }
    let block = balance_blocks(&record).pop().unwrap();
    assert!(!block.contains("<table"));
    let name = |i: usize| format!("<bdi class=\"name\">target {i}</bdi>");
    let conflicting =
        format!("{} and {} (−0.51), {} and {} (−0.40).", name(0), name(12), name(2), name(5));
    assert!(block.contains(&format!("Most in conflict, by mean cosine: {conflicting}")), "{block}");
    assert!(block.contains(&format!("Most in agreement: {} and {} (0.90), ", name(3), name(4))));
    record.balance[0].cosines.fill(Some(-0.2));
    assert!(balance_blocks(&record)[0].contains("No two tasks agree"));
}

#[test]
fn headings_are_in_order() {
    for record in [fixture::penguins(), fixture::schools(), fixture::regressions(20, 3)] {
        let page = html(&record).unwrap();
        let level = |tag: &&str| tag.strip_prefix('h')?.get(..1)?.parse::<u32>().ok();
        let levels: Vec<u32> = tags(&page).iter().filter_map(level).collect();
        assert_eq!(levels[0], 1);
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
        assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
    }
}

#[test]
fn names_stay_text() {
    let page = html(&named(&HOSTILE)).unwrap();
    assert_sound(&page);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt;"));
    assert!(page.contains("{{ 7 * 7 }}"), "names are not templates");
    assert!(page.contains("&amp;amp;"), "names are escaped once");
    assert!(!page.contains("&amp;amp;amp;"), "names are escaped once");
    assert!(page.contains("<h2 id=\"balance\">"));
    assert!(!terminal(&named(&HOSTILE), 80, false).is_empty());
}

#[test]
fn long_names_are_short_in_pictures_and_whole_in_tables() {
    let long = "x".repeat(10_000);
    let page = html(&named(&[&long, "b", "c", "d"])).unwrap();
    assert_sound(&page);
    let table = page.split_once("The tasks in numbers").unwrap().1;
    assert!(table.contains(&long));
    let (_, pictures) = page.split_once("<svg").unwrap();
    let svg_texts =
        pictures.split("<text").skip(1).map(|text| text.split_once("</text>").unwrap().0);
    assert!(svg_texts.map(str::len).max().unwrap() < 200);
}

#[test]
fn large_pages_stay_below_a_megabyte() {
    for record in [fixture::regressions(20, 10), fixture::schools(), fixture::regressions(139, 5)] {
        let page = html(&record).unwrap();
        assert!(page.len() < 1_000_000, "{} bytes", page.len());
    }
}

#[test]
fn the_same_record_gives_the_same_page() {
    assert_eq!(html(&fixture::schools()).unwrap(), html(&fixture::schools()).unwrap());
}

#[test]
fn only_own_pages_are_known() {
    assert!(is_own(html(&fixture::penguins()).unwrap().as_bytes()));
    assert!(is_own(html(&named(&[&"y".repeat(10_000)])).unwrap().as_bytes()));
    let generator = "<meta name=\"generator\" content=\"torso 9.9\">";
    let far = format!("<!doctype html>{}{generator}", " ".repeat(2048));
    let cut = "<!doctype html><meta name=\"generator\" content=\"tors";
    let other = "<!doctype html><meta name=\"generator\" content=\"Hugo 0.1\"><p>torso";
    let text = format!("To find reports, look for {generator}");
    for foreign in ["", "<!doctype html>", &far, cut, other, &text, "\u{0}\u{1}"] {
        assert!(!is_own(foreign.as_bytes()), "{foreign}");
    }
    assert!(is_own(format!("<!doctype html>\n{generator}").as_bytes()), "another version");
}
