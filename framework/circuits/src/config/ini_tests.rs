//! The INI reader against tables worked out with Python's `configparser`, against `configparser` itself on real files, and
//! against random text.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

type Values = BTreeMap<String, BTreeMap<String, String>>;

/// As Python's `{name: dict(parser.items(name)) for name in parser.sections()}`.
fn values(ini: &Ini) -> Values {
    let dict = |items: &[Item]| items.iter().map(|item| (item.key.clone(), item.value.clone())).collect();
    let sections = ini.sections.iter().map(|section| {
        let mut all: BTreeMap<String, String> = dict(&ini.defaults);
        all.extend(dict(&section.items));
        (section.name.clone(), all)
    });
    sections.collect()
}

fn parse(text: &str) -> Values {
    let (ini, faults) = Ini::parse(text);
    assert_eq!(faults, [], "{text}");
    values(&ini)
}

/// Everything under `[s]`.
fn items(body: &str) -> Vec<(String, String)> {
    let (ini, faults) = Ini::parse(&format!("[s]\n{body}"));
    assert_eq!(faults, [], "{body}");
    ini.sections[0].items.iter().map(|item| (item.key.clone(), item.value.clone())).collect()
}

#[test]
fn values_as_configparser_reads_them() {
    for (body, expected) in [
        ("a=1", vec![("a", "1")]),
        ("a = 1 ", vec![("a", "1")]),
        ("a: 1", vec![("a", "1")]),
        ("a = b=c:d", vec![("a", "b=c:d")]),
        ("a : b=c", vec![("a", "b=c")]),
        ("url=https://x:1/y", vec![("url", "https://x:1/y")]),
        ("My Key = x", vec![("my key", "x")]),
        ("a =", vec![("a", "")]),
        ("a = 1 # no comment\nb = 2 ; neither", vec![("a", "1 # no comment"), ("b", "2 ; neither")]),
        ("# c\n  ; c\na=1", vec![("a", "1")]),
        ("a = 1\n  2\n\t3\nb=4", vec![("a", "1\n2\n3"), ("b", "4")]),
        ("a =\n  1\n  2", vec![("a", "\n1\n2")]),
        ("a = 1\n\n  2\n\n\nb=3", vec![("a", "1\n\n2"), ("b", "3")]),
        ("a = 1\n  # c\n  2", vec![("a", "1\n2")]),
        ("a = 1\n# c\n  2", vec![("a", "1\n2")]),
        ("a = 1\n  b = 2", vec![("a", "1\nb = 2")]),
        ("a = 1\n  [s2]", vec![("a", "1\n[s2]")]),
        ("  a = 1\n  b = 2", vec![("a", "1"), ("b", "2")]),
        ("  a = 1\n b = 2", vec![("a", "1"), ("b", "2")]),
        ("a = %(x)s ${y} $z", vec![("a", "%(x)s ${y} $z")]),
        ("a = \u{a0}x\u{85}", vec![("a", "x")]),
        ("a = x\u{1f}\n\u{1c}y", vec![("a", "x\ny")]),
        ("ÄÖ = ü", vec![("äö", "ü")]),
        ("[] = x", vec![("[]", "x")]),
        ("'a' = \"x\"", vec![("'a'", "\"x\"")]),
    ] {
        let expected: Vec<_> =
            expected.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        assert_eq!(items(body), expected, "{body}");
    }
}

#[test]
fn sections() {
    let text = "[DEFAULT]\na=1\nb=2\n[S]\nb=3\n[s] junk\nc=4\n[DEFAULT]\nd=5\n[x]y]\n[fn.main]\n";
    let read = parse(text);
    assert_eq!(read.keys().collect::<Vec<_>>(), ["S", "fn.main", "s", "x]y"]);
    let s: Vec<_> = read["S"].iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(s, ["a=1", "b=3", "d=5"]);
    assert_eq!(read["s"]["c"], "4");
    assert!(!read.contains_key("DEFAULT"));
}

