//! Shell completions: the scripts of agent/completions, which the tests make from the command line as clap has it.
//! Never makes one itself: what makes them would be larger than what it makes.
//! Called by `completions`; the package is built with it.

use clap::ValueEnum;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::Error;
use clap::{Arg, Command};
use logic::fault::Code;
use logic::texts::inflated;

/// A shell that has completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CompletionShell {
    Bash,
    Elvish,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
    Zsh,
}

/// A script, deflated by the build.
macro_rules! script {
    ($shell:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/boxsync.", $shell, ".deflate"))
    };
}

/// The script for a shell.
pub(super) fn script(shell: CompletionShell) -> String {
    let deflated: &[u8] = match shell {
        CompletionShell::Bash => script!("bash"),
        CompletionShell::Elvish => script!("elvish"),
        CompletionShell::Fish => script!("fish"),
        CompletionShell::PowerShell => script!("powershell"),
        CompletionShell::Zsh => script!("zsh"),
    };
    inflated(deflated)
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

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use clap::CommandFactory;
    use clap_complete::Shell;

    use super::*;

    /// Written anew like the codes: `BOXSYNC_SNAPSHOTS=1 cargo nextest run -p agent -E 'test(codes)'`.
    #[test]
    fn the_scripts_have_the_verbs_and_the_codes_of_the_command_line() {
        for (shell, made) in [
            (CompletionShell::Bash, Shell::Bash),
            (CompletionShell::Elvish, Shell::Elvish),
            (CompletionShell::Fish, Shell::Fish),
            (CompletionShell::PowerShell, Shell::PowerShell),
            (CompletionShell::Zsh, Shell::Zsh),
        ] {
            let name = shell.to_possible_value().unwrap();
            let name = format!("../../../agent/completions/boxsync.{}", name.get_name());
            let text = make(made);
            crate::fixture::held(&name, &text);
            if std::env::var_os("BOXSYNC_SNAPSHOTS").is_none() {
                assert_eq!(script(shell), text);
            }
        }
    }

    fn make(shell: Shell) -> String {
        let mut command = super::super::Command::command();
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, "boxsync", &mut script);
        let mut script = String::from_utf8(script).unwrap();
        if shell == Shell::Fish {
            places(&mut script, &command, &[]);
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
                write!(when, "; and __fish_seen_subcommand_from {word}").unwrap();
            }
            let values = values.join(" ");
            writeln!(
                script,
                "complete -c boxsync -n \"{when}\" -f -a \"{values}\""
            )
            .unwrap();
        }
        for verb in command
            .get_subcommands()
            .filter(|verb| verb.get_name() != "help")
        {
            let path: Vec<&str> = above.iter().copied().chain([verb.get_name()]).collect();
            places(script, verb, &path);
        }
    }
}
