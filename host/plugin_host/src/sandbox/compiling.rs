//! Compiling in a process of its own.
//!
//! Nobody vouches for what a component makes of the compiler: hostile ones keep it busy for minutes
//! or have it take gigabytes. It therefore runs in a child that has an empty environment, none of
//! the host's files and hard limits, and that hands its code over with a digest. Before it reads the
//! component the child renounces what a compiler has no use for: it opens no file and no connection,
//! has no terminal, gains no rights by what it starts, and starts no process where the host is not root. It stays the host's user, on the same
//! system: if a component could make the compiler run code of its own, that code could signal the
//! host, read its memory where the system lets processes of one user do so, and answer with what
//! native code it likes. What becomes of the child is told apart by whom it is up to: one that ran
//! into its limits was given a component that takes too much, wherever it is tried; one whose
//! compiler broke down over it was given one that breaks compilers; one that could not be started,
//! was killed from outside or got too little of the machine says nothing of the component.

mod child;
mod message;
mod standing;

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Signal, getrlimit};
use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

pub use self::child::{ChildFailed, compile_for_parent};
use self::message::{HEAD_BYTES, Head, Order, Payload};
use self::standing::Activity;
use super::engine::EngineMemory;

/// How often a process is looked at until it is said to stand still.
const LOOKS: u32 = 12;

/// Where Linux keeps the running program, also after its file was replaced by another release.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// What compiling one component may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Address space in bytes.
    pub memory_bytes: u64,
    /// Processor time in seconds.
    pub cpu_seconds: u64,
    /// Wall-clock time. It is many times the processor time: what a component takes is told by that
    /// one alone, however busy the machine is.
    pub wall: Duration,
    /// How long it may go without any processor time and without wanting any: it stands still then, and
    /// everybody whose components wait for the compiler with it.
    pub still: Duration,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 30,
            cpu_seconds: 60,
            wall: Duration::from_mins(10),
            still: Duration::from_mins(1),
        }
    }
}

/// A program that compiles components: one that calls [`compile_for_parent`].
#[derive(Debug, Clone)]
pub struct CompilerProgram {
    program: PathBuf,
    arguments: Vec<OsString>,
    limits: CompileLimits,
}

/// What compiling a component takes too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TooMuch {
    /// It was not done in this time.
    #[error("more than {seconds} s of processor time")]
    Time {
        /// Its limit.
        seconds: u64,
    },
    /// It needed more memory than this.
    #[error("more than {} MiB of memory", bytes >> 20)]
    Memory {
        /// Its limit.
        bytes: u64,
    },
}

/// Why nothing was compiled, for reasons that lie in this host or its machine.
#[derive(Debug, Error)]
pub enum CompilerFailed {
    /// The program cannot be started.
    #[error("{} cannot be started to compile it", program.display())]
    NotStarted {
        /// The program.
        program: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Nothing more could be read from it.
    #[error("the compiler's process cannot be followed")]
    Lost(#[source] io::Error),
    /// It used no processor time any more.
    #[error("the compiler stood still: it has used no processor time for {} s", after.as_secs())]
    StoodStill {
        /// For how long, when it was killed.
        after: Duration,
    },
    /// It got next to nothing of the machine.
    #[error("the compiler was not done after {} s, in which it had little of the processor", after.as_secs())]
    Starved {
        /// When it was killed.
        after: Duration,
    },
    /// It ended by something other than its limits.
    #[error("the compiler ended without an answer ({status})")]
    Ended {
        /// How it ended.
        status: ExitStatus,
    },
    /// What it handed over is not what it made.
    #[error("the compiler's answer is damaged")]
    Damaged,
    /// It compiles for an engine that is set up differently.
    #[error("the compiler is not of the same release as this host")]
    OtherEngine,
}

/// Why a component was not compiled.
#[derive(Debug)]
pub(super) enum NotCompiled {
    /// The compiler refuses it, and says why.
    Refused(String),
    /// The compiler fails over it.
    Broken,
    TooMuch(TooMuch),
    Failed(CompilerFailed),
}

impl From<CompilerFailed> for NotCompiled {
    fn from(failed: CompilerFailed) -> Self {
        Self::Failed(failed)
    }
}

impl CompilerProgram {
    /// A program, given by its whole path, with the arguments that make it compile.
    pub fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            limits: CompileLimits::default(),
        }
    }

    /// The program that is running, with the arguments that make it compile.
    ///
    /// # Errors
    /// What the system says if it does not tell where the program is.
    pub fn running<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> io::Result<Self> {
        let program = match Path::new(THIS_PROGRAM).try_exists() {
            Ok(true) => PathBuf::from(THIS_PROGRAM),
            Ok(false) | Err(_) => std::env::current_exe()?,
        };
        Ok(Self::new(program, arguments))
    }

    /// The same with other limits.
    #[must_use]
    pub fn within(self, limits: CompileLimits) -> Self {
        Self { limits, ..self }
    }

