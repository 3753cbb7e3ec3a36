//! Changes to data that are there: labels taken away, classes made of numbers, rows dealt to tasks.

use rand::RngExt;
use torso_core::data::{DataError, Labels, Layout, Task, TaskData, TaskKind};
use torso_core::seed::Seed;

use super::hash_of;

/// Takes away each label with probability `share`, independently.
///
/// # Panics
/// If `share` is not from 0 to 1.
pub fn missing(data: &TaskData, share: f64, seed: Seed) -> TaskData {
    assert!((0.0..=1.0).contains(&share), "a share is from 0 to 1");
    let tasks = data.tasks().iter().map(|task| {
        let mut stream = seed.stream("missing", &task.name, 0);
        keep(task, |_| stream.random::<f64>() >= share)
    });
    let tasks = tasks.collect();
    changed(data, &format!("missing share={share} {seed:?}"), tasks, data.layout())
        .expect("fewer labels fit where more did")
}

/// Makes the regression `task` one of `n_classes` classes, by cutting the order of its labels into
/// parts of equal size. Classes are called `c0`, `c1`, in ascending order.
///
/// # Panics
/// If there is no such task, fewer than 2 or more than 9 classes are asked for, or all tasks
/// share one target.
pub fn classes(data: &TaskData, task: usize, n_classes: usize) -> TaskData {
    assert!((2..=9).contains(&n_classes), "2 to 9 classes, so that their names are in order");
    let mut tasks = data.tasks().to_vec();
    let values = tasks[task].labels.values();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut labels = vec![0.0; values.len()];
    for (rank, &at) in order.iter().enumerate() {
        labels[at] = (rank * n_classes / values.len()) as f64;
    }
    let names: Vec<String> = (0..n_classes).map(|class| format!("c{class}")).collect();
    tasks[task].kind = match <[String; 2]>::try_from(names) {
        Ok(classes) => TaskKind::Binary { classes },
        Err(classes) => TaskKind::Multiclass { classes },
    };
    tasks[task].labels = Labels::new(tasks[task].labels.rows().to_vec(), labels)
        .expect("as many labels in the same rows");
    changed(data, &format!("classes task={task} n={n_classes}"), tasks, data.layout())
        .expect("a task of a table of columns can be of any kind")
}

/// Deals each row to one task, by chance, and keeps its label for that task only: tasks as groups
/// of rows.
///
/// # Panics
/// If the tasks are not all of one kind.
pub fn one_task_per_row(data: &TaskData, seed: Seed) -> TaskData {
    let mut stream = seed.stream("one task per row", "", 0);
    let owner: Vec<usize> =
        (0..data.n_rows()).map(|_| stream.random_range(0..data.n_tasks())).collect();
    let tasks = data.tasks().iter().enumerate();
    let tasks = tasks.map(|(index, task)| keep(task, |row| owner[row as usize] == index)).collect();
    changed(data, &format!("one task per row {seed:?}"), tasks, Layout::Groups)
        .expect("the tasks are of one kind")
}

fn keep(task: &Task, mut wanted: impl FnMut(u32) -> bool) -> Task {
    let labels = task.labels.rows().iter().zip(task.labels.values());
    let (rows, values) = labels.filter(|(row, _)| wanted(**row)).unzip();
    Task {
        name: task.name.clone(),
        kind: task.kind.clone(),
        labels: Labels::new(rows, values).expect("rows stay in order"),
    }
}

fn changed(
    data: &TaskData,
    how: &str,
    tasks: Vec<Task>,
    layout: Layout,
) -> Result<TaskData, DataError> {
    let hash = hash_of(&format!("{} {how}", data.blake3()));
    let changed = TaskData::new(data.name(), hash, data.features().clone(), tasks, layout)?;
    match data.row_weights() {
        Some(weights) => changed.with_row_weights(weights.to_vec()),
        None => Ok(changed),
    }
}
