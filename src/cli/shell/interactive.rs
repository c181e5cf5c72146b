//! The shell for a person: banner, prompts, the line editor where the terminal can do it.

use super::complete::complete;
use super::edit::{Editor, Prompt, Typed};
use super::history::History;
use super::script::{self, Next};
use super::session::Session;
use std::env;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// The prompt of a new statement, and of one that goes on.
const PROMPTS: [&str; 2] = ["osquery> ", "    ...> "];

/// Where what is typed is remembered: as osquery does under its name.
fn history_file(product: &str) -> Option<PathBuf> {
    let home = env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(Path::new(&home).join(if product == "osquery" { ".osquery/.history" } else { ".stemma_history" }))
}

/// A prompt, in osquery's colour where the terminal has 256.
fn prompt(text: &str, term: &str) -> Prompt {
    let coloured = term.contains("xterm-256color");
    let shown = if coloured { format!("\x1b[38;5;147m{text}\x1b[0m") } else { text.to_string() };
    Prompt { text: shown, cells: text.len() }
}

/// Runs until the person leaves; returns the exit code.
pub fn run(session: &mut Session) -> u8 {
    session.interactive = true;
    let term = env::var("TERM").unwrap_or_default();
    show("Using a \x1b[1mvirtual database\x1b[0m. Need help, type '.help'\n");
    let prompts = PROMPTS.map(|text| prompt(text, &term));
    let [first, further] = &prompts;
    let chosen = |pending: &str| if pending.is_empty() { first } else { further };
    // linenoise, the editor of osquery's shell, gives up on the same terminals.
    let can_edit = io::stdout().is_terminal() && !matches!(term.as_str(), "dumb" | "cons25" | "emacs" | "");
    let editor = if can_edit { Editor::new(History::load(history_file(session.product))).ok() } else { None };
    let Some(mut editor) = editor else {
        let mut lines = script::from_stdin();
        return script::run(session, &mut |pending| {
            show(&chosen(pending).text);
            let next = lines(pending);
            if matches!(next, Next::End) {
                show("\n");
            }
            next
        });
    };
    let tables = session.tables();
    script::run(session, &mut |pending| {
        let typed = editor.read(chosen(pending), &|before| complete(&tables, pending, before));
        match typed {
            Ok(Typed::Line(line)) => Next::Line(line),
            Ok(Typed::Cancelled) => Next::Cancelled,
            Ok(Typed::End) | Err(_) => Next::End,
        }
    })
}

fn show(text: &str) {
    let mut out = io::stdout().lock();
    // A terminal that does not take the prompt will not take the answer either; that is where it is noticed.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
