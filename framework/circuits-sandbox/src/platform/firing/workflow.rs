//! Calls of functions, and the workflows that make them: one after the other, in the order of the workflow, each when the one
//! before is answered. The pre-processing scripts of the platform are Python. The sandbox understands lines that give an input a
//! literal or a value of the object (`inputs.incident_id = incident.id`), and ignores all others.
use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::message::Sending;
use super::{Cause, Firing, Outgoing, Subject};
use crate::api_error::ApiError;
use crate::platform::kind::Kind;

/// A running workflow.
#[derive(Clone)]
pub(crate) struct Course {
    workflow: Value,
    instance: i64,
    subject: Subject,
    properties: Value,
    cause: Cause,
    left: VecDeque<Step>,
}

/// A call of a function.
#[derive(Clone, Debug, PartialEq)]
struct Step {
    function: String,
    inputs: Map<String, Value>,
    script: String,
}

impl Firing<'_> {
    /// Starts the workflow with this name or id; returns the message of its first function.
    pub(in crate::platform) fn start_workflow(
        &mut self,
        handle: &Value,
        subject: Subject,
        properties: &Value,
        cause: &Cause,
    ) -> Option<Outgoing> {
        let is = |one: &&Value| {
            one["programmatic_name"] == *handle || one["name"] == *handle || one["workflow_id"] == *handle
        };
        let mut workflow = self.definitions.workflows().iter().find(is)?.clone();
        let left = steps(workflow["content"]["xml"].as_str().unwrap_or_default());
        if let Value::Object(workflow) = &mut workflow {
            workflow.remove("content");
        }
        let instance = self.invocations.new_id();
        let properties = properties.clone();
        self.advance(Course { workflow, instance, subject, properties, cause: cause.clone(), left })
    }

    /// The message of a workflow's next function; `None` at its end, or if a function is unknown.
    pub(in crate::platform) fn advance(&mut self, mut course: Course) -> Option<Outgoing> {
        let step = course.left.pop_front()?;
        let function = self.definitions.functions().find(|one| one["uuid"] == step.function)?;
        let (id, mut inputs) = (function["id"].as_i64()?, Map::new());
        for (uuid, given) in &step.inputs {
            let field =
                self.definitions.types().fields("__function").find(|field| field["uuid"] == uuid.as_str());
            if let Some((name, value)) = field.and_then(|field| static_input(field, &given["static_input"])) {
                inputs.insert(name, value);
            }
        }
        for line in step.script.lines() {
            if let Some((name, value)) =
                line.trim().strip_prefix("inputs.").and_then(|rest| rest.split_once('='))
            {
                inputs.insert(name.trim().to_owned(), self.value(value.trim(), &course));
            }
        }
        let cause = course.cause.clone();
        self.call(id, &Value::Object(inputs), &cause, Some(course)).ok()
    }

    /// The value of an expression in a script: a literal, or a value of the object, the incident or the dialog.
    fn value(&self, expression: &str, course: &Course) -> Value {
        match expression {
            "None" => return Value::Null,
            "True" => return json!(true),
            "False" => return json!(false),
            _ => {}
        }
        for quote in ['"', '\''] {
            let inner = expression.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            if let Some(text) = inner {
                return json!(text);
            }
        }
        let mut parts = expression.split('.');
        let object = match parts.next().unwrap_or_default() {
            "incident" => self.incident_json(course.subject.incident).unwrap_or_default(),
            "rule" => json!({"properties": course.properties}),
            name if name == course.subject.kind.name() => {
                self.objects.get(course.subject.kind, course.subject.id).cloned().unwrap_or_default()
            }
            _ => return serde_json::from_str(expression).unwrap_or_default(),
        };
        parts.fold(object, |object, part| object[part].clone())
    }

    /// The message that calls a function with these inputs, given in their wire format.
    pub(in crate::platform) fn call(
        &mut self,
        function: i64,
        inputs: &Value,
        cause: &Cause,
        then: Option<Course>,
    ) -> Result<Outgoing, ApiError> {
        let function = self.definitions.function(function)?;
        let name = function["name"].as_str().unwrap_or_default().to_owned();
        let destination = self
            .definitions
            .destination_of(&function["destination_handle"])
            .ok_or_else(|| ApiError::bad(format!("The function {name:?} has no message destination.")))?;
        let queue = destination["programmatic_name"].as_str().unwrap_or_default().to_owned();
        let expects = destination["expect_ack"] != false;
        let incident = inputs["incident_id"].as_i64().unwrap_or_default();
        let nobody = Subject { incident, kind: Kind::Incident, id: incident };
        let mut described = function.clone();
        if let Value::Object(described) = &mut described {
            described.remove("destination_handle");
        }
        let data = json!({
            "function": described,
            "inputs": inputs,
            "groups": [],
            "playbook_instance": null,
            "principal": cause.account.principal(),
            "workflow": then.as_ref().map(|course| &course.workflow),
            "workflow_instance": then.as_ref().map(|course| json!({"workflow_instance_id": course.instance})),
        });
        Ok(self.register(Sending {
            name,
            action_id: 0,
            function: true,
            destination: queue,
            expects,
            subject: then.as_ref().map_or(nobody, |course| course.subject),
            token: self.tokens.issue(&cause.skip),
            cause: cause.clone(),
            body: Bytes::from(data.to_string()),
            then,
        }))
    }
}

