//! One publish under way: what to do next, given what happened. No I/O.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, Phase};
use crate::model::attempt::Attempt;
use crate::model::attempt::{Fault, Outcome};
use crate::model::file_result::FileState;
use crate::model::report::PublishReport;
use crate::model::request::PublishRequest;
use crate::protocol::exchange::{Answer, Exchange, MAX_BODY};
use crate::protocol::latch::Latch;
use crate::protocol::log_record::Note;
use crate::protocol::outcome::{self, Again, EARLY, Ended, Tried};
use crate::response::Unreadable;
use crate::response::api_errors::{api_errors, excerpt};
use crate::response::rows::{Answered, Raw};
use crate::runtime::clock::{Moment, whole_micros};

/// The most pages that are followed after the answer to the POST.
const MAX_PAGES: usize = 20;

/// What a call needs next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Open the journal.
    Open,
    /// Send the request, with a token other than the last one if that was refused.
    Send { fresh_token: bool },
    /// Wait, then send.
    Wait(Duration),
    /// Get this page of results.
    Follow(String),
    /// Nothing: the result is there.
    Done,
}

/// A call and everything that happened in it.
#[derive(Debug)]
pub(crate) struct Call {
    request: PublishRequest,
    tried: Tried,
    attempts: Vec<Attempt>,
    stage: Stage,
    /// What is to be told; `None`: nobody listens.
    notes: Option<Vec<Note>>,
    /// Whether the next attempt was told already.
    announced: bool,
}

#[derive(Debug)]
enum Stage {
    Idle,
    InFlight {
        latch: Latch,
        started: Moment,
    },
    Paging(Box<Paging>),
    /// It stays here after it was read: a caller who is interrupted meanwhile must still hear of it.
    Done(Box<Result<Arc<PublishReport>, Error>>),
    Over,
}

/// The results so far of an answer in several pages.
#[derive(Debug)]
struct Paging {
    answered: Answered,
    raw: String,
    seen: HashSet<String>,
}

impl Call {
    pub(crate) fn new(request: PublishRequest, max_rate_limit_wait: Duration, fresh_token: bool) -> Self {
        let tried = Tried { connects: 0, rate_limits: 0, waited: Duration::ZERO, max_rate_limit_wait, fresh_token };
        Self { request, tried, attempts: Vec::new(), stage: Stage::Idle, notes: None, announced: false }
    }

    /// From now on there is somebody to tell.
    pub(crate) fn listen(&mut self) {
        self.notes.get_or_insert_default();
    }

    /// What is to be told by now.
    pub(crate) fn take_notes(&mut self) -> Vec<Note> {
        self.notes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Tells that a batch waits before its next chunk.
    pub(crate) fn note_pace(&mut self, delay: Duration) {
        self.note(|_| Note::pace(delay));
    }

    /// Takes over what the call before has to tell.
    pub(crate) fn keep_notes(&mut self, notes: Vec<Note>) {
        self.notes.get_or_insert_default().extend(notes);
    }

    pub(crate) fn has_notes(&self) -> bool {
        self.notes.as_ref().is_some_and(|notes| !notes.is_empty())
    }

    /// Tells that a request is about to go out; `false`: that is known, or nobody listens.
    pub(crate) fn announce(&mut self) -> bool {
        let Some(notes) = self.notes.as_mut().filter(|_| !self.announced) else { return false };
        notes.extend(Note::sending(&self.request, self.attempts.len() + 1));
        self.announced = true;
        true
    }

    fn note(&mut self, note: impl FnOnce(&[Attempt]) -> Note) {
        if let Some(notes) = &mut self.notes {
            notes.push(note(&self.attempts));
        }
    }

    /// Opens an attempt: its body and the latch that the body must go through. `None`: the call was
    /// ended meanwhile, and nothing may be sent.
    pub(crate) fn begin(&mut self) -> Option<(Bytes, Latch)> {
        let Stage::Idle = self.stage else { return None };
        let latch = Latch::default();
        self.announced = false;
        self.stage = Stage::InFlight { latch: latch.clone(), started: Moment::now() };
        Some((Bytes::from(self.request.to_json()), latch))
    }

    /// Closes an attempt and judges it. `random` (from 0 to 1) spreads back-offs.
    pub(crate) fn ended(&mut self, exchange: Exchange, random: f64) -> Next {
        let Stage::InFlight { latch, started } = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Next::Done;
        };
        // From here on the body cannot begin to go out any more.
        let never_sent = latch.revoke();
        match exchange {
            Exchange::Lost { fault, cause } => self.lost(fault, &cause, never_sent, &latch, &started, random),
            Exchange::Answered(answer) => self.answered(answer, &latch, &started),
        }
    }

