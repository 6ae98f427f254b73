//! Checks that the platform's functions send to where their components listen: a call that goes elsewhere waits forever.

use std::collections::HashMap;
use std::sync::Arc;

use circuits_rest::{HandleFormat, Rest};

use crate::runtime::live::Loaded;

/// What is wrong with the functions that these components handle, each with its cure.
///
/// # Errors
/// When the platform does not list its functions.
pub(crate) async fn misplaced(
    rest: &Rest,
    loaded: &[Arc<Loaded>],
) -> Result<Vec<String>, circuits_rest::Error> {
    let handled =
        loaded.iter().flat_map(|one| one.component.functions.iter().map(move |route| (one, &route.rule)));
    let handled: Vec<_> = handled.collect();
    if handled.is_empty() {
        return Ok(Vec::new());
    }
    let listed = rest.with_handles(HandleFormat::Names).list("/functions").await?;
    let known: HashMap<_, _> = listed.iter().filter_map(|one| Some((one["name"].as_str()?, one))).collect();
    let wrong = handled.into_iter().filter_map(|(one, name)| {
        let (component, listens) = (one.registration.name(), &one.component.destination);
        match known.get(name.as_str()).map(|function| &function["destination_handle"]) {
            None => Some(format!(
                "The function `{name}` (of `{component}`) is not defined on this platform, so nothing calls it. Run `circuits customize` \
                 if the component brings its definition"
            )),
            Some(sends) if sends != listens => Some(format!(
                "The function `{name}` sends to the message destination {sends}, but `{component}` listens on `{listens}`, so its calls are \
                 not answered. Correct it on the platform, or set queue= in [{}]",
                one.registration.section()
            )),
            Some(_) => None,
        }
    });
    Ok(wrong.collect())
}
