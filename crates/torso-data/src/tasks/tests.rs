use torso_core::data::TaskKind;
use torso_core::features::FeatureValues;

use super::*;
use crate::ReadOptions;

fn table(text: &str) -> Table {
    Table::from_bytes("t.csv", text.as_bytes(), &ReadOptions::default()).unwrap()
}

/// The lines of `n` rows.
fn rows(n: usize, row: impl Fn(usize) -> String) -> String {
    (0..n).map(|at| row(at) + "\n").collect()
}

fn prepare(text: &str, roles: &Roles) -> Result<Prepared, TableError> {
    task_data(&table(text), roles)
}

fn said(text: &str, roles: &Roles) -> String {
    prepare(text, roles).unwrap_err().to_string()
}

/// Name, kind, labels.
fn tasks(prepared: &Prepared) -> Vec<(&str, &str, usize)> {
    let tasks = prepared.data.tasks().iter();
    tasks.map(|task| (task.name.as_str(), task.kind.name(), task.labels.len())).collect()
}

fn feature_names(prepared: &Prepared) -> Vec<&str> {
    prepared.data.features().columns.iter().map(|column| column.name.as_str()).collect()
}

fn reason<'a>(prepared: &'a Prepared, name: &str) -> &'a str {
    &prepared.columns.iter().find(|column| column.name == name).unwrap().reason
}

fn ignoring(targets: &[&str], ignore: &[&str]) -> Roles {
    let ignore = ignore.iter().copied().map(String::from).collect();
    Roles { ignore, ..Roles::columns(targets.iter().copied()) }
}

#[test]
fn the_penguins_are_three_tasks_of_three_kinds() {
    let prepared = task_data(&Table::penguins(), &Table::penguins_roles()).unwrap();
    let data = &prepared.data;
    assert_eq!((data.name(), data.n_rows(), data.layout()), ("penguins", 344, Layout::Columns));
    assert_eq!(
        tasks(&prepared),
        [
            ("species", "multiclass", 344),
            ("sex", "binary", 333),
            ("body_mass_g", "regression", 342)
        ]
    );
    assert_eq!(data.tasks()[0].kind.classes(), ["Adelie", "Chinstrap", "Gentoo"]);
    assert_eq!(data.tasks()[1].kind.classes(), ["female", "male"]);
    assert_eq!(data.tasks()[1].labels.get(0), Some(1.0), "the first penguin is male");
    assert_eq!(data.tasks()[1].labels.get(3), None, "the fourth has no sex");
    assert_eq!(data.tasks()[2].labels.get(0), Some(3750.0));
    let missing: Vec<_> =
        data.features().columns.iter().map(|column| column.values.missing()).collect();
    assert_eq!(missing, [0, 2, 2, 2]);

    let column = |name: &str| prepared.columns.iter().find(|column| column.name == name).unwrap();
    for (name, role, kind, reason, missing) in [
        ("species", ColumnRole::Target, ColumnKind::Multiclass(3), "3 distinct texts", 0),
        ("island", ColumnRole::Feature, ColumnKind::Categories(3), "3 distinct texts", 0),
        (
            "sex",
            ColumnRole::Target,
            ColumnKind::Binary,
            "2 distinct texts, 11 are missing (`NA`)",
            11,
        ),
        (
            "bill_depth_mm",
            ColumnRole::Feature,
            ColumnKind::Number,
            "342 of 344 cells are numbers, 2 are missing (`NA`)",
            2,
        ),
        ("year", ColumnRole::Unused, ColumnKind::NotRead, "not among the listed features", 0),
    ] {
        let name = name.to_owned();
        let expected = ColumnReport { role, kind, reason: reason.into(), missing, name };
        assert_eq!(column(&expected.name), &expected);
    }
    assert_eq!(
        prepared.notes,
        ["missing cells are filled and flagged: features `bill_length_mm`, `bill_depth_mm`, \
             `flipper_length_mm`"]
    );
}

