//! Whatever calls it gets, the journal in a file answers as the one in memory does, even after it was closed and opened.

use bytes::Bytes;
use circuits::Reply;
use circuits::journal::{Arrival, Journal, MemoryJournal, Outcome, Settlement, Standing};
use circuits_journal::{Options, SqliteJournal};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Begin(Vec<String>),
    Started(String),
    Released(String),
    Finish(String, String, bool),
    Settled(String),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few ids, so that calls share them; some of them are odd.
    let id =
        || prop::sample::select(vec!["a", "b", "A", "", "ID:x-1\u{0}2", "é", "'--"]).prop_map(str::to_owned);
    let step = prop_oneof![
        4 => prop::collection::vec(id(), 0..5).prop_map(Step::Begin),
        3 => id().prop_map(Step::Started),
        2 => id().prop_map(Step::Released),
        2 => (id(), any::<String>(), any::<bool>()).prop_map(|(id, text, error)| Step::Finish(id, text, error)),
        1 => id().prop_map(Step::Settled),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 0..40)
}

async fn tell(journal: &dyn Journal, step: &Step) -> Vec<Standing> {
    match step {
        Step::Begin(ids) => {
            let body = Bytes::from_static(b"{}");
            let arrivals: Vec<_> = ids
                .iter()
                .map(|id| Arrival {
                    id,
                    destination: "actions.201.q",
                    headers: vec![("n", "v")],
                    body: &body,
                })
                .collect();
            return journal.begin(&arrivals).await.unwrap();
        }
        Step::Started(id) => journal.started(id, Some("Rule"), Some(7)).await.unwrap(),
        Step::Released(id) => journal.released(id).await.unwrap(),
        Step::Finish(id, text, error) => {
            let reply = if *error { Reply::error(text) } else { Reply::completed(text) };
            journal.finish(id, &reply, Outcome::Answered).await.unwrap();
        }
        Step::Settled(id) => journal.settled(id, Settlement::Replied).await.unwrap(),
        Step::Reopen => {}
    }
    Vec::new()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_the_same(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::new(folder.path().join("journal"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let memory = MemoryJournal::default();
            let mut file = SqliteJournal::open(&options).unwrap();
            for step in &steps {
                if matches!(step, Step::Reopen) {
                    drop(file);
                    file = SqliteJournal::open(&options).unwrap();
                }
                prop_assert_eq!(tell(&file, step).await, tell(&memory, step).await, "{:?}", step);
            }
            Ok(())
        })?;
    }
}
