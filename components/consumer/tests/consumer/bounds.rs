//! What a program sees, and what keeps it in bounds.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::support::{kit, pipe, script, section};
use circuits_testing::{Kit, Mock};
use serde_json::{Value, json};

const MENU: &str = "Run";

fn incident() -> Value {
    json!({"object_type": 0, "incident": {"id": 2095, "name": "Phishing"}, "properties": {"reason": "night"}})
}

#[tokio::test]
async fn the_message_is_a_cloud_event_in_the_source_folder() {
    let (_folder, program) = script("tr -d '\\n' < \"$1/notification.json\"; echo; ls \"$1/downloads\"");
    let kit = kit(&program, "").await;
    let done = kit.handle(MENU, incident()).await;
    // A reply is one line, and shortened.
    assert!(done.reply.text().starts_with("{\"specversion\":\"1.0\""), "{done:?}");
    let mut call = json!({"function": {"name": "run"}});
    call["inputs"] = json!({"incident_id": 2095});
    let done = kit.handle("run", call.clone()).await;
    let output = done.reply.output().unwrap();
    let event: Value = serde_json::from_str(output["output"].as_str().unwrap()).unwrap();
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], "circuits.action.received");
    assert_eq!(event["source"], "/orgs/201/destinations/consumer");
    assert_eq!(event["subject"], "run");
    assert_eq!(event["datacontenttype"], "application/json");
    assert_eq!(event["data"], call);
    assert_eq!(event["id"].as_str().unwrap().len(), 36);
    assert!(event["time"].as_str().unwrap().ends_with('Z'), "{event}");
}

#[tokio::test]
async fn the_last_line_of_the_output_is_the_reply() {
    let (_folder, program) = script("echo one; echo two; echo; echo 'not said' >&2");
    let done = kit(&program, "").await.handle(MENU, incident()).await;
    assert_eq!((done.reply.text(), done.reply.is_error()), ("two", false));
    let (_folder, silent) = script("exit 0");
    assert_eq!(kit(&silent, "").await.handle(MENU, incident()).await.reply.text(), "Done");
}

#[tokio::test]
async fn a_failure_is_told_with_its_exit_status_and_the_last_line_of_standard_error() {
    let (_folder, program) = script("echo output; echo one >&2; echo 'host is down' >&2; echo >&2; exit 3");
    let kit = kit(&program, "").await;
    let done = kit.handle(MENU, incident()).await;
    assert_eq!(
        (done.reply.text(), done.reply.is_error()),
        ("Run failed (exit status: 3): host is down", true)
    );
    let done = kit.call("run", json!({})).await;
    let results = json!({"exit": 3, "output": "output\n", "error": "host is down", "uploads": []});
    assert_eq!((done.reply.output(), done.reply.is_error()), (Some(&results), false));
}

#[tokio::test]
async fn a_program_that_a_signal_ends_is_an_error_of_a_rule_and_of_a_function() {
    let (_folder, program) = script("kill -KILL $$");
    let kit = kit(&program, "").await;
    for done in [kit.handle(MENU, incident()).await, kit.call("run", json!({})).await] {
        assert!(done.reply.is_error() && done.reply.text().contains("signal: 9"), "{done:?}");
    }
}

#[tokio::test]
async fn of_a_hundred_megabytes_of_output_the_last_kilobyte_is_kept() {
    let (_folder, program) = script(
        "head -c 100000000 /dev/zero | tr '\\0' x; echo; head -c 100000000 /dev/zero >&2; \
         echo end; echo oops >&2",
    );
    let kit = kit(&program, "output_kb=1").await;
    assert_eq!(kit.handle(MENU, incident()).await.reply.text(), "end");
    let done = kit.call("run", json!({})).await;
    let output = done.reply.output().unwrap()["output"].as_str().unwrap();
    let (note, kept) = output.split_once('\n').unwrap();
    assert_eq!((note, kept.len()), ("(cut off before the last 1024 bytes)", 1024));
    assert!(kept.ends_with("xxx\nend\n"), "{kept}");
}

#[tokio::test]
async fn a_long_line_is_shortened_in_the_reply() {
    let (_folder, program) = script("head -c 50000 /dev/zero | tr '\\0' x");
    let done = kit(&program, "").await.handle(MENU, incident()).await;
    assert_eq!(done.reply.text(), format!("{}…", "x".repeat(500)));
}

#[tokio::test]
async fn what_takes_too_long_is_killed_with_all_it_started_even_if_it_ignores_the_term_signal() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe(folder.path());
    let (_script, program) = script(&format!(
        "trap '' TERM; exec > {0}; \
         (trap '' TERM; while :; do sleep 1000; done) & \
         while :; do sleep 1000; done",
        pipe.display()
    ));
    let kit = kit(&program, "timeout=1").await;
    let alive = tokio::task::spawn_blocking(move || std::fs::read(pipe));
    let done = kit.handle(MENU, incident()).await;
    assert!(
        done.reply.is_error() && done.reply.text().contains("did not end within 1 s and was killed"),
        "{done:?}"
    );
    assert_eq!(alive.await.unwrap().unwrap(), b"", "the end of the pipe: nobody holds it any more");
}

#[tokio::test]
async fn what_a_program_leaves_running_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe(folder.path());
    // The child holds the output, too. The pipe is open before the program ends, or nobody would ever write to it.
    let (_script, program) =
        script(&format!("exec 3> {}; sleep 1000 & exec 3>&-; echo done", pipe.display()));
    let alive = tokio::task::spawn_blocking(move || std::fs::read(pipe));
    let done = kit(&program, "").await.handle(MENU, incident()).await;
    assert_eq!((done.reply.text(), done.reply.is_error()), ("done", false));
    assert_eq!(alive.await.unwrap().unwrap(), b"");
}