    fn lost(
        &mut self,
        fault: Fault,
        cause: &str,
        never_sent: bool,
        latch: &Latch,
        started: &Moment,
        random: f64,
    ) -> Next {
        let ended = if never_sent { Ended::NeverSent(fault) } else { Ended::NoAnswer };
        let (outcome, again) = outcome::judge(ended, &self.tried);
        self.record(latch, started, None, outcome);
        if let Again::Backoff(tries) = again {
            self.tried.connects += 1;
            return self.wait(outcome::backoff(tries, random));
        }
        let error = if outcome == Outcome::NotProcessed {
            Error::connect(fault, cause, self.uniform(FileState::NotProcessed, String::new()))
        } else {
            let what = match fault {
                Fault::Timeout => format!("No answer after {:.1} s", started.elapsed().as_secs_f64()),
                _ => format!("The connection was lost before an answer came ({cause})"),
            };
            Error::unknown(&what, Phase::AwaitingAnswer, self.uniform(FileState::Unknown, String::new()))
        };
        self.finish(Err(error))
    }

    fn answered(&mut self, mut answer: Answer, latch: &Latch, started: &Moment) -> Next {
        let Answer { status, after, retry_after, .. } = answer;
        let raw = Raw::new(std::mem::take(&mut answer.body));
        let page = match &answer.broken {
            Some(broken) => Err(broken.clone()),
            None if (200..300).contains(&status) => Answered::read(&self.request, &raw),
            None => Err("it is no result".to_owned()),
        };
        let errors = if page.is_ok() { Vec::new() } else { api_errors(&raw.text) };
        let ended =
            Ended::Answered { status, after, retry_after, readable: page.is_ok(), has_errors: !errors.is_empty() };
        let (outcome, again) = outcome::judge(ended, &self.tried);
        self.record(latch, started, Some(&answer), outcome);
        match again {
            Again::Backoff(_) | Again::Never => {}
            Again::After(delay) => {
                self.tried.rate_limits += 1;
                self.tried.waited += delay;
                return self.wait(delay);
            }
            Again::FreshToken => {
                self.tried.fresh_token = false;
                self.stage = Stage::Idle;
                self.note(Note::fresh_token);
                return Next::Send { fresh_token: true };
            }
        }
        match (outcome, page) {
            (Outcome::Processed, Ok(answered)) => {
                self.stage = Stage::Paging(Box::new(Paging { answered, raw: raw.text, seen: HashSet::new() }));
                self.next_page()
            }
            (Outcome::NotProcessed, _) => {
                let excerpt = excerpt(&raw.text);
                let report = self.uniform(FileState::NotProcessed, raw.text);
                let error = Error::refused(status, errors, excerpt, report).with_retry_after(retry_after);
                self.finish(Err(error))
            }
            (_, page) => {
                let report = self.uniform(FileState::Unknown, raw.text);
                let error = match (status, page) {
                    (400 | 401 | 403..=405 | 409 | 410 | 413 | 415 | 422, _) if after >= EARLY => Error::unknown(
                        &format!(
                            "The server answered {status} after {:.1} s, when its own time limit cuts requests off",
                            after.as_secs_f64()
                        ),
                        Phase::ReadingAnswer,
                        report,
                    ),
                    (200 | 201 | 203 | 205..=299, Err(reason)) => Unreadable { reason, report }.into(),
                    _ => Error::unknown(
                        &format!("The server answered {status}, which does not say what was done"),
                        Phase::ReadingAnswer,
                        report,
                    ),
                };
                self.finish(Err(error.with_errors(errors)))
            }
        }
    }

    fn wait(&mut self, delay: Duration) -> Next {
        self.stage = Stage::Idle;
        self.note(|attempts| Note::waiting(attempts, delay));
        Next::Wait(delay)
    }

    /// Takes in a further page; `None`: it could not be had.
    pub(crate) fn page(&mut self, exchange: Option<Exchange>) -> Next {
        let Stage::Paging(paging) = &mut self.stage else { return Next::Done };
        let whole = match exchange {
            Some(Exchange::Answered(answer)) if answer.broken.is_none() => Some(answer),
            _ => None,
        };
        let text = whole
            .filter(|answer| answer.status == 200 && paging.raw.len() + answer.body.len() <= MAX_BODY)
            .map(|answer| Raw::new(answer.body))
            .and_then(|raw| paging.answered.read_further(&raw).is_ok().then_some(raw.text));
        let Some(text) = text else { return self.settle() };
        paging.raw.push('\n');
        paging.raw.push_str(&text);
        self.next_page()
    }

