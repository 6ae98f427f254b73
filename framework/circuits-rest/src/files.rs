//! Files to and from the platform in pieces: a large attachment takes no more memory than a small one, and a transfer is
//! limited by silence, not by its length.

use std::{
    convert::Infallible,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use reqwest::multipart::{Form, Part};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout_at},
};

use crate::{Error, Method, Request, Rest, error::Kind, way::Way};

/// How much of a file is read at once.
const PIECE: usize = 64 * 1024;

/// A file to be sent as the part `file` of a form. It is opened anew for each try, so that no try sends the rest of an
/// earlier one.
#[derive(Clone)]
pub struct Upload {
    source: Source,
    name: String,
    mime: Option<String>,
    parts: Vec<(String, Result<String, Error>)>,
}

#[derive(Clone)]
enum Source {
    File(PathBuf),
    Bytes(Bytes),
}

impl Upload {
    /// The file at `path`, under its own name.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name =
            path.file_name().map_or_else(|| "Unknown".into(), |name| name.to_string_lossy().into_owned());
        Self { source: Source::File(path), name, mime: None, parts: Vec::new() }
    }

    /// A file of these bytes, named `Unknown` until [`Upload::name`] says otherwise.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self { source: Source::Bytes(bytes.into()), name: "Unknown".into(), mime: None, parts: Vec::new() }
    }

    /// The name that the platform shows.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The media type. By default it is guessed from the name; if that fails, it is `application/octet-stream`.
    #[must_use]
    pub fn mime(mut self, mime: impl Into<String>) -> Self {
        self.mime = Some(mime.into());
        self
    }

    /// One more part of the form, as JSON.
    #[must_use]
    pub fn part<T: Serialize + ?Sized>(mut self, name: impl Into<String>, value: &T) -> Self {
        let json = serde_json::to_string(value).map_err(|error| {
            Error::new(Kind::Invalid, format!("a part of the form cannot be written as JSON: {error}"))
        });
        self.parts.push((name.into(), json));
        self
    }

    /// The form, made for one try.
    pub(crate) async fn form(&self, progress: &Progress) -> Result<Form, Error> {
        let file = match &self.source {
            Source::Bytes(bytes) => from_memory(bytes.clone(), progress.clone()),
            Source::File(path) => from_disk(path, progress.clone()).await?,
        };
        let guessed = || mime_guess::from_path(&self.name).first_or_octet_stream().to_string();
        let mime = self.mime.clone().unwrap_or_else(guessed);
        let file = file.file_name(self.name.clone()).mime_str(&mime).map_err(|error| {
            Error::new(Kind::Invalid, format!("'{mime}' is not a media type")).source_is(error)
        })?;
        let mut form = Form::new();
        for (name, json) in &self.parts {
            let part = Part::text(json.clone()?).mime_str("application/json");
            let part = part.map_err(|error| Error::new(Kind::Invalid, "no media type").source_is(error))?;
            form = form.part(name.clone(), part);
        }
        Ok(form.part("file", file))
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("name", &self.name).field("mime", &self.mime).finish_non_exhaustive()
    }
}

/// In pieces as well, so that `progress` sees a long transfer move.
fn from_memory(bytes: Bytes, progress: Progress) -> Part {
    let length = bytes.len();
    let pieces = (0..length).step_by(PIECE).map(move |at| {
        progress.moved();
        Ok::<_, Infallible>(bytes.slice(at..length.min(at + PIECE)))
    });
    Part::stream_with_length(reqwest::Body::wrap_stream(stream::iter(pieces)), length as u64)
}

async fn from_disk(path: &Path, progress: Progress) -> Result<Part, Error> {
    let unreadable = |error: std::io::Error| {
        Error::new(Kind::Invalid, format!("cannot read the file {}: {error}", path.display()))
            .source_is(error)
    };
    let file = File::open(path).await.map_err(unreadable)?;
    let length = file.metadata().await.map_err(unreadable)?.len();
    let pieces = stream::try_unfold((file, progress), |(mut file, progress)| async move {
        progress.moved();
        let mut piece = BytesMut::with_capacity(PIECE);
        let read = file.read_buf(&mut piece).await?;
        Ok::<_, std::io::Error>((read > 0).then(|| (piece.freeze(), (file, progress))))
    });
    Ok(Part::stream_with_length(reqwest::Body::wrap_stream(pieces), length))
}

/// When an upload last asked for more of its file.
#[derive(Clone)]
pub(crate) struct Progress(Arc<Mutex<Instant>>);

