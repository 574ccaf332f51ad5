//! Drives a call: shows how far it has come, and ends it when somebody wants it to end.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::pin::pin;
use std::time::Duration;

use tokio::time::{self, Instant};

use crate::cli::interrupts::{Interrupt, Interrupts};
use crate::cli::terminal;
use crate::client::call::{PublishCall, Turn};
use crate::model::batch::Progress;
use crate::model::display::counted;
use crate::model::message::Language;
use crate::protocol::log_record::Level;
use crate::protocol::machine::Ending;

/// Runs a call to its end. At the first interrupt the request in flight is awaited, and nothing else is sent, which `stopping`
/// says; a second one drops that request. The end of a terminal is never a second one.
pub(super) async fn drive(call: &PublishCall, interrupts: &mut Interrupts, stopping: &str) -> Ending {
    call.follow_progress();
    call.watch(Level::Info);
    call.await_when_interrupted();
    let mut bar = Bar::new();
    let mut is_stopping = false;
    loop {
        let turn = {
            let mut run = pin!(call.run());
            loop {
                tokio::select! {
                    turn = &mut run => break turn,
                    interrupt = interrupts.next() => {
                        if is_stopping && interrupt == Interrupt::HangUp {
                            continue;
                        }
                        is_stopping = true;
                        bar.clear();
                        if !call.interrupt() {
                            break Turn::Done;
                        }
                        terminal::say(stopping);
                    }
                    () = bar.tick() => bar.draw(),
                }
            }
        };
        for record in call.log_records() {
            // A bar shows how long is left.
            if record.level == Level::Warn || (record.fields.wait.is_some() && !bar.shows()) {
                terminal::say(&format!("{}.", record.message_in(Language::CommandLine)));
            }
        }
        if let Some(progress) = call.progress() {
            bar.update(progress);
        }
        match turn {
            Turn::News => {}
            Turn::TokenWanted => call.refuse_token("the command line has no callable for it"),
            Turn::Done => {
                bar.clear();
                return call.ending();
            }
        }
    }
}

/// How far a batch has come: one line on a terminal, drawn again and again.
struct Bar {
    columns: Option<usize>,
    progress: Option<Progress>,
    /// When the wait under way is over.
    until: Option<Instant>,
    drawn: bool,
}

impl Bar {
    fn new() -> Self {
        Self { columns: terminal::error_width(), progress: None, until: None, drawn: false }
    }

    /// Whether there is a line to look at.
    fn shows(&self) -> bool {
        self.columns.is_some() && self.progress.is_some()
    }

    /// The next time that the line is out of date by itself: a wait counts down.
    async fn tick(&self) {
        match self.until {
            Some(until) if self.shows() && until > Instant::now() => time::sleep(Duration::from_secs(1)).await,
            _ => std::future::pending().await,
        }
    }

    fn update(&mut self, progress: Progress) {
        let wait = progress.waiting.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        self.until = wait.map(|wait| Instant::now() + wait);
        self.progress = Some(progress);
        self.draw();
    }

    fn draw(&mut self) {
        let (Some(columns), Some(progress)) = (self.columns, &self.progress) else { return };
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        let line = terminal::clip(&line(progress, left), columns.saturating_sub(1));
        let _ = write!(io::stderr(), "\r\x1b[K{line}");
        self.drawn = true;
    }

    /// Makes room for other lines.
    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(progress: &Progress, left: Option<Duration>) -> String {
    const CELLS: usize = 24;
    let Progress { total, failed, unknown, not_processed, chunk, chunks, .. } = *progress;
    let done = total - not_processed;
    let filled = (done * CELLS).checked_div(total).unwrap_or(CELLS);
    let mut line = format!(
        "[{}{}] {done} of {}, request {chunk} of {chunks}",
        "#".repeat(filled),
        ".".repeat(CELLS.saturating_sub(filled)),
        counted(total, "file"),
    );
    for (count, name) in [(failed, "failed"), (unknown, "unknown")] {
        if count > 0 {
            let _ = write!(line, ", {count} {name}");
        }
    }
    if let Some(left) = left.filter(|left| !left.is_zero()) {
        let _ = write!(line, ", waiting {:.0} s for the rate limit", left.as_secs_f64().ceil());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is_and_what_it_waits_for() {
        let mut progress = Progress {
            total: 2_000,
            succeeded: 497,
            failed: 3,
            unknown: 0,
            not_processed: 1_500,
            chunk: 5,
            chunks: 20,
            waiting: None,
        };
        assert_eq!(line(&progress, None), "[######..................] 500 of 2000 files, request 5 of 20, 3 failed");
        progress.failed = 0;
        let waits = line(&progress, Some(Duration::from_millis(11_300)));
        assert!(waits.ends_with("request 5 of 20, waiting 12 s for the rate limit"), "{waits}");
        progress.not_processed = 0;
        assert!(line(&progress, Some(Duration::ZERO)).starts_with("[########################] 2000 of 2000"));
    }
}