    fn next_page(&mut self) -> Next {
        if let Stage::Paging(paging) = &mut self.stage
            && let Some(link) = paging.answered.next_link().map(str::to_owned)
            && paging.seen.len() < MAX_PAGES
            && paging.seen.insert(link.clone())
        {
            return Next::Follow(link);
        }
        self.settle()
    }

    /// Makes the report out of the pages that came.
    fn settle(&mut self) -> Next {
        let Stage::Paging(paging) = std::mem::replace(&mut self.stage, Stage::Over) else { return Next::Done };
        let Paging { answered, raw, .. } = *paging;
        let report = answered.into_report(raw).with_attempts(self.attempts.clone());
        self.finish(Ok(report))
    }

    /// Ends the call for a reason of this side, provided that nothing of it is under way.
    pub(crate) fn fail(&mut self, error: Error) -> Next {
        match &self.stage {
            Stage::Idle => {}
            Stage::InFlight { latch, .. } if latch.revoke() => {}
            _ => return Next::Done,
        }
        let error = match error.report() {
            Some(_) => error,
            // The request itself could not be read.
            None if self.request.file_ids().is_empty() => error,
            None => error.with_report(self.uniform(FileState::NotProcessed, String::new())),
        };
        self.finish(Err(error))
    }

    fn finish(&mut self, result: Result<PublishReport, Error>) -> Next {
        self.note(|attempts| Note::ended(attempts, result.as_ref()));
        self.stage = Stage::Done(Box::new(result.map(Arc::new)));
        Next::Done
    }

    pub(crate) fn result(&self) -> Option<Result<Arc<PublishReport>, Error>> {
        match &self.stage {
            Stage::Done(result) => Some(Result::clone(result)),
            _ => None,
        }
    }

    /// What was asked.
    pub(crate) fn request(&self) -> &PublishRequest {
        &self.request
    }

    /// Every try so far.
    pub(crate) fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// How long the waits for the rate limit took.
    pub(crate) fn waited(&self) -> Duration {
        self.tried.waited
    }

    /// Whether the call may still send.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }

    /// Whether a request went out, and neither its end nor all pages of its answer are there yet.
    #[cfg(feature = "cli")]
    pub(crate) fn is_in_flight(&self) -> bool {
        match &self.stage {
            Stage::InFlight { latch, .. } => latch.sent_at().is_some(),
            Stage::Paging(_) => true,
            Stage::Idle | Stage::Done(_) | Stage::Over => false,
        }
    }

    /// Ends a call that was let go of. `None`: nothing went out, and now nothing will, or its result
    /// was there to be read.
    pub(crate) fn drop_unfinished(&mut self) -> Option<Error> {
        if let Stage::Done(_) = self.stage { None } else { self.abandon() }
    }

    /// Ends the call wherever it is. `None`: nothing went out, and now nothing will.
    pub(crate) fn abandon(&mut self) -> Option<Error> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Idle | Stage::Over => None,
            Stage::InFlight { latch, .. } if latch.revoke() => None,
            Stage::InFlight { latch, started } => {
                self.record(&latch, &started, None, Outcome::Unknown);
                let report = self.uniform(FileState::Unknown, String::new());
                Some(Error::unknown("The call was cancelled before an answer came", Phase::AwaitingAnswer, report))
            }
            Stage::Paging(paging) => {
                let Paging { answered, raw, .. } = *paging;
                let report = answered.into_report(raw).with_attempts(self.attempts.clone());
                Some(Error::undelivered(Arc::new(report)))
            }
            Stage::Done(result) => match *result {
                Ok(report) => Some(Error::undelivered(report)),
                Err(error) => (error.outcome() == Outcome::Unknown).then_some(error),
            },
        }
    }

    fn uniform(&self, state: FileState, raw: String) -> PublishReport {
        PublishReport::uniform(&self.request, state, raw).with_attempts(self.attempts.clone())
    }

    fn record(&mut self, latch: &Latch, started: &Moment, answer: Option<&Answer>, outcome: Outcome) {
        self.attempts.push(Attempt {
            sent_at: latch.sent_at().map(Moment::utc),
            answered_at: answer.map(|answer| answer.at.utc()),
            http_status: answer.map(|answer| answer.status),
            request_id: answer.and_then(|answer| answer.request_id.clone()),
            elapsed: whole_micros(started.elapsed()),
            outcome,
            retry_after: answer.filter(|answer| answer.status == 429).and_then(|answer| answer.retry_after),
        });
    }
}
