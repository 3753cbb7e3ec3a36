//! `torso init`: a commented `torso.toml` for a table, that works at once.

mod template;

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::json;
use torso_data::{Remark, Suggestion, Table, Targets, suggest, task_data};

use crate::cli::InitArgs;
use crate::config::{DataConfig, is_config};
use crate::error::{CliError, Kind};
use crate::files;
use crate::input;
use crate::output::{aligned, printable, tell};

pub(crate) fn run(options: &InitArgs) -> Result<String, CliError> {
    let mut data = options.data.clone();
    if let Some(path) = data.path.as_deref().filter(|path| is_config(path)) {
        let message = format!("expected a table, found the config `{}`", path.display());
        let hint = format!("`torso check {}` looks at a config", path.display());
        return Err(CliError::new(Kind::Usage, message).hint(hint));
    }
    let table = input::table(&data)?;
    let remarks = fill_in(&mut data, &table)?;
    let Some(roles) = data.roles() else { return Err(no_targets(&table)) };
    let prepared = task_data(&table, &roles)?;
    let text = template::render(&with_paths_in(data, &options.output)?, &remarks, &prepared);
    write_once(&options.output, &text)?;
    for note in &prepared.notes {
        tell(&format!("note: {}", printable(note)));
    }
    Ok(said(options, &table, &remarks))
}

fn no_targets(table: &Table) -> CliError {
    CliError::new(Kind::Usage, "no column looks like a target")
        .place(table.file())
        .hint(format!("name some with --targets; {}", input::columns_hint(table)))
}

/// What is said about the columns that a config names.
pub(crate) struct Remarks {
    /// The targets, with the reason for each.
    pub(crate) targets: Vec<Remark>,
    /// Columns that are left out.
    pub(crate) ignore: Vec<Remark>,
    /// A column that could make tasks of groups of rows.
    pub(crate) group: Option<String>,
    /// Whether the targets are a guess.
    pub(crate) are_suggested: bool,
}

/// Names targets where nobody did, and leaves out what is of no use.
pub(crate) fn fill_in(data: &mut DataConfig, table: &Table) -> Result<Remarks, CliError> {
    let kinds = data.kind.iter().map(|of| (of.column.clone(), of.kind)).collect();
    let Suggestion { targets, ignore, weight, group, .. } = suggest(table, &kinds)?;
    // Each pixel has its place, whatever it holds.
    let is_image = data.image.is_some() || table.image().is_some();
    let ignore = if is_image { Vec::new() } else { ignore };
    data.targets = data.target_columns();
    if data.roles().is_some() {
        let named = data.targets.iter().chain(&data.target);
        let targets = named.map(|column| remark(column, "asked for")).collect();
        let ignore = leave_out(data, ignore);
        return Ok(Remarks { targets, ignore, group, are_suggested: false });
    }
    if data.path.is_none() {
        let roles = Table::penguins_roles();
        data.features = roles.features.unwrap_or_default();
        if let Targets::Columns(targets) = roles.targets {
            data.targets = targets;
        }
        let targets =
            data.targets.iter().map(|column| remark(column, "one of three tasks that differ"));
        let targets = targets.collect();
        return Ok(Remarks { targets, ignore: Vec::new(), group, are_suggested: true });
    }
    let is_free = |remark: &Remark| !is_named(data, &remark.column);
    let targets: Vec<Remark> = targets.into_iter().filter(is_free).collect();
    data.targets = targets.iter().map(|remark| remark.column.clone()).collect();
    let ignore = leave_out(data, ignore);
    if let Some(weight) = weight.filter(|weight| !is_named(data, &weight.column)) {
        data.weight.get_or_insert(weight.column);
    }
    Ok(Remarks { targets, ignore, group, are_suggested: true })
}

fn remark(column: &str, reason: &str) -> Remark {
    Remark { column: column.to_string(), reason: reason.to_string() }
}

