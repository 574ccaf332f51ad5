//! One request of a call, from its first attempt to its end: what each attempt came to, and what that asks for. No I/O.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, Phase};
use crate::model::attempt::{Attempt, Fault, Outcome};
use crate::model::display::excerpt;
use crate::model::file_result::FileState;
use crate::model::message::{Message, lasting, message};
use crate::model::moment::{Moment, whole_micros};
use crate::model::report::{PublishReport, UnreadPage};
use crate::model::request::PublishRequest;
use crate::protocol::exchange::{Answer, MAX_BODY, Page, Received, Unread};
use crate::protocol::latch::Latch;
use crate::protocol::outcome::{self, EARLY, Ended, Retry, RetryState};
use crate::response::Unreadable;
use crate::response::rows::{Answered, Further};

/// The most pages that are followed after the answer to the POST.
const MAX_PAGES: usize = 20;

/// A request and everything that happened to it.
#[derive(Debug)]
pub(crate) struct Chunk {
    request: PublishRequest,
    retries: RetryState,
    attempts: Vec<Attempt>,
    pages: Option<Box<Pages>>,
}

/// An attempt under way.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) latch: Latch,
    started: Moment,
}

/// The results so far of an answer in several pages.
#[derive(Debug)]
struct Pages {
    answered: Answered,
    raw: String,
    seen: HashSet<String>,
}

/// What an attempt, or a page, asks for.
#[allow(clippy::large_enum_variant, reason = "a call has one of them at a time")]
#[derive(Debug)]
pub(crate) enum Next {
    /// The same request once more, after a wait.
    Wait(Duration),
    /// The same request once more, with a token other than the last.
    FreshToken,
    /// This page of results.
    Follow(String),
    /// Nothing: the request is over.
    Over(Result<PublishReport, Error>),
}

impl Pages {
    /// The link to follow next, if there is one, or why it is not followed.
    fn next_link(&mut self) -> Option<Result<String, Unread>> {
        let link = self.answered.next_link()?.to_owned();
        Some(if self.seen.contains(&link) {
            Err(Unread::because("The link was followed before."))
        } else if self.seen.len() == MAX_PAGES {
            Err(Unread::because(format!("No more than {MAX_PAGES} pages are followed.")))
        } else {
            self.seen.insert(link.clone());
            Ok(link)
        })
    }

    fn take(&mut self, page: Further) -> Result<(), Unread> {
        let size = page.raw().len();
        if self.raw.len() + size > MAX_BODY {
            let reason = format!("All pages together are larger than {} MiB.", MAX_BODY >> 20);
            return Err(Unread { reason, http_status: Some(200), raw: page.raw().to_owned() });
        }
        match self.answered.take_further(page) {
            Ok(raw) => {
                self.raw.push('\n');
                self.raw.push_str(&raw);
                Ok(())
            }
            Err((reason, raw)) => Err(Unread::unreadable(&reason, raw)),
        }
    }
}

impl Chunk {
    /// `max_wait`: how long all waits for the rate limit may take. `fresh_token`: whether there is somebody to ask for one.
    pub(crate) fn new(request: PublishRequest, max_wait: Duration, fresh_token: bool) -> Self {
        let retries = RetryState {
            connects: 0,
            rate_limits: 0,
            waited: Duration::ZERO,
            max_rate_limit_wait: max_wait,
            fresh_token,
        };
        Self { request, retries, attempts: Vec::new(), pages: None }
    }

    /// Opens an attempt: its body, and the latch that the body must go through.
    pub(crate) fn begin(&self, now: Moment) -> (Bytes, Flight) {
        (Bytes::from(self.request.to_json()), Flight { latch: Latch::default(), started: now })
    }

