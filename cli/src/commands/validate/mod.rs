//! `socrates validate`.

mod mappings;
mod published;

use crate::arguments::ValidateCommand;
use crate::failure::Outcome;

pub(crate) fn validate(command: &ValidateCommand) -> Outcome {
    match command {
        ValidateCommand::Mappings(arguments) => mappings::mappings(arguments),
        ValidateCommand::Published(arguments) => published::published(arguments),
    }
}