/// Adds columns to those that are ignored, but for those that have a role; gives all of them.
fn leave_out(data: &mut DataConfig, more: Vec<Remark>) -> Vec<Remark> {
    let mut remarks: Vec<Remark> =
        data.ignore.iter().map(|column| remark(column, "asked for")).collect();
    // With a list of features, all others are left out anyway.
    if data.features.is_empty() {
        let is_free = |remark: &Remark| !is_named(data, &remark.column);
        remarks.extend(more.into_iter().filter(is_free).collect::<Vec<_>>());
    }
    data.ignore = remarks.iter().map(|remark| remark.column.clone()).collect();
    remarks
}

fn is_named(data: &DataConfig, column: &String) -> bool {
    let lists = [&data.targets, &data.features, &data.ignore];
    let single = [&data.group, &data.target, &data.weight];
    lists.iter().any(|list| list.contains(column))
        || single.iter().any(|name| name.as_ref() == Some(column))
}

/// The paths of tables and labels as the file has them.
fn with_paths_in(mut data: DataConfig, output: &Path) -> Result<DataConfig, CliError> {
    let labels = data.labels.iter_mut().map(|labels| &mut labels.0.path);
    for path in data.path.iter_mut().chain(labels) {
        *path = path_in_file(path, output)?;
    }
    Ok(data)
}

/// The path of a table: relative to the file where the table lies beside or below it.
fn path_in_file(path: &Path, output: &Path) -> Result<PathBuf, CliError> {
    if path.to_str().is_none() {
        let message = format!("a config cannot name `{}`: it is not UTF-8", path.display());
        return Err(CliError::new(Kind::Usage, message).hint("rename the table"));
    }
    let folder = output.parent().filter(|parent| !parent.as_os_str().is_empty());
    let Some(folder) = folder else { return Ok(path.to_path_buf()) };
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let (path, folder) = (absolute(path), absolute(folder));
    Ok(path.strip_prefix(&folder).map_or_else(|_| path.clone(), Path::to_path_buf))
}

/// Writes a file, unless there is another one.
fn write_once(path: &Path, text: &str) -> Result<(), CliError> {
    let elsewhere = "name another file with -o, or move this one away";
    match fs::read(path) {
        Ok(bytes) if bytes == text.as_bytes() => Ok(()),
        Ok(_) => {
            let message = format!("`{}` is there already, with something else", path.display());
            let place = path.display().to_string();
            Err(CliError::new(Kind::Run, message).place(place).hint(elsewhere))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            files::write(path, text.as_bytes()).map_err(|error| error.hint("name another with -o"))
        }
        Err(error) => Err(CliError::cannot_write(path, &error).hint(elsewhere)),
    }
}

fn said(options: &InitArgs, table: &Table, remarks: &Remarks) -> String {
    let file = options.output.display();
    if options.json {
        let listed = |remarks: &[Remark]| -> Vec<_> {
            let one = |remark: &Remark| json!({"column": remark.column, "reason": remark.reason});
            remarks.iter().map(one).collect()
        };
        let object = json!({
            "schema": "torso.init/1",
            "file": file.to_string(),
            "rows": table.n_rows(),
            "columns": table.header().len(),
            "targets": listed(&remarks.targets),
            "suggested": remarks.are_suggested,
            "ignored": listed(&remarks.ignore),
        });
        return format!("{object}\n");
    }
    let (rows, columns) = (table.n_rows(), table.header().len());
    let mut text = format!("{}: {rows} rows, {columns} columns\n", printable(table.file()));
    let lists = [
        (if remarks.are_suggested { "suggested targets" } else { "targets" }, &remarks.targets),
        ("left out", &remarks.ignore),
    ];
    for (title, remarks) in lists.into_iter().filter(|(_, remarks)| !remarks.is_empty()) {
        let rows = remarks.iter().map(|remark| [remark.column.as_str(), &remark.reason]);
        let _ = write!(text, "{title}\n{}", aligned("  ", rows));
    }
    let _ = writeln!(text, "config: {file}\nnext: torso check {file}, torso compare {file}");
    text
}
