//! `function`: calls a function, with inputs from the command line in the order in which the platform lists them.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use circuits::Rest;
use circuits::rest::{HandleFormat, segment};
use serde_json::{Map, Value, json};

use super::submit::Watch;
use crate::exit::Ended;
use crate::order::Order;
use crate::print;
use crate::session::Session;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The API name of the function.
    name: String,
    /// Values of its inputs; those that are missing are asked for on a terminal, and empty otherwise.
    #[arg(allow_hyphen_values = true)]
    values: Vec<String>,
    #[command(flatten)]
    watch: Watch,
}

pub(super) async fn run(session: &Session, args: Args) -> anyhow::Result<Ended> {
    let rest = circuits::login(&session.target.config()?, |_| {}).await?;
    let (destination, message) = message(&rest, &args).await?;
    if !session.target.json {
        print::out(&format!("{message:#}"))?;
    }
    args.watch.submit(session, None, || Ok(Order::new(&destination, &message.to_string()))).await
}

/// The message, and the function's message destination.
async fn message(rest: &Rest, args: &Args) -> anyhow::Result<(String, Value)> {
    let rest = rest.with_handles(HandleFormat::Names);
    let path = format!("/functions/{}", segment(&args.name));
    let function: Value = rest.get(&path).await.with_context(|| format!("the function {}", args.name))?;
    let fields = rest.list("/types/__function/fields").await?;
    let inputs: Vec<&Value> = function["view_items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| fields.iter().find(|field| field["uuid"] == item["content"]))
        .collect();
    if args.values.len() > inputs.len() {
        bail!("{} has {} inputs, but {} values are given", args.name, inputs.len(), args.values.len());
    }
    let mut values = Map::new();
    for (place, field) in inputs.into_iter().enumerate() {
        let text = match args.values.get(place) {
            Some(text) => text.clone(),
            None => ask(field)?,
        };
        let name = field["name"].as_str().unwrap_or_default();
        values.insert(name.to_owned(), input(field, &text).with_context(|| name.to_owned())?);
    }
    // The test port finds the handler by the function's name; a broker needs the queue.
    let destination = function["destination_handle"].as_str().unwrap_or("function").to_owned();
    let message = json!({
        "function": {"id": function["id"], "name": function["name"], "uuid": function["uuid"]},
        "inputs": values,
        "groups": [],
        "principal": null,
        "workflow": null,
        "workflow_instance": null,
    });
    Ok((destination, message))
}

/// Asks for a value if there is a terminal.
fn ask(field: &Value) -> anyhow::Result<String> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Ok(String::new());
    }
    let part = |key: &str| field[key].as_str().unwrap_or_default();
    anstream::eprint!("{} ({}, {}): ", part("name"), part("input_type"), part("tooltip"));
    std::io::stderr().flush()?;
    let mut line = String::new();
    input.lock().read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// A value in the form in which the platform sends it.
fn input(field: &Value, text: &str) -> anyhow::Result<Value> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    Ok(match field["input_type"].as_str().unwrap_or_default() {
        "number" | "datepicker" | "datetimepicker" => {
            json!(text.parse::<i64>().with_context(|| format!("`{text}` is not a whole number"))?)
        }
        "boolean" => json!(text.to_lowercase().starts_with(['y', 't', '1'])),
        "textarea" => json!({"format": "text", "content": text}),
        "select" => choice(field, text),
        "multiselect" => text.split(',').map(|text| choice(field, text.trim())).collect(),
        _ => json!(text),
    })
}

/// A choice with its id, if the platform lists it.
fn choice(field: &Value, text: &str) -> Value {
    let choices = field["values"].as_array().into_iter().flatten();
    let found = choices.into_iter().find(|choice| choice["label"] == text);
    json!({"id": found.map_or(json!(123), |choice| choice["value"].clone()), "name": text})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_as_the_platform_sends_them() {
        let field = |kind: &str| json!({"input_type": kind, "values": [{"label": "Low", "value": 7}]});
        for (kind, text, value) in [
            ("number", "5", json!(5)),
            ("datetimepicker", "1700000000000", json!(1_700_000_000_000_i64)),
            ("boolean", "Yes", json!(true)),
            ("boolean", "no", json!(false)),
            ("textarea", "a b", json!({"format": "text", "content": "a b"})),
            ("select", "Low", json!({"id": 7, "name": "Low"})),
            ("multiselect", "Low, High", json!([{"id": 7, "name": "Low"}, {"id": 123, "name": "High"}])),
            ("text", "x", json!("x")),
            ("text", "", Value::Null),
        ] {
            assert_eq!(input(&field(kind), text).unwrap(), value, "{kind}");
        }
        assert!(input(&field("number"), "x").is_err());
    }
}
