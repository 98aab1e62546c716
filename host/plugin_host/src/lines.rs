//! Lines that plug-ins write for their operators.
//!
//! A plug-in is never held up by whoever reads: lines go into a queue of bounded length, and what
//! does not fit, or comes too fast, is counted and dropped.

mod rate;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use colophon_core::capability::{EachPlugin, Name};
use colophon_receipt::CenterId;
use metrics::counter;

use self::rate::Rate;

/// How many lines of all plug-ins wait to be written.
const WAITING_MAX: usize = 4096;

/// How much a line matters to its author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineLevel {
    /// For looking into something.
    Debug,
    /// For the record.
    Info,
    /// For somebody to look at.
    Warning,
}

/// A line, safe to be shown: texts are cut and without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The plug-in that wrote it.
    pub plugin: Name,
    /// The center that was served; none while the plug-in was loaded.
    pub center: Option<String>,
    /// The request that was served.
    pub request_id: Option<String>,
    /// How much it matters.
    pub level: LineLevel,
    /// What it says.
    pub message: String,
    /// What it says beside that.
    pub fields: Vec<(String, String)>,
}

/// The queue of lines on their way to whoever reads them; one for a host.
#[derive(Clone)]
pub struct LineQueue {
    waiting: SyncSender<Line>,
    plugins: Arc<EachPlugin<Lines>>,
}

impl LineQueue {
    /// A queue whose lines become events of the host's own log, on a thread of its own.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn to_log() -> std::io::Result<Self> {
        let (queue, lines) = Self::to_reader();
        thread::Builder::new()
            .name("plug-in lines".to_owned())
            .spawn(move || lines.iter().for_each(|line| tell(&line)))?;
        Ok(queue)
    }

    /// A queue and its other end, for whoever reads lines otherwise.
    pub fn to_reader() -> (Self, Receiver<Line>) {
        let (waiting, lines) = sync_channel(WAITING_MAX);
        let queue = Self {
            waiting,
            plugins: Arc::default(),
        };
        (queue, lines)
    }

    /// The lines of a plug-in in a center: all its versions write at one rate.
    pub fn lines_of(&self, center: &CenterId, plugin: &Name) -> Arc<Lines> {
        let lines = || Lines::of(plugin.clone(), self.clone());
        self.plugins.of(center, plugin, lines)
    }
}

/// The lines of one plug-in, at the rate that it may write.
pub struct Lines {
    plugin: Option<Name>,
    queue: Option<LineQueue>,
    rate: Mutex<Rate>,
    dropped: AtomicU64,
}

impl Lines {
    /// Lines into a queue, at a rate of their own.
    pub fn of(plugin: Name, queue: LineQueue) -> Self {
        Self {
            plugin: Some(plugin),
            queue: Some(queue),
            ..Self::unheard()
        }
    }

    /// Lines that nobody reads.
    pub(crate) fn unheard() -> Self {
        Self {
            plugin: None,
            queue: None,
            rate: Mutex::new(Rate::full(Instant::now())),
            dropped: AtomicU64::new(0),
        }
    }

    /// How many lines were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Hands a line on, if the rate allows it and there is room. `line` is only made then.
    pub(crate) fn write(&self, line: impl FnOnce(Name) -> Line) {
        let (Some(plugin), Some(queue)) = (&self.plugin, &self.queue) else {
            return;
        };
        let allowed = {
            let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
            rate.take(Instant::now())
        };
        let handed_on = allowed && queue.waiting.try_send(line(plugin.clone())).is_ok();
        if !handed_on {
            self.dropped.fetch_add(1, Relaxed);
            counter!("colophon_plugin_lines_dropped_total").increment(1);
        }
    }
}

/// Plug-ins have no say in the levels of the host's own log: a warning of theirs is none of ours.
fn tell(line: &Line) {
    let fields = line.fields.iter();
    let fields: Vec<String> = fields
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    let (center, request) = (line.center.as_deref(), line.request_id.as_deref());
    let (plugin, fields) = (line.plugin.as_str(), fields.join(" "));
    let message = &line.message;
    match line.level {
        LineLevel::Debug => {
            tracing::debug!(
                plugin.id = plugin,
                center.id = center,
                request.id = request,
                plugin.fields = fields,
                "{message}"
            );
        }
        LineLevel::Info => {
            tracing::info!(
                plugin.id = plugin,
                center.id = center,
                request.id = request,
                plugin.fields = fields,
                "{message}"
            );
        }
        LineLevel::Warning => {
            tracing::warn!(
                plugin.id = plugin,
                center.id = center,
                request.id = request,
                plugin.fields = fields,
                "{message}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(plugin: Name) -> Line {
        Line {
            plugin,
            center: None,
            request_id: None,
            level: LineLevel::Info,
            message: "one".to_owned(),
            fields: Vec::new(),
        }
    }

    #[test]
    fn two_versions_of_a_plug_in_write_at_one_rate() {
        let (queue, arrived) = LineQueue::to_reader();
        let of = |center: &str| {
            let (center, plugin) = (center.parse().unwrap(), Name::parse("acme").unwrap());
            queue.lines_of(&center, &plugin)
        };
        let (active, trial, elsewhere) = (of("north"), of("north"), of("south"));
        for lines in [&active, &trial, &elsewhere] {
            for _ in 0..1000 {
                lines.write(line);
            }
        }
        // 200 at once, and what has come meanwhile.
        assert!(trial.dropped() > 1500, "{} dropped", trial.dropped());
        assert!(elsewhere.dropped() < 900, "{}", elsewhere.dropped());
        let written = arrived.try_iter().count() as u64;
        assert_eq!(written + trial.dropped() + elsewhere.dropped(), 3000);
    }
}
