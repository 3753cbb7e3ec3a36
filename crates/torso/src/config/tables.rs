//! The tables of a file, which are at the same time groups of flags: their keys, how flags go before
//! the file, and the defaults.

use std::path::PathBuf;

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use torso_core::estimator::{Batch, Budget};
use torso_core::split::SplitOptions;
use torso_data::{PreprocessOptions, ReadOptions, Roles, Targets};

use super::kinds;
use super::{BatchRows, Count, Delimiter, KindOf, Labels, Limit, Rule, Shape, is_default};

/// What to learn from.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct DataConfig {
    /// A table (.csv, .tsv, .csv.gz), IDX images, or a torso.toml; without one, the penguins that
    /// come with Torso
    #[arg(value_name = "DATA")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<PathBuf>,
    /// Columns to predict, one task each; all --labels if not given
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS", conflicts_with_all = ["group", "target"])]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) targets: Vec<String>,
    /// Column whose every value is a task of its own (with --target)
    #[arg(long, value_name = "COLUMN", requires = "target")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// Column to predict in every group
    #[arg(long, value_name = "COLUMN", requires = "group")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    /// Columns to predict from; all others but the targets if not given
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) features: Vec<String>,
    /// Columns to leave out
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ignore: Vec<String>,
    /// Column with a weight for every row in the learning; scores are not weighted
    #[arg(long, value_name = "COLUMN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<String>,
    /// Further spellings of a missing cell, beside the empty one, NA, NaN, null and the like
    #[arg(long, value_delimiter = ',', value_name = "TEXTS", allow_negative_numbers = true)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) missing: Vec<String>,
    /// The character between cells; found out if not given
    #[arg(long, value_name = "CHARACTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delimiter: Option<Delimiter>,
    /// What a column is where it would be taken for something else: COLUMN=class, COLUMN=number
    #[arg(long, value_delimiter = ',', value_name = "COLUMN=KIND")]
    #[serde(rename = "kinds", with = "kinds", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "kinds::Table")]
    pub(crate) kind: Vec<KindOf>,
    /// Labels of IDX images, an IDX file: a column of classes, named as the file if without NAME=;
    /// repeatable
    #[arg(long, value_name = "NAME=FILE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) labels: Vec<Labels>,
    /// The features, in their order, are the pixels of one image, such as 28x28 or 32x32x3: row by
    /// row, the channels of a pixel side by side
    #[arg(long, value_name = "HxW[xC]")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<Shape>,
}

/// How rows are split and how often.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SplitConfig {
    /// Repeats of a comparison, each with its own seed [default: 10]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seeds: Option<Count<1, 1000>>,
    /// The seed of the first repeat [default: 0]
    #[arg(long, value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<Count<0, { i64::MAX as u64 }>>,
    /// Folds of each repeat [default: 5]
    #[arg(long, value_name = "K")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) folds: Option<Count<2, 1000>>,
    /// random, group:COLUMN (whole groups to one side), time:COLUMN (test on the last),
    /// column:COLUMN (parts named in the column) [default: random]
    #[arg(long, value_name = "RULE", conflicts_with = "splits")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) split: Option<Rule>,
    /// A file with columns row, rep, part: the splits to use
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) splits: Option<PathBuf>,
    /// At most so many rows for learning, validation included
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) train_rows: Option<Count<2, { u32::MAX as u64 }>>,
}

/// How trainings go, and what each may spend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Args, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TrainingConfig {
    /// Tuning trials of every arm, on validation rows; the first takes the defaults [default: 4]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trials: Option<Count<1, 10_000>>,
    /// The most passes over the training rows; validation rows stop earlier [default: 200]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epochs: Option<Count<1, 1_000_000>>,
    /// Rows in a step: a number, full or auto [default: auto]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<BatchRows>,
    /// Trainings side by side; all cores if not given
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) threads: Option<Count<1, 1024>>,
    /// End after this time, such as 90s, 10m or 2h, with what is learned by then
    #[arg(long, value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_limit: Option<Limit>,
    /// Leave features, and the targets of linear methods, in their units: no standardization
    #[arg(long)]
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) no_standardize: bool,
    /// Linear methods learn no intercepts; columns that are constant are then kept
    #[arg(long)]
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) no_intercept: bool,
}

/// What `torso compare` compares.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CompareConfig {
    /// Arms to compare with learning apart, such as hard+equal or pooled
    #[arg(long, value_delimiter = ',', value_name = "ARMS")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) arms: Vec<String>,
}

/// What `torso train` trains.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TrainConfig {
    /// The arm to train, such as hard+uncertainty; `torso list` shows what there is
    /// [default: hard+equal]
    #[arg(long, value_name = "ARM")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<String>,
    /// Leave no rows for a test: all learn or stop the learning
    #[arg(long)]
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) all_rows: bool,
}

fn first<T>(flags: Vec<T>, file: Vec<T>) -> Vec<T> {
    if flags.is_empty() { file } else { flags }
}

