//! What a connection does about one request: the portal's work, and then bytes, waits and an end.
//! Nothing here touches a socket.

use serde_json::Value;

use crate::contract;
use crate::fault::{Fault, OWN_LIMIT_MS};
use crate::http::{Answer, Request};
use crate::portal::{Failures, Portal};

pub(crate) struct Script {
    pub(crate) steps: Vec<Step>,
    pub(crate) then: Then,
}

pub(crate) enum Step {
    Send(Vec<u8>),
    /// Milliseconds.
    Pause(u64),
    Drip {
        bytes: Vec<u8>,
        size: usize,
        every_ms: u64,
    },
    /// The beginning of a list of results, so many bytes of it.
    Fill {
        bytes: u64,
        chunked: bool,
    },
    Hang,
}

/// How a connection goes on after an answer.
pub(crate) enum Then {
    Keep,
    Close,
    Reset,
}

impl Script {
    fn keep(steps: impl Into<Vec<Step>>) -> Self {
        Self { steps: steps.into(), then: Then::Keep }
    }

    fn close(steps: impl Into<Vec<Step>>) -> Self {
        Self { steps: steps.into(), then: Then::Close }
    }

    /// Does what the request and the fault ask of the portal, and tells how to answer.
    pub(crate) fn new(portal: &mut Portal, request: &Request, fault: Option<Fault>) -> Self {
        if let Some(script) = fault.as_ref().and_then(|fault| unprocessed(portal, fault)) {
            return script;
        }
        portal.gives_up = matches!(fault, Some(Fault::HalfDone {}));
        let normal = contract::answer(portal, request);
        let normal = portal.sign(normal);
        match fault {
            Some(fault) => met(portal, fault, &normal),
            None if request.method == "HEAD" => Self::keep([Step::Send(normal.head())]),
            None => Self::keep([Step::Send(normal.bytes())]),
        }
    }
}

/// The faults for which the portal does no work.
fn unprocessed(portal: &mut Portal, fault: &Fault) -> Option<Script> {
    let (answer, after_ms) = match fault {
        Fault::Answer(scripted) if !scripted.processed.unwrap_or(false) => (scripted.answer(), scripted.after_ms),
        Fault::Status { status, headers } => {
            let refusal = contract::refusal(*status, &format!("Simulated {status}."));
            let headers = headers.iter().flatten();
            (headers.fold(refusal, |answer, (name, value)| answer.with(name, value)), None)
        }
        Fault::RateLimited { retry_after, x_retry_after } => {
            let headers = [("Retry-After", retry_after), ("X-RateLimit-Retry-After", x_retry_after)];
            let refusal = contract::refusal(429, "Too many requests.");
            let answer = headers.into_iter().fold(refusal, |answer, (name, value)| match value {
                None => answer,
                Some(Value::String(text)) => answer.with(name, text),
                Some(other) => answer.with(name, &other.to_string()),
            });
            (answer, None)
        }
        Fault::Html { status } => {
            let status = status.unwrap_or(502);
            let page = format!("<html><body><h1>{status} by a proxy</h1></body></html>");
            (Answer::json(status, page).with("Content-Type", "text/html"), None)
        }
        Fault::Slow400 { after_ms } if *after_ms < OWN_LIMIT_MS => {
            (contract::refusal(400, "Simulated 400."), Some(*after_ms))
        }
        Fault::Hang { processed: Some(false), .. } => return Some(Script::close([Step::Hang])),
        _ => return None,
    };
    let bytes = portal.sign(answer).bytes();
    Some(Script::keep([Step::Pause(after_ms.unwrap_or(0)), Step::Send(bytes)]))
}

