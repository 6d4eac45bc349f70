//! `socrates explain`.

use results::explain::{Selection, explain as explanation, render};

use crate::arguments::ExplainArguments;
use crate::failure::{Outcome, Status};
use crate::output::print;

pub(crate) fn explain(arguments: &ExplainArguments) -> Outcome {
    let selection = Selection {
        case: arguments.case.clone(),
        strategy: arguments.strategy.clone(),
        model: arguments.model.clone(),
        task: arguments.task.clone(),
    };
    print(&render(&explanation(&arguments.directory, &selection)?))?;
    Ok(Status::Done)
}
