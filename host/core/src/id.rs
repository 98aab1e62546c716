//! Identifiers that belong to the host; those a receipt carries come from the receipt crate.

use std::fmt;

/// The hexadecimal digit of a number below 16.
fn digit(number: u8) -> u8 {
    match number {
        0..10 => b'0' + number,
        _ => b'a' + number - 10,
    }
}

/// Declares an identifier of 16 bytes, shown as 32 lower-case hexadecimal digits.
macro_rules! sixteen_bytes {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Wraps the 16 bytes.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut digits = [0; 32];
                for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
                    pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
                }
                f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

sixteen_bytes! {
    /// One answered or refused request; a UUIDv7 made by the edge when the request arrives.
    EventId
}
sixteen_bytes! {
    /// One host process's lasting identity, made when its node database is created.
    NodeId
}
sixteen_bytes! {
    /// One run of a host, as it books costs or says that it is there; random, and gone with the process.
    RunId
}
sixteen_bytes! {
    /// A title in a center's catalog.
    TitleId
}
sixteen_bytes! {
    /// A persona's record. Random, so that it tells nothing about who the persona is, and stays
    /// when the persona is erased.
    PersonaRef
}
sixteen_bytes! {
    /// A machine that a persona has activated.
    DeviceRef
}
sixteen_bytes! {
    /// One activation in the dated list.
    ActivationRef
}
sixteen_bytes! {
    /// A reader's request to be activated.
    GrantRef
}
sixteen_bytes! {
    /// A repository worker, from its start to its end.
    WorkerRef
}
sixteen_bytes! {
    /// One worker's one attempt at one repository order.
    ClaimRef
}
sixteen_bytes! {
    /// A recorded decision of a plug-in: milliseconds since 1970 in six bytes, then ten random ones.
    DecisionId
}
sixteen_bytes! {
    /// A host that has its repositories made by workers elsewhere, from its start to its end.
    FrontEndRef
}

/// Counts the changes of one record; a higher number is a later state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowVersion(pub i64);
