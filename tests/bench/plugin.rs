//! What a plug-in call costs. The measuring program lies with the plug-in host, whose insides it
//! needs; `cargo xtask bench` builds it.

use std::process::Command;

use colophon_tests::colophon::succeed;

use crate::figure::{Figure, Target};

pub(crate) fn measure() -> Result<Vec<Figure>, String> {
    let bench = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = bench.with_file_name("examples").join("call_cost");
    if !program.is_file() {
        return Err(format!(
            "{} is not built (cargo xtask bench builds it)",
            program.display()
        ));
    }
    let printed = succeed(Command::new(program).arg("--json"));
    let found: serde_json::Value =
        serde_json::from_str(printed.trim()).map_err(|error| format!("{error} in {printed}"))?;
    let rows = [
        (
            "fresh call of one role, p50",
            "fresh_call_p50_us",
            Target::AtMost(25.0),
        ),
        (
            "fresh call of one role, p99",
            "fresh_call_p99_us",
            Target::AtMost(100.0),
        ),
        (
            "all three roles of a request, p50",
            "all_three_roles_p50_us",
            Target::AtMost(60.0),
        ),
    ];
    rows.into_iter()
        .map(|(name, measured, target)| {
            let ours = found[measured].as_f64();
            let native = found["native_function_p50_us"].as_f64();
            Ok(Figure {
                name: name.to_owned(),
                ours: ours.ok_or_else(|| format!("no {measured} in {printed}"))?,
                peer: native
                    .map(|native| ("the same answers by a native function".to_owned(), native)),
                unit: "µs",
                target,
            })
        })
        .collect()
}