impl DataConfig {
    pub(super) fn over(self, file: Self) -> Self {
        // Flags that say what is predicted replace all that the file says of it.
        let says = !self.targets.is_empty() || self.group.is_some();
        let (targets, group, target) = if says {
            (self.targets, self.group, self.target)
        } else {
            (file.targets, file.group, file.target)
        };
        Self {
            path: self.path.or(file.path),
            targets,
            group,
            target,
            features: first(self.features, file.features),
            ignore: first(self.ignore, file.ignore),
            kind: first(self.kind, file.kind),
            weight: self.weight.or(file.weight),
            missing: first(self.missing, file.missing),
            delimiter: self.delimiter.or(file.delimiter),
            labels: first(self.labels, file.labels),
            image: self.image.or(file.image),
        }
    }

    /// How the table is read.
    pub(crate) fn read_options(&self) -> ReadOptions {
        let delimiter = self.delimiter.map(|delimiter| delimiter.0);
        let labels = self.labels.iter().map(|labels| labels.0.clone()).collect();
        ReadOptions { delimiter, missing: self.missing.clone(), labels }
    }

    /// The columns to predict: those that are named, or else the labels of images. None for groups.
    pub(crate) fn target_columns(&self) -> Vec<String> {
        if self.targets.is_empty() && self.group.is_none() {
            return self.labels.iter().map(|labels| labels.0.name.clone()).collect();
        }
        self.targets.clone()
    }

    /// What the columns are for; none where nothing says what is predicted.
    pub(crate) fn roles(&self) -> Option<Roles> {
        let targets = match (&self.group, &self.target) {
            (Some(group), Some(target)) => {
                Targets::Groups { group: group.clone(), target: target.clone() }
            }
            _ => match self.target_columns() {
                columns if columns.is_empty() => return None,
                columns => Targets::Columns(columns),
            },
        };
        let mut roles = Roles::new(targets);
        roles.features = (!self.features.is_empty()).then(|| self.features.clone());
        roles.ignore.clone_from(&self.ignore);
        roles.weight.clone_from(&self.weight);
        roles.kinds = self.kind.iter().map(|of| (of.column.clone(), of.kind)).collect();
        roles.image = self.image.map(|shape| shape.0);
        Some(roles)
    }
}

impl SplitConfig {
    pub(super) fn over(self, file: Self) -> Self {
        let says = self.split.is_some() || self.splits.is_some();
        let (split, splits) =
            if says { (self.split, self.splits) } else { (file.split, file.splits) };
        Self {
            seeds: self.seeds.or(file.seeds),
            seed: self.seed.or(file.seed),
            folds: self.folds.or(file.folds),
            split,
            splits,
            train_rows: self.train_rows.or(file.train_rows),
        }
    }

    /// The rule, in words.
    pub(crate) fn rule(&self) -> &str {
        self.split.as_ref().map_or("random", Rule::text)
    }

    /// The sizes of the parts.
    pub(crate) fn options(&self) -> SplitOptions {
        let default = SplitOptions::default();
        SplitOptions {
            repeats: self.seeds.map_or(default.repeats, Count::size),
            folds: self.folds.map_or(default.folds, Count::size),
            seed: self.seed.map_or(default.seed, Count::get),
            train_rows: self.train_rows.map(Count::size),
            ..default
        }
    }
}

impl TrainingConfig {
    pub(super) fn over(self, file: Self) -> Self {
        Self {
            trials: self.trials.or(file.trials),
            epochs: self.epochs.or(file.epochs),
            batch: self.batch.or(file.batch),
            threads: self.threads.or(file.threads),
            time_limit: self.time_limit.or(file.time_limit),
            no_standardize: self.no_standardize || file.no_standardize,
            no_intercept: self.no_intercept || file.no_intercept,
        }
    }

    /// What a fit may spend.
    pub(crate) fn budget(&self) -> Budget {
        Budget {
            trials: self.trials.map_or(4, Count::size),
            epochs: self.epochs.map_or(200, Count::size),
            batch: self.batch.map_or(Batch::Auto, |batch| batch.0),
        }
    }

    /// How features are preprocessed. A constant column says nothing beside an intercept, and is
    /// one where there is none.
    pub(crate) fn preprocess(&self) -> PreprocessOptions {
        PreprocessOptions { standardize: !self.no_standardize, keep_constant: self.no_intercept }
    }

    /// Trainings side by side.
    pub(crate) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(cores, Count::size)
    }
}

impl CompareConfig {
    pub(super) fn over(self, file: Self) -> Self {
        Self { arms: first(self.arms, file.arms) }
    }
}

impl TrainConfig {
    pub(super) fn over(self, file: Self) -> Self {
        let method = self.method.or(file.method);
        Self { method, all_rows: self.all_rows || file.all_rows }
    }

    /// The arm.
    pub(crate) fn method(&self) -> &str {
        self.method.as_deref().unwrap_or("hard+equal")
    }
}
