//! New objects, with everything the platform fills in, and the fields that users may not change.
use serde_json::{Map, Value, json};

use super::State;
use super::definitions::{empty, path};
use super::firing::{Cause, at};
use super::ids::new_uuid;
use super::kind::Kind;
use crate::api_error::ApiError;
use crate::clock::now;

/// The fields that no PUT or PATCH changes.
const FIXED: [&str; 11] = [
    "id",
    "org_id",
    "inc_id",
    "vers",
    "create_date",
    "created",
    "creator",
    "creator_id",
    "perms",
    "actions",
    "user_id",
];

/// The text of a rich-text value: a string, or `{"format": .., "content": ..}`.
pub(crate) fn text_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("content")?.as_str())
}

impl State {
    /// A complete incident from the fields that the creator sends. Name and discovery date are required.
    pub(crate) fn new_incident(&self, body: Value, cause: &Cause) -> Result<Value, ApiError> {
        for field in self.definitions.types().fields("incident").filter(|field| field["required"] == "always")
        {
            let value = at(&body, &path(field));
            if value.is_null() || *value == "" {
                let text = |key: &str| field[key].as_str().unwrap_or_default().to_owned();
                let kind = if field["input_type"] == "datetimepicker" {
                    "date".to_owned()
                } else {
                    text("input_type")
                };
                return Err(ApiError::required(&text("name"), &text("text").to_lowercase(), &kind));
            }
        }
        let creator = cause.account.user_id();
        let discovered = body["discovered_date"].clone();
        let mut incident = json!({
            "name": null, "description": null, "discovered_date": null, "start_date": null, "inc_start": discovered,
            "due_date": null, "end_date": null, "create_date": now(), "org_id": self.accounts.org_id(), "plan_status": "A",
            "phase_id": 1004, "severity_code": null, "incident_type_ids": [], "owner_id": creator,
            "creator_id": creator, "creator": creator.and_then(|id| self.accounts.user(id)),
            "creator_principal": cause.account.principal(), "members": [], "resolution_id": null,
            "resolution_summary": null, "perms": permissions(), "properties": self.custom_fields(), "actions": [],
        });
        overlay(&mut incident, breach_defaults());
        overlay(&mut incident, body);
        self.definitions.types().to_ids(Kind::Incident, &mut incident)?;
        Ok(incident)
    }

    /// The custom fields of an incident, empty.
    fn custom_fields(&self) -> Value {
        let custom =
            self.definitions.types().fields("incident").filter(|field| field["prefix"] == "properties");
        custom
            .map(|field| (field["name"].as_str().unwrap_or_default().to_owned(), empty(field)))
            .collect::<Map<_, _>>()
            .into()
    }

    /// A complete task.
    pub(crate) fn new_task(&self, incident: i64, body: Value, cause: &Cause) -> Result<Value, ApiError> {
        required(&body, "name", "name", "text")?;
        let parent = self.objects.find(Kind::Incident, incident)?;
        let mut task = self.below(parent);
        overlay(
            &mut task,
            json!({
                "name": null, "description": "", "instr_text": null, "instructions": null, "status": "O", "active": true,
                "required": true, "frozen": false, "custom": true, "private": null, "phase_id": parent["phase_id"],
                "category_id": null, "cat_name": null, "owner_id": null, "owner_fname": null, "owner_lname": null,
                "due_date": null, "init_date": now(), "closed_date": null, "members": null, "notes": [],
                "notes_count": 0, "attachments_count": 0, "form": null, "user_notes": null, "src_name": null,
                "at_id": null, "auto_deactivate": true, "regs": {}, "task_layout": [], "inc_training": false,
                "perms": permissions(), "actions": [],
            }),
        );
        task["creator_principal"] = cause.account.principal();
        overlay(&mut task, body);
        self.definitions.types().to_ids(Kind::Task, &mut task)?;
        Ok(task)
    }

    /// A complete artifact.
    pub(crate) fn new_artifact(&self, incident: i64, body: Value, cause: &Cause) -> Result<Value, ApiError> {
        required(&body, "type", "type", "select")?;
        required(&body, "value", "value", "text")?;
        let mut artifact = self.below(self.objects.find(Kind::Incident, incident)?);
        overlay(
            &mut artifact,
            json!({
                "type": null, "value": null, "description": null, "attachment": null, "parent_id": null, "hash": null,
                "created": now(), "creator": null, "hits": [], "pending_sources": [], "relating": true,
                "related_incident_count": null, "ip": {"source": null, "destination": null}, "global_artifact": [],
                "properties": null, "last_modified_time": now(), "actions": [],
                "perms": {"read": true, "write": true, "delete": true},
            }),
        );
        artifact["creator_principal"] = cause.account.principal();
        overlay(&mut artifact, body);
        self.definitions.types().to_ids(Kind::Artifact, &mut artifact)?;
        Ok(artifact)
    }

    /// A complete note of an incident or of one of its tasks.
    pub(crate) fn new_note(
        &self,
        incident: i64,
        task: Option<i64>,
        body: &Value,
        cause: &Cause,
    ) -> Result<Value, ApiError> {
        let text = text_of(&body["text"]).ok_or_else(|| ApiError::required("text", "text", "textarea"))?;
        let mut note = self.below(self.objects.find(Kind::Incident, incident)?);
        let task_name =
            task.map(|id| self.objects.find(Kind::Task, id)).transpose()?.map(|task| task["name"].clone());
        overlay(
            &mut note,
            json!({
                "type": if task.is_some() { "task" } else { "incident" }, "text": text, "parent_id": body["parent_id"],
                "task_id": task, "task_name": task_name, "create_date": now(), "modify_date": now(), "children": [],
                "mentioned_users": [], "is_deleted": false, "actions": [],
                "comment_perms": {"update": true, "delete": true},
            }),
        );
        note["user_id"] = cause.account.user_id().into();
        note["modify_principal"] = cause.account.principal();
        Ok(note)
    }

