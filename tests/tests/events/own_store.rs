//! A store of somebody else's crate, which the settings name like any other.

use std::sync::{Arc, LazyLock};

use circuits::account::{Accounts, Rights};
use circuits::store::{MemoryStore, Store, StoreKind};
use circuits_tests::eventful::Eventful;

use circuits_accounts as _;
use circuits_events as _;
use circuits_http as _;

static STORE: LazyLock<Arc<dyn Store>> = LazyLock::new(|| Arc::new(MemoryStore::default()));

circuits::register! {
    StoreKind::new("mystore", |_| Box::pin(async { Ok(Arc::clone(&STORE)) })).about("of this test")
}

#[tokio::test(flavor = "multi_thread")]
async fn ot_7_a_linked_store_is_chosen_by_its_name() {
    let it = Eventful::start("own store").await;
    let runner = it.run("subscriptions=true\nstore=mystore").await;
    assert_eq!(it.http("GET", "/eventmatch", "alice", b"").await.0, 200);
    let rights = Rights::parse(&["read"]).unwrap();
    let accounts = Accounts::new(Arc::clone(&STORE));
    circuits_accounts::add(&accounts, "bob", rights, None).await.unwrap();
    assert_eq!(it.http("GET", "/eventmatch", "alice", b"").await.0, 401, "now there is an account");
    assert!(!it.store().exists());
    runner.stop().await;
}
