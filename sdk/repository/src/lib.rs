//! The secure repository: what uses a persona's private key on a device.
//!
//! It runs as a WebAssembly component inside a reader. A reader hands it what the machine says of
//! itself, the persona's sealed private key, whom to believe and a way to the bytes of one title
//! file; it gets descriptions, permissions and content. The private key and the content key stay
//! within: no function gives them out. It enforces the rights of the license, keeps their counts,
//! and gives out no content before the right to view was exercised.
//!
//! The component built from this crate is a template. `host/repository` makes an individual of
//! it for each persona and machine, with a key pair of its own that is spread through code which
//! no other individual has, and with the roots that licenses are believed under. A template has
//! neither and opens nothing.
//!
//! What is left to others: running it, reading facts off the machine, keeping sealed counts and
//! their witness ([`SealedCounts`]), the clock, and what becomes of content once it is shown.
//!
//! **What it cannot do.** Whoever controls a machine controls what runs on it. Somebody who stops
//! the runtime at the right moment finds keys in its memory; somebody who keeps what is shown has
//! it. Individual code makes this work to be done again for each copy; it does not make it
//! impossible. The reader that runs it tells it the time, the place and what was revoked, and can
//! tell it something else. It also tells it whom to believe, but for licenses a root counts only
//! if the repository was made with it: a license by a licensor of one's own is refused. What is in
//! the program can be changed by whoever changes the program, in each copy anew.

mod counts;
mod file;
mod persona;
mod principals;
mod refused;
mod session;

#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
mod own_key;

pub use counts::{SealedCounts, Standing};
pub use file::{FileBytes, WindowedFile};
pub use refused::{Denial, Refused};
pub use session::{Device, Moment, Own, Session, Trust, Use};
