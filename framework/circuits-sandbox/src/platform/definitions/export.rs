//! The organisation's configuration in the form of an export.
use serde_json::{Value, json};

use super::{Definitions, Format};

impl Definitions {
    /// Everything that an import takes, with objects given by name instead of by number.
    pub(crate) fn export(&self) -> Value {
        let of = |kind: &str| -> Vec<Value> { self.types.fields(kind).cloned().collect() };
        let mut fields = of("incident");
        fields.extend(of("actioninvocation"));
        fields.extend(of("__function"));
        let tables = self.types.0.iter().filter(|(_, def)| def.id >= TABLES);
        let tables = tables.map(|(name, def)| {
            let columns = def.fields.values();
            let columns =
                columns.map(|one| (one["name"].as_str().unwrap_or_default().to_owned(), one.clone()));
            json!({"type_name": name, "export_key": name, "display_name": def.display_name, "type_id": 8, "id": null,
                "parent_types": ["incident"], "fields": columns.collect::<serde_json::Map<_, _>>()})
        });
        let functions = self.functions.values().map(|function| {
            let mut function = function.clone();
            let id = function["destination_handle"].as_i64();
            if let Some(destination) = id.and_then(|id| self.destinations.get(&id)) {
                function["destination_handle"] = destination["programmatic_name"].clone();
            }
            function
        });
        let mut export = json!({
            "export_format_version": 2,
            "export_type": "ORG",
            "export_date": crate::clock::now(),
            "server_version": {"v": 51, "r": 0, "m": 0, "f": 0, "build_number": 0, "major": 51, "minor": 0, "version": "51.0.0.0.0"},
            "message_destinations": self.destinations.values().collect::<Vec<_>>(),
            "types": tables.collect::<Vec<_>>(),
            "fields": fields,
            "functions": functions.collect::<Vec<_>>(),
            "actions": self.rules.values().map(|rule| self.rule_json(rule, Format::Names)).collect::<Vec<_>>(),
            "scripts": self.scripts,
            "workflows": self.workflows,
            "playbooks": self.playbooks,
        });
        self.kept.export(&mut export);
        export
    }
}

/// Types below this number are the platform's own.
const TABLES: i64 = 1000;