    /// A complete milestone.
    pub(crate) fn new_milestone(&self, incident: i64, body: Value) -> Result<Value, ApiError> {
        required(&body, "title", "title", "text")?;
        required(&body, "date", "date", "date")?;
        let mut milestone = self.below(self.objects.find(Kind::Incident, incident)?);
        overlay(
            &mut milestone,
            json!({"title": null, "description": "", "date": null, "perms": null, "actions": []}),
        );
        overlay(&mut milestone, body);
        Ok(milestone)
    }

    /// An attachment's description; its bytes are kept apart.
    pub(crate) fn new_attachment(
        &self,
        incident: i64,
        task: Option<i64>,
        (name, content_type, size): (&str, &str, usize),
        cause: &Cause,
    ) -> Result<Value, ApiError> {
        let mut attachment = self.below(self.objects.find(Kind::Incident, incident)?);
        overlay(
            &mut attachment,
            json!({
                "type": if task.is_some() { "task" } else { "incident" }, "name": name, "content_type": content_type,
                "size": size, "task_id": task, "task_name": null, "created": now(), "actions": [],
                "creator_id": cause.account.user_id(), "uuid": new_uuid(),
            }),
        );
        Ok(attachment)
    }

    /// A complete e-mail message, as on its arrival: it belongs to no incident.
    pub(crate) fn new_email_message(body: Value) -> Value {
        let mut message = json!({
            "id": null, "vers": 1, "inc_id": null, "inc_name": null, "inc_owner": null, "subject": null, "from": null,
            "to": [], "cc": [], "body": {"format": "text", "content": ""}, "headers": {}, "attachments": [],
            "received_date": now(), "create_date": now(), "is_deleted": false, "actions": [],
        });
        overlay(&mut message, body);
        // Nobody has created an incident from it yet.
        message["inc_id"] = Value::Null;
        message
    }

    /// The fields about the incident that every object below it has.
    fn below(&self, incident: &Value) -> Value {
        json!({"id": null, "vers": 1, "inc_id": incident["id"], "inc_name": incident["name"],
            "inc_owner": incident["owner_id"], "inc_owner_id": incident["owner_id"]})
    }

    /// The current object with a user's changes applied; labels become ids.
    pub(crate) fn changed(&self, kind: Kind, id: i64, mut body: Value) -> Result<Value, ApiError> {
        let mut object = self.objects.find(kind, id)?.clone();
        if let Value::Object(body) = &mut body {
            body.retain(|key, _| !FIXED.contains(&key.as_str()));
        }
        if kind == Kind::Note
            && let Some(text) = body.get_mut("text")
        {
            *text = text_of(text).into();
        }
        overlay(&mut object, body);
        if kind == Kind::Incident {
            for (name, label, input) in
                [("name", "name", "text"), ("discovered_date", "discovered date", "date")]
            {
                required(&object, name, label, input)?;
            }
        }
        self.definitions.types().to_ids(kind, &mut object)?;
        Ok(object)
    }
}

/// Overwrites keys; `properties` are merged, so that a partial object keeps the other custom fields.
fn overlay(base: &mut Value, over: Value) {
    let (Value::Object(base), Value::Object(over)) = (base, over) else { return };
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) if key == "properties" => old.extend(new),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// The parts of an incident that concern privacy breaches and counting; nothing here depends on the incident.
fn breach_defaults() -> Value {
    json!({
        "assessment": null, "data_compromised": null, "exposure_vendor_id": null, "exposure_dept_id": null,
        "exposure_individual_name": null, "jurisdiction_reg_id": null,
        "confirmed": false, "inc_training": false, "draft": false, "is_scenario": false, "exposure": 0,
        "exposure_type_id": 1, "employee_involved": null, "negative_pr_likely": null, "crimestatus_id": 1,
        "reporter": null, "addr": null, "city": null, "state": null, "zip": null, "country": null,
        "nist_attack_vectors": [], "hard_liability": 0, "admin_id": null, "jurisdiction_name": null,
        "regulators": {"ids": []}, "task_changes": {"added": [], "removed": []}, "tasks": null, "artifacts": null,
        "comments": null, "cm": {"total": 0, "unassigneds": [], "geo_counts": {}}, "dtm": {}, "hipaa": {},
        "pii": {"exposure": 0, "data_source_ids": [], "harmstatus_id": 2},
    })
}

fn required(body: &Value, name: &str, label: &str, input: &str) -> Result<(), ApiError> {
    let value = &body[name];
    if value.is_null() || *value == "" { Err(ApiError::required(name, label, input)) } else { Ok(()) }
}

fn permissions() -> Value {
    let all = [
        "read",
        "write",
        "delete",
        "comment",
        "assign",
        "close",
        "change_members",
        "attach_file",
        "read_attachments",
        "delete_attachments",
        "list_artifacts",
        "create_artifacts",
        "list_milestones",
        "create_milestones",
    ];
    all.into_iter().map(|name| (name.to_owned(), Value::Bool(true))).collect::<Map<_, _>>().into()
}
