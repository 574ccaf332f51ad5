//! The one table that says what an attempt ended in and whether it may be sent again.
//!
//! The call is not idempotent: nothing that the server may have begun to process is ever sent
//! again. "Not processed" needs a proof: either the server's own refusal, or the fact that the
//! request's body was never handed out and now never can be (see `latch`).
//!
//! | event | outcome | sent again |
//! | --- | --- | --- |
//! | no answer, body provably never handed out: DNS, refused, connect timeout, handshake cut | not processed | at most 2 more times |
//! | the same proof: certificate refused, proxy refused | not processed | no |
//! | no answer, anything else | unknown | never |
//! | 429 | not processed | after the server's delay, at most 3 times |
//! | 401 within 50 s, with a token callable | not processed | once, with a fresh token |
//! | 400, 401, 403, 404, 405, 410, 413, 415, 422 within 50 s of the body's first byte | not processed | no |
//! | 409 within 50 s whose body has the API's error objects | not processed | no |
//! | any of these later: the server cuts off at 60 s, and gateways answer for it | unknown | never |
//! | 2xx with a readable body, save 202 and 204 | processed | no |
//! | every other status, every unreadable 2xx | unknown | never |

use std::time::Duration;

use crate::model::attempt::{Fault, Outcome};

/// How an attempt ended, as far as the transport can see.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ended {
    /// No answer, and the latch proves that the body was never handed out.
    NeverSent(Fault),
    /// No answer, and the body began to go out.
    NoAnswer,
    /// A status arrived.
    Answered {
        status: u16,
        /// From the body's first byte to the answer's head.
        after: Duration,
        /// The delay that the server asked for.
        retry_after: Option<Duration>,
        /// Whether the body is whole and has a `data` list.
        readable: bool,
        /// Whether the body has the API's error objects: the API itself has spoken, and no gateway.
        has_errors: bool,
    },
}

/// What has been tried for this request, and how far that may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryState {
    pub(crate) connects: u32,
    pub(crate) rate_limits: u32,
    pub(crate) waited: Duration,
    pub(crate) max_rate_limit_wait: Duration,
    /// Whether a fresh token can be had: there is a callable, and it was not asked again yet.
    pub(crate) fresh_token: bool,
}

/// Whether the request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    Never,
    /// After a back-off that grows with the number of tries so far.
    Backoff(u32),
    /// After the delay that the server asked for.
    After(Duration),
    /// With another token.
    FreshToken,
}

/// The server cancels a request after 60 s with a 400, possibly half done, and gateways in front of it answer with
/// statuses of their own: only what came before that is a refusal.
pub(crate) const EARLY: Duration = Duration::from_secs(50);
const MAX_RECONNECTS: u32 = 2;
const MAX_RATE_LIMIT_WAITS: u32 = 3;

pub(crate) fn classify(ended: Ended, retries: &RetryState) -> (Outcome, Retry) {
    use Outcome::{NotProcessed, Processed, Unknown};
    match ended {
        Ended::NeverSent(Fault::Connection | Fault::ConnectTimeout | Fault::Dropped)
            if retries.connects < MAX_RECONNECTS =>
        {
            (NotProcessed, Retry::Backoff(retries.connects))
        }
        Ended::NeverSent(_) => (NotProcessed, Retry::Never),
        Ended::NoAnswer => (Unknown, Retry::Never),
        Ended::Answered { status, after, retry_after, readable, has_errors } => match status {
            202 | 204 => (Unknown, Retry::Never),
            200..=299 if readable => (Processed, Retry::Never),
            401 if after < EARLY && retries.fresh_token => (NotProcessed, Retry::FreshToken),
            400 | 401 | 403 | 404 | 405 | 410 | 413 | 415 | 422 if after < EARLY => (NotProcessed, Retry::Never),
            409 if after < EARLY && has_errors => (NotProcessed, Retry::Never),
            429 => (NotProcessed, as_asked(retry_after, retries)),
            _ => (Unknown, Retry::Never),
        },
    }
}

