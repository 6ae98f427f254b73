//! What every store must hold to, as checks that a crate with a store of its own runs.

use std::sync::Arc;

use circuits::store::{Query, Record, Store, Write};

/// Checks that a store keeps what [`Store`] says, and panics with the broken sentence. The store must be empty.
///
/// ```
/// use std::sync::Arc;
///
/// use circuits::store::MemoryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// circuits_testing::store_contract(Arc::new(MemoryStore::default())).await;
/// # }
/// ```
///
/// Whether records outlive the process is the store's own matter; test that by opening it again.
pub async fn store_contract(store: Arc<dyn Store>) {
    let store = &*store;
    an_empty_table_holds_nothing(store).await;
    changes_tell_whether_they_changed_anything(store).await;
    any_text_is_a_key_and_a_value(store).await;
    windows_begin_after_and_end_with_their_bounds(store).await;
    records_come_in_the_order_of_rank_and_key(store).await;
    prefixes_are_taken_literally(store).await;
    one_of_many_inserts_wins(store).await;
    changes_of_one_call_appear_together(store).await;
    assert!(store.flush().await.is_ok(), "a store that works can be flushed");
}

async fn apply(store: &dyn Store, changes: Vec<Write>) -> Vec<bool> {
    match store.apply(changes).await {
        Ok(changed) => changed,
        Err(error) => panic!("a store that works takes changes: {error}"),
    }
}

async fn get(store: &dyn Store, table: &str, key: &str) -> Option<Record> {
    match store.get(table, key).await {
        Ok(found) => found,
        Err(error) => panic!("a store that works can be read: {error}"),
    }
}

/// The keys that a query lets through; `count` must agree when nothing is left out by number.
async fn keys(store: &dyn Store, table: &str, query: &Query) -> Vec<String> {
    let all = store.list(table, query).await;
    let all = all.unwrap_or_else(|error| panic!("a store that works can be read: {error}"));
    let counted = Query { offset: 0, limit: None, ..query.clone() };
    let listed = store.list(table, &counted).await.map(|all| all.len() as u64).ok();
    let count = store.count(table, query).await.ok();
    assert_eq!(count, listed, "count ignores offset and limit, and agrees with list: {query:?}");
    all.into_iter().map(|record| record.key).collect()
}

async fn an_empty_table_holds_nothing(store: &dyn Store) {
    assert_eq!(get(store, "contract.none", "a").await, None, "a table without records has none");
    assert!(
        keys(store, "contract.none", &Query::default()).await.is_empty(),
        "a table without records lists none"
    );
    assert!(apply(store, Vec::new()).await.is_empty(), "no changes have no answers");
    let deleted = apply(store, vec![Write::delete("contract.none", "a")]).await;
    assert_eq!(deleted, [false], "deleting what is not there changes nothing");
}

async fn changes_tell_whether_they_changed_anything(store: &dyn Store) {
    let table = "contract.changes";
    let changes = vec![
        Write::insert(table, Record::new("a", 1, "one")),
        Write::insert(table, Record::new("a", 2, "two")),
        Write::put(table, Record::new("b", 3, "three")),
        Write::put(table, Record::new("b", 4, "four")),
        Write::insert("contract.changes.other", Record::new("a", 5, "five")),
        Write::delete(table, "c"),
    ];
    let changed = apply(store, changes).await;
    assert_eq!(changed, [true, false, true, true, true, false], "an answer for each change, in order");
    assert_eq!(get(store, table, "a").await, Some(Record::new("a", 1, "one")), "insert leaves what is there");
    assert_eq!(
        get(store, table, "b").await,
        Some(Record::new("b", 4, "four")),
        "put replaces rank and value"
    );
    let other = get(store, "contract.changes.other", "a").await;
    assert_eq!(other, Some(Record::new("a", 5, "five")), "tables do not share keys");
    let changes = vec![
        Write::delete(table, "a"),
        Write::insert(table, Record::new("a", 6, "six")),
        Write::delete(table, "b"),
    ];
    assert_eq!(apply(store, changes).await, [true, true, true], "changes take effect in their order");
    assert_eq!(keys(store, table, &Query::default()).await, ["a"], "what was deleted is gone");
}

async fn any_text_is_a_key_and_a_value(store: &dyn Store) {
    let large = "x".repeat(1 << 20);
    for (key, value) in [
        ("", "an empty key"),
        ("null\u{0}byte", "\u{0}"),
        ("it's \"é\"; --", "🦀"),
        ("line\nbreak", ""),
        ("large", &large),
    ] {
        let record = Record::new(key, i64::MIN, value);
        apply(store, vec![Write::put("contract.text", record.clone())]).await;
        assert_eq!(
            get(store, "contract.text", key).await,
            Some(record),
            "any text is a key, and comes back: {key:?}"
        );
    }
}

