//! `socrates validate`.

mod host;
mod mappings;
mod models;
mod published;

use crate::arguments::ValidateCommand;
use crate::failure::Outcome;

pub(crate) use models::{predictor, text_of};

pub(crate) fn validate(command: &ValidateCommand) -> Outcome {
    match command {
        ValidateCommand::Host(arguments) => host::host(arguments),
        ValidateCommand::Mappings(arguments) => mappings::mappings(arguments),
        ValidateCommand::Models(arguments) => models::validate_models(arguments),
        ValidateCommand::Published(arguments) => published::published(arguments),
    }
}
