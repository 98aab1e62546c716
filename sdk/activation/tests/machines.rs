//! What holds for all machines, not only for those somebody thought of.

#![cfg(test)]

use colophon_activation::{
    FACTS_KNOWN_MIN, FactDigest, FactKind, FactSalt, InvalidFacts, MachineFacts, MachineId,
};
use colophon_crypto::Portable;
use proptest::prelude::*;
use proptest::sample::subsequence;

type Values = Vec<(FactKind, String)>;

/// Any three or more kinds, each with a value that says something.
fn values() -> impl Strategy<Value = Values> {
    subsequence(
        FactKind::ALL.to_vec(),
        FACTS_KNOWN_MIN..=FactKind::ALL.len(),
    )
    .prop_flat_map(|kinds| {
        let count = kinds.len();
        proptest::collection::vec("x[0-9a-z]{1,12}", count)
            .prop_map(move |values| kinds.iter().copied().zip(values).collect())
    })
}

fn salt() -> impl Strategy<Value = FactSalt> {
    any::<[u8; 16]>().prop_map(FactSalt::from_bytes)
}

fn read(salt: &FactSalt, values: &Values) -> MachineFacts {
    let values = values.iter().map(|(kind, value)| (*kind, value.as_str()));
    MachineFacts::read(&Portable, salt, values).expect("enough facts")
}

/// The values with those at `places` changed.
fn changed(values: &Values, places: &[usize]) -> Values {
    let mut values = values.clone();
    for place in places {
        values[*place].1.push_str("-new");
    }
    values
}

/// What `differences` should count, seen from the values.
fn counted(one: &Values, two: &Values) -> usize {
    let value = |values: &Values, kind| {
        let found = values.iter().find(|(of, _)| *of == kind);
        found.map(|(_, value)| value.clone())
    };
    let differs = |kind: &&FactKind| value(one, **kind) != value(two, **kind);
    FactKind::ALL.iter().filter(differs).count()
}

proptest! {
    #[test]
    fn differences_are_those_of_the_values(one in values(), two in values(), salt in salt()) {
        let (a, b) = (read(&salt, &one), read(&salt, &two));
        prop_assert_eq!(a.differences(&b), counted(&one, &two));
        prop_assert_eq!(a.differences(&b), b.differences(&a));
        prop_assert_eq!(a.is_same_machine(&b), b.is_same_machine(&a));
        prop_assert_eq!(a.differences(&a), 0);
    }

    #[test]
    fn one_changed_fact_keeps_the_machine(values in values(), salt in salt(), at in any::<usize>()) {
        let one = changed(&values, &[at % values.len()]);
        let (before, after) = (read(&salt, &values), read(&salt, &one));
        prop_assert_eq!(before.differences(&after), 1);
        prop_assert!(before.is_same_machine(&after));
        prop_assert_eq!(after.closest([(0, &before)]), Some(0));
    }

    #[test]
    fn two_changed_facts_split_it(values in values(), salt in salt(), at in any::<usize>(), by in any::<usize>()) {
        let first = at % values.len();
        let second = (first + 1 + by % (values.len() - 1)) % values.len();
        let (before, after) = (read(&salt, &values), read(&salt, &changed(&values, &[first, second])));
        prop_assert_eq!(before.differences(&after), 2);
        prop_assert!(!before.is_same_machine(&after));
        prop_assert_eq!(after.closest([(0, &before)]), None);
    }

    #[test]
    fn a_fact_that_became_unknown_is_one_difference(values in values(), salt in salt(), at in any::<usize>()) {
        let mut fewer = values.clone();
        fewer.remove(at % values.len());
        let digests = fewer.iter().map(|(kind, value)| (*kind, value.as_str()));
        match MachineFacts::read(&Portable, &salt, digests) {
            Ok(after) => prop_assert_eq!(read(&salt, &values).differences(&after), 1),
            Err(refused) => {
                prop_assert_eq!(refused, InvalidFacts::TooFew { known: FACTS_KNOWN_MIN - 1 });
                prop_assert_eq!(values.len(), FACTS_KNOWN_MIN);
            }
        }
    }

    #[test]
    fn the_order_of_facts_is_of_no_matter(
        (values, shuffled) in values().prop_flat_map(|values| (Just(values.clone()), Just(values).prop_shuffle())),
        salt in salt(),
    ) {
        let (one, two) = (read(&salt, &values), read(&salt, &shuffled));
        prop_assert_eq!(&one, &two);
        prop_assert_eq!(one.to_json(), two.to_json());
        prop_assert_eq!(MachineId::of(&Portable, &salt, &one), MachineId::of(&Portable, &salt, &two));
    }

    #[test]
    fn two_personas_have_nothing_in_common(values in values(), one in salt(), two in salt()) {
        prop_assume!(one != two);
        let (a, b) = (read(&one, &values), read(&two, &values));
        let digests: Vec<FactDigest> = a.known().map(|(_, digest)| *digest).collect();
        prop_assert!(b.known().all(|(_, digest)| !digests.contains(digest)));
        prop_assert_eq!(a.differences(&b), values.len());
        prop_assert_ne!(MachineId::of(&Portable, &one, &a), MachineId::of(&Portable, &two, &b));
    }

    #[test]
    fn any_difference_gives_another_id(one in values(), two in values(), salt in salt()) {
        let (a, b) = (read(&salt, &one), read(&salt, &two));
        let (id_a, id_b) = (MachineId::of(&Portable, &salt, &a), MachineId::of(&Portable, &salt, &b));
        prop_assert_eq!(id_a == id_b, a == b);
    }

    #[test]
    fn what_is_written_reads_the_same(values in values(), salt in salt()) {
        let facts = read(&salt, &values);
        let json = facts.to_json();
        prop_assert_eq!(MachineFacts::parse(json.as_bytes()), Ok(facts.clone()));
        let spaced = json.replace(',', " ,\n").replace(':', "\t: ");
        prop_assert_eq!(MachineFacts::parse(spaced.as_bytes()), Ok(facts));
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(MachineFacts::parse(&bytes).is_err());
    }

    #[test]
    fn any_value_is_digested_without_panic(value in any::<String>(), salt in salt()) {
        for kind in FactKind::ALL {
            let digest = FactDigest::of(&Portable, &salt, kind, &value);
            let spaced = format!(" \t{value}\0\n");
            prop_assert_eq!(digest, FactDigest::of(&Portable, &salt, kind, &spaced));
        }
    }
}