/// Whether a GET is sent again, which changes nothing; `None` if its answer is there to be read.
///
/// | event | sent again |
/// | --- | --- |
/// | no answer, an answer that is cut, 5xx | at most 2 more times |
/// | 429 | after the server's delay, as a POST |
/// | 401, with a token callable | once, with a fresh token |
/// | 200 | no |
/// | every other status | no |
pub(crate) fn classify_read(
    status: Option<u16>,
    retry_after: Option<Duration>,
    is_whole: bool,
    retries: &RetryState,
) -> Option<Retry> {
    let backoff = if retries.connects < MAX_RECONNECTS { Retry::Backoff(retries.connects) } else { Retry::Never };
    match status {
        Some(200) if is_whole => None,
        None | Some(200 | 500..=599) => Some(backoff),
        Some(401) if retries.fresh_token => Some(Retry::FreshToken),
        Some(429) => Some(as_asked(retry_after, retries)),
        Some(_) => Some(Retry::Never),
    }
}

/// A 429 waits as long as the server says, and no longer than the caller allows.
fn as_asked(retry_after: Option<Duration>, retries: &RetryState) -> Retry {
    match retry_after {
        Some(delay)
            if retries.rate_limits < MAX_RATE_LIMIT_WAITS
                && retries.waited.saturating_add(delay) <= retries.max_rate_limit_wait =>
        {
            Retry::After(delay)
        }
        _ => Retry::Never,
    }
}

