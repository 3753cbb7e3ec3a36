//! What a method says about itself: one source for `list`, `explain`, the report and the docs.

use serde::Serialize;

/// The family that a method belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// What all arms are compared with.
    Baseline,
    /// Turns features into a representation.
    Encoder,
    /// What the tasks share.
    Sharing,
    /// How the tasks' losses or gradients become one direction.
    Balance,
    /// Linear and kernel models.
    Linear,
    /// Bayesian models.
    Bayes,
    /// Auxiliary objectives.
    Auxiliary,
    /// Measures of how tasks relate.
    Affinity,
}

impl Family {
    /// The family's name in lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Encoder => "encoder",
            Self::Sharing => "sharing",
            Self::Balance => "balance",
            Self::Linear => "linear",
            Self::Bayes => "bayes",
            Self::Auxiliary => "auxiliary",
            Self::Affinity => "affinity",
        }
    }
}

/// A reference to the literature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cite {
    /// Authors, by family name.
    pub authors: &'static str,
    /// The title.
    pub title: &'static str,
    /// Where it appeared.
    pub venue: &'static str,
    /// When.
    pub year: u16,
}

/// One parameter of a method.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Parameter {
    /// The key in `--set key=value`.
    pub name: &'static str,
    /// The default, as it would be written.
    pub default: &'static str,
    /// The values that are allowed.
    pub range: &'static str,
    /// What it does, and where the default comes from.
    pub about: &'static str,
}

/// A method's description of itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Method {
    /// The name in arms, lists and records: kebab case, never changed.
    pub id: &'static str,
    /// The family.
    pub family: Family,
    /// The name in words.
    pub title: &'static str,
    /// The section of Ruder's survey (2017) that describes it, or an appendix beyond it.
    pub section: &'static str,
    /// The formula, with shapes.
    pub formula: &'static str,
    /// The parameters.
    pub parameters: &'static [Parameter],
    /// Backward passes and memory per step.
    pub cost: &'static str,
    /// The paper.
    pub cite: Cite,
}
