//! The page as a whole.

mod findings;

use torso_core::finding::Finding;
use torso_core::record::{ArmFindings, Diagnostic, Figures, RunRecord, TrainRecord};

use crate::{fixture, html, is_own, markdown, terminal, train_html};

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
    record.findings = vec![ArmFindings { arm: name(1), findings: named_findings(&name) }];
    record.diagnostics.iter_mut().for_each(|own| rename(own, &name));
    let ranks = fixture::regressions(8, 5).ranks;
    record.ranks = ranks.map(|mut ranks| {
        ranks.arms.iter_mut().enumerate().for_each(|(i, (arm, _))| *arm = name(i));
        ranks.groups = vec![vec![name(0), name(1)], vec![name(2), name(3)]];
        ranks
    });
    let data = &mut record.comparison.data;
    (data.name, data.blake3, data.features) = (name(0), name(1), vec![name(2), name(3)]);
    record.options = vec![(name(0), name(1)), (name(2), name(3))];
    record.about_arms.clone_from(&record.options);
    record.notes = (0..4).map(name).collect();
    (record.command, record.torso) = (name(0), name(1));
    record
}

/// Findings of each kind with other names.
fn named_findings(name: &dyn Fn(usize) -> String) -> Vec<Finding> {
    let names: Vec<String> = (0..4).map(name).collect();
    let mut findings = fixture::of_each_kind(&names, &names);
    for finding in &mut findings {
        match finding {
            Finding::Matrix { name: of, .. }
            | Finding::Groups { name: of, .. }
            | Finding::Bars { name: of, .. } => *of = name(0),
            Finding::Path { name: of, parameter, .. } => (*of, *parameter) = (name(0), name(1)),
        }
    }
    findings
}

/// Gives a diagnostic of the penguins other names.
fn rename(diagnostic: &mut Diagnostic, name: &dyn Fn(usize) -> String) {
    let penguins = fixture::penguins().comparison;
    let place = |names: &[&str], of: &str| names.iter().position(|other| *other == of);
    let arms: Vec<&str> = penguins.arms.iter().map(|arm| arm.name.as_str()).collect();
    let tasks: Vec<&str> = penguins.tasks.iter().map(|task| task.name.as_str()).collect();
    diagnostic.arm = name(place(&arms, &diagnostic.arm).unwrap());
    diagnostic.task = name(place(&tasks, &diagnostic.task).unwrap());
    if let Figures::Binary { confusion, .. } | Figures::Multiclass { confusion } =
        &mut diagnostic.figures
    {
        confusion.classes.iter_mut().enumerate().for_each(|(i, class)| *class = name(i));
    }
}

/// The training of the penguins with these names everywhere that a name can be.
fn named_training(names: &[&str]) -> TrainRecord {
    let name = |i: usize| names[i % names.len()].to_string();
    let run = named(names);
    let mut record = fixture::trained();
    record.diagnostics.iter_mut().for_each(|own| rename(own, &name));
    record.method = name(1);
    for (i, task) in record.tasks.iter_mut().enumerate() {
        task.task.clone_from(&run.comparison.tasks[i]);
        record.curves[i].task = name(i);
        (record.curves[i].arm, record.diagnostics[i].arm) = (name(1), name(1));
    }
    (record.about, record.status) = (name(2), name(3));
    record.findings = named_findings(&name);
    record.certificate = fixture::linear().certificate;
    record.chosen = vec![(name(0), 1.5), (name(1), 2.5)];
    (record.data, record.options) = (run.comparison.data, run.options);
    (record.notes, record.command, record.torso) = (run.notes, run.command, run.torso);
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
    for record in [fixture::trained()].iter().chain(&fixture::odd_trainings()) {
        assert_sound(&train_html(record).unwrap());
    }
}

#[test]
fn pictures_and_tables_say_what_they_are() {
    let pages = [
        html(&fixture::penguins()).unwrap(),
        html(&fixture::regressions(8, 5)).unwrap(),
        train_html(&fixture::trained()).unwrap(),
        train_html(&fixture::linear()).unwrap(),
    ];
    for page in pages {
        let pictures = page.split("<svg").skip(1).filter(|svg| svg.contains("role=\"img\""));
        for svg in pictures {
            let (head, rest) = svg.split_once('>').unwrap();
            let is_named = rest.starts_with("<title>") && !rest.starts_with("<title></title>");
            assert!(!head.contains("role") || is_named, "{head}");
        }
        for table in page.split("<table").skip(1) {
            assert!(table.split_once('>').unwrap().1.trim_start().starts_with("<caption>"));
        }
        for tag in tags(&page) {
            let is_head = tag == "th" || tag.starts_with("th ");
            assert!(!is_head || tag.contains("scope=\""), "<{tag}>");
        }
        // A summary is what the keyboard reaches.
        assert_eq!(page.matches("<details").count(), page.matches("<summary>").count());
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
        "<h2 id=\"predictions\">",
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
        "Ranks are tested from 5 tasks and 3 arms on.",
    ] {
        place(text);
    }
}

/// The section with this heading, up to the next.
fn section<'a>(page: &'a str, id: &str) -> &'a str {
    let (_, from) = page.split_once(&format!("<h2 id=\"{id}\">")).unwrap();
    from.split("<h2 id=").next().unwrap()
}

