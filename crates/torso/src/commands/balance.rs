//! `torso balance`: one balancing method on numbers from stdin, so that it can be checked from any
//! language.

use std::fmt::Write as _;
use std::io::Read;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use torso_balance::{
    BalanceMethod, Balancer, Gramian, LossForm, Rows, Sees, Setup, Status, StepView,
};
use torso_core::seed::Seed;

use crate::cli::BalanceArgs;
use crate::error::{CliError, Kind, nearest};

const SCHEMA: &str = "torso.balance/1";

/// One step, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Steps { steps: Vec<StepInput> },
    One(StepInput),
}

/// What a method sees of one step; a loss of `null` is a task without a label in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepInput {
    #[serde(default)]
    jacobian: Option<Vec<Vec<f64>>>,
    #[serde(default)]
    gramian: Option<Vec<Vec<f64>>>,
    #[serde(default)]
    cross: Option<Vec<Vec<f64>>>,
    #[serde(default)]
    losses: Option<Vec<Option<f64>>>,
    #[serde(default)]
    losses_after: Option<Vec<Option<f64>>>,
    #[serde(default)]
    epoch: Option<usize>,
}

/// What a method makes of it.
#[derive(Serialize)]
struct Output {
    schema: &'static str,
    weights: Option<Vec<f64>>,
    direction: Option<Vec<f64>>,
    status: String,
}

pub(crate) fn run(options: &BalanceArgs) -> Result<String, CliError> {
    let entry = find(&options.method)?;
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    read.map_err(|error| bad(format!("cannot read: {error}")))?;
    let input: Input = serde_json::from_str(&text).map_err(|_| not_read(&text))?;
    let (steps, is_one) = match input {
        Input::One(step) => (vec![step], true),
        Input::Steps { steps } => (steps, false),
    };
    let outputs = answer(entry, &steps, options)?;
    if !options.json {
        return Ok(outputs.iter().map(plain).collect());
    }
    let json = match &outputs[..] {
        [one] if is_one => serde_json::to_string(one),
        all => serde_json::to_string(all),
    };
    json.map(|json| json + "\n").map_err(|error| CliError::new(Kind::Run, error.to_string()))
}

fn find(id: &str) -> Result<&'static BalanceMethod, CliError> {
    torso_balance::find(id).ok_or_else(|| {
        let known: Vec<String> =
            torso_balance::methods().iter().map(|entry| entry.method.id.to_string()).collect();
        CliError::new(Kind::Usage, format!("no such balancing method: `{id}`")).hint(
            nearest(id, &known).map_or_else(
                || "`torso list balance` shows all".to_string(),
                |known| format!("did you mean `{known}`?"),
            ),
        )
    })
}

fn bad(message: impl Into<String>) -> CliError {
    CliError::new(Kind::Data, message).place("stdin").hint(
        "give an object with `jacobian`, `gramian` or `losses`, or a list of such as `steps`: \
         {\"jacobian\": [[-4, 1, 1], [6, 1, 1]]}",
    )
}

/// Why a text is no input: as JSON, as an object, or as a step of one.
fn not_read(text: &str) -> CliError {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(_) if text.trim().is_empty() => return bad("nothing to read"),
        Err(error) => return bad(format!("not JSON: {error}")),
    };
    let (place, value) = match value.get("steps").and_then(Value::as_array) {
        None => (String::new(), value),
        Some(steps) => {
            let is_bad = |step: &Value| serde_json::from_value::<StepInput>(step.clone()).is_err();
            match steps.iter().position(is_bad) {
                Some(at) => (format!("step {}: ", at + 1), steps[at].clone()),
                None => (String::new(), value.clone()),
            }
        }
    };
    match serde_json::from_value::<StepInput>(value) {
        Ok(_) => bad(format!("{place}not of the expected form")),
        Err(error) => bad(format!("{place}{error}")),
    }
}