/// The other faults, with the normal answer that they cut, alter or replace.
fn met(portal: &mut Portal, fault: Fault, normal: &Answer) -> Script {
    let bytes = normal.bytes();
    let half = || bytes.get(..bytes.len() - normal.body.len() / 2).unwrap_or_default().to_vec();
    let answer = match fault {
        Fault::Hang { .. } => return Script::close([Step::Hang]),
        Fault::CloseBeforeAnswer {} | Fault::CloseAfterHead {} | Fault::HalfDone {} => return Script::close([]),
        Fault::ResetBeforeAnswer {} => return Script { steps: Vec::new(), then: Then::Reset },
        Fault::CloseInHeaders {} => return Script::close([Step::Send(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec())]),
        Fault::GarbageStatus {} => return Script::close([Step::Send(b"\x00\x01 not HTTP at all\r\n\r\n".to_vec())]),
        Fault::Raw { text, keeps } => {
            let body = String::from_utf8_lossy(&normal.body);
            let text = text
                .replace("{length}", &normal.body.len().to_string())
                .replace("{chunks}", &format!("{:x}\r\n{body}\r\n0\r\n\r\n", normal.body.len()))
                .replace("{body}", &body);
            let then = if keeps.unwrap_or(false) { Then::Keep } else { Then::Close };
            return Script { steps: vec![Step::Send(text.into_bytes())], then };
        }
        Fault::CloseInBody {} => return Script::close([Step::Send(half())]),
        Fault::ResetInBody {} => {
            // The client must see the half before the reset overtakes it.
            return Script { steps: vec![Step::Send(half()), Step::Pause(50)], then: Then::Reset };
        }
        Fault::ChunkedCut {} => {
            let part = normal.body.get(..normal.body.len() / 2).unwrap_or_default();
            let size = format!("{:x}\r\n", part.len());
            let head = normal.clone().with("Transfer-Encoding", "chunked").head();
            return Script::close([Step::Send([&head, size.as_bytes(), part, b"\r\n"].concat())]);
        }
        Fault::Drip { every_ms, bytes } => {
            let drip = Step::Drip { bytes: normal.body.clone(), size: bytes.unwrap_or(1), every_ms };
            return Script::keep([Step::Send(normal.head()), drip]);
        }
        Fault::Huge { bytes, content_length } => {
            let chunked = !content_length.unwrap_or(false);
            let length = bytes.to_string();
            let framing = if chunked { ("Transfer-Encoding", "chunked") } else { ("Content-Length", length.as_str()) };
            let head = normal.replaced(200, "").with(framing.0, framing.1).head();
            return Script::close([Step::Send(head), Step::Fill { bytes, chunked }]);
        }
        Fault::StrayBytes {} => {
            let stray = Answer::json(200, contract::results(&[Failures::none(999)]));
            return Script::keep([Step::Send(bytes), Step::Pause(20), Step::Send(stray.bytes())]);
        }
        Fault::CloseIdle { after_ms } => {
            return Script::close([Step::Send(bytes), Step::Pause(after_ms.unwrap_or(0))]);
        }
        Fault::Slow400 { after_ms } => {
            let late = contract::refusal(400, "The request took too long.");
            return Script::keep([Step::Pause(after_ms), Step::Send(portal.sign(late).bytes())]);
        }
        Fault::Answer(scripted) => {
            let pause = Step::Pause(scripted.after_ms.unwrap_or(0));
            return Script::keep([pause, Step::Send(portal.sign(scripted.answer()).bytes())]);
        }
        Fault::Nested { depth } => {
            let body = ["{\"data\":", &"[".repeat(depth), &"]".repeat(depth), "}"].concat();
            normal.replaced(200, body)
        }
        Fault::NotJson {} => normal.replaced(200, "that is not JSON"),
        Fault::Empty {} => normal.replaced(200, ""),
        Fault::NoData {} => normal.replaced(200, "{\"meta\":{}}"),
        Fault::Accepted {} => normal.replaced(202, normal.body.clone()),
        Fault::NoContent {} => normal.replaced(204, ""),
        Fault::InvalidUtf8 {} => {
            let rest = normal.body.get(1..).unwrap_or_default();
            normal.replaced(200, [b"{\"meta\":\"\xff\xfe\",", rest].concat())
        }
        Fault::Redirect { status, location } => {
            let location = location.as_deref().unwrap_or("/api/v1/portal/publish_files/elsewhere");
            normal.replaced(status.unwrap_or(307), "").with("Location", location)
        }
        altering => altered(&altering, normal),
    };
    Script::keep([Step::Send(answer.bytes())])
}

/// The normal answer with another list of results or another link.
fn altered(fault: &Fault, normal: &Answer) -> Answer {
    let Ok(mut body) = serde_json::from_slice::<Value>(&normal.body) else { return normal.clone() };
    let of = |file: u64| move |result: &Value| result.pointer("/attributes/file_id") == Some(&file.into());
    match (fault, body.pointer_mut("/data").and_then(Value::as_array_mut)) {
        (Fault::MissingResult { file }, Some(results)) => results.retain(|result| !of(*file)(result)),
        (Fault::ExtraResult { file }, Some(results)) => {
            let mut extra = String::new();
            contract::result(&mut extra, &Failures::none(*file));
            results.extend(serde_json::from_str(&extra));
        }
        (Fault::Contradiction { file }, Some(results)) => {
            let mut other = results.iter().find(|result| of(*file)(result)).cloned();
            if let Some(status) = other.as_mut().and_then(|other| other.pointer_mut("/attributes/publish_status")) {
                *status = if status == "fail" { "success".into() } else { "fail".into() };
            }
            results.extend(other);
        }
        (Fault::NextLink { link }, _) => {
            if let Some(next) = body.pointer_mut("/links/next") {
                *next = link.as_str().into();
            }
        }
        _ => {}
    }
    normal.replaced(normal.status, body.to_string())
}
