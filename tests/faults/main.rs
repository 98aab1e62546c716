//! Faults injected into real processes.

mod crash;
