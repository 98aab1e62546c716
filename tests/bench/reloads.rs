//! Calls of a center's plug-in while it is replaced 1,000 times, against the same calls while it is
//! not, in turns.

use crate::figure::{Figure, Target};
use crate::plugin::Measured;

pub(crate) fn measure() -> Result<Vec<Figure>, String> {
    let found = Measured::by(&["--reloads"])?;
    let reloads = found.value("reloads")?;
    let (reloading, quiet) = (
        found.value("reloading_p99_us")?,
        found.value("quiet_p99_us")?,
    );
    Ok(vec![
        Figure {
            name: format!(
                "failed calls of {} during {reloads} reloads",
                found.value("reloading_calls")?
            ),
            ours: found.value("failed_calls")?,
            peer: None,
            unit: "calls",
            target: Target::AtMost(0.0),
        },
        Figure {
            name: "call during reloads, p50".to_owned(),
            ours: found.value("reloading_p50_us")?,
            peer: Some((
                "the same calls without reloads".to_owned(),
                found.value("quiet_p50_us")?,
            )),
            unit: "µs",
            target: Target::None,
        },
        Figure {
            name: "call during reloads, p99".to_owned(),
            ours: reloading,
            peer: Some(("the same calls without reloads".to_owned(), quiet)),
            unit: "µs",
            target: Target::None,
        },
        Figure {
            name: "p99 during reloads, above that without".to_owned(),
            ours: (reloading / quiet - 1.0) * 100.0,
            peer: None,
            unit: "%",
            target: Target::AtMost(10.0),
        },
    ])
}
