//! The drawing of a workflow or playbook in the form of an export: BPMN 2.0, from left to right.

use std::fmt::Write as _;

use serde_json::json;

use super::FunctionCall;

/// Width of a step, and the space to the next, in the drawing.
const STEP: (usize, usize) = (100, 80);

/// The steps as BPMN 2.0, drawn from left to right.
pub(super) fn bpmn(
    process: &str,
    name: &str,
    calls: &[FunctionCall],
    function: impl Fn(&str) -> String,
) -> String {
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
            "pre_processing_script": call.before_script(),
            "pre_processing_script_language": "python3",
        });
        if !call.after_script().is_empty() {
            settings["post_processing_script"] = json!(call.after_script());
            settings["post_processing_script_language"] = json!("python3");
        }
        if !call.output_name().is_empty() {
            settings["result_name"] = json!(call.output_name());
        }
        let _ = write!(
            steps,
            "<serviceTask id=\"{}\" name=\"{}\" resilient:type=\"function\"><extensionElements><resilient:function uuid=\"{}\">{}\
             </resilient:function></extensionElements><incoming>Flow_{}</incoming><outgoing>Flow_{at}</outgoing></serviceTask>",
            node(at),
            escaped(call.function()),
            escaped(&function(call.function())),
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

/// Escapes text for XML text or attributes.
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
