//! Calls of one center beside another whose plug-in means harm, with as many callers as it may have,
//! against the same calls while nobody does, in turns.

use crate::figure::{Figure, Target};
use crate::plugin::Measured;

/// What the rows of the program begin with, and what the guest does.
const KINDS: [(&str, &str); 6] = [
    ("endless_loop", "endless loops"),
    ("memory_bomb", "memory bombs"),
    ("log_flood", "floods of lines"),
    ("trap_storm", "traps"),
    ("giant_result", "giant results"),
    ("host_call_flood", "floods of host calls"),
];

pub(crate) fn measure() -> Result<Vec<Figure>, String> {
    let found = Measured::by(&["--neighbors"])?;
    let mut figures = vec![Figure {
        name: "p99 beside a thread that only computes by that alone, the machine's own".to_owned(),
        ours: found.value("thread_p99_times")?,
        peer: None,
        unit: "times",
        target: Target::None,
    }];
    for (kind, what) in KINDS {
        let value = |row: &str| found.value(&format!("{kind}_{row}"));
        let row = |percentile: &str, beside, alone| Figure {
            name: format!("call beside {what}, {percentile}"),
            ours: beside,
            peer: Some(("the same calls alone".to_owned(), alone)),
            unit: "µs",
            target: Target::None,
        };
        let (beside, alone) = (value("beside_p99_us")?, value("alone_p99_us")?);
        figures.extend([
            row("p50", value("beside_p50_us")?, value("alone_p50_us")?),
            row("p99", beside, alone),
            Figure {
                name: format!("p99 beside {} {what} by that alone", value("calls")?),
                ours: value("p99_times")?,
                peer: None,
                unit: "times",
                target: Target::AtMost(1.2),
            },
        ]);
    }
    Ok(figures)
}