#[tokio::test]
async fn a_program_is_killed_when_its_action_is_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe(folder.path());
    let (_script, program) = script(&format!("exec > {}; echo running; sleep 1000; exit 0", pipe.display()));
    let kit = kit(&program, "").await;
    let (running, told) = tokio::sync::oneshot::channel();
    let alive = tokio::task::spawn_blocking(move || {
        let mut file = BufReader::new(std::fs::File::open(pipe).unwrap());
        let mut line = String::new();
        file.read_line(&mut line).unwrap();
        running.send(line).unwrap();
        file.read_to_end(&mut Vec::new()).unwrap()
    });
    tokio::select! {
        done = kit.handle(MENU, incident()) => panic!("it sleeps: {done:?}"),
        line = told => assert_eq!(line.unwrap(), "running\n"),
    }
    assert_eq!(alive.await.unwrap(), 0);
}

#[tokio::test]
async fn the_environment_is_four_variables_and_those_that_the_section_names() {
    let (_folder, program) = script("env");
    let names = |done: circuits_testing::Done| -> BTreeSet<String> {
        let output = done.reply.output().unwrap()["output"].as_str().unwrap().to_owned();
        output.lines().filter_map(|line| Some(line.split_once('=')?.0.to_owned())).collect()
    };
    // Shells set some themselves. Cargo sets others for every test.
    let mut allowed: BTreeSet<String> =
        ["PATH", "LANG", "HOME", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"].map(str::to_owned).into();
    let seen = names(kit(&program, "").await.call("run", json!({})).await);
    assert!(seen.is_subset(&allowed) && seen.contains("HOME"), "{seen:?}");
    let seen = names(kit(&program, "environment=CARGO_PKG_NAME").await.call("run", json!({})).await);
    allowed.insert("CARGO_PKG_NAME".to_owned());
    assert!(seen.is_subset(&allowed) && seen.contains("CARGO_PKG_NAME"), "{seen:?}");
}

#[tokio::test]
async fn the_folders_of_a_run_are_private_and_deleted_after_it() {
    let (_folder, program) = script(
        "[ \"$HOME\" = \"$TMPDIR\" ] && ls -ld \"$HOME/..\" >&2; touch \"$HOME/x\"; echo \"$HOME\"; exit 1",
    );
    let done = kit(&program, "").await.call("run", json!({})).await;
    let results = done.reply.output().unwrap();
    assert!(results["error"].as_str().unwrap().starts_with("drwx------"), "{results}");
    let home = Path::new(results["output"].as_str().unwrap().trim());
    assert!(home.is_absolute() && !home.parent().unwrap().exists(), "{results}");
}

#[tokio::test]
async fn a_program_that_takes_too_much_memory_fails_alone() {
    // 128 MB in one piece.
    let (_folder, program) =
        script("awk 'BEGIN { s = \"x\"; for (i = 0; i < 27; i++) s = s s; print length(s) }'");
    let (greedy, frugal) = (kit(&program, "memory_mb=64").await, kit(&program, "memory_mb=2048").await);
    let (refused, served) = tokio::join!(greedy.handle(MENU, incident()), frugal.handle(MENU, incident()));
    assert!(refused.reply.is_error(), "{refused:?}");
    assert_eq!((served.reply.text(), served.reply.is_error()), ("134217728", false));
}

#[tokio::test]
async fn a_file_that_grows_beyond_bounds_ends_its_program() {
    let (_folder, program) = script("head -c 3000000 /dev/zero > \"$HOME/big\" && echo written");
    assert_eq!(kit(&program, "files_mb=3").await.handle(MENU, incident()).await.reply.text(), "written");
    let done = kit(&program, "files_mb=1").await.handle(MENU, incident()).await;
    assert!(done.reply.is_error() && !done.reply.text().contains("written"), "{done:?}");
}

#[tokio::test]
async fn a_rule_without_a_program_is_told_where_to_add_it() {
    let (_folder, program) = script("exit 0");
    let done = kit(&program, "").await.handle("Scan Files", incident()).await;
    assert!(done.reply.is_error(), "{done:?}");
    for part in ["Scan Files", "consumers in [consumer]"] {
        assert!(done.reply.text().contains(part), "{done:?}");
    }
}

#[tokio::test]
async fn mistakes_in_the_section_end_the_start() {
    let (_folder, program) = script("exit 0");
    for (settings, part) in [
        ("timeout=0", "timeout in [consumer] must be in the range 1 to 86400"),
        ("memory_mb=1", "memory_mb in [consumer] must be in the range 16 to 1048576"),
        ("output_kb=0", "output_kb in [consumer]"),
        ("files_mb=0", "files_mb in [consumer]"),
        ("max_files=0", "max_files in [consumer]"),
        ("environment=HOME", "environment in [consumer] names HOME, which is a folder of each run's own"),
        ("environment=NO_SUCH_NAME", "environment in [consumer] names NO_SUCH_NAME, which is not set"),
        ("environment=A=B", "names A=B, which is not set"),
    ] {
        let error =
            Kit::configured("consumer", &section(&program, "", settings), Mock::new()).await.unwrap_err();
        assert!(error.to_string().contains(part), "{settings}: {error}");
    }
    let error =
        Kit::configured("consumer", "[consumer]\nconsumers=Run: /no/such\n", Mock::new()).await.unwrap_err();
    assert!(
        error.to_string().contains("consumers in [consumer]: Run: /no/such: there is no program /no/such"),
        "{error}"
    );
}