    /// Closes an attempt and classifies it. `chance` (from 0 to 1) spreads back-offs.
    pub(crate) fn ended(&mut self, received: Received, flight: &Flight, now: Moment, chance: f64) -> Next {
        // From here on the body cannot begin to go out any more.
        let never_sent = flight.latch.revoke();
        match received {
            Received::Lost { fault, cause } => self.lost(fault, cause, never_sent, flight, now, chance),
            Received::Answered(answer, page) => self.answered(&answer, page, flight, now),
        }
    }

    fn lost(
        &mut self,
        fault: Fault,
        cause: Message,
        never_sent: bool,
        flight: &Flight,
        now: Moment,
        chance: f64,
    ) -> Next {
        let ended = if never_sent { Ended::NeverSent(fault) } else { Ended::NoAnswer };
        let (outcome, retry) = outcome::classify(ended, &self.retries);
        let elapsed = now.since(&flight.started);
        self.note(flight, None, now, outcome);
        if let Retry::Backoff(tries) = retry {
            self.retries.connects += 1;
            return Next::Wait(outcome::backoff(tries, chance));
        }
        let error = if outcome == Outcome::NotProcessed {
            Error::connect(fault, cause, self.uniform(FileState::NotProcessed, String::new()))
        } else {
            let what = match fault {
                Fault::Timeout => {
                    message!["No answer after ", lasting(elapsed, if elapsed < Duration::from_secs(1) { 2 } else { 1 })]
                }
                Fault::Dropped => Message::from("No answer came: ").followed_by(cause),
                _ => {
                    Message::from("The connection was lost before an answer came (").followed_by(cause).followed_by(")")
                }
            };
            Error::unknown(what, Phase::AwaitingAnswer, self.uniform(FileState::Unknown, String::new()))
        };
        Next::Over(Err(error))
    }

    fn answered(&mut self, answer: &Answer, page: Page, flight: &Flight, now: Moment) -> Next {
        let Answer { status, after, retry_after, .. } = *answer;
        let Page { raw, answered, errors } = page;
        let ended =
            Ended::Answered { status, after, retry_after, readable: answered.is_ok(), has_errors: !errors.is_empty() };
        let (outcome, retry) = outcome::classify(ended, &self.retries);
        self.note(flight, Some(answer), now, outcome);
        match retry {
            Retry::Backoff(_) | Retry::Never => {}
            Retry::After(delay) => {
                self.retries.rate_limits += 1;
                self.retries.waited += delay;
                return Next::Wait(delay);
            }
            Retry::FreshToken => {
                self.retries.fresh_token = false;
                return Next::FreshToken;
            }
        }
        match (outcome, answered) {
            (Outcome::Processed, Ok(answered)) => {
                self.pages = Some(Box::new(Pages { answered: *answered, raw, seen: HashSet::new() }));
                self.next_page()
            }
            (Outcome::NotProcessed, _) => {
                let excerpt = excerpt(&raw);
                let report = self.uniform(FileState::NotProcessed, raw);
                Next::Over(Err(Error::refused(status, &answer.url, errors, excerpt, retry_after, report)))
            }
            (_, answered) => {
                let report = self.uniform(FileState::Unknown, raw);
                let error = match (status, answered) {
                    (400 | 401 | 403..=405 | 409 | 410 | 413 | 415 | 422, _) if after >= EARLY => Error::unknown(
                        message![
                            format!("The server answered {status} after "),
                            lasting(after, 1),
                            ", when its own time limit cuts requests off",
                        ],
                        Phase::ReadingAnswer,
                        report,
                    ),
                    (200 | 201 | 203 | 205..=299, Err(reason)) => Unreadable { reason, report }.into(),
                    _ => Error::unknown(
                        format!("The server answered {status}, which does not say what was done"),
                        Phase::ReadingAnswer,
                        report,
                    ),
                };
                Next::Over(Err(error.with_errors(errors)))
            }
        }
    }