#[test]
fn line_ends_and_byte_order_mark() {
    for text in ["\u{feff}[s]\na=1\nb=2", "[s]\r\na=1\r\nb=2\r\n", "[s]\ra=1\rb=2"] {
        assert_eq!(parse(text)["s"].len(), 2, "{text:?}");
        assert_eq!(parse(text)["s"]["b"], "2", "{text:?}");
    }
    // Unlike Rust's or Unicode's idea of lines, a form feed or a line separator ends none.
    assert_eq!(items("a=1\u{c}b=2\u{2028}c=3"), [("a".to_owned(), "1\u{c}b=2\u{2028}c=3".to_owned())]);
}

#[test]
fn every_value_knows_its_line() {
    let (ini, _) = Ini::parse("# c\n[s]\n\na = 1\n  2\nb = 3\n");
    assert_eq!(ini.sections[0].line, 2);
    assert_eq!(ini.sections[0].items.iter().map(|item| item.line).collect::<Vec<_>>(), [4, 6]);
}

#[test]
fn all_faults_with_their_lines() {
    let text = "lost = 1\n[s]\na = 1\nno value\n  its tail\nA = 2\n  of the second\n= x\n[s]\nb = 1\n";
    let (ini, faults) = Ini::parse(text);
    assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [1, 4, 6, 8, 9]);
    assert!(faults[0].problem.contains("before the first [section]"), "{faults:?}");
    assert!(faults[2].problem.contains("key `a` appears twice in [s], first in line 3"), "{faults:?}");
    assert!(faults[4].problem.contains("section [s] appears twice"), "{faults:?}");
    // What could be read is there, so that its values can be checked in the same run.
    assert_eq!(values(&ini)["s"]["a"], "1");
    assert_eq!(values(&ini)["s"]["b"], "1");
}

#[test]
fn a_misplaced_line_is_not_quoted() {
    let (_, faults) = Ini::parse("[s]\nhunter2\n");
    assert!(!faults[0].problem.contains("hunter2"), "{faults:?}");
}

/// What `configparser` makes of a text, or `None` if it refuses it.
fn python(text: &str) -> Option<Values> {
    let script = "import configparser, io, json, sys
text = io.TextIOWrapper(io.BytesIO(sys.stdin.buffer.read()), encoding='utf-8-sig')
parser = configparser.ConfigParser(interpolation=None)
try:
    parser.read_file(text)
    print(json.dumps({name: dict(parser.items(name)) for name in parser.sections()}))
except configparser.Error:
    print('null')";
    let mut child = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

fn has_python() -> bool {
    Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success())
}

#[test]
fn real_files_give_the_same_values_as_configparser() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/configs");
    if !folder.is_dir() || !has_python() {
        println!("skipped: no ../shared/data or no python3");
        return;
    }
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(Some(parse(&text)), python(&text), "{}", path.display());
        seen += 1;
    }
    assert!(seen > 0, "no file to compare");
}

#[test]
fn odd_texts_give_the_same_values_as_configparser() {
    if !has_python() {
        println!("skipped: no python3");
        return;
    }
    for text in [
        "",
        "a=1",
        "[s]\nkey",
        "[s]\na=1\na=2",
        "[s]\n[s]",
        "[s]\n=x",
        "[]\n",
        "[s\na=1",
        "\n\n  [s]\n a=1\n  b=2\nc=3\n",
        "[DEFAULT]\na=1\n[DEFAULT]\na=2\n",
        "[DEFAULT]\na=1\n  2\n[s]\n  b=1\n",
        "[a]\nx = 1\n\n\n   \n  y\n\n[b]\n  z=1\n",
        "\u{feff}[s]\r\nA : b = c\r\n\td\r\n#e\r\n\tf\r\n",
    ] {
        let (ini, faults) = Ini::parse(text);
        assert_eq!(faults.is_empty().then(|| values(&ini)), python(text), "{text:?}");
    }
}

proptest! {
    #[test]
    fn random_text_never_panics(text in "\\PC{0,200}", lines in proptest::collection::vec("[ \\t\\[\\]=:#;a-c\u{85}\u{feff}é]{0,12}", 0..20)) {
        Ini::parse(&text);
        Ini::parse(&lines.join("\n"));
        Ini::parse(&lines.join("\r"));
    }
}
