//! Which shapes of licenses are known to read back as what was written.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shapes remembered. A licensor has as many as its titles have different rights and numbers of
/// authors.
const SHAPES_MAX: usize = 256;

/// Longer ones are read back each time.
const SHAPE_BYTES_MAX: usize = 16 << 10;

/// The shapes of which a license was read back, bounded in number and length.
#[derive(Default)]
pub(super) struct ShapesRead(Mutex<HashSet<Vec<u8>>>);

impl ShapesRead {
    pub(super) fn contain(&self, shape: &[u8]) -> bool {
        self.held().contains(shape)
    }

    pub(super) fn insert(&self, shape: Vec<u8>) {
        if shape.len() > SHAPE_BYTES_MAX {
            return;
        }
        let mut held = self.held();
        if held.len() >= SHAPES_MAX {
            held.clear();
        }
        held.insert(shape);
    }

    fn held(&self) -> MutexGuard<'_, HashSet<Vec<u8>>> {
        // Whole between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::license::envelope::Unsigned;
    use crate::license::{
        License, LicenseId, LicenseKind, Licensor, Line, Location, Object, Right, RightKind,
        RightsGroup, RightsTemplate, Work,
    };

    fn license() -> License {
        let object = |id| Object {
            id_type: Line::fixed("x"),
            id: Line::fixed(id),
            name: None,
        };
        License {
            kind: LicenseKind::Consumer,
            id: LicenseId::from_bytes([1; 16]),
            issued_at_unix_s: 1,
            descriptor: None,
            work: Work {
                object: object("a work"),
                creators: Vec::new(),
                owner: None,
                copy_hash: Some([2; 32]),
                parts: Vec::new(),
            },
            rights: RightsTemplate::viewing().rights,
            licensor: Licensor {
                object: object("a licensor"),
                certificate_sha256: [3; 32],
                issuers_sha256: None,
            },
            principals: Vec::new(),
            delegated_by: None,
            grants_until_unix_s: None,
        }
    }

    fn count(shapes: &ShapesRead) -> usize {
        shapes.held().len()
    }

    #[test]
    fn a_shape_is_read_back_once_whatever_its_values() {
        let shapes = ShapesRead::default();
        let license = license();
        assert!(Unsigned::of(&license, &shapes).is_some());
        let mut other = License {
            id: LicenseId::from_bytes([9; 16]),
            issued_at_unix_s: 253_402_300_799,
            ..license.clone()
        };
        other.work.object.id = Line::fixed("<another> & \"longer\" work");
        assert!(Unsigned::of(&other, &shapes).is_some());
        assert_eq!(count(&shapes), 1);
        other.rights.push(RightsGroup {
            rights: vec![Right::unconditional(RightKind::Print)],
            ..license.rights[0].clone()
        });
        assert!(Unsigned::of(&other, &shapes).is_some());
        assert_eq!(count(&shapes), 2);
    }

    #[test]
    fn what_does_not_read_back_is_refused_each_time() {
        let shapes = ShapesRead::default();
        let mut license = license();
        license.rights[0].bundle.territory = vec![Location::country("DE").unwrap()];
        assert!(Unsigned::of(&license, &shapes).is_some());
        for country in [*b"de", *b"\"\"", [0, 0], [0xff, 0xff], *b"& "] {
            license.rights[0].bundle.territory[0].country = country;
            assert!(Unsigned::of(&license, &shapes).is_none(), "{country:?}");
            assert!(Unsigned::of(&license, &shapes).is_none(), "{country:?}");
        }
        assert_eq!(count(&shapes), 1);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let shapes = ShapesRead::default();
        for number in 0..3 * SHAPES_MAX {
            let shape = number.to_be_bytes().to_vec();
            shapes.insert(shape.clone());
            assert!(shapes.contain(&shape));
            assert!(count(&shapes) <= SHAPES_MAX);
        }
        let long = vec![0; SHAPE_BYTES_MAX + 1];
        shapes.insert(long.clone());
        assert!(!shapes.contain(&long));
    }
}