    /// Takes in a further page, or why it could not be had or read.
    pub(crate) fn page(&mut self, page: Result<Further, Unread>) -> Next {
        let Some(pages) = &mut self.pages else { return Next::Over(Ok(self.settle(None))) };
        match page.and_then(|page| pages.take(page)) {
            Ok(()) => self.next_page(),
            Err(unread) => Next::Over(Ok(self.settle(Some(unread)))),
        }
    }

    fn next_page(&mut self) -> Next {
        match self.pages.as_mut().and_then(|pages| pages.next_link()) {
            None => Next::Over(Ok(self.settle(None))),
            Some(Ok(link)) => Next::Follow(link),
            Some(Err(unread)) => Next::Over(Ok(self.settle(Some(unread)))),
        }
    }

    /// Makes the report of the pages that came; `unread`: why the next one did not.
    fn settle(&mut self, unread: Option<Unread>) -> PublishReport {
        match self.pages.take() {
            Some(pages) => {
                let link = pages.answered.next_link().map(str::to_owned);
                let unread = link.zip(unread).map(|(link, Unread { reason, http_status, raw })| UnreadPage {
                    link,
                    http_status,
                    reason,
                    raw,
                });
                pages.answered.into_report(pages.raw, unread).with_attempts(self.attempts.clone())
            }
            None => self.uniform(FileState::Unknown, String::new()),
        }
    }

    /// Drops the attempt under way, or the pages that are yet to come. `None` if nothing went out, and now nothing will.
    pub(crate) fn dropped(&mut self, flight: Option<&Flight>, now: Moment) -> Option<Result<PublishReport, Error>> {
        let Some(flight) = flight else {
            return Some(Ok(self.settle(Some(Unread::because("The call was cancelled before the page came.")))));
        };
        if flight.latch.revoke() {
            return None;
        }
        self.note(flight, None, now, Outcome::Unknown);
        let report = self.uniform(FileState::Unknown, String::new());
        Some(Err(Error::unknown("The call was cancelled before an answer came", Phase::AwaitingAnswer, report)))
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
        self.retries.waited
    }

    /// A report in which every file has one state.
    pub(crate) fn uniform(&self, state: FileState, raw: String) -> PublishReport {
        PublishReport::uniform(&self.request, state, raw).with_attempts(self.attempts.clone())
    }

    fn note(&mut self, flight: &Flight, answer: Option<&Answer>, now: Moment, outcome: Outcome) {
        self.attempts.push(Attempt {
            sent_at: flight.latch.sent_at().map(Moment::utc),
            answered_at: answer.map(|answer| answer.at.utc()),
            http_status: answer.map(|answer| answer.status),
            request_id: answer.and_then(|answer| answer.request_id.clone()),
            elapsed: whole_micros(now.since(&flight.started)),
            outcome,
            retry_after: answer.filter(|answer| answer.status == 429).and_then(|answer| answer.retry_after),
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::request::{ContactNotification, PortalPublishing};
    use crate::response::rows::Raw;

    #[test]
    fn all_pages_together_may_be_as_large_as_one_answer() {
        let text = r#"{"data":[]}"#;
        let request = PublishRequest::new([1], PortalPublishing::Publish, ContactNotification::Notify).unwrap();
        let take = |raw: usize| {
            let answered = Answered::read(&request, &Raw::new(text.into())).unwrap();
            let mut pages = Pages { answered, raw: " ".repeat(raw), seen: HashSet::new() };
            let taken = pages.take(Further::read(text.into()).unwrap());
            (taken, pages.raw.len())
        };
        let (taken, length) = take(MAX_BODY - text.len());
        assert!(taken.is_ok());
        assert_eq!(length, MAX_BODY + 1, "a line feed stands between them");
        let (taken, length) = take(MAX_BODY - text.len() + 1);
        let Unread { reason, http_status, raw } = taken.unwrap_err();
        assert_eq!(reason, "All pages together are larger than 64 MiB.");
        assert_eq!((http_status, raw.as_str()), (Some(200), text));
        assert_eq!(length, MAX_BODY - text.len() + 1);
    }
}
