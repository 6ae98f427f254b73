//! Scripts of the platform, and workflows and playbooks that call functions one after the other. What branches or waits is drawn
//! on the platform and shipped as an export.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::message::ObjectType;

/// A script that the platform runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    name: String,
    object: ObjectType,
    text: String,
}

impl Script {
    /// A Python 3 script by the name people see, for objects of this type.
    pub fn new(name: &str, object: ObjectType, text: &str) -> Self {
        Self { name: name.to_owned(), object, text: text.to_owned() }
    }

    /// The display name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn to_json(&self) -> Value {
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
pub struct Call {
    function: String,
    before: String,
    after: String,
    output: String,
}

impl Call {
    /// Calls the function of this API name, which the component defines or the platform has.
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

    pub(crate) fn function(&self) -> &str {
        &self.function
    }
}

/// A workflow: functions called one after the other. Rules start it ([`Rule::starts`](super::Rule::starts)).
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    name: String,
    display_name: String,
    object: ObjectType,
    calls: Vec<Call>,
}

/// A playbook that users start by hand: functions called one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Playbook {
    name: String,
    display_name: String,
    object: ObjectType,
    calls: Vec<Call>,
}

impl Workflow {
    /// A workflow by its API name and the name people see, for objects of this type.
    pub fn new(name: &str, display_name: &str, object: ObjectType) -> Self {
        Self { name: name.to_owned(), display_name: display_name.to_owned(), object, calls: Vec::new() }
    }

    /// The next step.
    #[must_use]
    pub fn call(mut self, call: Call) -> Self {
        self.calls.push(call);
        self
    }

    /// The API name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// As an export has it; `function` tells the uuid of a function.
    pub(crate) fn to_json(&self, function: impl Fn(&str) -> String) -> Value {
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
    /// A playbook by its API name and the name people see, for objects of this type.
    pub fn new(name: &str, display_name: &str, object: ObjectType) -> Self {
        Self { name: name.to_owned(), display_name: display_name.to_owned(), object, calls: Vec::new() }
    }

    /// The next step.
    #[must_use]
    pub fn call(mut self, call: Call) -> Self {
        self.calls.push(call);
        self
    }

    /// The API name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// As an export has it; `function` tells the uuid of a function.
    pub(crate) fn to_json(&self, function: impl Fn(&str) -> String) -> Value {
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

/// A uuid that is the same each time: two runs define the same object. Shaped as version 8 (RFC 9562), whose bits are free.
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

/// Width of a step, and the space to the next, in the drawing.
const STEP: (usize, usize) = (100, 80);

/// The steps as BPMN 2.0, drawn from left to right.
fn bpmn(process: &str, name: &str, calls: &[Call], function: impl Fn(&str) -> String) -> String {
    let last = calls.len();
    let node = |at: usize| match at {
        0 => "StartEvent_1".to_owned(),
        at if at > last => "EndEvent_1".to_owned(),
        at => format!("ServiceTask_{at}"),
    };
    let left = |at: usize| if at == 0 { 160 } else { 160 + 36 + STEP.1 + (at - 1) * (STEP.0 + STEP.1) };
    let (mut steps, mut shapes) = (String::new(), String::new());
    // Writing to a String cannot fail.
    let _ = write!(steps, "<startEvent id=\"{}\"><outgoing>Flow_0</outgoing></startEvent>", node(0));
    for (at, call) in (1..).zip(calls) {
        let mut settings = json!({
            "inputs": {},
            "pre_processing_script": call.before,
            "pre_processing_script_language": "python3",
        });
        if !call.after.is_empty() {
            settings["post_processing_script"] = json!(call.after);
            settings["post_processing_script_language"] = json!("python3");
        }
        if !call.output.is_empty() {
            settings["result_name"] = json!(call.output);
        }
        let _ = write!(
            steps,
            "<serviceTask id=\"{}\" name=\"{}\" resilient:type=\"function\"><extensionElements><resilient:function uuid=\"{}\">{}\
             </resilient:function></extensionElements><incoming>Flow_{}</incoming><outgoing>Flow_{at}</outgoing></serviceTask>",
            node(at),
            escaped(&call.function),
            escaped(&function(&call.function)),
            escaped(&settings.to_string()),
            at - 1,
        );
    }
    let _ = write!(steps, "<endEvent id=\"{}\"><incoming>Flow_{last}</incoming></endEvent>", node(last + 1));
    for at in 0..=last {
        let (from, to) = (node(at), node(at + 1));
        let _ = write!(steps, "<sequenceFlow id=\"Flow_{at}\" sourceRef=\"{from}\" targetRef=\"{to}\"/>");
        let end = left(at) + if at == 0 { 36 } else { STEP.0 };
        let _ = write!(
            shapes,
            "<bpmndi:BPMNEdge bpmnElement=\"Flow_{at}\" id=\"Flow_{at}_di\"><omgdi:waypoint x=\"{end}\" y=\"206\"/>\
             <omgdi:waypoint x=\"{}\" y=\"206\"/></bpmndi:BPMNEdge>",
            left(at + 1)
        );
    }
    for at in 0..=last + 1 {
        let (width, height) = if at == 0 || at > last { (36, 36) } else { (STEP.0, 80) };
        let _ = write!(
            shapes,
            "<bpmndi:BPMNShape bpmnElement=\"{0}\" id=\"{0}_di\"><omgdc:Bounds height=\"{height}\" width=\"{width}\" x=\"{1}\" y=\"{2}\"/>\
             </bpmndi:BPMNShape>",
            node(at),
            left(at),
            206 - height / 2
        );
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><definitions xmlns=\"http://www.omg.org/spec/BPMN/20100524/MODEL\" \
         xmlns:bpmndi=\"http://www.omg.org/spec/BPMN/20100524/DI\" xmlns:omgdc=\"http://www.omg.org/spec/DD/20100524/DC\" \
         xmlns:omgdi=\"http://www.omg.org/spec/DD/20100524/DI\" xmlns:resilient=\"http://resilient.ibm.com/bpmn\" \
         targetNamespace=\"http://www.camunda.org/test\"><process id=\"{process}\" isExecutable=\"true\" name=\"{}\"><documentation/>\
         {steps}</process><bpmndi:BPMNDiagram id=\"BPMNDiagram_1\"><bpmndi:BPMNPlane bpmnElement=\"{process}\" id=\"BPMNPlane_1\">\
         {shapes}</bpmndi:BPMNPlane></bpmndi:BPMNDiagram></definitions>",
        escaped(name)
    )
}

/// As text or attribute of XML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_is_drawn_and_the_same_each_time() {
        let call = Call::new("look_up").before("inputs.name = \"a\" if 1 < 2 else \"&\"").output("found");
        let workflow =
            Workflow::new("look", "Look & see", ObjectType::Incident).call(call).call(Call::new("tell"));
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
