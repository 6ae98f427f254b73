//! `circuits config -c`, `-u`, `check`, and `circuits list`: what they write, what they leave alone, and what they find.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use circuits_tests::certs::Authority;
use circuits_tests::command::{Place, platform, said};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");

fn mode(place: &Place, name: &str) -> u32 {
    std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777
}

fn chmod(place: &Place, name: &str, mode: u32) {
    std::fs::set_permissions(place.path(name), PermissionsExt::from_mode(mode)).unwrap();
}

#[test]
fn a_new_file_has_the_example_and_each_section_and_only_its_owner_reads_it() {
    let place = Place::new(BINARY);
    place.run(&["config", "-c"]).is(0, &["Wrote ", ".resilient/app.config", "circuits config check"]);
    let text = place.read(".resilient/app.config");
    let example = include_str!("../../../app.config.example");
    assert_eq!(text, format!("{example}\n[probe]\n"));
    assert_eq!((mode(&place, ".resilient"), mode(&place, ".resilient/app.config")), (0o700, 0o600));

    place.run(&["config", "check"]).is(
        1,
        &[
            "app.config:16: [resilient] host = `resilient.example.com`",
            "RESILIENT_API_KEY_SECRET",
            "1 fault in",
        ],
    );
    let environment = place.path("elsewhere.config");
    let mut command = place.command(&["config", "--create"]);
    said(&command.env("APP_CONFIG_FILE", &environment).output().unwrap()).is(0, &["elsewhere.config"]);
    place.run(&["config", "-c", "sub/my.config", "-l", "probe"]).is(0, &["sub/my.config"]);
    assert_eq!(place.read("sub/my.config"), text);
}

#[test]
fn nothing_is_overwritten_without_a_word_and_never_lost() {
    let place = Place::new(BINARY);
    place.write("app.config", "first");
    chmod(&place, "app.config", 0o644);
    place.run(&["config", "-c", "app.config"]).is(1, &["app.config exists. Overwrite it", "-y"]);
    assert_eq!(place.read("app.config"), "first");
    place.run(&["config", "-c", "app.config", "-y"]).is(0, &["kept as", "app.config.bak\n"]);
    place.run(&["config", "-y", "-c", "app.config"]).is(0, &["app.config.bak1\n"]);
    assert_eq!(place.read("app.config.bak"), "first");
    assert_eq!(place.read("app.config.bak1"), place.read("app.config"));
    let modes = ["app.config", "app.config.bak", "app.config.bak1"].map(|name| mode(&place, name));
    assert_eq!(modes, [0o600; 3]);
    let names = std::fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.count(), 3, "no temporary file is left");
}

