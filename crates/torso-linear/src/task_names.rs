//! Settings that name tasks: trees and graphs of them.

use torso_core::data::TaskData;

use crate::method::LinearError;
use crate::tasks::Tasks;

/// The columns of the task `name`: its own, or one for each of its classes. `setting` is where it
/// was named, for the message if there is no such task.
pub(crate) fn columns_of(
    tasks: &Tasks,
    setting: &str,
    name: &str,
) -> Result<Vec<usize>, LinearError> {
    let those = |is: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..tasks.n_tasks()).filter(|&t| is(&tasks.task(t).name)).collect()
    };
    let own = those(&|other| other == name);
    let classes = || those(&|other| other.strip_prefix(name).is_some_and(|r| r.starts_with(": ")));
    let columns = if own.is_empty() { classes() } else { own };
    if columns.is_empty() { Err(stranger(setting, name)) } else { Ok(columns) }
}

/// Refuses names that are no tasks of the data.
pub(crate) fn check_names<'a>(
    data: &TaskData,
    setting: &str,
    mut names: impl Iterator<Item = &'a str>,
) -> Result<(), LinearError> {
    let is_stranger = |name: &&str| data.tasks().iter().all(|task| task.name != *name);
    names.find(is_stranger).map_or(Ok(()), |name| Err(stranger(setting, name)))
}

fn stranger(setting: &str, name: &str) -> LinearError {
    LinearError::Unsuitable { why: format!("has `{name}` in `{setting}`, which is no task") }
}
