//! What every sandbox starts with: an organisation, two users, the usual fields and one incident.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::State;
use super::accounts::Accounts;
use super::definitions::{TypeDef, Types, field};
use super::firing::Cause;
use super::identity::{API_KEY_HANDLE, Identity, USER_ID};
use super::ids::{Ids, new_uuid};
use super::kind::Kind;
use crate::clock::now;

/// The incident that exists from the start.
pub(crate) const INCIDENT: i64 = 2095;

const PHASES: [(i64, &str); 5] = [
    (1004, "Initial"),
    (1003, "Engage"),
    (1005, "Detect/Analyze"),
    (1002, "Respond"),
    (1000, "Post-Incident"),
];
const SEVERITIES: [(i64, &str); 3] = [(50, "Low"), (51, "Medium"), (52, "High")];
const INCIDENT_TYPES: [(i64, &str); 6] = [
    (16, "Lost documents / files / records"),
    (17, "Lost PC / laptop / tablet"),
    (18, "Denial of Service"),
    (19, "Malware"),
    (20, "System Intrusion"),
    (22, "Phishing"),
];
const ARTIFACT_TYPES: [(i64, &str); 11] = [
    (1, "IP Address"),
    (2, "DNS Name"),
    (3, "URL"),
    (5, "Email Subject"),
    (7, "Email Attachment"),
    (9, "Email Sender"),
    (13, "Malware MD5 Hash"),
    (16, "Other File"),
    (23, "User Account"),
    (25, "System Name"),
    (29, "String"),
];
const RESOLUTIONS: [(i64, &str); 4] =
    [(53, "Unresolved"), (54, "Duplicate"), (55, "Not an Issue"), (56, "Resolved")];
const YES_NO: [(i64, &str); 2] = [(1, "No"), (2, "Yes")];

pub(crate) fn state(identity: &Identity) -> State {
    let accounts = Accounts::new(org(identity), users(identity));
    let mut state = State::new(accounts, types(), Ids::after(INCIDENT - 1));
    let body = json!({
        "name": "Phishing mail to finance", "description": "Three people opened the attachment.",
        "discovered_date": now(), "severity_code": 51, "incident_type_ids": [22], "phase_id": 1003,
    });
    let cause = Cause { account: identity.user(), skip: Vec::new() };
    match state.new_incident(body, &cause) {
        Ok(incident) => {
            state.create(Kind::Incident, incident, &cause);
        }
        Err(error) => tracing::error!(error = error.message, "The sandbox's own incident is not valid."),
    }
    state
}

fn users(identity: &Identity) -> BTreeMap<i64, Value> {
    let user = |id: i64, fname: &str, lname: &str, email: &str| {
        let user = json!({
            "id": id, "fname": fname, "lname": lname, "display_name": format!("{fname} {lname}"), "email": email,
            "status": "A", "locked": false, "is_external": false, "title": null, "phone": null, "cell": null,
            "notes": null, "last_login": now(), "org_id": identity.org_id, "group_ids": [], "incs_assigned": 0, "tasks_assigned": 0, "enabled": true,
            "roles": {"create_incs": true, "observer": false, "master_administrator": true, "administrator": false},
        });
        (id, user)
    };
    BTreeMap::from([
        user(USER_ID, "Sam", "Sandbox", &identity.email),
        user(2, "Alex", "Analyst", "alex@sandbox.example"),
        user(3, "Robin", "Responder", "robin@sandbox.example"),
    ])
}

fn org(identity: &Identity) -> Value {
    let named = |pairs: &[(i64, &str)], extra: &Value| -> Value {
        let entry = |(order, (id, name)): (usize, &(i64, &str))| {
            let mut entry =
                json!({"id": id, "name": name, "enabled": true, "uuid": new_uuid(), "order": order});
            if let (Value::Object(entry), Value::Object(extra)) = (&mut entry, extra.clone()) {
                entry.extend(extra);
            }
            (id.to_string(), entry)
        };
        pairs.iter().enumerate().map(entry).collect::<serde_json::Map<_, _>>().into()
    };
    let artifacts = ARTIFACT_TYPES
        .iter()
        .map(|(id, name)| (id.to_string(), json!({"type_id": id, "type_name": name, "relatable": true})));
    json!({
        "id": identity.org_id, "name": identity.org_name, "uuid": identity.org_uuid, "enabled": true,
        "actions_framework_enabled": true, "attachments_enabled": true, "inc_deletion_allowed": true, "saas": false,
        "phases": named(&PHASES, &json!({})), "incident_severities": named(&SEVERITIES, &json!({})),
        "incident_types": named(&INCIDENT_TYPES, &json!({"hidden": false, "parent_id": null, "system": true})),
        "artifact_types": artifacts.collect::<serde_json::Map<_, _>>(), "groups": {}, "geos": {},
        "org_info": {"id": identity.org_id, "name": identity.org_name, "enabled": true},
        "api_keys": [API_KEY_HANDLE],
    })
}

/// Field id, name, label, input type, values.
type FieldRow<'a> = (i64, &'a str, &'a str, &'a str, &'a [(i64, &'a str)]);