#[test]
fn targets_are_of_the_kind_that_their_cells_show() {
    let text = "x,zero_one,two,count,real,word,answer\n".to_owned()
        + &rows(30, |at| {
            let (two, word) = (["9", "10.5"][at % 2], ["b", "c", "a"][at % 3]);
            let answer = if at == 4 { "" } else { ["yes", "no"][at % 2] };
            format!("{}.5,{},{two},{},{at}.25,{word},{answer}", at % 7, at % 2, at % 4)
        });
    let targets = ["zero_one", "two", "count", "real", "word", "answer"];
    let prepared = prepare(&text, &Roles::columns(targets)).unwrap();
    let kinds = ["binary", "binary", "regression", "regression", "multiclass", "binary"];
    let found = tasks(&prepared);
    assert_eq!(found.iter().map(|task| task.1).collect::<Vec<_>>(), kinds);
    assert_eq!(found[5].2, 29);
    let classes = |task: usize| prepared.data.tasks()[task].kind.classes();
    assert_eq!(
        (classes(0), classes(1)),
        (&["0", "1"].map(String::from)[..], &["9", "10.5"].map(String::from)[..])
    );
    assert_eq!(classes(4), ["a", "b", "c"]);
    assert_eq!(prepared.data.tasks()[4].labels.values()[..3], [1.0, 2.0, 0.0]);
    for (name, expected) in [
        ("zero_one", "integers with 2 distinct values: taken as binary"),
        ("two", "numbers with 2 distinct values: taken as binary"),
        ("real", "all 30 cells are numbers"),
        ("answer", "2 distinct texts, 1 is missing"),
    ] {
        assert_eq!(reason(&prepared, name), expected);
    }
    assert_eq!(
        prepared.notes,
        ["few distinct integers, taken as numbers (classes are better written as words): target \
          `count`"]
    );
}

#[test]
fn a_missing_label_is_masked_and_costs_no_row() {
    let text = "x,a,b\n1.5,1.5,\n2.5,,\n0.5,2.5,u\n4.5,NA,v\n7.5,,u\n";
    let prepared = prepare(text, &Roles::columns(["a", "b"])).unwrap();
    assert_eq!(prepared.data.n_rows(), 5);
    assert_eq!(prepared.data.tasks()[0].labels.rows(), [0, 2]);
    assert_eq!(prepared.data.tasks()[1].labels.rows(), [2, 3, 4]);
    assert!(prepared.notes.contains(&"1 of 5 rows have no label: kept".to_owned()));
}

#[test]
fn types_that_are_told_are_taken() {
    let text = "code,y\n".to_owned() + &rows(12, |at| format!("{},{}", at % 3, at % 4));
    let mut roles = Roles::columns(["y"]);
    for column in ["code", "y"] {
        roles.kinds.insert(column.into(), "class".parse().unwrap());
    }
    let prepared = prepare(&text, &roles).unwrap();
    assert_eq!(tasks(&prepared), [("y", "multiclass", 12)]);
    assert_eq!(reason(&prepared, "y"), "told to be a class; 4 distinct values");
    assert!(matches!(
        &prepared.data.features().columns[0].values,
        FeatureValues::Categorical { levels, .. } if levels == &["0", "1", "2"]
    ));
    assert!(prepared.notes.is_empty(), "{:?}", prepared.notes);

    let text = "x,y\n".to_owned() + &rows(8, |at| format!("{at}.5,{}", at % 2));
    let mut roles = Roles::columns(["y"]);
    roles.kinds.insert("y".into(), KindOverride::Number);
    assert_eq!(tasks(&prepare(&text, &roles).unwrap()), [("y", "regression", 8)]);
    roles.kinds.insert("z".into(), KindOverride::Number);
    assert!(matches!(prepare(&text, &roles), Err(TableError::NoSuchColumn { .. })));
    assert_eq!(
        "text".parse::<KindOverride>().unwrap_err().to_string(),
        "expected `number` or `class`, found `text`"
    );
}

#[test]
fn features_that_are_of_no_use_are_left_out_with_a_note() {
    let text = "n,date,when,id,void,split,color,y\n".to_owned()
        + &rows(60, |at| {
            let (day, part) = (at % 28 + 1, ["train", "test"][at % 2]);
            let color = if at == 7 { "" } else { ["red", "blue"][at % 2] };
            format!("{at},2024-02-{day:02},{day}/2/2024,id{at},NA,{part},{color},{}.5", at % 7)
        });
    let prepared = prepare(&text, &Roles::columns(["y"])).unwrap();
    assert_eq!(feature_names(&prepared), ["n", "split", "color"]);
    for (name, role, kind) in [
        ("n", ColumnRole::Feature, ColumnKind::Number),
        ("date", ColumnRole::LeftOut, ColumnKind::Dates),
        ("when", ColumnRole::LeftOut, ColumnKind::Dates),
        ("id", ColumnRole::LeftOut, ColumnKind::Text),
        ("void", ColumnRole::LeftOut, ColumnKind::Empty),
        ("color", ColumnRole::Feature, ColumnKind::Categories(2)),
    ] {
        let found = prepared.columns.iter().find(|column| column.name == name).unwrap();
        assert_eq!((found.role, found.kind), (role, kind), "{name}");
    }
    assert_eq!(
        prepared.notes,
        [
            "feature `n` only counts the rows: leave it out if it is an id",
            "feature `date` is left out: dates order rows, but are no feature",
            "feature `when` is left out: dates order rows, but are no feature",
            "feature `id` is left out: an id or free text: 60 distinct texts in 60 cells",
            "feature `void` is left out: all cells are missing",
            "feature `split` names the parts of a split: leave it out, or split by it",
            "missing cells are filled and flagged: feature `color`",
        ]
    );
    // Told to be classes, they are used.
    let mut roles = ignoring(&["y"], &["void", "n", "split", "color"]);
    for column in ["date", "when", "id"] {
        roles.kinds.insert(column.into(), KindOverride::Class);
    }
    assert_eq!(feature_names(&prepare(&text, &roles).unwrap()), ["date", "when", "id"]);
}

