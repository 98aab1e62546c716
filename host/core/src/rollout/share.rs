//! A share of the purchases, the same ones on every host.

use colophon_receipt::{BookId, RetailerId, TransactionId};

use super::PluginVersion;

/// How many of a hundred purchases: 1 to 99.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u8);

impl Share {
    /// This many percent; none for none of the purchases and for all of them.
    pub fn percent(percent: u8) -> Option<Self> {
        (1..=99).contains(&percent).then_some(Self(percent))
    }

    /// The percentage.
    pub fn as_percent(self) -> u8 {
        self.0
    }

    /// Whether a purchase belongs to the share that tries this version. It does or does not
    /// however often it is asked and wherever; another version is tried with other purchases.
    pub fn takes(self, purchase: PurchaseMark, version: &PluginVersion) -> bool {
        let place = mixed(purchase.place ^ spread(START, version.as_str().as_bytes()));
        place % 100 < u64::from(self.0)
    }
}

/// Tells purchases apart, most likely: numbers made of who sold what in which transaction. They are
/// made for every download, so they are cheap, and nothing secret rests on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PurchaseMark {
    /// Which share of a trial it belongs to.
    place: u64,
    retailer: RetailerMark,
    /// None while nobody has proven that there was a sale.
    sale: Option<SaleMark>,
}

/// Tells retailers apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RetailerMark(u64);

/// Tells transactions apart, whatever was bought in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SaleMark(u64);

impl PurchaseMark {
    /// The mark of a purchase whose receipt has been opened.
    pub fn of(retailer: &RetailerId, transaction: &TransactionId, book: &BookId) -> Self {
        let (retailer, transaction) = (retailer.as_ref(), transaction.as_ref());
        Self {
            place: mark(&[retailer, transaction, book.as_ref()]),
            retailer: RetailerMark(mark(&[retailer])),
            sale: Some(SaleMark(mark(&[retailer, transaction]))),
        }
    }

    /// The mark of whatever is claimed to have been sold by this retailer: all of it belongs to the
    /// same share of a trial.
    pub fn claimed(retailer: &RetailerId) -> Self {
        let mark = mark(&[retailer.as_ref()]);
        Self {
            place: mark,
            retailer: RetailerMark(mark),
            sale: None,
        }
    }

    /// The same, where the receipt has opened and this is its transaction.
    #[must_use]
    pub fn proven(self, retailer: &RetailerId, transaction: &TransactionId) -> Self {
        let sale = mark(&[retailer.as_ref(), transaction.as_ref()]);
        Self {
            sale: Some(SaleMark(sale)),
            ..self
        }
    }

    /// A proven purchase of this number, by a retailer of its own, for tests and tools that have
    /// none.
    pub fn from_number(number: u64) -> Self {
        let mark = mixed(number);
        Self {
            place: mark,
            retailer: RetailerMark(mark),
            sale: Some(SaleMark(mark)),
        }
    }

    /// Whether the receipt has opened; before, anybody can claim any retailer.
    pub fn is_proven(self) -> bool {
        self.sale.is_some()
    }

    pub(super) fn retailer(self) -> RetailerMark {
        self.retailer
    }

    pub(super) fn proven_sale(self) -> Option<SaleMark> {
        self.sale
    }

    /// All that is claimed in a retailer's name counts as one sale.
    pub(super) fn claimed_sale(self) -> SaleMark {
        let RetailerMark(retailer) = self.retailer;
        SaleMark(retailer)
    }
}

fn mark(parts: &[&str]) -> u64 {
    let state = parts.iter().fold(START, |state, part| {
        // None of the parts holds a zero byte, so no two lists of them run together.
        spread(spread(state, part.as_bytes()), &[0])
    });
    mixed(state)
}

/// FNV-1a: one multiplication a byte.
const START: u64 = 0xcbf2_9ce4_8422_2325;
const FACTOR: u64 = 0x0000_0100_0000_01b3;

fn spread(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |state, byte| {
        (state ^ u64::from(*byte)).wrapping_mul(FACTOR)
    })
}

/// Lets every bit of a number bear on every other one, as the last step of SplitMix64 does.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> PluginVersion {
        text.parse().unwrap()
    }

    fn sold(transaction: &str) -> PurchaseMark {
        let retailer = RetailerId::try_from("shop").unwrap();
        let transaction = TransactionId::try_from(transaction).unwrap();
        PurchaseMark::of(&retailer, &transaction, &BookId::try_from("b-1").unwrap())
    }

    #[test]
    fn a_share_is_neither_nothing_nor_everything() {
        assert_eq!(Share::percent(0), None);
        assert_eq!(Share::percent(100), None);
        assert_eq!(Share::percent(1).unwrap().as_percent(), 1);
        assert_eq!(Share::percent(99).unwrap().as_percent(), 99);
    }

    #[test]
    fn about_as_many_purchases_are_taken_as_the_share_says() {
        for percent in [1_u8, 10, 50, 99] {
            let share = Share::percent(percent).unwrap();
            let marks = (0..20_000).map(|number| sold(&format!("t-{number}")));
            let taken = marks.filter(|mark| share.takes(*mark, &version("1.0")));
            let taken = taken.count() as i64;
            let expected = 200 * i64::from(percent);
            assert!((taken - expected).abs() < 300, "{percent} %: {taken}");
        }
    }

    #[test]
    fn a_larger_share_keeps_the_purchases_of_the_smaller() {
        let (small, large) = (Share::percent(10).unwrap(), Share::percent(40).unwrap());
        for number in 0..2_000 {
            let mark = sold(&format!("t-{number}"));
            if small.takes(mark, &version("1.0")) {
                assert!(large.takes(mark, &version("1.0")));
            }
        }
    }

    #[test]
    fn another_version_is_tried_with_other_purchases() {
        let share = Share::percent(50).unwrap();
        let both = (0..2_000).map(|number| sold(&format!("t-{number}")));
        let both = both.filter(|mark| {
            share.takes(*mark, &version("1.0")) && share.takes(*mark, &version("1.1"))
        });
        let both = both.count();
        assert!((350..650).contains(&both), "{both}");
    }

    #[test]
    fn all_that_a_retailer_claims_belongs_to_one_share() {
        let share = Share::percent(50).unwrap();
        let id = |number: u32| RetailerId::try_from(format!("shop-{number}").as_str()).unwrap();
        let taken = (0..200).filter(|number| {
            let claimed = PurchaseMark::claimed(&id(*number));
            let transaction = TransactionId::try_from("t-9").unwrap();
            let proven = claimed.proven(&id(*number), &transaction);
            let tried = share.takes(claimed, &version("1.0"));
            assert_eq!(share.takes(proven, &version("1.0")), tried);
            tried
        });
        let taken = taken.count();
        assert!((60..140).contains(&taken), "{taken}");
    }

    #[test]
    fn parts_do_not_run_together() {
        let mark = |retailer: &str, transaction: &str| {
            PurchaseMark::of(
                &RetailerId::try_from(retailer).unwrap(),
                &TransactionId::try_from(transaction).unwrap(),
                &BookId::try_from("b").unwrap(),
            )
        };
        assert_ne!(mark("ab", "c"), mark("a", "bc"));
        assert_eq!(mark("ab", "c"), mark("ab", "c"));
    }
}
