//! Programs and sections for the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use circuits_testing::{Kit, Mock};
use consumer as _;
use tempfile::TempDir;

/// A folder with an executable shell script. A process of its own writes it: if this one did, a child of
/// another test could still hold the file open when it is run, and the system would refuse to run it.
pub(crate) fn script(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    let write = "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod +x \"$1\"";
    let written = Command::new("sh").args(["-c", write, "sh"]).arg(&path).arg(text).status().unwrap();
    assert!(written.success());
    (folder, path)
}

/// A section with this program for the rule `Run` and the function `run`, and these settings.
pub(crate) fn section(program: &Path, downloads: &str, settings: &str) -> String {
    let program = program.display();
    format!(
        "[consumer]\nconsumers=Run: {program} {downloads}\n\
         \x20   function run: {program} {downloads}\n{settings}\n"
    )
}

/// A kit with such a section.
pub(crate) async fn kit(program: &Path, settings: &str) -> Kit {
    Kit::configured("consumer", &section(program, "", settings), Mock::new()).await.unwrap()
}

/// A named pipe, to notice when nobody holds it any more.
pub(crate) fn pipe(folder: &Path) -> PathBuf {
    let pipe = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    pipe
}
