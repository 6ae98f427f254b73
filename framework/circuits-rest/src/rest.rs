//! The handle that handlers hold: calls within the organisation, each with the context token of the handler's message.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::header::{HeaderMap, HeaderValue};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    Account, Error, HandleFormat, Method, Request, TextFormat,
    error::Kind,
    exchange::{Exchange, Observer, Shared},
    session::sensitive,
};

/// Calls to the platform. Paths such as `/incidents/1` are relative to the organisation. A clone shares the session.
///
/// The context token that the handle was made with goes out with every call. It tells the platform not to fire again the
/// rule that the call answers. It cannot be left out or replaced.
#[derive(Clone)]
pub struct Rest {
    pub(crate) shared: Arc<Shared>,
    token: Token,
    pub(crate) absolute: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Instant>,
    handles: Option<HandleFormat>,
    text: Option<TextFormat>,
    pub(crate) observer: Option<Observer>,
}

#[derive(Clone)]
enum Token {
    None,
    Value(HeaderValue),
    /// Calls without the token of the message could make its rule fire forever, so no call is sent.
    Unusable,
}

impl Rest {
    pub(crate) fn new(shared: Arc<Shared>, token: Option<&str>) -> Self {
        let token = match token {
            None => Token::None,
            Some(token) => sensitive(token).map_or(Token::Unusable, Token::Value),
        };
        Self {
            shared,
            token,
            absolute: false,
            timeout: None,
            deadline: None,
            handles: None,
            text: None,
            observer: None,
        }
    }

    /// The number of the organisation that paths are relative to.
    pub fn org_id(&self) -> i64 {
        self.shared.org
    }

    /// The account that is logged in.
    pub fn account(&self) -> Account {
        self.shared.session.ticket().map_or(Account::User { id: 0 }, |ticket| ticket.account)
    }

    /// The same handle with paths relative to `/rest` instead of the organisation: `/const`, `/session`, `/search_ex`.
    #[must_use]
    pub fn absolute(&self) -> Self {
        Self { absolute: true, ..self.clone() }
    }

    /// The same handle without any formats asked for, relative to the organisation.
    pub(crate) fn relative(&self) -> Self {
        Self { absolute: false, handles: None, text: None, ..self.clone() }
    }

    pub(crate) fn formats(&self) -> (Option<HandleFormat>, Option<TextFormat>) {
        (self.handles, self.text)
    }

    /// The same handle with another time limit for each try of a call.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self.clone() }
    }

    /// The same handle with a deadline: all its calls together, pauses included, end within `budget` from now.
    #[must_use]
    pub fn with_deadline(&self, budget: Duration) -> Self {
        let deadline = Instant::now() + budget;
        Self { deadline: Some(self.deadline.map_or(deadline, |d| d.min(deadline))), ..self.clone() }
    }

    /// The same handle, asking for references as ids, names or objects.
    #[must_use]
    pub fn with_handles(&self, format: HandleFormat) -> Self {
        Self { handles: Some(format), ..self.clone() }
    }

    /// The same handle, asking for rich text in this form.
    #[must_use]
    pub fn with_text(&self, format: TextFormat) -> Self {
        Self { text: Some(format), ..self.clone() }
    }

    /// The same handle, which reports every try of every call to `observer`. The observer must not block.
    #[must_use]
    pub fn observed(&self, observer: impl Fn(Exchange) + Send + Sync + 'static) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self.clone() }
    }

    /// A call to put together: query, headers, raw bodies.
    pub fn request(&self, method: Method, path: &str) -> Request {
        Request::new(self.clone(), method, path)
    }

    /// GET. Repeated as [`RetryPolicy`](crate::RetryPolicy) says.
    ///
    /// # Errors
    /// Any [`Error`]; the same holds for all calls.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.request(Method::Get, path).send().await
    }

    /// GET of a list, which comes bare or under `entities`, depending on the endpoint and the platform's version.
    ///
    /// # Errors
    /// As for [`Rest::get`]; also if the answer is not a list.
    pub async fn list(&self, path: &str) -> Result<Vec<Value>, Error> {
        match self.get(path).await? {
            Value::Array(entities) => return Ok(entities),
            Value::Object(mut object) => {
                if let Some(Value::Array(entities)) = object.remove("entities") {
                    return Ok(entities);
                }
            }
            _ => {}
        }
        Err(Error::new(Kind::Body, format!("GET {path} was answered with something that is not a list")))
    }

    /// POST with a JSON body. Sent again only if it certainly did not arrive.
    ///
    /// # Errors
    /// As for [`Rest::get`].
    pub async fn post<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Error> {
        self.request(Method::Post, path).json(body).send().await
    }

    /// PUT with a JSON body. To change a part of an object use [`Rest::update`], which copes with conflicts.
    ///
    /// # Errors
    /// As for [`Rest::get`].
    pub async fn put<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Error> {
        self.request(Method::Put, path).json(body).send().await
    }

    /// PATCH with a JSON body as it is, references by name. [`Rest::patch_with`] copes with conflicts.
    ///
    /// # Errors
    /// As for [`Rest::get`].
    pub async fn patch<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Error> {
        self.request(Method::Patch, path).json(body).send().await
    }

    /// DELETE. Ask for `Value` if the answer does not matter: it is `null` or an object.
    ///
    /// # Errors
    /// As for [`Rest::get`].
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.request(Method::Delete, path).send().await
    }

    /// Adds the headers that this handle sends with every call.
    pub(crate) fn extend(&self, headers: &mut HeaderMap, method: Method) {
        let handles = self.handles.or((method == Method::Patch).then_some(HandleFormat::Names));
        if let Some(handles) = handles {
            let value = match handles {
                HandleFormat::Ids => "ids",
                HandleFormat::Names => "names",
                HandleFormat::Objects => "objects",
            };
            headers.insert("handle_format", HeaderValue::from_static(value));
        }
        if let Some(text) = self.text {
            let value = match text {
                TextFormat::AlwaysText => "always_text",
                TextFormat::ObjectsConvertHtml => "objects_convert_html",
                TextFormat::ObjectsConvertText => "objects_convert_text",
            };
            headers.insert("text_content_output_format", HeaderValue::from_static(value));
        }
    }

    /// Puts the context token on a call. This comes last, so that no other header can take its place.
    pub(crate) fn sign(&self, headers: &mut HeaderMap) -> Result<(), Error> {
        headers.remove("X-Co3ContextToken");
        match &self.token {
            Token::None => Ok(()),
            Token::Value(token) => {
                headers.insert("X-Co3ContextToken", token.clone());
                Ok(())
            }
            Token::Unusable => Err(Error::new(
                Kind::Invalid,
                "the message's context token cannot be sent as a header, and without it the call could fire its own rule",
            )),
        }
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest")
            .field("base", &self.shared.base)
            .field("org", &self.shared.org)
            .field("token", &!matches!(self.token, Token::None))
            .finish_non_exhaustive()
    }
}
