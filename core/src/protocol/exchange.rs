//! What a transport brings back, as plain data, and how its body reads.

use std::time::Duration;

use crate::model::api_error::ApiError;
use crate::model::attempt::Fault;
use crate::model::message::Message;
use crate::model::moment::Moment;
use crate::model::request::PublishRequest;
use crate::response::api_errors::api_errors;
use crate::response::rows::{Answered, Further, Raw};

/// The largest answer that is read, and the most that all its pages may have together.
pub(crate) const MAX_BODY: usize = 64 << 20;

/// What came back.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// Nothing; `cause` in the words of the layer that failed.
    Lost { fault: Fault, cause: Message },
    /// An answer's head, and as much of its body as arrived.
    Answered(Answer),
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Where the request went.
    pub(crate) url: String,
    pub(crate) at: Moment,
    /// From the request body's first byte to the answer's head.
    pub(crate) after: Duration,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
    /// Why the body is not whole.
    pub(crate) broken: Option<String>,
    /// How many seconds pass at a simulated portal in one of ours, if it says so.
    pub(crate) clock: Option<f64>,
}

/// What came back, read.
#[derive(Debug)]
pub(crate) enum Received {
    Lost { fault: Fault, cause: Message },
    Answered(Box<Answer>, Page),
}

/// A body that was read: a large one takes its time, so no page is read under a call's lock.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) raw: String,
    /// The results, or why there are none to read.
    pub(crate) answered: Result<Box<Answered>, String>,
    /// The API's error objects, where there are no results.
    pub(crate) errors: Vec<ApiError>,
}

/// Why a page was not read, and what was answered for it.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    pub(crate) reason: String,
    pub(crate) http_status: Option<u16>,
    pub(crate) raw: String,
}

impl Unread {
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    pub(crate) fn unreadable(reason: &str, raw: String) -> Self {
        Self { reason: format!("It cannot be read: {reason}."), http_status: Some(200), raw }
    }
}

/// Reads what came back for a further page.
pub(crate) fn read_further(exchange: Result<Exchange, String>) -> Result<Further, Unread> {
    let answer = match exchange {
        Ok(Exchange::Answered(answer)) => answer,
        Ok(Exchange::Lost { cause, .. }) => {
            return Err(Unread::because(format!("The connection was lost before it came: {cause}.")));
        }
        Err(reason) => return Err(Unread::because(reason)),
    };
    match (answer.broken, answer.status) {
        (None, 200) => Further::read(answer.body).map_err(|(reason, raw)| Unread::unreadable(&reason, raw)),
        (Some(broken), 200) => Err(Unread::unreadable(&broken, Raw::new(answer.body).text)),
        (_, status) => Err(Unread {
            reason: format!("The server answered {status}."),
            http_status: Some(status),
            raw: Raw::new(answer.body).text,
        }),
    }
}

impl Received {
    /// Reads what came back for a request.
    pub(crate) fn read(request: &PublishRequest, exchange: Exchange) -> Self {
        let mut answer = match exchange {
            Exchange::Lost { fault, cause } => return Self::Lost { fault, cause },
            Exchange::Answered(answer) => answer,
        };
        let raw = Raw::new(std::mem::take(&mut answer.body));
        let answered = match &answer.broken {
            Some(broken) => Err(broken.clone()),
            None if (200..300).contains(&answer.status) => Answered::read(request, &raw),
            None => Err("its status is not that of a result".to_owned()),
        };
        let errors = if answered.is_ok() { Vec::new() } else { api_errors(&raw.text) };
        Self::Answered(Box::new(answer), Page { raw: raw.text, answered: answered.map(Box::new), errors })
    }
}
