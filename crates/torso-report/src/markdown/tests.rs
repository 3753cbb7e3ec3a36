use super::*;
use crate::fixture;

/// The cells of each row of each table.
fn tables(text: &str) -> Vec<Vec<Vec<String>>> {
    let mut tables: Vec<Vec<Vec<String>>> = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        let is_row = line.starts_with('|');
        if is_row && !is_inside {
            tables.push(Vec::new());
        }
        is_inside = is_row;
        if is_row {
            let plain = line.replace("\\\\", "").replace("\\|", "");
            let cells = plain.split('|').map(|cell| cell.trim().to_string());
            tables.last_mut().unwrap().push(cells.collect());
        }
    }
    tables
}

#[test]
fn the_verdict_comes_first_and_numbers_follow() {
    let text = comparison(&fixture::penguins());
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no `{part}` in {text}"));
    let order = [
        "# Did learning 3 tasks together help? penguins\n",
        "**Yes, for 2 of 3 tasks.** Learn all 3 tasks together with “hard+uncertainty”",
        "- hard+equal: helps “sex”; no difference shown for “species” and “body\\_mass\\_g”.",
        "## Arms\n",
        "| hard+tuned |",
        "## Tasks\n",
        "| body\\_mass\\_g | 342 | RMSE | hard+uncertainty | 291.1 |  | +12.3 (3.0 to 21.6) | +4.1% |",
        "## Ranks\n",
        "## What was run\n",
        "## To repeat it\n\n```\ntorso compare penguins.csv --targets 'a,b' --seeds 10\n```\n",
        "## Notes\n\n- body\\_mass\\_g: 2 cells without a label\n",
    ];
    let places: Vec<usize> = order.iter().map(|part| place(part.trim_end_matches(" |"))).collect();
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn rows_have_as_many_cells_as_their_head() {
    let mut hostile = fixture::penguins();
    for (i, name) in ["a|b", "\\|", "`|`", "x\n| y |"].iter().enumerate().take(3) {
        hostile.comparison.tasks[i].name = (*name).to_string();
        for arm in &mut hostile.comparison.arms {
            arm.tasks[i].task = (*name).to_string();
        }
        hostile.comparison.arms[i].name = format!("{name}\n<b>|</b>");
    }
    hostile.options.push(("a|".to_string(), "|\n|".to_string()));
    let records = [hostile, fixture::schools(), fixture::regressions(8, 5)];
    for record in records.iter().chain(&fixture::odd()) {
        let text = comparison(record);
        for table in tables(&text) {
            assert!(table.iter().all(|row| row.len() == table[0].len()), "{table:?}");
        }
        assert!(!text.contains("<b>") && !text.contains("NaN"), "{text}");
    }
}

#[test]
fn ranks_are_told_with_their_groups() {
    let text = comparison(&fixture::regressions(8, 5));
    assert!(
        text.contains(
            "Not told apart: “hard+method-1”, “hard+method-3”; “hard+method-3”, “apart”;"
        ),
        "{text}"
    );
    assert_eq!(tables(&text).len(), 4);
}

#[test]
fn trainings_have_their_scores() {
    let text = trained(&fixture::trained());
    for part in [
        "# hard+equal, trained on penguins\n",
        "**Better than a constant guess for 2 of 3 tasks.**",
        "| species | multiclass | 344 | 69 | error | 1.9% (0.6 to 4.3) | 55.9% |",
        "## To repeat it\n\n```\ntorso train penguins.csv --targets 'a,b'\n```\n",
    ] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    let text = trained(&fixture::linear());
    for part in [
        "\nThe solver converged after 41 iterations: objective 24,512.4, relative gap",
        "\nParameters, chosen or given: “lambda” = 12.34, “rho” = 0.5.\n",
        "\n## clusters of tasks\n\n- Group 1 (2): “species”, “body\\_mass\\_g”\n- Group 2 (1): “sex”\n",
    ] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    assert!(!text.contains("epoch"), "{text}");
    for record in fixture::odd_trainings() {
        let text = trained(&record);
        assert!(text.starts_with("# ") && !text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}