/// Exponential back-off with full jitter; `random` is from 0 to 1.
pub(crate) fn backoff(tries: u32, random: f64) -> Duration {
    const FIRST: Duration = Duration::from_millis(500);
    (FIRST * 2_u32.saturating_pow(tries)).mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::Outcome::{NotProcessed, Processed, Unknown};
    use super::Retry::{After, Backoff, FreshToken, Never};
    use super::*;

    const NEW: RetryState = RetryState {
        connects: 0,
        rate_limits: 0,
        waited: Duration::ZERO,
        max_rate_limit_wait: Duration::from_secs(60),
        fresh_token: false,
    };

    fn answered(status: u16) -> Ended {
        Ended::Answered { status, after: Duration::ZERO, retry_after: None, readable: true, has_errors: true }
    }

    fn limited(seconds: u64) -> Ended {
        let retry_after = Some(Duration::from_secs(seconds));
        Ended::Answered { status: 429, after: Duration::ZERO, retry_after, readable: true, has_errors: true }
    }

    #[test]
    fn what_was_never_sent_is_tried_three_times() {
        for fault in [Fault::Connection, Fault::ConnectTimeout, Fault::Dropped] {
            for (connects, again) in [(0, Backoff(0)), (1, Backoff(1)), (2, Never), (9, Never)] {
                let retries = RetryState { connects, ..NEW };
                assert_eq!(classify(Ended::NeverSent(fault), &retries), (NotProcessed, again));
            }
        }
        for fault in [Fault::Certificate, Fault::Proxy, Fault::Timeout] {
            assert_eq!(classify(Ended::NeverSent(fault), &NEW), (NotProcessed, Never));
        }
    }

    #[test]
    fn every_status_has_one_outcome() {
        let retries = RetryState { fresh_token: false, ..NEW };
        for status in 0..1000 {
            let expected = match status {
                202 | 204 => Unknown,
                200..=299 => Processed,
                400 | 401 | 403 | 404 | 405 | 409 | 410 | 413 | 415 | 422 | 429 => NotProcessed,
                _ => Unknown,
            };
            assert_eq!(classify(answered(status), &retries), (expected, Never), "{status}");
        }
    }

    #[test]
    fn an_unreadable_2xx_is_unknown() {
        let ended = Ended::Answered {
            status: 200,
            after: Duration::ZERO,
            retry_after: None,
            readable: false,
            has_errors: false,
        };
        assert_eq!(classify(ended, &NEW), (Unknown, Never));
    }

    #[test]
    fn a_refusal_that_comes_late_is_unknown() {
        let retries = RetryState { fresh_token: true, ..NEW };
        for status in [400, 401, 403, 404, 405, 409, 410, 413, 415, 422] {
            for (seconds, early) in [(0.0, true), (49.9, true), (50.0, false), (61.0, false)] {
                let after = Duration::from_secs_f64(seconds);
                let ended = Ended::Answered { status, after, retry_after: None, readable: false, has_errors: true };
                let expected = match (early, status) {
                    (true, 401) => (NotProcessed, FreshToken),
                    (true, _) => (NotProcessed, Never),
                    (false, _) => (Unknown, Never),
                };
                assert_eq!(classify(ended, &retries), expected, "{status} after {seconds} s");
            }
        }
    }

    #[test]
    fn a_429_is_a_refusal_at_any_time() {
        let after = Duration::from_secs(70);
        let ended = Ended::Answered { status: 429, after, retry_after: None, readable: false, has_errors: false };
        assert_eq!(classify(ended, &NEW), (NotProcessed, Never));
    }

    #[test]
    fn a_409_without_error_objects_is_unknown() {
        let after = Duration::ZERO;
        let ended = Ended::Answered { status: 409, after, retry_after: None, readable: false, has_errors: false };
        assert_eq!(classify(ended, &NEW), (Unknown, Never));
    }

    #[test]
    fn a_401_asks_for_one_fresh_token() {
        let retries = RetryState { fresh_token: true, ..NEW };
        assert_eq!(classify(answered(401), &retries), (NotProcessed, FreshToken));
        assert_eq!(classify(answered(401), &NEW), (NotProcessed, Never));
    }

    #[test]
    fn a_429_waits_as_the_server_says_and_no_longer_than_the_caller_allows() {
        let seconds = Duration::from_secs;
        assert_eq!(classify(limited(2), &NEW), (NotProcessed, After(seconds(2))));
        assert_eq!(classify(limited(61), &NEW), (NotProcessed, Never));
        assert_eq!(classify(limited(2), &RetryState { rate_limits: 3, ..NEW }), (NotProcessed, Never));
        assert_eq!(classify(limited(2), &RetryState { waited: seconds(59), ..NEW }), (NotProcessed, Never));
        assert_eq!(classify(answered(429), &NEW), (NotProcessed, Never));
    }

    #[test]
    fn a_read_is_sent_again_whatever_the_server_may_have_done() {
        let fresh = RetryState { fresh_token: true, ..NEW };
        let late = RetryState { connects: 2, rate_limits: 3, ..NEW };
        let two = Some(Duration::from_secs(2));
        for (status, retry_after, is_whole, tried, expected) in [
            (None, None, false, &NEW, Some(Backoff(0))),
            (None, None, false, &late, Some(Never)),
            (Some(503), None, true, &RetryState { connects: 1, ..NEW }, Some(Backoff(1))),
            (Some(503), None, true, &late, Some(Never)),
            (Some(200), None, false, &NEW, Some(Backoff(0))),
            (Some(200), None, false, &late, Some(Never)),
            (Some(200), None, true, &late, None),
            (Some(401), None, true, &fresh, Some(FreshToken)),
            (Some(401), None, true, &NEW, Some(Never)),
            (Some(429), two, true, &NEW, two.map(After)),
            (Some(429), two, true, &late, Some(Never)),
            (Some(429), None, true, &NEW, Some(Never)),
            (Some(404), None, true, &NEW, Some(Never)),
            (Some(204), None, true, &NEW, Some(Never)),
            (Some(307), None, true, &NEW, Some(Never)),
        ] {
            assert_eq!(classify_read(status, retry_after, is_whole, tried), expected, "{status:?} {tried:?}");
        }
    }

    #[test]
    fn backoff_stays_within_its_bounds() {
        assert_eq!(backoff(0, 0.0), Duration::ZERO);
        assert_eq!(backoff(0, 1.0), Duration::from_millis(500));
        assert_eq!(backoff(1, 0.5), Duration::from_millis(500));
    }
}