impl Default for Progress {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Progress {
    fn moved(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Waits for `transfer`; `None` once nothing has moved for `silence`, or the deadline has passed.
    pub(crate) async fn watch<T>(
        &self,
        silence: Duration,
        deadline: Option<Instant>,
        transfer: impl Future<Output = T>,
    ) -> Option<T> {
        let mut transfer = std::pin::pin!(transfer);
        loop {
            let quiet_until = *self.0.lock().unwrap_or_else(PoisonError::into_inner) + silence;
            let until = deadline.map_or(quiet_until, |deadline| deadline.min(quiet_until));
            match timeout_at(until, &mut transfer).await {
                Ok(done) => return Some(done),
                Err(_) if deadline.is_some_and(|deadline| deadline <= Instant::now()) => return None,
                Err(_)
                    if *self.0.lock().unwrap_or_else(PoisonError::into_inner) + silence <= Instant::now() =>
                {
                    return None;
                }
                Err(_) => {}
            }
        }
    }
}

/// The body of an answer that is still arriving.
pub struct Download {
    response: reqwest::Response,
    method: Method,
    path: String,
    silence: Duration,
    deadline: Option<Instant>,
}

impl Download {
    pub(crate) fn new(
        response: reqwest::Response,
        method: Method,
        path: String,
        silence: Duration,
        deadline: Option<Instant>,
    ) -> Self {
        Self { response, method, path, silence, deadline }
    }

    /// The size in bytes, if the platform states it beforehand.
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The media type, if the platform states it.
    pub fn content_type(&self) -> Option<&str> {
        self.response.headers().get("content-type")?.to_str().ok()
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// The connection broke, or nothing came for the time of one call.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let quiet_until = Instant::now() + self.silence;
        let until = self.deadline.map_or(quiet_until, |deadline| deadline.min(quiet_until));
        let piece = match timeout_at(until, self.response.chunk()).await {
            Ok(piece) => piece.map_err(|error| Way::default().explain(error).0),
            Err(_) => {
                Err(Error::new(Kind::Timeout, format!("the file stopped coming for {:?}", self.silence)))
            }
        };
        piece.map_err(|error| error.at(self.method, &self.path))
    }

    /// Writes what is left to `writer` and returns the number of bytes.
    ///
    /// # Errors
    /// As for [`Download::chunk`]; [`Error::is_invalid`] if the writer fails.
    pub async fn copy_to<W: AsyncWrite + Unpin>(&mut self, writer: &mut W) -> Result<u64, Error> {
        let failed = |error: std::io::Error| {
            Error::new(Kind::Invalid, format!("cannot write the file that is being read: {error}"))
                .source_is(error)
        };
        let mut written = 0;
        while let Some(piece) = self.chunk().await? {
            writer.write_all(&piece).await.map_err(failed)?;
            written += piece.len() as u64;
        }
        writer.flush().await.map_err(failed)?;
        Ok(written)
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("path", &self.path)
            .field("length", &self.length())
            .finish_non_exhaustive()
    }
}

impl Rest {
    /// Sends a file to `path`, such as `/incidents/1/attachments`. Like every POST, it is sent again only if it certainly did
    /// not arrive.
    ///
    /// # Errors
    /// As for [`Rest::get`]; [`Error::is_invalid`] if the file cannot be read.
    pub async fn upload<T: DeserializeOwned>(&self, path: &str, upload: &Upload) -> Result<T, Error> {
        Request::new(self.clone(), Method::Post, path).upload(upload).send().await
    }

    /// Sends a file as an artifact to `path`, such as `/incidents/1/artifacts/files`. `kind` is the artifact type's name
    /// or id; the artifact's value is the file's name.
    ///
    /// # Errors
    /// As for [`Rest::upload`].
    pub async fn upload_artifact<T: DeserializeOwned>(
        &self,
        path: &str,
        upload: &Upload,
        kind: impl Into<Value>,
        description: &str,
    ) -> Result<T, Error> {
        let artifact = json!({"type": kind.into(), "value": upload.name, "description": description});
        self.upload(path, &upload.clone().part("artifact", &artifact)).await
    }

    /// Reads the file at `path`, such as `/incidents/1/attachments/2/contents`, piece by piece.
    ///
    /// # Errors
    /// As for [`Rest::get`].
    pub async fn download(&self, path: &str) -> Result<Download, Error> {
        self.request(Method::Get, path).download().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_transfer_that_moves_may_take_for_ever() {
        let (progress, begun) = (Progress::default(), Instant::now());
        let mover = progress.clone();
        let transfer = async move {
            for _ in 0..100 {
                tokio::time::sleep(SILENCE - Duration::from_secs(1)).await;
                mover.moved();
            }
            "done"
        };
        assert_eq!(progress.watch(SILENCE, None, transfer).await, Some("done"));
        assert!(begun.elapsed() > SILENCE * 90);
    }

    #[tokio::test(start_paused = true)]
    async fn a_transfer_that_stops_ends_after_the_silence() {
        let (progress, begun) = (Progress::default(), Instant::now());
        let mover = progress.clone();
        let transfer = async move {
            tokio::time::sleep(Duration::from_secs(20)).await;
            mover.moved();
            std::future::pending::<()>().await;
        };
        assert_eq!(progress.watch(SILENCE, None, transfer).await, None);
        assert_eq!(begun.elapsed().as_secs(), 50);
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_ends_a_transfer_that_moves() {
        let (progress, begun) = (Progress::default(), Instant::now());
        let mover = progress.clone();
        let transfer = async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                mover.moved();
            }
        };
        let deadline = Some(begun + Duration::from_secs(100));
        assert_eq!(progress.watch::<()>(SILENCE, deadline, transfer).await, None);
        assert!((100..=130).contains(&begun.elapsed().as_secs()));
    }
}