#[test]
fn texts_that_repeat_are_categories_however_many() {
    for (n, used) in [(110, true), (109, false)] {
        let text = "x,place,y\n".to_owned()
            + &rows(n, |at| format!("{}.5,place {},{at}.5", at % 7, at % 55));
        let prepared = prepare(&text, &Roles::columns(["y"])).unwrap();
        assert_eq!(feature_names(&prepared).contains(&"place"), used, "55 texts in {n} rows");
    }
}

#[test]
fn features_are_listed_ignored_reserved_or_all_that_are_left() {
    let text = "a,b,c,w,y\n1.5,2.5,3.5,1,0.5\n2.5,0.5,1.5,0,2.5\n";
    let weighted = Roles { weight: Some("w".into()), ..Roles::columns(["y"]) };
    let names = |roles: &Roles| {
        let prepared = prepare(text, roles).unwrap();
        feature_names(&prepared).into_iter().map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(names(&weighted), ["a", "b", "c"]);
    let ignoring = Roles { ignore: vec!["b".into()], ..weighted.clone() };
    assert_eq!(names(&ignoring), ["a", "c"]);
    let reserving = Roles { reserved: vec!["a".into()], ..weighted.clone() };
    assert_eq!(names(&reserving), ["b", "c"]);
    let listing = Roles { features: Some(vec!["c".into(), "a".into()]), ..reserving };
    assert_eq!(names(&listing), ["c", "a"], "as listed, and a reserved one too");
    let prepared = prepare(text, &weighted).unwrap();
    assert_eq!(prepared.data.row_weights(), Some(&[1.0, 0.0][..]));
}

#[test]
fn groups_are_tasks_with_one_target() {
    let text = "g,x,y\n10,1.5,0.5\n9,2.5,1.5\n,0.5,2.5\n10,4.5,\n9,7.5,3.5\n2,1.5,NA\n";
    let prepared = prepare(text, &Roles::groups("g", "y")).unwrap();
    assert_eq!(prepared.data.layout(), Layout::Groups);
    assert_eq!(prepared.data.n_rows(), 6);
    assert_eq!(tasks(&prepared), [("9", "regression", 2), ("10", "regression", 1)]);
    assert_eq!(prepared.data.tasks()[0].labels.rows(), [1, 4]);
    assert_eq!(feature_names(&prepared), ["x"]);
    assert_eq!(
        prepared.notes,
        [
            "1 row without a `g`: kept, without a task",
            "no label, left out: group `2`",
            "3 of 6 rows have no label: kept",
        ]
    );
    assert_eq!(reason(&prepared, "g"), "2 groups, each a task");

    // All groups share the classes of the whole column.
    let text = "g,x,y\na,1.5,u\na,2.5,v\nb,0.5,w\nb,4.5,u\n,3.5,v\nb,2.5,w\n";
    let prepared = prepare(text, &Roles::groups("g", "y")).unwrap();
    for task in prepared.data.tasks() {
        let classes = ["u", "v", "w"].map(String::from).to_vec();
        assert_eq!(task.kind, TaskKind::Multiclass { classes });
    }
    assert_eq!(
        prepared.notes[0],
        "class `v` of `y` has a single label: it cannot be both learned and scored"
    );
}

#[test]
fn groups_come_as_numbers_where_all_are() {
    let order =
        |levels: &[&str]| group_order(&levels.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(order(&["-1", "10", "9"]), [0, 2, 1]);
    assert_eq!(order(&["10.0", "9.5"]), [1, 0]);
    assert_eq!(order(&["10", "9", "x"]), [0, 1, 2]);
}

#[test]
fn targets_without_anything_to_learn_are_refused() {
    for (text, message) in [
        (
            "x,y\n1,3\n2,3\n3,\n",
            "t.csv, column `y`: expected a target with different values, found `3` in all 2 labels",
        ),
        (
            "x,y\n1,a\n2,a\n",
            "t.csv, column `y`: expected a target with different values, found `a` in all 2 labels",
        ),
        ("x,y\n1,\n2,NA\n", "t.csv, column `y`: expected labels, found only missing cells"),
        (
            "x,y\n1,a\n2,b\n3,c\n4,\n",
            "t.csv, column `y`: expected classes that repeat, found 3 different texts in 3",
        ),
        (
            "x,y\n1,1.5\n2,2.5\n3,oops\n4,3.5\n",
            "t.csv, line 4, column `y`: expected a number, as in 3 other cells, found `oops`",
        ),
        (
            "x,y\n1,1\n2,2\n3,inf\n",
            "t.csv, line 4, column `y`: expected a finite number, found `inf`",
        ),
    ] {
        assert_eq!(said(text, &Roles::columns(["y"])), message);
        assert!(prepare(text, &Roles::columns(["y"])).unwrap_err().hint().is_some());
    }
    // In groups, only rows with a group count.
    let text = "g,x,y\na,1,3\nb,2,3\n,3,4\n";
    assert!(said(text, &Roles::groups("g", "y")).contains("found `3` in all 2 labels"));
    let text = "g,x,y\na,1,\nb,2,NA\n,3,4\n,4,5\n";
    let message = "t.csv, column `g`: expected at least one group with a label, found none";
    assert_eq!(said(text, &Roles::groups("g", "y")), message);
}

#[test]
fn roles_that_contradict_each_other_are_refused() {
    let text = "a,b,y\n1,2,3\n4,5,6\n";
    let roles = || Roles::columns(["y"]);
    let list = |name: &str| vec![name.to_owned()];
    for (roles, message) in [
        (Roles::columns::<&str>([]), "expected at least one target column, found none"),
        (Roles::columns(["y", "y"]), "expected column `y` once, found it twice as target"),
        (Roles::columns(["z"]), "t.csv: expected a column `z`, found: `a`, `b`, `y`"),
        (
            Roles { features: Some(list("y")), ..roles() },
            "expected one role for column `y`, found target and feature",
        ),
        (
            Roles { ignore: list("y"), ..roles() },
            "expected one role for column `y`, found target and ignored",
        ),
        (
            Roles { weight: Some("y".into()), ..roles() },
            "expected one role for column `y`, found target and weight",
        ),
        (
            Roles { reserved: list("y"), ..roles() },
            "expected one role for column `y`, found target and reserved",
        ),
        (Roles::groups("y", "y"), "expected one role for column `y`, found group and target"),
        (ignoring(&["y"], &["a", "b"]), "t.csv: expected at least one feature, found none"),
    ] {
        assert_eq!(said(text, &roles), message);
    }
}

#[test]
fn features_without_a_value_are_refused() {
    let text = "a,b,y\n,NA,3.5\n,?,6.5\n";
    let message = "t.csv: expected features with values, found only missing cells in: `a`, `b`";
    assert_eq!(said(text, &Roles::columns(["y"])), message);
    let text = "a,b,y\n2024-01-01,NA,3.5\n2024-01-02,?,6.5\n";
    let message = "t.csv: expected at least one feature, found none; left out: `a`, `b`";
    assert_eq!(said(text, &Roles::columns(["y"])), message);
}

#[test]
fn weights_are_numbers_of_at_least_0() {
    let roles = Roles { weight: Some("w".into()), ..Roles::columns(["y"]) };
    for (weights, place, found) in [
        (["1", ""], ", line 3", "an empty cell"),
        (["1", "NA"], ", line 3", "`NA`"),
        (["-1", "1"], ", line 2", "`-1`"),
        (["0", "0"], "", "`0`"),
        (["", ""], "", "an empty cell"),
    ] {
        let text = format!("x,w,y\n1,{},0.5\n2,{},1.5\n", weights[0], weights[1]);
        let message = format!(
            "t.csv{place}, column `w`: expected a weight of at least `0`, and one above, found {found}"
        );
        assert_eq!(said(&text, &roles), message);
    }
    let text = "x,w,y\n1,1,0.5\n2,much,1.5\n";
    assert!(matches!(prepare(text, &roles), Err(TableError::TextInNumbers { .. })));
}

#[test]
fn kinds_and_lists_are_told_in_words() {
    for (kind, word) in [
        (ColumnKind::Multiclass(3), "3 classes"),
        (ColumnKind::Groups(1), "1 group"),
        (ColumnKind::Categories(1), "1 category"),
        (ColumnKind::Categories(2), "2 categories"),
        (ColumnKind::NotRead, "-"),
    ] {
        assert_eq!(kind.to_string(), word);
    }
    let names: Vec<String> = (0..7).map(|at| format!("c{at}")).collect();
    assert_eq!(some_names("group", &names[..1]), "group `c0`");
    assert_eq!(some_names("group", &names), "groups `c0`, `c1`, `c2`, `c3`, `c4` and 2 more");
}
