//! What all versions of one plug-in have together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use colophon_receipt::CenterId;

use super::Name;

/// One value for each plug-in in each center, whatever its versions: what may be had of a thing at
/// once stays the same while one version takes another's place. A value is let go when nobody holds
/// it any more, so there are no more of them than plug-ins in use.
pub struct EachPlugin<T> {
    values: Mutex<HashMap<(CenterId, Name), Weak<T>>>,
}

impl<T> Default for EachPlugin<T> {
    fn default() -> Self {
        Self {
            values: Mutex::default(),
        }
    }
}

impl<T> EachPlugin<T> {
    /// The value that others of the plug-in hold, or a new one.
    pub fn of(&self, center: &CenterId, plugin: &Name, make: impl FnOnce() -> T) -> Arc<T> {
        let owner = (center.clone(), plugin.clone());
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = values.get(&owner).and_then(Weak::upgrade) {
            return held;
        }
        values.retain(|_, held| held.strong_count() > 0);
        let made = Arc::new(make());
        values.insert(owner, Arc::downgrade(&made));
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn center(name: &str) -> CenterId {
        name.parse().unwrap()
    }

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn versions_of_one_plug_in_in_one_center_have_one_value() {
        let each = EachPlugin::default();
        let first = each.of(&center("north"), &name("acme"), || 1);
        let second = each.of(&center("north"), &name("acme"), || 2);
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(*each.of(&center("south"), &name("acme"), || 3), 3);
        assert_eq!(*each.of(&center("north"), &name("other"), || 4), 4);
    }

    #[test]
    fn what_nobody_holds_is_let_go() {
        let each = EachPlugin::default();
        for number in 0..100 {
            drop(each.of(&center("north"), &name(&format!("p{number}")), || number));
            assert_eq!(each.values.lock().unwrap().len(), 1);
        }
        let held = each.of(&center("north"), &name("acme"), || 100);
        drop(each.of(&center("north"), &name("other"), || 101));
        assert_eq!(*each.of(&center("north"), &name("acme"), || 102), *held);
    }
}