async fn windows_begin_after_and_end_with_their_bounds(store: &dyn Store) {
    let table = "contract.windows";
    let ranks = [i64::MIN, -1, 0, 1, 2, i64::MAX];
    let records = ranks.iter().map(|rank| Write::put(table, Record::new(rank.to_string(), *rank, "")));
    apply(store, records.collect()).await;
    for (above, through, expected) in [
        (Some(0), Some(2), vec!["1", "2"]),
        (Some(2), None, vec!["9223372036854775807"]),
        (None, Some(-1), vec!["-9223372036854775808", "-1"]),
        (Some(1), Some(1), vec![]),
        (Some(i64::MAX), None, vec![]),
        (Some(2), Some(0), vec![]),
    ] {
        let query = Query { above, through, ..Query::default() };
        let found = keys(store, table, &query).await;
        assert_eq!(found, expected, "a window begins after `above` and ends with `through`: {query:?}");
    }
}

async fn records_come_in_the_order_of_rank_and_key(store: &dyn Store) {
    let table = "contract.order";
    let records = [("d", 1), ("a", 2), ("c", 1), ("b", 3), ("e", 1)];
    let records = records.iter().map(|(key, rank)| Write::put(table, Record::new(*key, *rank, "")));
    apply(store, records.collect()).await;
    let up = keys(store, table, &Query::default()).await;
    assert_eq!(up, ["c", "d", "e", "a", "b"], "lowest rank first, and among equal ranks by key");
    let down = Query { descending: true, ..Query::default() };
    assert_eq!(
        keys(store, table, &down).await,
        ["b", "a", "e", "d", "c"],
        "descending is the other way round"
    );
    let page = Query { offset: 1, limit: Some(2), ..Query::default() };
    assert_eq!(keys(store, table, &page).await, ["d", "e"], "offset is left out first, then limit counts");
    let none = Query { limit: Some(0), ..Query::default() };
    assert!(keys(store, table, &none).await.is_empty(), "a limit of 0 lists nothing");
    let beyond = Query { offset: 9, ..Query::default() };
    assert!(keys(store, table, &beyond).await.is_empty(), "beyond the last there is nothing");
}

async fn prefixes_are_taken_literally(store: &dyn Store) {
    let table = "contract.prefix";
    let all = ["a", "a%", "a%b", "a_b", "aé", "b", "A", "a\u{0}b"];
    apply(store, all.iter().map(|key| Write::put(table, Record::new(*key, 0, ""))).collect()).await;
    for prefix in ["a", "a%", "a_", "aé", "a\u{0}", "c", ""] {
        let query = Query { prefix: Some(prefix.to_owned()), ..Query::default() };
        let mut expected: Vec<_> = all.iter().filter(|key| key.starts_with(prefix)).copied().collect();
        expected.sort_unstable();
        assert_eq!(keys(store, table, &query).await, expected, "a prefix is taken literally: {prefix:?}");
    }
}

async fn one_of_many_inserts_wins(store: &dyn Store) {
    let inserts = (0..50).map(|n| {
        let record = Record::new("one", n, n.to_string());
        store.apply(vec![Write::insert("contract.race", record)])
    });
    let made = futures_util::future::join_all(inserts).await;
    let won: Vec<_> = (0..50).zip(made).filter(|(_, made)| matches!(made.as_deref(), Ok([true]))).collect();
    assert_eq!(won.len(), 1, "of many inserts of one key one makes the record");
    let kept = get(store, "contract.race", "one").await.map(|record| record.rank);
    assert_eq!(kept, won.first().map(|(n, _)| *n), "the insert that made the record is the one that is kept");
}

async fn changes_of_one_call_appear_together(store: &dyn Store) {
    let table = "contract.together";
    let pair =
        |n: i64| vec![Write::put(table, Record::new("a", n, "")), Write::put(table, Record::new("b", n, ""))];
    let write = async {
        for n in 0..100 {
            apply(store, pair(n)).await;
        }
    };
    let read = async {
        for _ in 0..100 {
            let ranks = store.list(table, &Query::default()).await.unwrap_or_default();
            let same = ranks.windows(2).all(|two| two[0].rank == two[1].rank);
            assert!(same && ranks.len() != 1, "the changes of one call appear together: {ranks:?}");
        }
    };
    futures_util::future::join(write, read).await;
}
