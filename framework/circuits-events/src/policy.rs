//! Asks a policy server whether a user may have an event, in Pacifica's way. The call itself is made elsewhere.

use url::Url;

use crate::subscription::Invalid;

/// Who decides whether a user may have an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nobody: every user may have every event.
    AllowAll,
    /// The server at this address: `POST {url}/events/{user}` with the event.
    Http(Url),
}

/// What the policy says about one user and one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The user may have it.
    Allow,
    /// The user may not have it; the subscription stays on.
    Deny,
    /// The policy cannot be asked about this user; the subscription is switched off with this text.
    Broken {
        /// What the server said.
        text: String,
    },
    /// There was no usable answer. Ask again later.
    Unknown,
}

/// The setting that names it.
const FIELD: &str = "events_policy_url";

impl Policy {
    /// The policy server at this address.
    ///
    /// # Errors
    /// When the text is not an address of HTTP, or carries a user, a query or a fragment.
    pub fn http(text: &str) -> Result<Self, Invalid> {
        let url = Url::parse(text).map_err(|error| {
            Invalid::at(FIELD, format!("is not a URL such as http://127.0.0.1:8181: {error}"))
        })?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(Invalid::at(FIELD, "must begin with http:// or https:// and name a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Invalid::at(FIELD, "must not hold a user or a password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Invalid::at(FIELD, "must end before ? and #, because /events/<user> is appended"));
        }
        Ok(Self::Http(url))
    }

    /// Where to `POST` an event to ask about this user; `None` if nobody needs to be asked.
    ///
    /// # Errors
    /// When the name cannot stand in a URL: it is empty, `.` or `..`. Such a user is denied.
    pub fn request(&self, user: &str) -> Result<Option<Url>, Invalid> {
        let Self::Http(base) = self else { return Ok(None) };
        // A name that a URL reads as a folder would ask about somebody else.
        if matches!(user, "" | "." | "..") {
            return Err(Invalid::at("user", "is a name that the policy server cannot be asked about"));
        }
        let mut url = base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => {
                segments.pop_if_empty().push("events").push(user);
            }
            Err(()) => return Err(Invalid::at(FIELD, "has no path to append to")),
        }
        Ok(Some(url))
    }
}

/// What an answer means: `status` is `None` when there was none, `text` is the answer's body.
pub fn classify(status: Option<u16>, text: &str) -> Decision {
    match status {
        Some(200..300) => Decision::Allow,
        Some(400..500) => Decision::Deny,
        Some(status @ 500..600) => Decision::Broken {
            text: match text.trim() {
                "" => format!("The policy server answered {status}"),
                text => text.to_owned(),
            },
        },
        _ => Decision::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_one_segment_of_the_path_whatever_the_name() {
        let table = [
            ("http://127.0.0.1:18181", "alice", "http://127.0.0.1:18181/events/alice"),
            ("http://p/base/", "alice", "http://p/base/events/alice"),
            ("http://p/base", "a/../b?c#d", "http://p/base/events/a%2F..%2Fb%3Fc%23d"),
            ("http://p", "%2e%2e", "http://p/events/%252e%252e"),
            ("http://p", "Zoë W", "http://p/events/Zo%C3%AB%20W"),
        ];
        for (base, user, expected) in table {
            let url = Policy::http(base).unwrap().request(user).unwrap().unwrap();
            assert_eq!(url.as_str(), expected);
        }
    }

    #[test]
    fn a_user_that_a_url_reads_as_a_folder_is_not_asked_about() {
        let policy = Policy::http("http://p").unwrap();
        for user in ["", ".", ".."] {
            assert_eq!(policy.request(user).unwrap_err().field(), Some("user"));
        }
        assert_eq!(Policy::AllowAll.request("..").unwrap(), None);
    }

    #[test]
    fn an_address_that_cannot_be_a_policy_server_is_refused() {
        for text in
            ["", "p:8181", "ftp://p", "http://u:p@h", "http://h?x=1", "http://h#x", "data:text/plain,x"]
        {
            assert_eq!(Policy::http(text).unwrap_err().field(), Some("events_policy_url"), "{text}");
        }
    }

    #[test]
    fn pn_7_the_status_decides() {
        let broken = |text: &str| Decision::Broken { text: text.to_owned() };
        let table = [
            (Some(200), "", Decision::Allow),
            (Some(201), "x", Decision::Allow),
            (Some(403), "no", Decision::Deny),
            (Some(404), "", Decision::Deny),
            (Some(500), "database is away\n", broken("database is away")),
            (Some(503), "", broken("The policy server answered 503")),
            (Some(302), "", Decision::Unknown),
            (Some(100), "", Decision::Unknown),
            (Some(999), "", Decision::Unknown),
            (None, "refused", Decision::Unknown),
        ];
        for (status, text, expected) in table {
            assert_eq!(classify(status, text), expected, "{status:?}");
        }
    }
}
