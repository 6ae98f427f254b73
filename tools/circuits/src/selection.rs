//! `-l NAME…`: selects linked components for a command.

use anyhow::bail;
use circuits::Registration;

/// The selected components.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Selection {
    /// Only these components.
    #[arg(short = 'l', long = "list", value_name = "NAME", num_args = 1..)]
    names: Vec<String>,
}

impl Selection {
    /// The linked components that are named, sorted; without any name, those that `noload` does not exclude.
    pub(crate) fn of(
        &self,
        linked: &[&'static Registration],
        noload: &[String],
    ) -> anyhow::Result<Vec<&'static Registration>> {
        if linked.is_empty() {
            bail!(
                "no components are linked into this binary; add `use components as _;` to its main.rs (a Cargo dependency alone \
                 registers nothing)"
            );
        }
        let unknown = |name: &&String| linked.iter().all(|one| one.name() != name.as_str());
        if let Some(unknown) = self.names.iter().find(unknown) {
            let names: Vec<_> = linked.iter().map(|one| one.name()).collect();
            bail!("`{unknown}` is not a linked component. Linked are: {}", names.join(", "));
        }
        if self.names.is_empty() {
            circuits::check_noload(linked, noload).map_err(anyhow::Error::msg)?;
        }
        let chosen = |one: &&&'static Registration| {
            let among = |names: &[String]| names.iter().any(|name| name == one.name());
            if self.names.is_empty() { !among(noload) } else { among(&self.names) }
        };
        Ok(linked.iter().filter(chosen).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use circuits::{Error, Setup};

    fn none(_: &Setup) -> circuits::Result<circuits::Component> {
        Err(Error::new("not built here"))
    }
    static A: Registration = Registration::new("a", none);
    static B: Registration = Registration::new("b", none);

    #[test]
    fn names_beat_noload_and_unknown_ones_are_refused() {
        let of = |names: &[&str], noload: &[&str]| {
            let text = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            let chosen = Selection { names: text(names) }.of(&[&A, &B], &text(noload));
            chosen.map(|all| all.iter().map(|one| one.name()).collect::<Vec<_>>())
        };
        assert_eq!(of(&[], &["a"]).unwrap(), ["b"]);
        assert_eq!(of(&["a"], &["a"]).unwrap(), ["a"]);
        assert_eq!(of(&[], &["status"]).unwrap(), ["a", "b"]);
        assert!(of(&[], &["c"]).unwrap_err().to_string().contains("noload names `c`"));
        assert!(of(&["c"], &[]).unwrap_err().to_string().contains("Linked are: a, b"));
        assert!(Selection::default().of(&[], &[]).unwrap_err().to_string().contains("use components as _;"));
    }
}