#[test]
fn predictions_are_shown_for_the_baseline_and_the_best_of_the_others() {
    let mut record = fixture::penguins();
    record.comparison.arms[0].mean_rank = 1.0;
    record.comparison.arms[2].mean_rank = 1.5;
    record.comparison.arms[3].mean_rank = f64::NAN;
    let page = html(&record).unwrap();
    let predictions = section(&page, "predictions");
    let blocks: Vec<&str> = predictions.split("<details class=\"beside\">").skip(1).collect();
    assert_eq!(blocks.len(), 3);
    for (block, task) in blocks.iter().zip(["species", "sex", "body_mass_g"]) {
        assert!(block.contains(&format!("<h3><bdi>{task}</bdi>")), "{block}");
        let arms: Vec<&str> = block
            .split("<h4><bdi class=\"name\">")
            .skip(1)
            .map(|part| part.split_once('<').unwrap().0)
            .collect();
        assert_eq!(arms, ["apart", "hard+tuned"]);
    }
    let [species, sex, mass] = blocks.try_into().unwrap();
    assert!(species.contains("344 rows, in 10 repeats"));
    assert!(species.contains("3,440 predictions over 10 repeats"));
    assert!(species.contains("<th scope=\"col\" class=\"n\"><bdi>Chinstrap</bdi></th>"));
    assert_eq!(species.matches("<svg").count(), 0);
    assert!(sex.contains("observed share") && sex.contains("99.6%"), "{sex}");
    assert!(mass.contains("label − prediction") && !mass.contains("Confusion"));
    for block in [sex, mass] {
        let numbers = block.split_once("<table class=\"bins\">").unwrap().1;
        let numbers = numbers.split_once("</table>").unwrap().0;
        assert!(numbers.matches("<tr>").count() > 10, "each bin is in numbers too");
    }
}

#[test]
fn many_tasks_have_no_predictions_and_the_page_says_so() {
    let page = html(&fixture::schools()).unwrap();
    assert!(section(&page, "predictions").contains("kept for comparisons of at most 20 tasks"));
    let mut few = fixture::penguins();
    few.diagnostics.clear();
    assert!(!html(&few).unwrap().contains("id=\"predictions\""), "an older record has none");
}

#[test]
fn ranks_are_drawn_and_told() {
    let page = html(&fixture::regressions(8, 5)).unwrap();
    let ranks = section(&page, "ranks");
    assert!(ranks.contains("critical difference 1.10"), "{ranks}");
    assert!(ranks.contains("are not independent data sets"));
    assert!(ranks.contains("<title>Mean ranks, the best first: hard+method-1 1.20,"));
    assert!(!html(&fixture::penguins()).unwrap().contains("id=\"ranks\""));
}

#[test]
fn a_training_says_first_what_it_is_worth() {
    let page = train_html(&fixture::trained()).unwrap();
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no `{text}` in {page}"));
    let order = [
        "<h1><bdi>hard+equal</bdi>, trained on",
        "Better than a constant guess for 2 of 3 tasks.",
        "better than a constant →",
        "1.9% (0.6 to 4.3)",
        "<details class=\"beside\" open=\"\">",
        "dots: the epoch whose weights were kept.",
        "<h2 id=\"balance\">",
        "one trunk for all tasks, equal weights",
        "torso train penguins.csv --targets &#x27;a,b&#x27;",
        "body_mass_g: 2 cells without a label",
    ];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])));
    assert!(!page.contains("repeats and folds"), "there are none");
    let untested = train_html(&fixture::odd_trainings()[0]).unwrap();
    assert!(untested.contains("Not tested.") && untested.contains("is not known"));
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
    let runs = [fixture::penguins(), fixture::schools(), fixture::regressions(20, 5)];
    let pages = runs.iter().map(html).chain([train_html(&fixture::trained())]);
    for page in pages {
        let page = page.unwrap();
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
    assert!(page.contains("<h2 id=\"ranks\">") && page.contains("<h2 id=\"predictions\">"));
    assert!(!terminal(&named(&HOSTILE), 80, false).is_empty());
    let page = train_html(&named_training(&HOSTILE)).unwrap();
    assert_sound(&page);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt;"));
    assert!(page.contains("<h2 id=\"balance\">") && page.contains("<h2 id=\"predictions\">"));
    for text in [markdown(&named(&HOSTILE)), crate::train_markdown(&named_training(&HOSTILE))] {
        let fence = text.find("\n```").unwrap();
        assert!(!text[..fence].contains('<'), "{text}");
        assert!(text.contains("\\{\\{ 7 \\* 7 \\}\\}"), "{text}");
    }
}

#[test]
fn long_names_are_short_in_pictures_and_whole_in_tables() {
    let long = "x".repeat(10_000);
    let page = html(&named(&[&long, "b", "c", "d"])).unwrap();
    assert_sound(&page);
    let table = page.split_once("The tasks in numbers").unwrap().1;
    assert!(table.contains(&long));
    assert_sound(&train_html(&named_training(&[&long, "b", "c", "d"])).unwrap());
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
    let many = train_html(&fixture::odd_trainings()[4]).unwrap();
    assert!(many.len() < 1_000_000, "{} bytes", many.len());
}

#[test]
fn the_same_record_gives_the_same_page() {
    assert_eq!(html(&fixture::schools()).unwrap(), html(&fixture::schools()).unwrap());
}

#[test]
fn only_own_pages_are_known() {
    assert!(is_own(html(&fixture::penguins()).unwrap().as_bytes()));
    assert!(is_own(html(&named(&[&"y".repeat(10_000)])).unwrap().as_bytes()));
    assert!(is_own(train_html(&fixture::trained()).unwrap().as_bytes()));
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
