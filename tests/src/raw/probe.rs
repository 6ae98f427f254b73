//! Finds out whether a broker is up.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::certs::Certificate;

/// Whether the server on this port presents exactly this certificate and answers a CONNECT with any frame. Flaws of the
/// certificate are ignored, because some tests want them.
pub(crate) fn answers(port: u16, certificate: &Certificate) -> bool {
    ask(port, certificate).unwrap_or(false)
}

fn ask(port: u16, certificate: &Certificate) -> Result<bool, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let connector = native_tls::TlsConnector::builder()
        .danger_accept_invalid_certs(true)
        .danger_accept_invalid_hostnames(true)
        .build()?;
    let mut stream = connector.connect("localhost", stream)?;
    let expected = native_tls::Certificate::from_pem(&std::fs::read(&certificate.cert)?)?;
    if stream.peer_certificate()?.map(|seen| seen.to_der()).transpose()? != Some(expected.to_der()?) {
        return Ok(false);
    }
    stream.write_all(b"CONNECT\naccept-version:1.2\nlogin:nobody\npasscode:none\n\n\0")?;
    Ok(stream.read(&mut [0; 1])? == 1)
}
