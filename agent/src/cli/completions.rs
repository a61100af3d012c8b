//! Shell completions: clap's script for each shell, and what it leaves out.
//! Never completes a verb that is not for people: the command line has none.
//! Called by `completions`; the package is built with it.

use std::fmt::Write;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::Error;
use clap::{Arg, Command};
use clap_complete::Shell;
use logic::fault::Code;

/// The script for a shell.
pub(super) fn script(shell: Shell, command: &mut Command) -> String {
    // Made whole first: the generators panic where they cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, command, "boxsync", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Fish {
        places(&mut script, command, &[]);
    }
    script
}

/// clap tells fish the values of options alone: those of arguments without a name follow here, verb by verb.
fn places(script: &mut String, command: &Command, above: &[&str]) {
    for argument in command.get_positionals() {
        let values = argument.get_possible_values();
        let values: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
        let Some((verb, below)) = above.split_first().filter(|_| !values.is_empty()) else {
            continue;
        };
        let mut when = format!("__fish_boxsync_using_subcommand {verb}");
        for word in below {
            let _ = write!(when, "; and __fish_seen_subcommand_from {word}");
        }
        let values = values.join(" ");
        let _ = writeln!(
            script,
            "complete -c boxsync -n \"{when}\" -f -a \"{values}\""
        );
    }
    for verb in command
        .get_subcommands()
        .filter(|verb| verb.get_name() != "help")
    {
        let path: Vec<&str> = above.iter().copied().chain([verb.get_name()]).collect();
        places(script, verb, &path);
    }
}

/// A code: shells complete those that are known; one that is not is taken too, for `explain` names the nearest.
#[derive(Debug, Clone, Copy)]
pub(super) struct CodeParser;

impl TypedValueParser for CodeParser {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(
            Code::ALL.iter().map(|code| PossibleValue::new(code.name())),
        ))
    }
}
