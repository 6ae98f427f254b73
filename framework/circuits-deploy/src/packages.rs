//! The head of an import file for single objects.

use serde_json::{Value, json};

/// The incident type in exports of single objects.
pub(crate) const PACKAGES: &str = "Customization Packages (internal)";

/// The `incident_types` of an export of single objects: platforms accept no import without one.
pub fn packages() -> Value {
    json!([{
        "id": 0, "name": PACKAGES, "export_key": PACKAGES, "description": PACKAGES, "enabled": false, "hidden": false,
        "system": false, "parent_id": null, "uuid": "bfeec2d4-3770-11e8-ad39-4a0004044aa0",
    }])
}
