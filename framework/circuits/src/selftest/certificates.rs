//! The certificate and key files that app.config names: whether they can be read, hold what they should, and fit together.

use std::path::Path;

use circuits_stomp::Tls;

use super::file::at;
use crate::config::{ClientAuth, Section, Settings, Verify};

/// What is wrong with them, each with its place. A value that one key takes over from another is reported once, where it is
/// written.
pub(super) async fn faults(settings: &Settings, section: &Section) -> Vec<String> {
    let rest = ("cafile", &settings.verify, ["client_auth_cert", "client_auth_key"], &settings.client_auth);
    let stomp = (
        "stomp_cafile",
        &settings.stomp_verify,
        ["stomp_client_auth_cert", "stomp_client_auth_key"],
        &settings.stomp_client_auth,
    );
    let mut faults = Vec::new();
    for (cafile, verify, keys, client) in [Some(rest), settings.stomp.then_some(stomp)].into_iter().flatten()
    {
        let own = |key: &str| section.origin(key).is_some_and(|origin| origin != "default");
        if let Verify::CaFile(path) = verify
            && own(cafile)
        {
            let fault = authorities(cafile, path).await;
            faults.extend(fault.map(|text| at(section, cafile, &text)));
        }
        if let Some(client) = client
            && keys.iter().any(|key| own(key))
        {
            let found = identity(keys, client).await;
            faults.extend(found.into_iter().map(|(key, text)| at(section, key, &text)));
        }
    }
    faults
}

async fn authorities(key: &str, path: &Path) -> Option<String> {
    // It may be a directory.
    if let Err(error) = std::fs::File::open(path) {
        return Some(unreadable(key, path, &error));
    }
    let error = Tls::cafile(path).check().await.err()?;
    Some(format!("{key} = `{}`: {error}", path.display()))
}

async fn identity(keys: [&'static str; 2], client: &ClientAuth) -> Vec<(&'static str, String)> {
    let files = keys.into_iter().zip([&client.cert, &client.key]);
    let unreadable: Vec<_> = files
        .filter_map(|(key, path)| Some((key, unreadable(key, path, &std::fs::read(path).err()?))))
        .collect();
    if !unreadable.is_empty() {
        return unreadable;
    }
    let checked = Tls::system().identity(&client.cert, &client.key).check().await;
    let [cert, key] = keys;
    checked.err().map(|error| (key, format!("{cert} and {key}: {error}"))).into_iter().collect()
}

fn unreadable(key: &str, path: &Path, error: &std::io::Error) -> String {
    format!("{key} = `{}` cannot be read: {error}; name a PEM file", path.display())
}
