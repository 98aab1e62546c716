//! Calls of a center's plug-in while it is replaced 1,000 times, against the same calls while it is
//! not, in turns.

use crate::figure::{Figure, Target};
use crate::plugin::Measured;

/// What the rows of the program begin with, and how fast that is. The target is for the pace at
/// which the calls are what the machine does; at the other one it mostly loads.
const PACES: [(&str, &str, Target); 2] = [
    ("twenty_a_second", "20 a second", Target::AtMost(10.0)),
    ("two_hundred_a_second", "200 a second", Target::None),
];

pub(crate) fn measure() -> Result<Vec<Figure>, String> {
    let found = Measured::by(&["--reloads"])?;
    let reloads = found.value("reloads")?;
    let mut figures = Vec::new();
    for (pace, speed, target) in PACES {
        let value = |row: &str| found.value(&format!("{pace}_{row}"));
        let row = |percentile: &str, reloading, quiet| Figure {
            name: format!("call during reloads, {speed}, {percentile}"),
            ours: reloading,
            peer: Some(("the same calls without reloads".to_owned(), quiet)),
            unit: "µs",
            target: Target::None,
        };
        let (reloading, quiet) = (value("reloading_p99_us")?, value("quiet_p99_us")?);
        figures.extend([
            Figure {
                name: format!(
                    "failed calls of {} during {reloads} reloads, {speed}",
                    value("calls")?
                ),
                ours: value("failed_calls")?,
                peer: None,
                unit: "calls",
                target: Target::AtMost(0.0),
            },
            row("p50", value("reloading_p50_us")?, value("quiet_p50_us")?),
            row("p99", reloading, quiet),
            Figure {
                name: format!("p99 during reloads, {speed}, above that without"),
                ours: (reloading / quiet - 1.0) * 100.0,
                peer: None,
                unit: "%",
                target,
            },
        ]);
    }
    Ok(figures)
}
