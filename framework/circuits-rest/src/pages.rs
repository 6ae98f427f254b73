//! Queries with more results than one answer holds, and the search over all objects.

use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Error, Method, Rest, error::Kind};

/// One page as the platform sends it.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(default = "Vec::new")]
    data: Vec<T>,
    #[serde(default, rename = "recordsFiltered")]
    filtered: Option<u64>,
    #[serde(default, rename = "recordsTotal")]
    total: Option<u64>,
}

impl Rest {
    /// The results of a paged query at `path`, such as `/incidents/query_paged`, as one stream that asks for the next
    /// `page` results (1000 is a good number) when it needs them. `query` is the platform's QueryDTO (`filters`, `sorts`);
    /// `start` and `length` are set here. Sort by a field that does not change, or results may get lost between two pages.
    /// An error ends the stream.
    ///
    /// ```no_run
    /// # async fn example(rest: &circuits_rest::Rest) -> Result<(), circuits_rest::Error> {
    /// use futures_util::TryStreamExt;
    /// use serde_json::{Value, json};
    ///
    /// let query = json!({"filters": [], "sorts": [{"field_name": "id", "type": "asc"}]});
    /// let mut incidents = std::pin::pin!(rest.pages::<Value>("/incidents/query_paged", query, 1000));
    /// while let Some(incident) = incidents.try_next().await? {
    ///     println!("{}", incident["name"]);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn pages<T: DeserializeOwned + Send>(
        &self,
        path: &str,
        query: Value,
        page: u32,
    ) -> impl Stream<Item = Result<T, Error>> + Send + use<T> {
        let (rest, path, page) = (self.clone(), path.to_owned(), u64::from(page.max(1)));
        let query = if query.is_null() { serde_json::json!({}) } else { query };
        let first = State { start: 0, buffer: Vec::new().into_iter(), done: false };
        stream::try_unfold(first, move |mut state| {
            let (rest, path, mut query) = (rest.clone(), path.clone(), query.clone());
            async move {
                loop {
                    if let Some(item) = state.buffer.next() {
                        return Ok(Some((item, state)));
                    }
                    if state.done {
                        return Ok(None);
                    }
                    let Value::Object(object) = &mut query else {
                        return Err(
                            Error::new(Kind::Invalid, "a query is a JSON object").at(Method::Post, &path)
                        );
                    };
                    object.insert("start".into(), state.start.into());
                    object.insert("length".into(), page.into());
                    let got: Page<T> =
                        rest.request(Method::Post, &path).json(&query).read_only().send().await?;
                    let count = got.data.len() as u64;
                    state.start += count;
                    let all = got.filtered.or(got.total);
                    state.done = count == 0 || all.map_or(count < page, |all| state.start >= all);
                    state.buffer = got.data.into_iter();
                }
            }
        })
    }

    /// Searches all objects (`POST /rest/search_ex`).
    ///
    /// # Errors
    /// As for [`Rest::get`].
    pub async fn search<B: Serialize + ?Sized, T: DeserializeOwned>(&self, query: &B) -> Result<T, Error> {
        self.absolute().request(Method::Post, "/search_ex").json(query).read_only().send().await
    }
}

struct State<T> {
    start: u64,
    buffer: std::vec::IntoIter<T>,
    done: bool,
}
