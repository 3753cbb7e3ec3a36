//! What was learned, on the pages.

use torso_core::finding::Finding;
use torso_core::record::{ArmFindings, RunRecord};

use super::{assert_sound, section};
use crate::{fixture, html, pictures, png, train_html, train_pictures};

/// The schools with findings of this many arms.
fn compared(n_arms: usize, findings: &[Finding]) -> RunRecord {
    let mut record = fixture::schools();
    let arm = |i| ArmFindings { arm: format!("arm {i}"), findings: findings.to_vec() };
    record.findings = (0..n_arms).map(arm).collect();
    record
}

#[test]
fn a_training_without_epochs_says_what_was_learned_and_draws_no_curves() {
    let page = train_html(&fixture::linear()).unwrap();
    let learned = section(&page, "findings");
    let place = |text: &str| learned.find(text).unwrap_or_else(|| panic!("no `{text}`"));
    let order = [
        "The solver converged after 41 iterations: objective 24,512.4, relative gap or residual",
        "<bdi class=\"name\">lambda</bdi> = 12.34, <bdi class=\"name\">rho</bdi> = 0.5.",
        "<h3><bdi>Correlation of tasks</bdi> <span class=\"about\">3 × 3, from −0.90 to 1.00</span>",
        "<title>species, sex: ",
        "Blue is above 0, orange below",
        "<table class=\"matrix\">",
        "<dt>Group 1 <span class=\"about\">(2)</span></dt><dd><bdi class=\"name\">species</bdi>, ",
        "<span class=\"about\">9 of 28 not 0</span>",
        "19 of 28 are exactly 0.",
        "Chosen, with a ring: <bdi class=\"name\">lambda</bdi> = 17.59, loss 0.416 ± 0.020.",
        "The lowest: <bdi class=\"name\">lambda</bdi> = 7.206, loss 0.400 ± 0.020.",
    ];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])));
    assert!(page.contains("Converged. 84 numbers were learned."));
    assert!(!page.contains("id=\"curves\"") && !page.contains("epoch"));
    assert!(page.contains("Preprocessing and the choice of parameters saw no test rows."));
    assert!(!train_html(&fixture::trained()).unwrap().contains("id=\"findings\""));
}

#[test]
fn findings_of_more_than_two_arms_are_closed() {
    let findings = &fixture::linear().findings;
    for (n_arms, n_closed) in [(1, 0), (2, 0), (3, 3)] {
        let page = html(&compared(n_arms, findings)).unwrap();
        let learned = section(&page, "findings");
        assert!(learned.contains("By the fits on the first fold of the first repeat"));
        assert_eq!(learned.matches("<details class=\"beside\">").count(), n_closed);
        assert_eq!(learned.matches("<h3>").count(), n_arms);
        assert_eq!(learned.matches("<h4>").count(), 4 * n_arms);
    }
    assert!(!html(&fixture::schools()).unwrap().contains("id=\"findings\""));
    let mut none = fixture::schools();
    none.findings = vec![ArmFindings { arm: "apart".to_string(), findings: Vec::new() }];
    assert!(!html(&none).unwrap().contains("id=\"findings\""), "an arm that found nothing");
}

#[test]
fn what_is_cut_of_many_tasks_and_features_is_said() {
    let mut record = fixture::linear();
    record.findings = fixture::large();
    let page = train_html(&record).unwrap();
    let learned = section(&page, "findings");
    for text in [
        "139 × 139, from −0.90 to 1.00",
        "5,000 × 139, from ",
        "a cell shows the number farthest from 0 of up to 32 rows and 1 column,",
        "The largest 30; 1,636 more are not 0. 3,334 of 5,000 are exactly 0.",
        "and 10 more</dd>",
    ] {
        assert!(learned.contains(text), "no `{text}`");
    }
    assert_eq!(learned.matches("a cell shows").count(), 1, "139 tasks are drawn one by one");
    assert!(!learned.contains("In numbers"));
    assert_sound(&page);
}

#[test]
fn large_findings_stay_small() {
    let mut record = fixture::linear();
    let without = {
        record.findings.clear();
        train_html(&record).unwrap().len()
    };
    record.findings = fixture::large();
    let own = train_html(&record).unwrap().len() - without;
    assert!(own < 500_000, "{own} bytes for two large matrices");
    let without = html(&fixture::schools()).unwrap().len();
    for n_arms in [1, 2, 10] {
        let page = html(&compared(n_arms, &fixture::large())).unwrap();
        assert_sound(&page);
        let own = page.len() - without;
        assert!(own < 600_000, "{own} bytes for {n_arms} arms");
    }
}

#[test]
fn findings_with_hostile_names_are_shown() {
    let page = train_html(&super::named_training(&super::HOSTILE)).unwrap();
    let learned = section(&page, "findings");
    assert_eq!(learned.matches("<h3>").count(), 4);
    assert!(learned.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt;"));
    assert!(
        learned.contains("{{ 7 * 7 }}") && learned.contains("&lt;script&gt;alert(1)&lt;/script")
    );
    let long = train_html(&super::named_training(&[&"x".repeat(10_000)])).unwrap();
    assert!(section(&long, "findings").len() < 60_000);
}

#[test]
fn odd_findings_are_sound_and_say_what_is_not_known() {
    let findings = fixture::odd_findings();
    let page = html(&compared(1, &findings)).unwrap();
    assert_sound(&page);
    let learned = section(&page, "findings");
    assert_eq!(learned.matches("<h4>").count(), findings.len());
    assert_eq!(learned.matches("No number of it is known.").count(), 4);
    assert_eq!(learned.matches("No loss of it is known.").count(), 2);
    assert!(learned.contains("Not told: 960 more groups with 960 members."));
    assert!(learned.contains("2 are not known."));
}

#[test]
fn findings_are_pictures_of_their_own() {
    let named = |pictures: Vec<crate::Picture>| -> Vec<String> {
        let sizes = pictures.iter().map(|picture| png(picture).unwrap().len());
        assert!(sizes.min().unwrap() > 1000);
        let names = pictures.iter().map(|picture| picture.name().to_string());
        names.filter(|name| name.starts_with("findings")).collect()
    };
    let expected = [
        "findings-correlation-of-tasks",
        "findings-norm-of-each-feature-s-coefficients",
        "findings-loss-on-rows-left-out",
    ];
    assert_eq!(named(train_pictures(&fixture::linear()).unwrap()), expected);
    let record = compared(1, &fixture::linear().findings);
    assert!(
        named(pictures(&record).unwrap()).contains(&"findings-arm-0-correlation-of-tasks".into())
    );
    named(pictures(&compared(1, &fixture::odd_findings())).unwrap());
    let mut large = fixture::linear();
    large.findings = fixture::large();
    assert_eq!(named(train_pictures(&large).unwrap()).len(), 4);
}