fn types() -> Types {
    let incident: &[FieldRow<'_>] = &[
        (1, "id", "ID", "number", &[]),
        (2, "name", "Name", "text", &[]),
        (3, "description", "Description", "textarea", &[]),
        (4, "discovered_date", "Discovered Date", "datetimepicker", &[]),
        (5, "start_date", "Date Occurred", "datetimepicker", &[]),
        (6, "due_date", "Due Date", "datetimepicker", &[]),
        (7, "create_date", "Date Created", "datetimepicker", &[]),
        (8, "end_date", "Date Closed", "datetimepicker", &[]),
        (9, "severity_code", "Severity", "select", &SEVERITIES),
        (10, "incident_type_ids", "Incident Type", "multiselect", &INCIDENT_TYPES),
        (11, "phase_id", "Phase", "select", &PHASES),
        (13, "owner_id", "Owner", "select_owner", &[]),
        (14, "creator_id", "Created By", "select_owner", &[]),
        (15, "members", "Members", "multiselect_members", &[]),
        (16, "resolution_id", "Resolution", "select", &RESOLUTIONS),
        (17, "resolution_summary", "Resolution Summary", "textarea", &[]),
        (18, "confirmed", "Incident Disposition", "boolean", &[]),
        (19, "reporter", "Reporting Individual", "text", &[]),
        (20, "employee_involved", "Employee Involved", "boolean", &[]),
        (21, "negative_pr_likely", "Negative PR", "boolean", &[]),
        (22, "crimestatus_id", "Criminal Activity", "select", &YES_NO),
        (
            23,
            "exposure_type_id",
            "Exposure Type",
            "select",
            &[(1, "Unknown"), (2, "Individual"), (3, "External Party")],
        ),
        (24, "addr", "Address", "text", &[]),
        (25, "city", "City", "text", &[]),
        (26, "zip", "Zip", "text", &[]),
        (27, "inc_training", "Simulation", "boolean", &[]),
        (
            28,
            "nist_attack_vectors",
            "NIST Attack Vectors",
            "multiselect",
            &[(2, "Attrition"), (4, "Web"), (5, "Email")],
        ),
    ];
    let task: &[FieldRow<'_>] = &[
        (60, "name", "Name", "text", &[]),
        (61, "owner_id", "Owner", "select_owner", &[]),
        (62, "phase_id", "Phase", "select", &PHASES),
        (63, "due_date", "Due Date", "datetimepicker", &[]),
        (65, "instr_text", "Instructions", "textarea", &[]),
    ];
    let note: &[FieldRow<'_>] =
        &[(70, "text", "Text", "textarea", &[]), (71, "user_id", "Author", "select_owner", &[])];
    let artifact: &[FieldRow<'_>] = &[
        (75, "type", "Type", "select", &ARTIFACT_TYPES),
        (76, "value", "Value", "text", &[]),
        (77, "description", "Description", "textarea", &[]),
    ];
    let attachment: &[FieldRow<'_>] = &[(80, "name", "Name", "text", &[])];
    let milestone: &[FieldRow<'_>] =
        &[(85, "title", "Title", "text", &[]), (86, "date", "Date", "datetimepicker", &[])];
    let mut types = BTreeMap::new();
    for (id, name, display, rows) in [
        (0, "incident", "Incident", incident),
        (1, "task", "Task", task),
        (2, "note", "Note", note),
        (3, "milestone", "Milestone", milestone),
        (4, "artifact", "Artifact", artifact),
        (5, "attachment", "Attachment", attachment),
        (6, "actioninvocation", "Action Invocation", &[]),
        (11, "__function", "Function", &[]),
    ] {
        let build = |(field_id, name, text, input, values): &FieldRow<'_>| {
            let values: Vec<(Value, &str)> =
                values.iter().map(|(value, label)| (json!(value), *label)).collect();
            (*field_id, field(id, *field_id, name, text, input, &values))
        };
        let fields = rows.iter().map(build).collect();
        types.insert(name.to_owned(), TypeDef { id, display_name: display.to_owned(), fields });
    }
    extras(&mut types);
    Types(types)
}

/// Fields with text values, required ones, and two custom fields.
fn extras(types: &mut BTreeMap<String, TypeDef>) {
    let mut add = |type_name: &str, field: Value| {
        if let (Some(def), Some(id)) = (types.get_mut(type_name), field["id"].as_i64()) {
            def.fields.insert(id, field);
        }
    };
    let open = [(json!("A"), "Active"), (json!("C"), "Closed")];
    add("incident", field(0, 12, "plan_status", "Status", "select", &open));
    let open = [(json!("O"), "Open"), (json!("C"), "Closed")];
    add("task", field(1, 64, "status", "Status", "select", &open));
    for (id, name) in [(40, "custom1"), (41, "custom2")] {
        let mut custom = field(0, id, name, name, "text", &[]);
        custom["prefix"] = "properties".into();
        custom["internal"] = false.into();
        add("incident", custom);
    }
    for id in [2, 4] {
        if let Some(field) = types.get_mut("incident").and_then(|def| def.fields.get_mut(&id)) {
            field["required"] = "always".into();
        }
    }
}