    /// Has a component compiled for an engine with this fingerprint. A child whose result nobody
    /// waits for any more is killed.
    pub(super) async fn compile(
        &self,
        memory: EngineMemory,
        fingerprint: u64,
        wasm: &[u8],
    ) -> Result<Vec<u8>, NotCompiled> {
        let order = Order {
            memory,
            memory_bytes: self.limits.memory_bytes,
            cpu_seconds: self.limits.cpu_seconds,
            component_bytes: wasm.len() as u64,
        };
        let mut child = self.start()?;
        let standing = stands_still(child.id(), self.limits.still);
        let conversing = timeout(self.limits.wall, converse(&mut child, &order, wasm));
        let heard = tokio::select! {
            // What it has answered counts, however long it has stood still.
            biased;
            heard = conversing => heard.map_err(|_| CompilerFailed::Starved {
                after: self.limits.wall,
            }),
            () = standing => Err(CompilerFailed::StoodStill {
                after: self.limits.still,
            }),
        };
        let heard = match heard {
            Ok(heard) => heard,
            Err(failed) => {
                // That it has ended already is as good.
                let _ended = child.kill().await;
                return Err(failed.into());
            }
        };
        let (status, heard) = heard.map_err(CompilerFailed::Lost)?;
        let (head, body) = match heard {
            Heard::Nonsense => return Err(CompilerFailed::Damaged.into()),
            Heard::Nothing | Heard::Answer(..) if !status.success() => {
                return Err(self.ended(status));
            }
            Heard::Nothing => return Err(CompilerFailed::Damaged.into()),
            Heard::Answer(head, body) => (head, body),
        };
        // Much code takes a while to digest.
        let checking = spawn_blocking(move || head.answer(body)).await;
        let answer = checking.map_err(|lost| CompilerFailed::Lost(lost.into()))?;
        let answer = answer.ok_or(CompilerFailed::Damaged)?;
        match answer.payload {
            Payload::Code(_) if answer.fingerprint != fingerprint => {
                Err(CompilerFailed::OtherEngine.into())
            }
            Payload::Code(code) => Ok(code),
            Payload::Refused(reason) => Err(NotCompiled::Refused(reason)),
            Payload::Broken => Err(NotCompiled::Broken),
            Payload::OutOfMemory => Err(self.out_of_memory(status)),
        }
    }

    fn start(&self) -> Result<Child, CompilerFailed> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
            .spawn()
            .map_err(|source| CompilerFailed::NotStarted {
                program: self.program.clone(),
                source,
            })
    }

    /// Whose fault it is that a child ended without an answer.
    fn ended(&self, status: ExitStatus) -> NotCompiled {
        let by = |signal: Signal| status.signal() == Some(signal.as_raw());
        let seconds = self.limits.cpu_seconds;
        if by(Signal::XCPU) && !is_narrower(Resource::Cpu, seconds) {
            return NotCompiled::TooMuch(TooMuch::Time { seconds });
        }
        // A Rust program that gets no memory, or no more stack, aborts.
        if by(Signal::ABORT) {
            return self.out_of_memory(status);
        }
        CompilerFailed::Ended { status }.into()
    }

    fn out_of_memory(&self, status: ExitStatus) -> NotCompiled {
        let bytes = self.limits.memory_bytes;
        if is_narrower(Resource::As, bytes) {
            return CompilerFailed::Ended { status }.into();
        }
        NotCompiled::TooMuch(TooMuch::Memory { bytes })
    }
}

/// Whether this host itself has less than a child would be given, and hands that on to it.
fn is_narrower(resource: Resource, limit: u64) -> bool {
    let own = getrlimit(resource);
    [own.current, own.maximum]
        .into_iter()
        .flatten()
        .any(|own| own < limit)
}

/// Waits until a process has stood still for so long; for ever where the system does not tell. One that
/// others leave nothing of the processor does not stand still. What counts is how often it was looked at:
/// a machine that was stopped as a whole has looked at nothing.
async fn stands_still(process: Option<u32>, still: Duration) {
    let mut seen = process.and_then(Activity::of);
    let mut unchanged = 0;
    while unchanged < LOOKS {
        sleep(still / LOOKS).await;
        let Some(now) = process.and_then(Activity::of) else {
            return std::future::pending().await;
        };
        let is_still = !now.runs && seen.is_some_and(|seen| seen.ticks == now.ticks);
        unchanged = if is_still { unchanged + 1 } else { 0 };
        seen = Some(now);
    }
}

/// What a child has said.
enum Heard {
    /// It has ended without a word.
    Nothing,
    /// It says what no compiler says, and nobody listens any further.
    Nonsense,
    /// What it has announced, and as much of it as came, which is one byte too much at most.
    Answer(Head, Vec<u8>),
}

/// Hands the component over and takes the answer, both at once: a child that ends early reads no
/// further, which its status explains.
async fn converse(
    child: &mut Child,
    order: &Order,
    wasm: &[u8],
) -> io::Result<(ExitStatus, Heard)> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let tell = async {
        if let Some(mut stdin) = stdin {
            let _told = async {
                stdin.write_all(&order.to_bytes()).await?;
                stdin.write_all(wasm).await?;
                stdin.shutdown().await
            }
            .await;
        }
    };
    let hear = async {
        match stdout {
            Some(stdout) => hear(stdout).await,
            None => Ok(Heard::Nothing),
        }
    };
    tokio::pin!(tell, hear);
    // Once it has answered there is nothing more to tell it.
    let heard = tokio::select! {
        heard = &mut hear => heard,
        () = &mut tell => (&mut hear).await,
    };
    if let Ok(Heard::Nonsense) = heard {
        // That it has ended already is as good.
        let _ended = child.start_kill();
    }
    Ok((child.wait().await?, heard?))
}

/// Takes an answer in, into the one place that it is used in.
async fn hear(mut stdout: ChildStdout) -> io::Result<Heard> {
    let mut head = [0; HEAD_BYTES];
    match stdout.read_exact(&mut head).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Heard::Nothing),
        read => read?,
    };
    let Some(head) = Head::parse(&head) else {
        return Ok(Heard::Nonsense);
    };
    let more = head.length().saturating_add(1);
    let mut body = Vec::new();
    let room = usize::try_from(more).map_err(io::Error::other)?;
    body.try_reserve_exact(room).map_err(io::Error::other)?;
    stdout.take(more).read_to_end(&mut body).await?;
    Ok(Heard::Answer(head, body))
}
