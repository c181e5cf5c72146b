//! Lines in, statements and commands out: what comes from a script or is typed gathers until it is a complete statement.
//! A dot-command is a line of its own, where no statement has begun.

use super::dot::{self, Flow};
use super::session::Session;
use crate::cli::complain;
use crate::sys::clock::monotonic_ns;
use crate::sys::process::cpu_times_us;
use crate::sys::sqlite::is_complete;
use std::io::BufRead;

/// What comes next.
pub enum Next {
    /// A line.
    Line(String),
    /// Nothing, and the statement that had begun does not count.
    Cancelled,
    /// There is no more.
    End,
}

/// The next line of a script; the argument is the statement that has begun.
pub type Source<'s> = &'s mut dyn FnMut(&str) -> Next;

#[derive(Default)]
struct Script {
    sql: String,
    /// The statement is for .types.
    types: bool,
    /// Lines so far, and the line with which the statement began.
    number: u64,
    start: u64,
    errors: u64,
}

/// Runs all there is; returns the exit code: 1 if anything was wrong, or what .exit says.
pub fn run(session: &mut Session, next: Source<'_>) -> u8 {
    let mut script = Script::default();
    while script.errors == 0 || !session.bail || session.interactive {
        let flow = match next(&script.sql) {
            Next::Line(line) => script.line(session, &line),
            Next::Cancelled => {
                script.sql.clear();
                script.types = false;
                continue;
            }
            Next::End => {
                script.end(session);
                break;
            }
        };
        match flow {
            Flow::Go => {}
            Flow::Failed(_) => script.errors += 1,
            Flow::Exit(Some(code)) => return code,
            Flow::Exit(None) => break,
        }
        if session.broken.is_some() {
            break;
        }
    }
    u8::from(script.errors > 0)
}

/// A script's lines from standard input.
pub fn from_stdin() -> impl FnMut(&str) -> Next {
    let mut input = std::io::stdin().lock();
    move |_| {
        let mut line = Vec::new();
        match input.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return Next::End,
            Ok(_) => {}
        }
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // As C reads it: a NUL ends the line.
        let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
        Next::Line(String::from_utf8_lossy(line).into_owned())
    }
}

impl Script {
    fn line(&mut self, session: &mut Session, line: &str) -> Flow {
        self.number += 1;
        let begins = self.sql.is_empty();
        if begins && (is_blank(line) || line.starts_with('.')) && session.echo {
            session.say(line);
        }
        if begins && is_blank(line) {
            return Flow::Go;
        }
        self.types |= begins && line.starts_with(".types ");
        if begins && line.starts_with('.') && !self.types {
            return dot::run(session, line);
        }
        if begins {
            let sql = if self.types { line.strip_prefix(".types ").unwrap_or(line) } else { line };
            self.sql = sql.trim_start().to_string();
            self.start = self.number;
        } else {
            self.sql.push('\n');
            self.sql.push_str(line);
        }
        if line.contains(';') && is_complete(&self.sql) {
            return self.statement(session);
        }
        if is_blank(&self.sql) {
            self.sql.clear();
        }
        Flow::Go
    }

    fn statement(&mut self, session: &mut Session) -> Flow {
        let sql = std::mem::take(&mut self.sql);
        if std::mem::take(&mut self.types) {
            return session.types(&sql);
        }
        let (clock, (user, system)) = (monotonic_ns(), cpu_times_us());
        let result = session.answer(&sql);
        if session.timer {
            let (user_now, system_now) = cpu_times_us();
            session.say(&format!(
                "Run Time: real {:.3} user {:.6} sys {:.6}",
                (monotonic_ns() - clock) as f64 / 1e9,
                (user_now - user) as f64 / 1e6,
                (system_now - system) as f64 / 1e6
            ));
        }
        let Err(error) = result else { return Flow::Go };
        let place = if session.interactive { String::new() } else { format!(" near line {}:", self.start) };
        complain(&format!("Error:{place} {}", error.message));
        Flow::Failed(1)
    }

    /// What has begun and not ended: a script's last statement may lack its semicolon; a person's is not run.
    fn end(&mut self, session: &mut Session) {
        if is_blank(&self.sql) {
            return;
        }
        if session.interactive {
            complain(&format!("Error: incomplete SQL: {}", self.sql));
        } else if self.statement(session) != Flow::Go {
            self.errors += 1;
        }
    }
}

/// Whether a text is nothing but white space and comments. A comment `/*` without an end has begun something.
fn is_blank(text: &str) -> bool {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let after = if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map(|(_, after)| after)
        } else {
            rest.strip_prefix("--").map(|comment| comment.split_once('\n').map_or("", |(_, after)| after))
        };
        let Some(after) = after else { return false };
        rest = after.trim_start();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_blank;

    #[test]
    fn blank_is_white_space_and_comments() {
        for (text, wanted) in [
            ("", true),
            (" \t", true),
            ("-- select 1;", true),
            ("/* a */ -- b\n /* c */", true),
            ("/* open", false),
            ("- -", false),
            ("/* a */ x", false),
            ("-- a\nx", false),
        ] {
            assert_eq!(is_blank(text), wanted, "{text:?}");
        }
    }
}
