//! One measured figure and how it is printed.

use serde_json::json;

/// A figure with its peer and the target it is held against.
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: String,
    /// Ours, with its unit in `unit`.
    pub(crate) ours: f64,
    /// The peer's or the limit's, where there is one.
    pub(crate) peer: Option<(String, f64)>,
    /// Unit of both.
    pub(crate) unit: &'static str,
    /// What is to be held.
    pub(crate) target: Target,
}

/// What a figure has to reach.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// Ours divided by the peer's is at least this.
    RatioAtLeast(f64),
    /// Ours is at most this.
    AtMost(f64),
    /// Reported only.
    None,
}

impl Figure {
    fn ratio(&self) -> Option<f64> {
        self.peer.as_ref().map(|(_, peer)| self.ours / peer)
    }

    /// Whether the target is met.
    fn met(&self) -> Option<bool> {
        match self.target {
            Target::RatioAtLeast(least) => self.ratio().map(|ratio| ratio >= least),
            Target::AtMost(most) => Some(self.ours <= most),
            Target::None => None,
        }
    }

    fn target_text(&self) -> String {
        match self.target {
            Target::RatioAtLeast(least) => format!("ratio ≥ {least}"),
            Target::AtMost(most) => format!("≤ {most} {}", self.unit),
            Target::None => String::new(),
        }
    }
}

/// Prints all figures as a table or as JSON.
pub(crate) fn print(figures: &[Figure], json: bool) {
    if json {
        let list: Vec<_> = figures
            .iter()
            .map(|figure| {
                json!({
                    "name": figure.name,
                    "ours": figure.ours,
                    "peer": figure.peer.as_ref().map(|(name, value)| json!({"name": name, "value": value})),
                    "unit": figure.unit,
                    "ratio": figure.ratio(),
                    "target": figure.target_text(),
                    "met": figure.met(),
                })
            })
            .collect();
        println!("{}", serde_json::Value::Array(list));
        return;
    }
    println!(
        "{:<58} {:>12} {:>12} {:>8}  target",
        "figure", "ours", "peer", "ratio"
    );
    for figure in figures {
        let peer = figure
            .peer
            .as_ref()
            .map_or(String::new(), |(_, value)| format!("{value:.1}"));
        let ratio = figure
            .ratio()
            .map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let met = match figure.met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        let name = format!("{} [{}]", figure.name, figure.unit);
        println!(
            "{name:<58} {:>12.1} {peer:>12} {ratio:>8}  {:<14} {met}",
            figure.ours,
            figure.target_text()
        );
        if let Some((name, _)) = &figure.peer {
            println!("    peer: {name}");
        }
    }
}
