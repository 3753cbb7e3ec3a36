//! `--require`: a comparison that fails when the verdict is another.

use torso_core::record::Comparison;

use crate::error::{CliError, Kind, nearest};

/// What must be said: (arm, if named; task or `overall`; the word).
pub(crate) type Requirement = (Option<String>, String, String);

/// Reads `[ARM/]TASK:VERDICT`, where a task can be `overall`.
pub(crate) fn parse_requirements(texts: &[String]) -> Result<Vec<Requirement>, CliError> {
    const WORDS: [&str; 3] = ["helps", "harms", "no difference shown"];
    let parse = |text: &String| {
        let (subject, word) = text.rsplit_once(':').unwrap_or((text, ""));
        if !WORDS.contains(&word) {
            let message = format!("--require expects [ARM/]TASK:VERDICT, found `{text}`");
            let hint = format!("verdicts are {}", WORDS.join(", "));
            return Err(CliError::new(Kind::Usage, message).hint(hint));
        }
        let (arm, task) = match subject.split_once('/') {
            Some((arm, task)) => (Some(arm.to_string()), task),
            None => (None, subject),
        };
        Ok((arm, task.to_string(), word.to_string()))
    };
    texts.iter().map(parse).collect()
}

/// Fails unless everything that is required was said.
pub(crate) fn check_requirements(
    required: &[Requirement],
    said: &Comparison,
) -> Result<(), CliError> {
    for (arm, task, word) in required {
        let arms = said.arms.iter().skip(1).filter(|a| arm.as_ref().is_none_or(|id| a.name == *id));
        let mut found = false;
        for result in arms {
            let verdict = if task == "overall" {
                Some(result.overall.verdict)
            } else {
                result.tasks.iter().find(|t| t.task == *task).map(|t| t.verdict)
            };
            let Some(verdict) = verdict else {
                let names: Vec<String> = said.tasks.iter().map(|t| t.name.clone()).collect();
                let hint = nearest(task, &names).map_or_else(
                    || format!("tasks are {}", names.join(", ")),
                    |name| format!("did you mean `{name}`?"),
                );
                let message = format!("--require: no task `{task}`");
                return Err(CliError::new(Kind::Usage, message).hint(hint));
            };
            found = true;
            if verdict.word() != word {
                let message = format!(
                    "required `{task}:{word}`, but {} says `{}`",
                    result.name,
                    verdict.word()
                );
                return Err(CliError::new(Kind::Run, message));
            }
        }
        if !found {
            return Err(CliError::new(Kind::Usage, "--require names an arm that was not compared"));
        }
    }
    Ok(())
}
