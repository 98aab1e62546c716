//! What holds for every receipt, not only for those somebody thought of.

#![cfg(test)]

use colophon_crypto::{Key32, Portable};
use colophon_forge::{Seeded, mutant, mutants};
use colophon_receipt::{
    Claims, KeyId, Mint, ReceiptKey, RequestedLevel, RetailerSecret, SealedReceipt, SecretMode,
    UnixSeconds,
};
use proptest::prelude::*;

/// Any text of the specification, in any script.
fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>(), 1..40).prop_filter_map("a text", |characters| {
        let text: String = characters
            .into_iter()
            .filter(|c| !c.is_control() && !matches!(c, '\u{FFFE}' | '\u{FFFF}'))
            .collect();
        (!text.is_empty()).then_some(text)
    })
}

fn amount() -> impl Strategy<Value = Option<u64>> {
    proptest::option::of(0..(1_u64 << 53))
}

prop_compose! {
    fn claims()(
        required in [text(), text(), text()],
        optional in [proptest::option::of(text()), proptest::option::of(text()),
            proptest::option::of(text()), proptest::option::of(text())],
        amounts in [amount(), amount(), amount()],
        level in proptest::option::of(1_u8..=5),
        currency in proptest::option::of("[A-Z]{3}"),
        error_url in proptest::option::of("https://[a-z]{1,20}\\.example(:[1-9][0-9]{0,3})?/[a-z/?&=]{0,30}"),
        sold_at in proptest::option::of(0_i64..(1 << 53)),
        max_downloads in proptest::option::of(1..=u32::MAX),
    ) -> Claims {
        fn read<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
            text.parse().expect("a valid text")
        }
        let [transaction, book_id, book_id_type] = &required;
        let [user_name, persona, customer_id, file_name] = &optional;
        let [retail_price, cost, list_price] = amounts;
        Claims {
            level: level.and_then(RequestedLevel::from_number),
            user_name: user_name.as_deref().map(read),
            persona: persona.as_deref().map(read),
            customer_id: customer_id.as_deref().map(read),
            file_name: file_name.as_deref().map(read),
            error_url: error_url.as_deref().map(read),
            retail_price,
            cost,
            list_price,
            currency: currency.as_deref().map(read),
            sold_at: sold_at.map(UnixSeconds::new),
            max_downloads: max_downloads.and_then(|count| count.try_into().ok()),
            ..Claims::new(read(transaction), read(book_id), read(book_id_type))
        }
    }
}

fn kid() -> KeyId {
    "bookshop.1".parse().expect("a key id")
}

fn key_of(seed: u8) -> ReceiptKey {
    ReceiptKey::new(Key32::new([seed; 32]))
}

fn mint(claims: &Claims, key: &ReceiptKey, random: &mut Seeded) -> String {
    let (kid, center) = (kid(), "main".parse().expect("a center"));
    Mint {
        engine: &Portable,
        kid: &kid,
        key,
        center: &center,
    }
    .mint(claims, UnixSeconds::new(1_800_000_000), 900, random)
    .expect("a receipt")
}

fn opens(receipt: &str, key: &ReceiptKey) -> bool {
    let center = "main".parse().expect("a center");
    SealedReceipt::parse(receipt).is_ok_and(|sealed| sealed.open(&Portable, key, &center).is_ok())
}