fn answer(
    entry: &BalanceMethod,
    steps: &[StepInput],
    options: &BalanceArgs,
) -> Result<Vec<Output>, CliError> {
    let first = steps.first().ok_or_else(|| bad("`steps` is empty"))?;
    let n_tasks = first.n_tasks()?;
    let settings: Map<String, Value> = options.settings.iter().cloned().collect();
    let setup = Setup {
        forms: &vec![LossForm::Squared; n_tasks],
        settings: &settings,
        trial: 0,
        seed: Seed(options.seed),
    };
    let mut balancer = (entry.build)(&setup)
        .map_err(|error| CliError::new(Kind::Config, error.to_string()).hint(explain(entry)))?;
    let mut outputs = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let place = |error: CliError| error.place(format!("stdin, step {}", at + 1));
        let numbers = step.read(n_tasks, entry).map_err(place)?;
        outputs.push(numbers.answer(&mut balancer, at, step.epoch.unwrap_or(at)));
    }
    Ok(outputs)
}

fn explain(entry: &BalanceMethod) -> String {
    format!("`torso explain {}` shows its parameters", entry.method.id)
}

/// The numbers of a step, checked: of the tasks in it alone.
struct Numbers {
    n_tasks: usize,
    tasks: Vec<usize>,
    losses: Vec<f64>,
    after: Vec<f64>,
    jacobian: Option<Vec<f64>>,
    gramian: Option<Gramian>,
    cross: Vec<f64>,
}

impl StepInput {
    fn n_tasks(&self) -> Result<usize, CliError> {
        let rows = self.jacobian.as_ref().or(self.gramian.as_ref()).map(Vec::len);
        match rows.or(self.losses.as_ref().map(Vec::len)) {
            None => Err(bad("expected `jacobian`, `gramian` or `losses`")),
            Some(0) => Err(bad("expected at least one task, found none")),
            Some(n) => Ok(n),
        }
    }

    fn read(&self, n_tasks: usize, entry: &BalanceMethod) -> Result<Numbers, CliError> {
        let losses = self.losses.clone().unwrap_or_else(|| vec![Some(1.0); n_tasks]);
        let after = self.losses_after.clone().unwrap_or_else(|| losses.clone());
        length("losses", losses.len(), n_tasks)?;
        length("losses_after", after.len(), n_tasks)?;
        let tasks: Vec<usize> = (0..n_tasks).filter(|&task| losses[task].is_some()).collect();
        if tasks.is_empty() {
            return Err(bad("expected at least one task with a loss"));
        }
        let read = |name, rows: &Option<Vec<Vec<f64>>>, width| {
            rows.as_ref().map(|rows| matrix(name, rows, n_tasks, width)).transpose()
        };
        let jacobian = read("jacobian", &self.jacobian, None)?;
        let gramian = match (&jacobian, read("gramian", &self.gramian, Some(n_tasks))?) {
            (_, Some(given)) => Some(checked_gramian(n_tasks, given)?),
            (Some(rows), None) => Some(Gramian::of_rows(n_tasks, rows)),
            (None, None) => None,
        };
        let cross = read("cross", &self.cross, Some(n_tasks))?;
        let cross = cross.or_else(|| gramian.as_ref().map(|gramian| gramian.data().to_vec()));
        self.check(entry, jacobian.is_some(), gramian.is_some())?;
        let of_tasks = |all: &[Option<f64>]| -> Vec<f64> {
            tasks.iter().map(|&task| all[task].unwrap_or(0.0)).collect()
        };
        Ok(Numbers {
            n_tasks,
            losses: of_tasks(&losses),
            after: of_tasks(&after),
            jacobian: jacobian.map(|rows| rows_of(&rows, rows.len() / n_tasks, &tasks)),
            gramian: gramian.map(|gramian| gramian.select(&tasks)),
            cross: cross.map(|cross| pairs_of(&cross, n_tasks, &tasks)).unwrap_or_default(),
            tasks,
        })
    }

    /// Refuses a step that lacks what the method must see.
    fn check(
        &self,
        entry: &BalanceMethod,
        has_jacobian: bool,
        has_gramian: bool,
    ) -> Result<(), CliError> {
        let expected = match entry.sees {
            Sees::Losses | Sees::LossesAfter if self.losses.is_none() && !has_gramian => "`losses`",
            Sees::Jacobian if !has_jacobian => "`jacobian`",
            Sees::Gramian | Sees::LastLayerGramian | Sees::Rotated | Sees::IndependentBatches
                if !has_gramian =>
            {
                "`jacobian` or `gramian`"
            }
            _ => return Ok(()),
        };
        let id = entry.method.id;
        Err(bad(format!("`{id}` sees {}: expected {expected}", entry.sees.words())))
    }
}

