//! What a threat service found, in properties that an analyst reads.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Value, json};

/// One finding about an artifact: properties with names, in their order. The platform wants each name once in a hit, so a property
/// replaces an earlier one with its name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Hit {
    props: Vec<Property>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Property {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    value: Value,
}

impl Hit {
    /// A hit without properties.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    #[must_use]
    pub fn string(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.property("string", name, value.into())
    }

    /// Adds a number. One that is not finite is left out.
    #[must_use]
    pub fn number(self, name: impl Into<String>, value: impl Into<f64>) -> Self {
        let value = value.into();
        // On the wire it is a text.
        if value.is_finite() { self.property("number", name, value.to_string()) } else { self }
    }

    /// Adds a link.
    #[must_use]
    pub fn uri(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.property("uri", name, value.into())
    }

    /// Adds an address.
    #[must_use]
    pub fn ip(self, name: impl Into<String>, value: impl Into<IpAddr>) -> Self {
        self.property("ip", name, value.into().to_string())
    }

    /// Adds a place, in degrees of latitude and longitude.
    #[must_use]
    pub fn lat_lng(self, name: impl Into<String>, lat: f64, lng: f64) -> Self {
        self.property("lat_lng", name, json!({"lat": lat, "lng": lng}))
    }

    /// Adds a property if there is a value for it: `hit.with(record.owner, |hit, owner| hit.string("Owner", owner))`.
    #[must_use]
    pub fn with<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }

    fn property(mut self, kind: &'static str, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let property = Property { kind, name: name.into(), value: value.into() };
        match self.props.iter_mut().find(|earlier| earlier.name == property.name) {
            Some(earlier) => *earlier = property,
            None => self.props.push(property),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn properties_are_sent_with_their_types_and_in_their_order() {
        let hit = Hit::new()
            .string("Threat", "malware")
            .number("Score", 7)
            .number("Share", 0.25)
            .number("Nothing", f64::NAN)
            .uri("Report", "https://example.com/1")
            .ip("Server", Ipv4Addr::new(203, 0, 113, 7))
            .lat_lng("Place", 52.5, 13.0)
            .with(None::<String>, |hit, owner| hit.string("Owner", owner))
            .with(Some("x"), |hit, owner| hit.string("Registrar", owner))
            .string("Threat", "phishing");
        assert_eq!(
            serde_json::to_value(hit).unwrap(),
            json!({"props": [
                {"type": "string", "name": "Threat", "value": "phishing"},
                {"type": "number", "name": "Score", "value": "7"},
                {"type": "number", "name": "Share", "value": "0.25"},
                {"type": "uri", "name": "Report", "value": "https://example.com/1"},
                {"type": "ip", "name": "Server", "value": "203.0.113.7"},
                {"type": "lat_lng", "name": "Place", "value": {"lat": 52.5, "lng": 13.0}},
                {"type": "string", "name": "Registrar", "value": "x"},
            ]})
        );
    }
}
