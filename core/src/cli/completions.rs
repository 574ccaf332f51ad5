//! What a shell completes: commands, flags and modes. The shell's script asks the program, so that both always agree.

use clap::{Arg, Command};

use crate::cli::arguments::Shell;

const BASH: &str = r#"_addepar_portal() {
    local IFS=$'\n'
    COMPREPLY=($(addepar-portal complete "$COMP_CWORD" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _addepar_portal addepar-portal
"#;

const ZSH: &str = r#"#compdef addepar-portal
_addepar_portal() {
    local -a found
    found=(${(f)"$(addepar-portal complete $((CURRENT - 1)) "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    if (( $#found )); then compadd -a found; else _files; fi
}
compdef _addepar_portal addepar-portal
"#;

const FISH: &str = r"function __addepar_portal
    set -l words (commandline -opc)
    addepar-portal complete (count $words) $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c addepar-portal -a '(__addepar_portal)'
";

// Some versions pass no empty word on, so the position counts.
const POWERSHELL: &str = r#"Register-ArgumentCompleter -Native -CommandName addepar-portal -ScriptBlock {
    param($current, $line, $cursor)
    $words = @($line.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
    $position = if ($current) { $words.Count } else { $words.Count + 1 }
    addepar-portal complete $position @words 2>$null | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
"#;

/// What a shell reads once, when it starts.
pub(super) const fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
        Shell::Powershell => POWERSHELL,
    }
}

/// What the word at a position may become, the program's name being at 0; nothing where a shell may look for a file.
pub(super) fn candidates(mut command: Command, position: usize, words: &[String]) -> Vec<String> {
    command.build();
    let (before, current) = words.split_at_checked(position.saturating_sub(1)).unwrap_or((words, &[]));
    let current = current.first().map_or("", String::as_str);
    let mut command = &command;
    let mut valued: Option<&Arg> = None;
    for word in before {
        // A flag's value is not a command.
        valued = if valued.take().is_some() { None } else { flag(command, word) };
        command = command.find_subcommand(word).unwrap_or(command);
    }
    let found: Vec<String> = if let Some(flag) = valued {
        flag.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
    } else if current.starts_with('-') {
        let flags = command.get_arguments().filter(|argument| !argument.is_hide_set());
        flags.filter_map(|flag| flag.get_long().map(|name| format!("--{name}"))).collect()
    } else {
        let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
        let words = command.get_positionals().flat_map(Arg::get_possible_values);
        let words = words.map(|word| word.get_name().to_owned());
        commands.map(|command| command.get_name().to_owned()).chain(words).collect()
    };
    found.into_iter().filter(|candidate| candidate.starts_with(current)).collect()
}

/// The flag of this name that has a value.
fn flag<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let name = word.strip_prefix("--")?;
    command.get_arguments().find(|argument| argument.get_long() == Some(name) && argument.get_action().takes_values())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::arguments::Arguments;

    #[test]
    fn commands_flags_and_modes_are_completed() {
        for (line, found) in [
            ("p", "publish"),
            ("journal re", "resolve"),
            ("journal sh", "show"),
            ("publish 37 --portal-publishing ", "do_not_publish use_contact_preference publish"),
            ("publish --contact-notification n", "notify"),
            ("publish --portal", "--portal-publishing"),
            ("journal resolve run.jsonl --not", "--not-published"),
            ("journal show run.jsonl --format ", "table json csv"),
            ("completions ", "bash zsh fish powershell"),
            // There, a shell looks for a file.
            ("resume ", ""),
            ("publish --from ", ""),
            ("publish --from journal", ""),
            ("compl", "completions"),
        ] {
            let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let position = words.len();
            let found: Vec<&str> = found.split_whitespace().collect();
            assert_eq!(candidates(Arguments::command(), position, &words), found, "{line:?}");
            // A shell may leave an empty word out.
            words.retain(|word| !word.is_empty());
            assert_eq!(candidates(Arguments::command(), position, &words), found, "{line:?}");
        }
    }
}
