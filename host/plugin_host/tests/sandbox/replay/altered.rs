//! Records that somebody has altered.

use std::ops::Range;

use colophon_plugin_host::{CATALOG_PLUGIN, Granted, Limits, Record};

use super::recorded;
use crate::world::{Shelf, sandbox};

/// Where numbers, texts and words stand in a JSON text, names of members left out.
fn scalars(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let begun = at;
        match bytes[at] {
            b'"' => {
                at += 1;
                while bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'[' | b']' | b'{' | b'}' | b',' | b':' => {
                at += 1;
                continue;
            }
            _ => {
                while !matches!(bytes[at], b',' | b']' | b'}') {
                    at += 1;
                }
            }
        }
        if bytes.get(at) != Some(&b':') {
            found.push(begun..at);
        }
    }
    found
}

/// What is read back is outside data: whatever it is, it is refused with a reason or replayed.
#[tokio::test]
async fn no_altered_record_stops_the_host() {
    let sandbox = sandbox();
    let shelf = Shelf::with("north", "1", "shelf/1");
    let granted = Granted::catalog(Limits::default());
    let records = recorded(&sandbox, CATALOG_PLUGIN, granted.clone(), shelf, true).await;
    let generation = sandbox.load(CATALOG_PLUGIN, granted).await.expect("loads");
    let others = [
        "null",
        "true",
        "0",
        "18446744073709551615",
        "-1",
        "\"\"",
        "\"naming\"",
        "\"AA==\"",
        "[]",
        "{}",
    ];
    let (mut read, mut refused) = (0, 0);
    for record in &records {
        let text = String::from_utf8(record.to_bytes()).expect("text");
        for (place, other) in scalars(&text)
            .into_iter()
            .flat_map(|place| others.map(|other| (place.clone(), other)))
        {
            let mut changed = text.clone();
            changed.replace_range(place, other);
            let Ok(altered) = Record::parse(changed.as_bytes()) else {
                refused += 1;
                continue;
            };
            read += 1;
            let _ = (altered.outcome(), altered.parts(), altered.transaction());
            let _ = sandbox.replay(&generation, &altered).await;
            let _ = sandbox.shadow(&generation, &altered).await;
        }
    }
    assert!(read > 20 && refused > 200, "{read} read, {refused} refused");
}
