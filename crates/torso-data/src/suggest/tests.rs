use super::*;
use crate::{ReadOptions, Roles, task_data};

fn table(text: &str) -> Table {
    Table::from_bytes("t.csv", text.as_bytes(), &ReadOptions::default()).unwrap()
}

/// A table of 40 rows; a cell is what `cell` makes of row and column.
fn made(header: &[&str], cell: impl Fn(usize, &str) -> String) -> Table {
    let row = |row| header.iter().map(|name| cell(row, name)).collect::<Vec<_>>().join(",");
    let rows: Vec<String> = (0..40).map(row).collect();
    table(&format!("{}\n{}\n", header.join(","), rows.join("\n")))
}

fn names(remarks: &[Remark]) -> Vec<&str> {
    remarks.iter().map(|remark| remark.column.as_str()).collect()
}

fn suggested(table: &Table) -> Suggestion {
    suggest(table, &BTreeMap::new()).unwrap()
}

#[test]
fn the_penguins_have_their_few_classes_as_targets() {
    let found = suggested(&Table::penguins());
    assert_eq!(names(&found.targets), ["species", "island", "sex"]);
    assert_eq!(found.targets[0].reason, "a text with 3 classes, the first column");
    assert!(found.ignore.is_empty());
}

#[test]
fn names_go_before_everything_else() {
    let number = |row: usize, name: &str| format!("{}", (row * 7 + name.len() * row * row) % 23);
    let found = suggested(&made(&["x_score", "y_a", "exam_score", "kind", "last"], |row, name| {
        if name == "kind" { ["a", "b"][row % 2].into() } else { number(row, name) }
    }));
    assert_eq!(names(&found.targets), ["y_a", "exam_score"]);
}

#[test]
fn holes_and_last_columns_are_likely() {
    let found = suggested(&made(&["a", "b", "c", "d", "e"], |row, name| match name {
        "b" if row % 3 == 0 => String::new(),
        _ => format!("{}.5", (row * (name.len() + 3 * row)) % 17),
    }));
    assert_eq!(names(&found.targets), ["b", "e"]);
    assert_eq!(found.targets[0].reason, "35% of it is missing, where most columns have all");
    assert_eq!(found.targets[1].reason, "the last column");
}

#[test]
fn ids_dates_constants_and_parts_are_no_targets() {
    let header = ["row", "user_id", "day", "site", "part", "sample_weight", "a", "label_date"];
    let found = suggested(&made(&header, |row, name| match name {
        "row" => row.to_string(),
        "user_id" => ((row * 7919) % 100_003).to_string(),
        "day" | "label_date" => format!("2024-01-{:02}", row % 28 + 1),
        "site" => "north".into(),
        "part" => ["train", "test"][row % 2].into(),
        "sample_weight" => format!("{}", row % 3 + 1),
        _ => format!("{}", row % 7),
    }));
    assert_eq!(names(&found.targets), ["a"]);
    assert_eq!(names(&found.ignore), ["row", "user_id", "site", "part"]);
    assert_eq!(found.ignore[2].reason, "`north` in every row");
    assert_eq!(found.parts.as_deref(), Some("part"));
    assert_eq!(found.weight.unwrap().column, "sample_weight");
}

#[test]
fn what_is_suggested_can_be_learned() {
    let penguins = Table::penguins();
    let found = suggested(&penguins);
    let roles = Roles::columns(names(&found.targets));
    assert_eq!(task_data(&penguins, &roles).unwrap().data.n_tasks(), 3);
}

#[test]
fn a_table_without_candidates_gives_none() {
    let found = suggested(&table("a,b\n1,x\n2,y\n"));
    assert_eq!(found, Suggestion::default());
}