#[test]
fn an_update_adds_what_is_missing_and_leaves_the_rest() {
    let place = Place::new(BINARY);
    let old = "\u{feff}# mine\r\n[resilient]\r\nhost = h ; odd\r\n\tmore";
    place.write("app.config", old);
    chmod(&place, "app.config", 0o640);
    std::os::unix::fs::symlink("app.config", place.path("link.config")).unwrap();
    place.run(&["config", "-u", "link.config"]).is(0, &["Added to", "[probe]", "app.config.bak"]);
    assert_eq!(place.read("app.config"), format!("{old}\r\n\r\n[probe]\r\n"));
    assert_eq!(place.read("app.config.bak"), old);
    assert_eq!(mode(&place, "app.config"), 0o640, "whoever could read it still can");
    assert!(place.path("link.config").is_symlink());
    place.run(&["config", "-u"]).is(0, &["Nothing to do", "app.config"]);
    assert!(!place.path("app.config.bak1").exists());

    place.run(&["config", "-u", "nowhere"]).is(1, &["nowhere does not exist", "circuits config -c nowhere"]);
    place.run(&["config", "-u", "-l", "nobody"]).is(1, &["`nobody` is not a linked component"]);
    place.run(&["config", "-l", "probe"]).is(2, &["-c to create"]);
    place.run(&["config", "-c", "-u"]).is(2, &["--update"]);
    std::fs::write(place.path("latin.config"), b"[resilient]\nhost=\xe9\n").unwrap();
    place.run(&["config", "-u", "latin.config"]).is(1, &["latin.config is not UTF-8"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_tells_every_fault_at_once() {
    let sandbox = platform().await;
    let place = Place::on(BINARY, &sandbox);
    chmod(&place, "app.config", 0o600);
    let good = place.run(&["config", "check"]);
    good.is(0, &["app.config is in order", "circuits selftest"]);
    assert!(!good.out.contains("warning"), "{}", good.out);
    chmod(&place, "app.config", 0o644);
    place.run(&["config", "check"]).is(0, &["warning", "mode 644", "chmod 600"]);

    place.write(
        "bad.config",
        "[resilient]\nhost=h\nnonsense\nnum_workers=0\nloglevel=LOUD\ncafile=missing.pem\nnoload=nothing\nhots=x\n\
         password=hunter22\n",
    );
    let bad = place.run(&["config", "check", "bad.config"]);
    bad.is(
        1,
        &[
            "bad.config:3: this line is neither",
            "bad.config:4: [resilient] num_workers = `0`",
            "bad.config:5: [resilient] loglevel = `LOUD`",
            "bad.config:6: [resilient] cafile = `missing.pem` cannot be read",
            "bad.config:7: [resilient] noload names `nothing`",
            "bad.config:8: [resilient] `hots` is not a known key",
            "no section [probe]",
            "circuits config -u",
            "5 faults in",
        ],
    );
    assert!(!bad.out.contains("hunter22"));
    let script = place.run(&["config", "check", "--json", "bad.config"]);
    let told: Value = serde_json::from_str(&script.out).unwrap();
    assert_eq!((script.code, told["faults"].as_array().unwrap().len()), (1, 5), "{told:#}");
    place.run(&["config", "check", "--config-file", "bad.config"]).is(1, &["5 faults in"]);
    place.run(&["config", "check", "--num-workers", "0"]).is(1, &["command line: [resilient] num_workers"]);
    place.run(&["config", "check", "bad.config", "--config-file", "app.config"]).is(2, &["cannot be used"]);
    place.run(&["config", "check", "nowhere.config"]).is(1, &["nowhere.config", "cannot be read"]);
}

#[test]
fn a_check_holds_certificates_and_keys_against_each_other() {
    let place = Place::new(BINARY);
    let authority = Authority::new(&place.path(""), "authority");
    let [one, other] = ["one", "other"].map(|name| authority.client(name));
    std::fs::write(place.path("empty.pem"), "").unwrap();
    let check = |cafile: &Path, cert: &Path, key: &Path| {
        let files = [("cafile", cafile), ("client_auth_cert", cert), ("client_auth_key", key)];
        let lines: String = files.map(|(key, path)| format!("{key}={}\n", path.display())).concat();
        place.write(
            "app.config",
            &format!("[resilient]\nhost=h\napi_key_id=i\napi_key_secret=s\n{lines}[probe]\n"),
        );
        place.run(&["config", "check"])
    };
    let empty = place.path("empty.pem");
    check(&authority.file, &one.cert, &one.key).is(0, &["is in order"]);
    check(&authority.file, &one.cert, &other.key).is(
        1,
        &[
            "app.config:7: [resilient] client_auth_cert and client_auth_key: ",
            "does not belong to the client certificate",
            "1 fault in",
        ],
    );
    check(&authority.file, &one.cert, &empty)
        .is(1, &["app.config:7: [resilient] ", "empty.pem", "1 fault in"]);
    check(&one.key, &empty, &one.key)
        .is(1, &["app.config:5: [resilient] cafile = ", "holds no certificate", "2 faults in"]);
}

#[test]
fn the_components_are_listed() {
    let place = Place::new(BINARY);
    assert_eq!(
        place.run(&["list"]).out,
        "probe  1.2.3     Echo, Fail, Tell, Abort, Panic, hang, Deaf, Gate, Slow, Defer, Quiet, Newest, Again, Limited, Exclusive, Once, Background, \
         Record, Look, Callback, <img src=x onerror=\"document.title='run'\">, probe_function()\n\n\
         Extensions\n\
         accounts   0.1.0     lets those use the HTTP listener who have an account (circuits account)\n\
         api        0.1.0     shows and steers the runner over HTTP: the JSON API /api/v1 (http_port)\n\
         control    0.1.0     takes commands from a queue of the broker ([control])\n\
         events     0.1.0     tells other systems what happens to actions: webhooks, subscriptions\n\
         http       0.1.0     answers HTTP requests for other extensions (http_port)\n\
         page       0.1.0     shows and steers what runs, in a browser (http_port)\n\
         status     0.1.0     reports the state of the runner: `circuits status`, health_port, systemd\n\
         test_port  0.1.0     takes actions from `action-test` (test_actions)\n\n\
         Stores\n\
         memory  until the process ends\n\
         sqlite  in a file (store_file)\n\n\
         Authentication\n\
         basic           name and password (RFC 7617)\n\
         client_cert     a client certificate (http_client_ca)\n\
         session         the cookie of a browser that has logged in\n\
         token           a token (RFC 6750)\n\
         trusted_header  a header of a proxy (http_user_header, http_trusted_proxies)\n"
    );
    place.run(&["list", "-v"]).is(
        0,
        &[
            "probe 1.2.3",
            "listens on            probe",
            "handles rule          Newest (debounce ",
            "defines rule          Echo, Fail",
        ],
    );
    let all: Value = serde_json::from_str(&place.run(&["list", "--json"]).out).unwrap();
    assert_eq!((&all[0]["name"], &all[0]["handles"]["rules"][0]["name"]), (&"probe".into(), &"Echo".into()));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = place.command(&["list"]);
    let cut = said(&command.stdout(writer).stderr(Stdio::piped()).output().unwrap());
    assert_eq!((cut.code, cut.err.as_str()), (0, ""));
}

#[test]
fn ot_13_the_command_line_beats_the_environment_and_both_beat_the_file() {
    let place = Place::new(BINARY);
    let login = "[resilient]\nhost=h.example\napi_key_id=i\napi_key_secret=s\n";
    place.write("app.config", &format!("{login}http_port=9000\nloglevel=ERROR\n[probe]\n"));
    let show = |arguments: &[&str], key: &str| {
        let mut command = place.command(&[&["config", "show"], arguments].concat());
        let shown = said(&command.env("LOGLEVEL", "WARNING").output().unwrap());
        shown.is(0, &[]);
        let line = shown.out.lines().find(|line| line.split_whitespace().next() == Some(key));
        line.unwrap_or_else(|| panic!("no {key} in {}", shown.out)).to_owned()
    };
    for (arguments, key, parts) in [
        (&[][..], "http_port", ["9000", "app.config:5"]),
        (&["--http-port", "9002"], "http_port", ["9002", "command line"]),
        (&[], "loglevel", ["WARNING", "environment LOGLEVEL"]),
        (&["--loglevel", "DEBUG"], "loglevel", ["DEBUG", "command line"]),
    ] {
        let line = show(arguments, key);
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    }

    // As in the Python runner, an unknown key does not keep the runner down; what it leaves missing does.
    place.write("app.config", &format!("{login}bogus=1\n[probe]\n"));
    place.run(&["config", "check"]).is(0, &["app.config:5: [resilient] `bogus` is not a known key"]);
    place.write("app.config", &login.replace("host=", "bogus="));
    place.run(&["run"]).is(1, &["host is missing", "app.config:2: [resilient] `bogus` is not a known key"]);
}
