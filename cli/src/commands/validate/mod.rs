//! `socrates validate`.

mod host;
mod mappings;
mod published;

use crate::arguments::ValidateCommand;
use crate::failure::Outcome;

pub(crate) fn validate(command: &ValidateCommand) -> Outcome {
    match command {
        ValidateCommand::Host(arguments) => host::host(arguments),
        ValidateCommand::Mappings(arguments) => mappings::mappings(arguments),
        ValidateCommand::Published(arguments) => published::published(arguments),
    }
}
