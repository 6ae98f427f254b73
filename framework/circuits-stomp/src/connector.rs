//! One try: TCP, TLS, CONNECT, CONNECTED, each with an error that says how far the try got.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::future::BoxFuture;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::codec::Decoder as _;

use crate::codec::{Batch, Codec, Frame, Incoming};
use crate::error::{Error, Kind};
use crate::options::{Host, Options};
use crate::prompt::Prompt;
use crate::tls::{self, Tls};

/// How long an address may leave a TCP connection unanswered. Linux asks again after 1, 3, 7, 15 and 31 s of silence: a new try
/// after this time notices sooner that a machine has come back. A host may also have other addresses.
const SILENCE: Duration = Duration::from_secs(10);

pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens the byte stream to a broker; tests put a pipe here.
pub(crate) trait Dial: Send + Sync {
    fn dial<'a>(&'a self, host: &'a Host, deadline: Instant) -> BoxFuture<'a, Result<Box<dyn Io>, Error>>;
}

/// TCP and verified TLS.
pub(crate) struct TlsDial {
    tls: Tls,
}

impl TlsDial {
    pub(crate) fn new(tls: Tls) -> Self {
        Self { tls }
    }
}

impl Dial for TlsDial {
    fn dial<'a>(&'a self, host: &'a Host, deadline: Instant) -> BoxFuture<'a, Result<Box<dyn Io>, Error>> {
        Box::pin(async move {
            let connector = self.tls.connector().await?;
            let tcp =
                timeout_at(deadline, reach(host)).await.map_err(|_| late(host, "the TCP connection"))?;
            let tcp = tcp.map_err(|error| {
                let text =
                    format!("{host} cannot be reached: {error}; is the broker up, are host and port right?");
                Error::new(Kind::Unanswered, text).because(error)
            })?;
            // ACK and SEND are small writes; Nagle's algorithm would hold each back until TCP's delayed acknowledgement.
            if let Err(error) = tcp.set_nodelay(true) {
                tracing::debug!(%host, %error, "TCP_NODELAY cannot be set.");
            }
            let stream = timeout_at(deadline, self.tls.handshake(&connector, host, Prompt(tcp)));
            let stream = stream
                .await
                .map_err(|_| late(host, "the TLS handshake (is this a TLS port, stomp+ssl?)"))??;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}

/// The first address of the host that answers.
async fn reach(host: &Host) -> io::Result<TcpStream> {
    let mut outcome = Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    for address in lookup_host((host.name.as_str(), host.port)).await? {
        outcome = timeout(SILENCE, TcpStream::connect(address)).await.unwrap_or_else(|_| {
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{address} did not answer within {SILENCE:?}"),
            ))
        });
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn late(host: &Host, what: &str) -> Error {
    Error::unreachable(format!("{host} did not answer in time: {what} did not finish"))
}

/// A connection that the broker has accepted.
pub(crate) struct Established {
    pub(crate) io: Box<dyn Io>,
    pub(crate) codec: Codec,
    /// Bytes that came after CONNECTED.
    pub(crate) buffer: BytesMut,
    pub(crate) server: String,
    /// Agreed interval in which we have to write something.
    pub(crate) beat_send: Option<Duration>,
    /// Agreed interval in which the broker has to write something.
    pub(crate) beat_receive: Option<Duration>,
}

/// `virtual_host` is the `host` header of CONNECT.
pub(crate) async fn connect(
    dial: &dyn Dial,
    options: &Options,
    host: &Host,
    virtual_host: Option<&str>,
) -> Result<Established, Error> {
    let deadline = Instant::now() + options.connect_timeout;
    let mut io = dial.dial(host, deadline).await?;
    let lost = |error: io::Error| {
        let cause = error.to_string();
        let lost = tls::refused_by_broker(host, &cause).unwrap_or_else(|| {
            Error::unreachable(format!("{host} dropped the connection at CONNECT: {cause}"))
        });
        lost.because(error)
    };
    let mut batch = Batch::default();
    batch.push(connect_frame(options, virtual_host));
    let mut codec = Codec::new(options.max_header, options.max_body);
    let mut buffer = BytesMut::with_capacity(8 * 1024);
    let accepted = async {
        for part in batch.take() {
            io.write_all(&part).await.map_err(lost)?;
        }
        io.flush().await.map_err(lost)?;
        loop {
            let frame = codec.decode(&mut buffer).map_err(|malformed| {
                let text = format!("what answers on {host} does not speak STOMP 1.2: {malformed}");
                Error::unreachable(text).because(malformed)
            })?;
            if let Some(frame) = frame {
                return Ok(frame);
            }
            if io.read_buf(&mut buffer).await.map_err(lost)? == 0 {
                return Err(Error::unreachable(format!(
                    "{host} closed the connection at CONNECT without a word; its log may say why"
                )));
            }
        }
    };
    match timeout_at(deadline, accepted).await.map_err(|_| late(host, "CONNECT"))?? {
        Incoming::Connected { server, heart_beat: (offers, wants) } => Ok(Established {
            io,
            codec,
            buffer,
            server,
            beat_send: agree(options.beat_send, wants),
            beat_receive: agree(options.beat_receive, offers),
        }),
        Incoming::Error { text, .. } => Err(refusal(options, host, &options.scrub(&text))),
        Incoming::Message { .. } | Incoming::Receipt { .. } => {
            Err(Error::unreachable(format!("{host} answered CONNECT with something other than CONNECTED")))
        }
    }
}

fn connect_frame(options: &Options, virtual_host: Option<&str>) -> Frame {
    let login =
        options.credentials.as_ref().map(|(login, passcode)| (login.as_str(), passcode.expose_secret()));
    let millis = |beat: Duration| u32::try_from(beat.as_millis()).unwrap_or(u32::MAX);
    Frame::connect(virtual_host, login, (millis(options.beat_send), millis(options.beat_receive)))
}

/// STOMP 1.2, "Heart-beating": nothing if either side says zero, else the longer interval.
fn agree(ours: Duration, theirs: u64) -> Option<Duration> {
    let theirs = Duration::from_millis(theirs);
    (!ours.is_zero() && !theirs.is_zero()).then(|| ours.max(theirs))
}

/// What an ERROR in answer to CONNECT means, judged by the words of ActiveMQ and RabbitMQ.
fn refusal(options: &Options, host: &Host, text: &str) -> Error {
    let low = text.to_ascii_lowercase();
    let login = options.credentials.as_ref().map_or("no login", |(login, _)| login);
    if low.contains("unable to connect to authentication service") {
        Error::unreachable(format!("{host} cannot check passwords at the moment [{text}]"))
    } else if low.contains("password is invalid") || low.contains("access refused for user") {
        let cure = "check user and password (or API key and secret), and that the account may use the broker";
        Error::new(Kind::Credentials, format!("{host} does not accept the login {login:?}: {cure} [{text}]"))
    } else if low.contains("virtual host") {
        let cure =
            "set stomp_vhost to one that it knows (RabbitMQ: /) and that the login may use, or to none";
        Error::new(
            Kind::VirtualHost,
            format!("{host} does not open the virtual host asked for: {cure} [{text}]"),
        )
    } else {
        Error::unreachable(format!("{host} refused CONNECT [{text}]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options::new(vec!["b:1".parse().unwrap()]).unwrap().credentials("app", "pw".into())
    }

    #[test]
    fn heart_beats_are_agreed_as_specified() {
        let second = Duration::from_secs(1);
        assert_eq!(agree(second, 0), None);
        assert_eq!(agree(Duration::ZERO, 500), None);
        assert_eq!(agree(second, 500), Some(second));
        assert_eq!(agree(second, 5000), Some(second * 5));
    }

    #[test]
    fn refusals_are_told_apart_by_the_words_of_real_brokers() {
        let refuse = |text: &str| refusal(&options(), &options().hosts[0], text);
        assert!(refuse("User name [app] or password is invalid.").is_credentials());
        assert!(refuse("Bad CONNECT: Access refused for user 'app'").is_credentials());
        let host = refuse("Bad CONNECT: Virtual host '127.0.0.1' access denied");
        assert!(host.is_permanent() && host.is_virtual_host() && !host.is_credentials());
        for text in [
            "Unable to connect to authentication service, password is invalid",
            "Supported protocol versions are: 1.0",
        ] {
            assert!(!refuse(text).is_permanent(), "{text}");
        }
    }
}
