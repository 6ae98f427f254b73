//! Calls of functions: messages without an incident, whose replies carry results.

use circuits_deploy::deploy;
use circuits_sandbox::{InvocationId, Status};
use serde_json::{Value, json};

use crate::probe::{FUNCTION, Probe, with_function};
use crate::world::{On, World};

/// Calls the function.
async fn call(world: &World, inputs: Value) -> InvocationId {
    let id = world.sandbox.call(FUNCTION, inputs).unwrap();
    if world.broker.is_some() {
        world.send(world.sandbox.next_message().await).await;
    }
    id
}

/// Each call is answered once, with its result or its error, with an incident or without.
pub async fn functions_are_answered_with_their_results(on: On) {
    let world = World::start(on).await;
    let probe = Probe::new("functions");
    let rest = circuits::login(&world.config(&probe, ""), |_| {}).await.unwrap();
    deploy(&rest, &with_function()).await.unwrap();
    let runner = world.run(&probe, "").await;
    let colour = json!({"id": 7, "name": "green"});
    let wanted = [
        (json!({"probe_count": 1, "probe_colour": colour}), Ok(json!({"counted": 2, "colour": "green"}))),
        (json!({"probe_count": 2, "incident_id": 2095}), Ok(json!({"counted": 3, "colour": null}))),
        (json!({"probe_count": -1}), Err("less than nothing")),
        (json!({}), Err("inputs of the function: missing field `probe_count`")),
    ];
    let mut calls = Vec::new();
    for (inputs, _) in &wanted {
        calls.push(call(&world, inputs.clone()).await);
    }
    for (id, (inputs, expected)) in calls.into_iter().zip(wanted) {
        let done = world.settled(id).await;
        match expected {
            Ok(results) => {
                assert_eq!(
                    (done.status, done.results()),
                    (Status::Completed, Some(&results)),
                    "{inputs}: {done:?}"
                );
                assert_eq!(done.text(), "counting\nCompleted");
            }
            Err(text) => {
                assert_eq!(done.status, Status::Error, "{inputs}: {done:?}");
                assert!(done.text().ends_with(text), "{inputs}: {}", done.text());
            }
        }
        assert_eq!(done.final_replies, 1, "{inputs}: {done:?}");
    }
    runner.stop().await.unwrap();
    let mut incidents: Vec<_> = probe.runs().into_iter().map(|(incident, _)| incident).collect();
    incidents.sort_unstable();
    assert_eq!(incidents, [0, 0, 2095], "the incident is the input of that name");
}
