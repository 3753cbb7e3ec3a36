use super::*;
use crate::{Roles, task_data};

fn table(text: &str) -> Table {
    Table::from_bytes("t.csv", text.as_bytes(), &ReadOptions::default()).unwrap()
}

/// The rule for a column `s` of these cells; the third row has no label.
fn rule(spec: &str, cells: [&str; 4]) -> Result<SplitRule, TableError> {
    let rows = cells.iter().zip(["1.5", "2.5", "", "0.5"]);
    let rows: Vec<String> = rows.map(|(cell, y)| format!("1,{y},{cell}")).collect();
    let table = table(&format!("x,y,s\n{}", rows.join("\n")));
    let spec: SplitSpec = spec.parse()?;
    let reserved = spec.column().map(String::from).into_iter().collect();
    let data = task_data(&table, &Roles { reserved, ..Roles::columns(["y"]) })?.data;
    split_rule(&table, &data, &spec)
}

fn said(spec: &str, cells: [&str; 4]) -> String {
    rule(spec, cells).unwrap_err().to_string()
}

#[test]
fn specs_are_read() {
    for (text, spec) in [
        ("random", SplitSpec::Random),
        ("group:school", SplitSpec::Group("school".into())),
        ("time:a:b", SplitSpec::Time("a:b".into())),
        ("column:split", SplitSpec::Column("split".into())),
    ] {
        assert_eq!(text.parse::<SplitSpec>().unwrap(), spec);
    }
    assert_eq!(SplitSpec::default(), SplitSpec::Random);
    for text in ["", "randomly", "group", "group:", "random:x", "Time:x"] {
        let message = text.parse::<SplitSpec>().unwrap_err().to_string();
        let expected =
            "expected `random`, `group:COLUMN`, `time:COLUMN` or `column:COLUMN`, found ";
        assert_eq!(message, format!("{expected}`{text}`"));
    }
}

#[test]
fn a_column_names_the_parts() {
    use Part::{Test, Train, Validation};
    for (cells, parts) in [
        (["train", "VAL", "", "Test"], [Some(Train), Some(Validation), None, Some(Test)]),
        (
            ["dev", "valid", "validation", "NA"],
            [Some(Validation), Some(Validation), Some(Validation), None],
        ),
    ] {
        assert_eq!(rule("column:s", cells).unwrap(), SplitRule::Given(vec![parts.to_vec()]));
    }
    assert_eq!(
        said("column:s", ["train", "b", "a", "b"]),
        "t.csv, line 3, column `s`: expected `train`, `validation` (`valid`, `val`, `dev`) or \
         `test`, found: `a`, `b`"
    );
}

#[test]
fn groups_stay_together() {
    let found = rule("group:s", ["b", "a", "", "b"]).unwrap();
    assert_eq!(found, SplitRule::Groups(vec![1, 0, 0, 1]));
    let message = "t.csv, line 3, column `s`: expected a group, found a missing cell";
    assert_eq!(said("group:s", ["b", "", "a", "b"]), message);
}

#[test]
fn times_are_numbers_or_dates() {
    for (cells, expected) in [
        (["3", "-1.5", "2", "1e3"], [3.0, -1.5, 2.0, 1000.0]),
        (
            ["1970-01-02", "1970-01-01 00:01", "1970-01", "1969-12-31T23:59:59Z"],
            [86_400.0, 60.0, 0.0, -1.0],
        ),
    ] {
        assert_eq!(rule("time:s", cells).unwrap(), SplitRule::Time(expected.to_vec()));
    }
    let SplitRule::Time(times) = rule("time:s", ["3", "1", "NA", "2"]).unwrap() else { panic!() };
    assert!(times[2].is_nan(), "a row without a label needs no time");
    let date = "number or a date such as `2024-05-31 18:30`";
    for (cells, line, expected, found) in [
        (["3", "1", "2", "2024-01-01"], 5, "number, as in the first row", "`2024-01-01`"),
        (["2024-01-01", "3", "2", "1"], 3, date, "`3`"),
        (["31/05/2024", "3", "2", "1"], 2, date, "`31/05/2024`"),
        (["1", "inf", "2", "1"], 3, "number, as in the first row", "`inf`"),
    ] {
        let message =
            format!("t.csv, line {line}, column `s`: expected a {expected}, found {found}");
        assert_eq!(said("time:s", cells), message);
    }
    let hint = rule("time:s", ["31/05/2024", "1", "2", "3"]).unwrap_err().hint();
    assert_eq!(hint.as_deref(), Some("write dates as year-month-day"));
    let message = "t.csv, line 5, column `s`: expected a time, found a missing cell";
    assert_eq!(said("time:s", ["1", "2", "", ""]), message);
}

#[test]
fn a_split_by_a_column_that_is_not_there_or_a_target_is_refused() {
    assert!(matches!(rule("time:t", [""; 4]), Err(TableError::NoSuchColumn { .. })));
    assert!(matches!(rule("group:y", ["a"; 4]), Err(TableError::TwoRoles { .. })));
    assert_eq!(rule("random", ["a"; 4]).unwrap(), SplitRule::Random);
}

#[test]
fn splits_are_read_from_a_file() {
    use Part::{Test, Train, Validation};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("splits.csv");
    let read = |text: &str, n_rows| {
        std::fs::write(&path, text).unwrap();
        read_splits(&path, n_rows)
    };
    let text = "rep,row,part\n10,0,train\n10,2,test\n9,1,val\n9,0,test\n9,2,\n";
    let nine = vec![Some(Test), Some(Validation), None];
    let ten = vec![Some(Train), None, Some(Test)];
    assert_eq!(read(text, 3).unwrap(), SplitRule::Given(vec![nine, ten]), "9 before 10");

    for (text, message, hint) in [
        ("row,part\n0,train\n", ": expected a column `rep`, found: `row`, `part`", None),
        (
            "row,rep,part\n0,0,train\n2,0,test\n",
            ", line 3, column `row`: expected a row from `0` to `1`, found `2`",
            Some("rows count from 0, without the header"),
        ),
        (
            "row,rep,part\n-1,0,train\n",
            ", line 2, column `row`: expected a row from `0` to `1`, found `-1`",
            Some("rows count from 0, without the header"),
        ),
        (
            "row,rep,part\n1,a,train\n1,b,train\n1,a,test\n",
            ", line 4, column `row`: expected row 1 once in repetition `a`, found it again",
            None,
        ),
        (
            "row,rep,part\n1,,train\n",
            ", line 2, column `rep`: expected a repetition, found a missing cell",
            Some("every row that is dealt needs one"),
        ),
        (
            "row,rep,part\n1,0,training\n",
            ", line 2, column `part`: expected `train`, `validation` (`valid`, `val`, `dev`) or \
             `test`, found: `training`",
            None,
        ),
    ] {
        let error = read(text, 2).unwrap_err();
        assert_eq!(error.to_string(), format!("{}{message}", path.display()));
        assert_eq!(error.hint().as_deref(), hint, "{text}");
    }
}