/// The calls of functions in a workflow's BPMN.
fn steps(xml: &str) -> VecDeque<Step> {
    let mut steps = VecDeque::new();
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once("<resilient:function ") {
        let Some((head, (body, left))) = after
            .split_once('>')
            .and_then(|(head, after)| Some((head, after.split_once("</resilient:function>")?)))
        else {
            break;
        };
        rest = left;
        let uuid = head.split_once("uuid=\"").and_then(|(_, after)| after.split_once('"'));
        let call: Value = serde_json::from_str(&unescaped(body)).unwrap_or_default();
        steps.push_back(Step {
            function: uuid.map(|(uuid, _)| uuid.to_owned()).unwrap_or_default(),
            inputs: call["inputs"].as_object().cloned().unwrap_or_default(),
            script: call["pre_processing_script"].as_str().unwrap_or_default().to_owned(),
        });
    }
    steps
}

fn unescaped(text: &str) -> String {
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#10;", "\n"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain))
}

/// The name of an input and the value that a workflow always gives it, in its wire format.
fn static_input(field: &Value, given: &Value) -> Option<(String, Value)> {
    let choice = |uuid: &Value| {
        let mut values = field["values"].as_array().into_iter().flatten();
        let value = values.find(|value| value["uuid"] == *uuid)?;
        Some(json!({"id": value["value"], "name": value["label"]}))
    };
    let plain = ["text_value", "text_content_value", "number_value", "boolean_value", "date_value"];
    let value = plain.iter().find_map(|key| given.get(key)).cloned();
    let several = || {
        let chosen = given["multiselect_value"].as_array()?;
        Some(chosen.iter().filter_map(choice).collect::<Value>()).filter(|_| !chosen.is_empty())
    };
    let value = value.or_else(|| choice(&given["select_value"])).or_else(several)?;
    Some((field["name"].as_str()?.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_in_bpmn() {
        let xml = r#"<process><serviceTask><resilient:function uuid="a">{"inputs":{},"pre_processing_script":"inputs.n = 1 &lt; 2"}</resilient:function>
            </serviceTask><resilient:function uuid="b">{"inputs":{"u":{"input_type":"static"}}}</resilient:function></process>"#;
        let found = steps(xml);
        assert_eq!((found[0].function.as_str(), found[0].script.as_str()), ("a", "inputs.n = 1 < 2"));
        assert_eq!((found[1].function.as_str(), found[1].inputs.len(), found.len()), ("b", 1, 2));
        assert!(steps("<resilient:function uuid=\"a\">").is_empty());
    }
}
