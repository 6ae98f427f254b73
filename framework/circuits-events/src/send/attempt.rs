//! What became of one call, and whether another try makes sense.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// A receiver may ask for so long a wait, and no longer.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// What became of one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The beginning of the answer's body in one line, or the failure in words if there was no answer, an
    /// empty one or a redirect. The words hold no secret; what the receiver writes may repeat what it was
    /// sent, so it belongs where those who set the delivery up look, and not in the log.
    pub text: String,
    /// How long the call took.
    pub took: Duration,
    /// What follows from it.
    pub outcome: Outcome,
}

/// What follows from a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The receiver has it (2xx).
    Delivered,
    /// It may go better later: no connection, no answer in time, 408, 425, 429, 5xx.
    Again {
        /// How long the receiver asks to be left alone (`Retry-After` of a 429 or 503), at most one hour.
        /// Without it, [`pause`](super::pause) says how long.
        after: Option<Duration>,
    },
    /// Trying again will hardly help until somebody changes something: any other status (redirects and 410
    /// among them), a certificate or an address that is refused, a call that cannot be made. It is advice: a
    /// caller may well use up the tries that are configured, because receivers answer 404 while they restart,
    /// too.
    Refused,
}

impl Outcome {
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Self {
        match status.as_u16() {
            200..=299 => Self::Delivered,
            429 | 503 => Self::Again { after: retry_after(headers, now) },
            408 | 425 | 500..=599 => Self::Again { after: None },
            _ => Self::Refused,
        }
    }
}

/// Reads `Retry-After`: seconds or an HTTP date (RFC 9110, 10.2.3). A date in the past means no wait.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = DateTimeParser::new().parse_timestamp(value).ok()?;
            Duration::try_from(at.duration_since(now)).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, retry_after: Option<&str>) -> Outcome {
        let now = "1994-11-06T08:49:37Z".parse().unwrap();
        let headers = retry_after.map(|value| (RETRY_AFTER, value.parse().unwrap()));
        Outcome::of(StatusCode::from_u16(status).unwrap(), &headers.into_iter().collect(), now)
    }

    #[test]
    fn a_status_tells_whether_another_try_makes_sense() {
        let again = Outcome::Again { after: None };
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(outcome(status, None), Outcome::Delivered, "{status}");
        }
        for status in [408, 425, 429, 500, 501, 502, 503, 504, 599] {
            assert_eq!(outcome(status, None), again, "{status}");
        }
        for status in [300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 409, 410, 413, 422, 600] {
            assert_eq!(outcome(status, None), Outcome::Refused, "{status}");
        }
    }

    #[test]
    fn a_receiver_may_ask_for_a_wait_of_at_most_one_hour() {
        let table = [
            (429, "7", Some(7)),
            (503, " 120 ", Some(120)),
            (429, "0", Some(0)),
            (429, "3600", Some(3600)),
            (429, "999999999", Some(3600)),
            (503, "Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            (503, "Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            (503, "Fri, 06 Nov 2093 08:49:37 GMT", Some(3600)),
            (429, "soon", None),
            (429, "-1", None),
            (429, "", None),
            // Only these two statuses ask for it.
            (500, "7", None),
            (408, "7", None),
        ];
        for (status, value, seconds) in table {
            let after = seconds.map(Duration::from_secs);
            assert_eq!(outcome(status, Some(value)), Outcome::Again { after }, "{status} {value:?}");
        }
        assert_eq!(outcome(403, Some("7")), Outcome::Refused);
    }
}