proptest! {
    #[test]
    fn what_is_minted_opens_and_says_the_same(claims in claims(), seed in any::<u64>()) {
        let key = key_of(7);
        let receipt = mint(&claims, &key, &mut Seeded(seed));
        prop_assert!(receipt.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)));
        let sealed = SealedReceipt::parse(&receipt).expect("a receipt");
        prop_assert_eq!(sealed.to_string(), receipt);
        prop_assert_eq!(sealed.kid(), &kid());
        let opened = sealed.open(&Portable, &key, &"main".parse().expect("a center")).expect("genuine");
        prop_assert_eq!(opened.claims, claims);
        prop_assert_eq!(opened.issued_at.get(), 1_800_000_000);
        prop_assert_eq!(opened.expires_at.get(), 1_800_000_900);
    }

    #[test]
    fn any_text_is_parsed_without_panic(text in "\\PC{0,200}") {
        if let Ok(sealed) = SealedReceipt::parse(&text) {
            prop_assert_eq!(sealed.to_string(), text);
        }
    }

    #[test]
    fn any_parts_are_parsed_without_panic(text in "[A-Za-z0-9_.=-]{0,200}") {
        if let Ok(sealed) = SealedReceipt::parse(&text) {
            prop_assert_eq!(sealed.to_string(), text);
        }
    }

    #[test]
    fn a_secret_reads_as_it_was_written(
        bytes in any::<[u8; 32]>(),
        retailer in "[A-Za-z0-9-]{1,64}",
        number in 1..=u32::MAX,
        live in any::<bool>(),
    ) {
        let kid: KeyId = format!("{retailer}.{number}").parse().expect("a key id");
        let mode = if live { SecretMode::Live } else { SecretMode::Test };
        let secret = RetailerSecret::new(mode, kid.clone(), ReceiptKey::new(Key32::new(bytes)));
        let read = RetailerSecret::parse(&secret.to_text()).expect("a secret");
        prop_assert_eq!(read.mode(), mode);
        prop_assert_eq!(read.kid(), &kid);
        prop_assert_eq!(read.key().key().expose(), &bytes);
    }
}

/// How many changed receipts are tried.
fn tries() -> usize {
    mutants(50_000)
}

fn valid_receipts(key: &ReceiptKey, random: &mut Seeded) -> Vec<String> {
    (0..100)
        .map(|number| {
            let mut claims = Claims::new(
                format!("order-{number}").parse().expect("a text"),
                "9780141439518".parse().expect("a text"),
                "ISBN".parse().expect("a text"),
            );
            claims.user_name = Some("Žofie 📚".parse().expect("a text"));
            mint(&claims, key, random)
        })
        .collect()
}

#[test]
fn no_changed_receipt_opens() {
    let key = key_of(7);
    let mut random = Seeded(1);
    let receipts = valid_receipts(&key, &mut random);
    assert!(receipts.iter().all(|receipt| opens(receipt, &key)));
    let (mut tried, mut parsed) = (0, 0);
    while tried < tries() {
        let receipt = &receipts[random.below(receipts.len())];
        let other = &receipts[random.below(receipts.len())];
        let Ok(mutant) = String::from_utf8(mutant(receipt, other, &mut random)) else {
            tried += 1;
            continue;
        };
        // Now and then a change puts a receipt back together.
        if receipts.contains(&mutant) {
            continue;
        }
        assert!(!opens(&mutant, &key), "{mutant}\nmade of {receipt}");
        parsed += usize::from(SealedReceipt::parse(&mutant).is_ok());
        tried += 1;
    }
    println!("{tried} mutants refused, {parsed} of them only by their tag");
}

#[test]
fn every_flipped_bit_is_seen() {
    let key = key_of(7);
    let receipts = valid_receipts(&key, &mut Seeded(2));
    let count = (tries() / 4_000).clamp(1, receipts.len());
    for receipt in &receipts[..count] {
        for bit in 0..receipt.len() * 8 {
            let mut bytes = receipt.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(mutant) = String::from_utf8(bytes) {
                assert!(!opens(&mutant, &key), "bit {bit} of {receipt}");
            }
        }
    }
}

#[test]
fn no_other_key_opens_a_receipt() {
    let key = key_of(7);
    let mut random = Seeded(3);
    let receipts = valid_receipts(&key, &mut random);
    for number in 0..tries() / 5 {
        let wrong = ReceiptKey::new(Key32::generate(&mut random));
        assert!(!opens(&receipts[number % receipts.len()], &wrong));
    }
    // Keys that differ in a single bit as well.
    for bit in 0..256 {
        let mut bytes = [7; 32];
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(!opens(&receipts[0], &ReceiptKey::new(Key32::new(bytes))));
    }
}
