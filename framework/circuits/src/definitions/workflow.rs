//! Scripts of the platform, and workflows and playbooks that call functions one after the other. A flow that branches or waits is
//! drawn on the platform and shipped as an export.

use serde_json::{Value, json};

use super::bpmn::bpmn;
use crate::message::ObjectType;

/// A script that the platform runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    name: String,
    object: ObjectType,
    text: String,
}

impl Script {
    /// A Python 3 script with the name people see, for objects of this type.
    pub fn new(name: &str, object: ObjectType, text: &str) -> Self {
        Self { name: name.to_owned(), object, text: text.to_owned() }
    }

    /// The display name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// JSON in the form of an export.
    pub fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "export_key": self.name,
            "uuid": uuid("script", &self.name),
            "description": "",
            "language": "python3",
            "object_type": self.object.key(),
            "script_text": self.text,
            "actions": [],
            "tags": [],
        })
    }
}

/// A call of a function, as a step of a [`Workflow`] or a [`Playbook`].
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionCall {
    function: String,
    before: String,
    after: String,
    output: String,
}

impl FunctionCall {
    /// Calls the function with this API name, which the component defines or the platform has.
    pub fn new(function: &str) -> Self {
        Self {
            function: function.to_owned(),
            before: String::new(),
            after: String::new(),
            output: String::new(),
        }
    }

    /// The pre-processing script (Python 3), which sets the inputs: `inputs.incident_id = incident.id`.
    #[must_use]
    pub fn before(mut self, script: &str) -> Self {
        script.clone_into(&mut self.before);
        self
    }

    /// The post-processing script (Python 3), which finds the result in `results`. Playbooks have none: their later steps read
    /// the output instead.
    #[must_use]
    pub fn after(mut self, script: &str) -> Self {
        script.clone_into(&mut self.after);
        self
    }

    /// The name under which later steps find the result.
    #[must_use]
    pub fn output(mut self, name: &str) -> Self {
        name.clone_into(&mut self.output);
        self
    }

    /// The API name of the function.
    pub fn function(&self) -> &str {
        &self.function
    }

    pub(super) fn before_script(&self) -> &str {
        &self.before
    }

    pub(super) fn after_script(&self) -> &str {
        &self.after
    }

    pub(super) fn output_name(&self) -> &str {
        &self.output
    }
}

/// Defines the two kinds of flows, which differ in who starts them and in their form in an export.
macro_rules! flow {
    ($(#[$about:meta])* $Flow:ident, $kind:literal) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Flow {
            name: String,
            display_name: String,
            object: ObjectType,
            calls: Vec<FunctionCall>,
        }

        impl $Flow {
            #[doc = concat!("A ", $kind, " with this API name and the name people see, for objects of this type.")]
            pub fn new(name: &str, display_name: &str, object: ObjectType) -> Self {
                Self { name: name.to_owned(), display_name: display_name.to_owned(), object, calls: Vec::new() }
            }

            /// Adds the next step.
            #[must_use]
            pub fn call(mut self, call: FunctionCall) -> Self {
                self.calls.push(call);
                self
            }

            /// The API name.
            pub fn name(&self) -> &str {
                &self.name
            }

            /// The steps.
            pub fn calls(&self) -> &[FunctionCall] {
                &self.calls
            }
        }
    };
}

flow! {
    /// A workflow: functions called one after the other. Rules start it ([`Rule::starts`](super::Rule::starts)).
    Workflow, "workflow"
}

flow! {
    /// A playbook that users start by hand: functions called one after the other.
    Playbook, "playbook"
}

impl Workflow {
    /// JSON in the form of an export; `function` returns the uuid of a function.
    pub fn to_json(&self, function: impl Fn(&str) -> String) -> Value {
        json!({
            "name": self.display_name,
            "programmatic_name": self.name,
            "export_key": self.name,
            "uuid": uuid("workflow", &self.name),
            "description": "",
            "object_type": self.object.key(),
            "content": {
                "workflow_id": self.name,
                "version": 1,
                "xml": bpmn(&self.name, &self.display_name, &self.calls, function),
            },
            "content_version": 1,
            "actions": [],
            "tags": [],
        })
    }
}

impl Playbook {
    /// JSON in the form of an export; `function` returns the uuid of a function.
    pub fn to_json(&self, function: impl Fn(&str) -> String) -> Value {
        let own = uuid("playbook", &self.name);
        let process = format!("playbook_{}", own.replace('-', "_"));
        let xml = bpmn(&process, &process, &self.calls, function);
        let fields = json!({
            "actions": [], "display_name": self.display_name, "export_key": process, "fields": {}, "for_actions": false,
            "for_custom_fields": false, "for_notifications": false, "for_workflows": false, "id": null,
            "parent_types": ["__playbook"], "properties": {"can_create": false, "can_destroy": false, "for_who": []},
            "scripts": [], "tags": [], "type_id": 28, "type_name": process, "uuid": uuid("playbook fields", &self.name),
        });
        json!({
            "name": self.name,
            "display_name": self.display_name,
            "export_key": self.name,
            "uuid": own,
            "description": {"format": "text", "content": ""},
            "object_type": self.object.key(),
            "activation_type": "manual",
            "manual_settings": {"activation_conditions": {"conditions": [], "logic_type": "all"}, "view_items": []},
            "status": "enabled",
            "content": {"content_version": 1, "xml": xml},
            "field_type_handle": process,
            "fields_type": fields,
            "local_scripts": [],
            "is_deleted": false,
            "is_locked": false,
            "version": 1,
            "tags": [],
        })
    }
}

/// A uuid that is the same each time, so that two runs define the same object. It has the form of version 8 (RFC 9562), whose
/// bits are free.
fn uuid(kind: &str, name: &str) -> String {
    // FNV-1a of 128 bits: far from cryptographic, and stable.
    let hash = kind
        .bytes()
        .chain([0])
        .chain(name.bytes())
        .fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        });
    let bits = (hash & !(0xf << 76) & !(0xc << 60)) | (0x8 << 76) | (0x8 << 60);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_is_drawn_and_the_same_each_time() {
        let call =
            FunctionCall::new("look_up").before("inputs.name = \"a\" if 1 < 2 else \"&\"").output("found");
        let workflow = Workflow::new("look", "Look & see", ObjectType::Incident)
            .call(call)
            .call(FunctionCall::new("tell"));
        let json = workflow.to_json(|name| format!("uuid-of-{name}"));
        assert_eq!(json, workflow.to_json(|name| format!("uuid-of-{name}")));
        let xml = json["content"]["xml"].as_str().unwrap();
        for part in [
            "name=\"Look &amp; see\"",
            "uuid=\"uuid-of-look_up\"",
            "1 &lt; 2 else",
            "sourceRef=\"ServiceTask_1\" targetRef=\"ServiceTask_2\"",
            "sourceRef=\"ServiceTask_2\" targetRef=\"EndEvent_1\"",
            "bpmnElement=\"Flow_2\"",
        ] {
            assert!(xml.contains(part), "{part} is not in {xml}");
        }
        let uuid = json["uuid"].as_str().unwrap();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "8"), "{uuid}");
        assert_ne!(super::uuid("workflow", "a"), super::uuid("playbook", "a"));
    }
}
