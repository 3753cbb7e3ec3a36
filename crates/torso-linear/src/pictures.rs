//! Pictures of coefficients `W [n_features, n_tasks]` that several methods show.

use faer::MatRef;
use torso_core::finding::Finding;
use torso_math::Spectrum;

use crate::method::Names;
use crate::penalty::row_norms;

/// How much each feature is used: the norm of its coefficients over all tasks.
pub(crate) fn feature_norms(w: MatRef<'_, f64>, names: &Names) -> Finding {
    Finding::Bars {
        name: "norm of each feature's coefficients over all tasks".to_string(),
        items: names.features.clone(),
        values: row_norms(w),
    }
}

/// The norm of each task's coefficients, or of a part of them.
pub(crate) fn task_norms(name: &str, w: MatRef<'_, f64>, names: &Names) -> Finding {
    Finding::Bars {
        name: name.to_string(),
        items: names.tasks.clone(),
        values: row_norms(w.transpose()),
    }
}

/// A part of the coefficients as it is, features by tasks.
pub(crate) fn coefficients(name: &str, w: MatRef<'_, f64>, names: &Names) -> Finding {
    Finding::Matrix {
        name: name.to_string(),
        rows: names.features.clone(),
        columns: names.tasks.clone(),
        values: (0..w.nrows()).flat_map(|i| w.row(i).iter().copied()).collect(),
    }
}

/// The singular values of the coefficients, and what the tasks and features have of the components
/// that are in use (the first five).
pub(crate) fn components(w: MatRef<'_, f64>, names: &Names) -> Vec<Finding> {
    /// Components beyond it are not shown.
    const MOST: usize = 5;
    /// Singular values below it, relative to the largest, are rounding.
    const ROUNDING: f64 = 1e-9;
    let spectrum = Spectrum::of(w);
    let floor = ROUNDING * spectrum.values.first().copied().unwrap_or(0.0);
    let used = spectrum.values.iter().filter(|value| **value > floor).count();
    let shown = used.min(MOST);
    let label = |k: usize| format!("component {}", k + 1);
    let mut findings = vec![Finding::Bars {
        name: "singular values of the coefficients".to_string(),
        items: (0..spectrum.values.len()).map(label).collect(),
        values: spectrum.values.clone(),
    }];
    if shown == 0 {
        return findings;
    }
    let scaled = |vectors: MatRef<'_, f64>| -> Vec<f64> {
        let row = |i: usize| {
            let values = &spectrum.values;
            vectors.row(i).iter().zip(values).take(shown).map(|(v, s)| v * s).collect::<Vec<_>>()
        };
        (0..vectors.nrows()).flat_map(row).collect()
    };
    let columns: Vec<String> = (0..shown).map(label).collect();
    findings.push(Finding::Matrix {
        name: "what each task has of each component".to_string(),
        rows: names.tasks.clone(),
        columns: columns.clone(),
        values: scaled(spectrum.right.as_ref()),
    });
    findings.push(Finding::Matrix {
        name: "what each component has of each feature".to_string(),
        rows: names.features.clone(),
        columns,
        values: scaled(spectrum.left.as_ref()),
    });
    findings
}

/// A number for each pair of tasks, such as correlations; nothing where tasks are too many for a
/// picture.
pub(crate) fn between_tasks(name: &str, table: MatRef<'_, f64>, names: &Names) -> Option<Finding> {
    /// With more tasks, a table of pairs is no picture.
    const MOST: usize = 200;
    (names.tasks.len() <= MOST).then(|| Finding::Matrix {
        name: name.to_string(),
        rows: names.tasks.clone(),
        columns: names.tasks.clone(),
        values: (0..table.nrows()).flat_map(|s| table.row(s).iter().copied()).collect(),
    })
}
