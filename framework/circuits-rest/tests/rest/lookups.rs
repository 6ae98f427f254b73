//! Lookups over real HTTPS: one read for everybody, labels both ways, recorded lists understood.

use crate::support::{Peer, recorded, reply};
use circuits_rest::HandleFormat;
use serde_json::{Value, json};

#[tokio::test]
async fn a_list_is_read_once_for_all_handles() {
    let peer = Peer::platform(|seen| match seen.path.as_str() {
        "/rest/orgs/201/types/incident/fields" => {
            reply(200, json!([{"name": "severity_code", "input_type": "select", "values": [{"value": 50, "label": "Low"}]}]))
        }
        "/rest/orgs/201/users" => reply(200, json!([{"id": 7, "fname": "Kim", "lname": "Lee"}])),
        "/rest/const" => reply(200, json!({"x": 1})),
        _ => reply(200, json!([])),
    })
    .await;
    let client = peer.connect().await;
    let calls: Vec<_> = (0..50)
        .map(|n| {
            let rest = client.with_token(Some(&format!("token-{n}")));
            tokio::spawn(async move {
                let fields = rest.fields("incident").await.unwrap();
                (
                    fields.field("severity_code").unwrap().label(&json!(50)).unwrap().to_owned(),
                    rest.users().await.unwrap(),
                )
            })
        })
        .collect();
    for call in calls {
        let (label, users) = call.await.unwrap();
        assert_eq!((label.as_str(), users.name(7)), ("Low", Some("Kim Lee")));
    }
    assert_eq!(peer.count("GET", "/rest/orgs/201/types"), 1);
    assert_eq!(peer.count("GET", "/rest/orgs/201/users"), 1);

    let rest = client.with_token(None);
    rest.cached("/things").await.unwrap();
    rest.with_handles(HandleFormat::Names).cached("/things").await.unwrap();
    rest.cached("/things").await.unwrap();
    assert_eq!(peer.count("GET", "/rest/orgs/201/things"), 2, "other forms are other answers");
    assert_eq!(rest.absolute().cached("/const").await.unwrap()["x"], 1);
    rest.absolute().fields("incident").await.unwrap();
    rest.forget();
    rest.cached("/things").await.unwrap();
    assert_eq!(peer.count("GET", "/rest/orgs/201/things"), 3);
}

#[tokio::test]
async fn a_failed_read_is_not_remembered() {
    let mut down = true;
    let peer =
        Peer::platform(
            move |_| {
                if std::mem::take(&mut down) { reply(400, json!({})) } else { reply(200, json!([])) }
            },
        )
        .await;
    let rest = peer.connect().await.with_token(None);
    rest.cached("/things").await.unwrap_err();
    rest.cached("/things").await.unwrap();
}

#[tokio::test]
async fn recorded_fields_and_users_are_understood() {
    let incident =
        recorded("rest/200_JSON_GET__rest_orgs_211_types_incident_fields__2017-03-07T15-06-32.838415.json");
    let action = recorded(
        "rest/200_JSON_GET__rest_orgs_211_types_actioninvocation_fields__2017-03-07T15-06-33.664072.json",
    );
    let function = recorded("rest/mock/200_JSON_GET__types_function_fields.json");
    let org = recorded("rest/200_JSON_GET__rest_orgs_211__2017-03-07T15-06-32.631724.json");
    let (Some(incident), Some(action), Some(function), Some(org)) = (incident, action, function, org) else {
        println!("skipped: no ../shared/data");
        return;
    };
    let peer = Peer::platform(move |seen| match seen.path.as_str() {
        "/rest/orgs/201/types/incident/fields" => reply(200, incident.clone()),
        "/rest/orgs/201/types/actioninvocation/fields" => reply(200, action.clone()),
        "/rest/orgs/201/types/__function/fields" => reply(200, function.clone()),
        "/rest/orgs/201/users" => reply(200, org["users"].clone()),
        _ => reply(200, org["groups"].clone()),
    })
    .await;
    let rest = peer.connect().await.with_token(None);
    let fields = rest.fields("incident").await.unwrap();
    let mut object = json!({"properties": {}});
    fields.write(&mut object, "severity_code", "High").unwrap();
    fields.write(&mut object, "required_multiselect", json!(["Value 2", "Value 1"])).unwrap();
    assert_eq!(object, json!({"severity_code": 3402, "properties": {"required_multiselect": [3551, 3550]}}));
    assert_eq!(fields.read(&object, "required_multiselect").unwrap(), json!(["Value 2", "Value 1"]));
    let query = rest.fields("actioninvocation").await.unwrap();
    assert_eq!(query.field("ariel_query").unwrap().choice("Kathy's Query"), Some(&Value::from(3602)));
    assert_eq!(rest.fields("__function").await.unwrap().field("seconds").unwrap().input_type, "number");
    assert_eq!(rest.users().await.unwrap().name(132), Some("Andres Gomez Coronel"));
    assert_eq!(rest.groups().await.unwrap().id("testinggroup"), Some(187));
}
