//! Drives a call: shows how far it has come, and ends it when somebody wants it to end.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{self, Instant};

use crate::cli::interrupts::{Interrupt, Interrupts};
use crate::cli::terminal;
use crate::client::call::{PublishCall, Turn};
use crate::error::Error;
use crate::model::batch::Progress;
use crate::model::display::counted;
use crate::model::report::PublishReport;
use crate::protocol::log_record::Level;

/// How a call ended.
pub(super) enum Ended {
    Reported(Arc<PublishReport>),
    Failed(Error),
    /// It was interrupted before anything was processed.
    Nothing,
}

/// Runs a call to its end. At the first interrupt the request in flight is awaited, and nothing else is sent; a second
/// one drops that request. The end of a terminal is never a second one.
pub(super) async fn drive(call: &PublishCall, interrupts: &mut Interrupts) -> Ended {
    call.follow_progress();
    call.watch();
    let mut bar = Bar::new();
    let mut stopping = false;
    loop {
        let turn = {
            let mut run = pin!(call.run());
            loop {
                tokio::select! {
                    turn = &mut run => break Some(turn),
                    interrupt = interrupts.next() => {
                        if stopping && interrupt == Interrupt::HangUp {
                            continue;
                        }
                        // A batch has an end to write; a call of which nothing went out has none.
                        if stopping || !(call.is_batch() || call.is_in_flight()) {
                            break None;
                        }
                        stopping = true;
                        bar.clear();
                        terminal::say("Stopping after the request in flight. Once more drops it: its files are then unknown.");
                        call.stop();
                    }
                    () = bar.tick() => bar.draw(),
                }
            }
        };
        for note in call.notes() {
            // A bar shows how long is left.
            if note.level == Level::Info && note.message.contains("Waiting ") && !bar.shows() {
                terminal::say(&format!("{}.", note.message));
            }
        }
        if let Some(progress) = call.progress() {
            bar.update(progress);
        }
        match turn {
            // A refusal would be waited for and tried again: not after an interrupt.
            Some(Turn::Noted) if stopping && !call.is_batch() && !call.is_in_flight() => {
                bar.clear();
                return call.abandon().map_or(Ended::Nothing, Ended::Failed);
            }
            Some(Turn::Noted) => {}
            Some(Turn::TokenWanted) => call.refuse_token("the command line has no callable for it"),
            Some(Turn::Done) => {
                bar.clear();
                return match call.result() {
                    Some(Ok(report)) => Ended::Reported(report),
                    Some(Err(error)) => Ended::Failed(error),
                    None => Ended::Nothing,
                };
            }
            None => {
                bar.clear();
                return call.abandon().map_or(Ended::Nothing, Ended::Failed);
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
            ok: 497,
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
