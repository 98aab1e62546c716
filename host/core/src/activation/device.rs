//! Machines that a persona has activated.

use colophon_activation::MachineId;

use super::text::{DeviceName, ReaderProduct};
use crate::id::DeviceRef;
use crate::time::Timestamp;

/// A machine, as its persona sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its record.
    pub record: DeviceRef,
    /// What the server calls the machine.
    pub machine: MachineId,
    /// What its person calls it.
    pub name: Option<DeviceName>,
    /// The reader on it.
    pub reader: ReaderProduct,
    /// How often it was activated again for nothing since an activation was last counted for it.
    pub repeats: u32,
    /// When it was first activated.
    pub registered_at: Timestamp,
    /// When it was last activated.
    pub activated_at: Timestamp,
    /// Since when its person does not use it any more.
    pub released_at: Option<Timestamp>,
}
