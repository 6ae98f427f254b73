//! Looks up the value of one custom incident field in a CSV file, and writes the result into another field.

mod customize;
mod table;

use std::path::PathBuf;
use std::sync::Arc;

use circuits::prelude::*;
use serde::Deserialize;

use crate::table::Table;

circuits::register! {
    Registration::new("file_lookup", component)
        .version(env!("CARGO_PKG_VERSION"))
        .config(include_str!("app.config"))
        .definitions(customize::definitions)
}

/// The section `[lookup]`.
#[derive(Deserialize)]
struct Settings {
    reference_file: Option<PathBuf>,
    #[serde(default = "source_field")]
    source_field: String,
    #[serde(default = "dest_field")]
    dest_field: String,
}

fn source_field() -> String {
    "custom1".to_owned()
}

fn dest_field() -> String {
    "custom2".to_owned()
}

struct Lookup {
    table: Table,
    source: String,
    dest: String,
}

fn component(setup: &Setup) -> Result<Component> {
    let Settings { reference_file, source_field: source, dest_field: dest } = setup.settings()?;
    if let Some(path) = &reference_file {
        std::fs::metadata(path).map_err(|error| {
            Error::from(error)
                .context(format_args!("reference_file {} in [lookup] cannot be read", path.display()))
        })?;
    }
    let table = reference_file.map_or(Table::BuiltIn, Table::File);
    Ok(Component::builder("filelookup", Lookup { table, source, dest })
        .on("Lookup Value", Lookup::look_up)
        .build())
}

impl Lookup {
    async fn look_up(self: Arc<Self>, action: Action) -> Result<Reply> {
        let Some(value) = action.incident()?["properties"][&self.source].as_str() else {
            return Ok(Reply::completed(format!("{} is empty: nothing to look up", self.source)));
        };
        let Some(found) = self.table.read().await?.remove(value) else {
            return Ok(Reply::completed(format!("No entry for \"{value}\" in the reference file")));
        };
        let path = format!("/incidents/{}", action.incident_id()?);
        action
            .rest()
            .update(&path, |incident| incident["properties"][&self.dest] = found.as_str().into())
            .await?;
        Ok(Reply::completed(format!("{} set to \"{found}\"", self.dest)))
    }
}
