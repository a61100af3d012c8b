//! The command line is sound, and its help fits a terminal.
//! Never part of the product.
//! Run by `cargo test -p agent`.

use super::*;

#[test]
fn the_command_line_is_sound() {
    Command::command().debug_assert();
}

#[test]
fn help_fits_a_terminal() {
    let mut command = Command::command();
    command.build();
    for verb in [
        "", "sync", "status", "doctor", "results", "packages", "history",
    ] {
        let found = match verb {
            "" => &mut command,
            verb => command.find_subcommand_mut(verb).unwrap(),
        };
        let help = found.render_help().to_string();
        let lines: Vec<String> = help
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        let name = format!("help-{verb}");
        screen::held(name.trim_end_matches('-'), &lines, 80);
    }
}