/// Some rows of a matrix.
fn rows_of(all: &[f64], width: usize, rows: &[usize]) -> Vec<f64> {
    rows.iter().flat_map(|row| &all[row * width..][..width]).copied().collect()
}

/// Some rows and columns of a matrix `[n, n]`.
fn pairs_of(all: &[f64], n: usize, tasks: &[usize]) -> Vec<f64> {
    let mut pairs = Vec::new();
    for i in tasks {
        pairs.extend(tasks.iter().map(|j| all[i * n + j]));
    }
    pairs
}

fn length(name: &str, found: usize, expected: usize) -> Result<(), CliError> {
    if found == expected {
        return Ok(());
    }
    Err(bad(format!("expected `{name}` with {expected} numbers, one a task, found {found}")))
}

/// Rows of one width as a row-major matrix.
fn matrix(
    name: &str,
    rows: &[Vec<f64>],
    n_rows: usize,
    width: Option<usize>,
) -> Result<Vec<f64>, CliError> {
    if rows.len() != n_rows {
        let found = rows.len();
        return Err(bad(format!(
            "expected `{name}` with {n_rows} rows, one a task, found {found}"
        )));
    }
    let width = width.unwrap_or_else(|| rows.first().map_or(0, Vec::len));
    if let Some(at) = rows.iter().position(|row| row.len() != width || row.is_empty()) {
        let found = rows[at].len();
        let row = at + 1;
        let expected = width.max(1);
        return Err(bad(format!(
            "`{name}`: expected {expected} numbers in row {row}, found {found}"
        )));
    }
    Ok(rows.concat())
}

fn checked_gramian(n: usize, data: Vec<f64>) -> Result<Gramian, CliError> {
    for i in 0..n {
        for j in 0..i {
            let (a, b) = (data[i * n + j], data[j * n + i]);
            if (a - b).abs() > 1e-9 * a.abs().max(b.abs()) {
                return Err(bad(format!("expected `gramian` symmetric, found {a} and {b}")));
            }
        }
        if data[i * n + i] < 0.0 {
            let found = data[i * n + i];
            return Err(bad(format!(
                "expected `gramian` with squares on its diagonal, found {found}"
            )));
        }
    }
    Ok(Gramian::new(n, data))
}

impl Numbers {
    fn answer(&self, balancer: &mut Balancer, step: usize, epoch: usize) -> Output {
        let (tasks, losses, cross) = (&self.tasks[..], &self.losses[..], &self.cross[..]);
        let view = StepView { tasks, losses, cross, step, epoch };
        let mut own = vec![0.0; tasks.len()];
        let rows = self.jacobian.as_ref().map(|rows| Rows::new(tasks.len(), rows));
        let mut direction = rows.map(|rows| vec![0.0; rows.width()]);
        let status = match (balancer, &self.gramian, rows, &mut direction) {
            (Balancer::Scalarizer(method), ..) => {
                let status = method.weigh(&view, &mut own);
                method.after_step(&view, &self.after);
                status
            }
            (Balancer::Weighting(method), Some(gramian), ..) => {
                method.weigh(gramian, &view, &mut own)
            }
            (Balancer::Aggregator(method), _, Some(rows), Some(direction)) => {
                let status = method.aggregate(rows, &view, direction);
                return Output {
                    schema: SCHEMA,
                    weights: None,
                    direction: Some(direction.clone()),
                    status: status.to_string(),
                };
            }
            _ => {
                Status::NoSolution { why: "gradients were not given", instead: "nothing was done" }
            }
        };
        if let (Some(rows), Some(direction)) = (rows, &mut direction) {
            rows.combine(&own, direction);
        }
        let mut weights = vec![0.0; self.n_tasks];
        tasks.iter().zip(own).for_each(|(&task, w)| weights[task] = w);
        Output { schema: SCHEMA, weights: Some(weights), direction, status: status.to_string() }
    }
}

/// For a terminal.
fn plain(output: &Output) -> String {
    let mut text = format!("status     {}\n", output.status);
    let mut line = |name: &str, numbers: &Option<Vec<f64>>| {
        if let Some(numbers) = numbers {
            let numbers: Vec<String> = numbers.iter().map(|x| format!("{x:.10}")).collect();
            let _ = writeln!(text, "{name:10} {}", numbers.join(" "));
        }
    };
    line("weights", &output.weights);
    line("direction", &output.direction);
    text
}
