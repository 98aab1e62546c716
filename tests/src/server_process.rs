//! A server of somebody else's that runs for one test: it is waited for until it says that it is ready.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

/// Starts a server and waits until a line of its log holds the words by which it says that it is ready.
/// Returned with it is all that it has said until then.
pub(crate) fn ready(command: &mut Command, words: &str) -> (Child, String) {
    let spawned = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut process = spawned.expect("the server starts");
    let mut log = BufReader::new(process.stderr.take().expect("its log is piped"));
    let mut said = String::new();
    while !said.contains(words) {
        let read = log.read_line(&mut said).expect("its log can be read");
        assert!(read > 0, "the server ended: {said}");
    }
    // Read on, or the server would wait once the pipe is full.
    std::thread::spawn(move || drain(log));
    (process, said)
}

fn drain(mut log: BufReader<ChildStderr>) {
    // What cannot be read any more is over.
    let _ = std::io::copy(&mut log, &mut std::io::sink());
}
