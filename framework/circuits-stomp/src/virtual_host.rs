//! The `host` header of CONNECT when the options do not set it: the name of the host, as the specification asks, or no header
//! for a broker that does not know a virtual host of that name.

use crate::connector::{self, Dial, Established};
use crate::error::{Error, Kind};
use crate::options::{Host, Options, VirtualHost};

/// Which header one host accepts, as far as we know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Takes {
    #[default]
    Unknown,
    /// It accepted a connection with the header. Should it refuse one later, the header stays: without it we would work on
    /// other queues.
    Name,
    /// It accepted a connection only without the header.
    Nothing,
}

/// Connects to `host` with the header that is configured or known to work. If there is no such header and the broker does not
/// know the name of the host, tries once more without a header.
pub(crate) async fn connect(
    dial: &dyn Dial,
    options: &Options,
    host: &Host,
    takes: &mut Takes,
) -> Result<Established, Error> {
    let name = match &options.virtual_host {
        VirtualHost::Named(name) => return connector::connect(dial, options, host, Some(name)).await,
        VirtualHost::Omitted => return connector::connect(dial, options, host, None).await,
        VirtualHost::Connected => &host.name,
    };
    if *takes == Takes::Nothing {
        return connector::connect(dial, options, host, None).await;
    }
    let named = match connector::connect(dial, options, host, Some(name)).await {
        Ok(established) => {
            *takes = Takes::Name;
            return Ok(established);
        }
        Err(error) if error.is_virtual_host() && *takes == Takes::Unknown => error,
        Err(error) => return Err(error),
    };
    match connector::connect(dial, options, host, None).await {
        Ok(established) => {
            *takes = Takes::Nothing;
            tracing::info!(
                %host,
                "The broker does not know the virtual host {name:?}; the session uses its default virtual host from now on. \
                 Set stomp_vhost to choose another one, or to none to skip this question."
            );
            Ok(established)
        }
        Err(error) if error.is_virtual_host() => {
            let text = format!("{named}; without a name: {error}");
            Err(Error::new(Kind::VirtualHost, text).because(error))
        }
        Err(error) => Err(error),
    }
}
