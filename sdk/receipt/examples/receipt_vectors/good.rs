//! Receipts that open.

use colophon_crypto::{Key32, Portable, Randomness};
use colophon_forge::{Members, encode, json_of, members};
use colophon_receipt::{Claims, KeyId, Mint, ReceiptKey, RequestedLevel, UnixSeconds};
use serde_json::json;

use super::Vector;
use super::forge::{
    HEADER, ISSUED_AT, KEY, LONGEST_CLAIMS, claims_with, padded, seal_parts, sealed, usual_claims,
    with_header,
};
use super::vector::MintInput;

const LIFETIME_S: u32 = 900;

pub(crate) fn vectors() -> Vec<Vector> {
    let mut vectors = vec![
        minted("minimal", "the required claims only", |_| {}),
        minted("every-claim", "every claim there is", with_everything),
        minted(
            "non-ascii",
            "names in Latin, Greek, Cyrillic and Han script",
            |claims| {
                claims.user_name = Some(read("Žofie Ångström"));
                claims.file_name = Some(read("Ὀδύσσεια – Анна – 紅樓夢.epub"));
            },
        ),
        minted(
            "right-to-left",
            "Arabic and Hebrew names, with a direction mark",
            |claims| {
                claims.user_name = Some(read("محمد\u{200F} אברהם"));
            },
        ),
        minted(
            "emoji",
            "characters outside the basic plane, joined",
            |claims| {
                claims.user_name = Some(read("📚 👩‍👩‍👧‍👦 🏳️‍🌈"));
            },
        ),
        minted("json-escapes", "characters that JSON escapes", |claims| {
            claims.user_name = Some(read(r#"Ann "Nan" O'Neil \ </script> & Söhne"#));
        }),
        minted("longest-texts", "texts of exactly 1024 bytes", |claims| {
            claims.user_name = Some(read(&"n".repeat(1024)));
            claims.file_name = Some(read(&"é".repeat(512)));
        }),
        minted(
            "largest-integers",
            "amounts of exactly 2^53 − 1",
            |claims| {
                claims.retail_price = Some((1 << 53) - 1);
                claims.cost = Some(0);
                claims.max_downloads = Some(u32::MAX.try_into().expect("not 0"));
            },
        ),
    ];
    for number in 1..=5 {
        let name = format!("level-{number}");
        vectors.push(minted(&name, "a level asked for", |claims| {
            claims.level = RequestedLevel::from_number(number);
        }));
    }
    vectors.extend(others_form());
    vectors
}

/// Receipts as other programs may make them.
fn others_form() -> Vec<Vector> {
    let usual = usual_claims();
    let valid =
        |name, about, receipt| Vector::new(name, "valid", about, receipt).saying(usual.clone());
    let ascii = "{\"\\u0076\":1,\"iss\":\"bookshop\",\"aud\":\"main\",\"iat\":1800000000,\
                 \"exp\":1800000900,\"jti\":\"receipt-1\",\"transaction\":\"\\u006frder-4711\",\
                 \"book_id\":\"9780141439518\",\"book_id_type\":\"ISBN\",\
                 \"user_name\":\"\\u017dofie \\ud83d\\udcda\"}";
    let largest_kid = r#"{"alg":"dir","enc":"A256GCM","kid":"bookshop.4294967295"}"#;
    vec![
        valid(
            "header-in-another-order",
            "header members in another order, with white space",
            with_header(
                b"{ \"kid\": \"bookshop.1\",\r\n\t\"enc\": \"A256GCM\", \"alg\": \"dir\" }",
            ),
        ),
        valid(
            "claims-with-white-space",
            "claims with line ends and indentation",
            sealed(
                serde_json::to_string_pretty(&usual)
                    .expect("JSON")
                    .as_bytes(),
            ),
        ),
        valid("longest", "exactly 8192 bytes", padded(LONGEST_CLAIMS)),
        valid(
            "largest-key-number",
            "the largest key number there is",
            seal_parts(&KEY, largest_kid.as_bytes(), json_of(&usual).as_bytes()).join(),
        ),
        Vector::new(
            "claims-in-ascii",
            "valid",
            "claims with escapes for non-ASCII characters",
            sealed(ascii.as_bytes()),
        )
        .saying(claims_with(json!({"user_name": "Žofie 📚"}))),
        valid(
            "header-with-escapes",
            "a header member whose name is written with an escape",
            with_header(HEADER.replace("kid", "\\u006bid").as_bytes()),
        ),
        Vector::new(
            "plain-http-to-this-machine",
            "valid",
            "an error address on the loopback",
            sealed(json_of(&claims_with(json!({"error_url": "http://[::1]:8080/x"}))).as_bytes()),
        )
        .saying(claims_with(json!({"error_url": "http://[::1]:8080/x"}))),
    ]
}

/// Chance that is no chance: counts upwards, starting anew for each vector.
struct Counting(u8);

impl Randomness for Counting {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
    }
}

fn minted(name: &str, about: &str, change: impl FnOnce(&mut Claims)) -> Vector {
    let mut claims = Claims::new(read("order-4711"), read("9780141439518"), read("ISBN"));
    change(&mut claims);
    let kid: KeyId = read("bookshop.1");
    let center = read("main");
    let key = ReceiptKey::new(Key32::new(KEY));
    let mint = Mint {
        engine: &Portable,
        kid: &kid,
        key: &key,
        center: &center,
    };
    let receipt = mint
        .mint(
            &claims,
            UnixSeconds::new(ISSUED_AT),
            LIFETIME_S,
            &mut Counting(0),
        )
        .expect("a receipt");

    let counted: Vec<u8> = (0..28).collect();
    let (jti, iv) = counted.split_at(16);
    let sale = sale_of(&claims);
    let mut said = claims_with(json!({"jti": encode(jti), "exp": ISSUED_AT + 900}));
    said.extend(sale.clone());
    let mut vector = Vector::new(name, "valid", about, receipt).saying(said);
    vector.mint = Some(MintInput {
        kid: kid.to_string(),
        issued_at: ISSUED_AT,
        lifetime_s: LIFETIME_S,
        jti_bytes: encode(jti),
        iv: encode(iv),
        sale,
    });
    vector
}

/// The claims about the sale.
fn sale_of(claims: &Claims) -> Members {
    let mut sale = members(json!({
        "transaction": claims.transaction.as_str(),
        "book_id": claims.book_id.as_str(),
        "book_id_type": claims.book_id_type.as_str(),
        "level": claims.level.map(RequestedLevel::as_number),
        "user_name": claims.user_name.as_ref().map(AsRef::<str>::as_ref),
        "persona": claims.persona.as_ref().map(AsRef::<str>::as_ref),
        "customer_id": claims.customer_id.as_ref().map(AsRef::<str>::as_ref),
        "file_name": claims.file_name.as_ref().map(AsRef::<str>::as_ref),
        "error_url": claims.error_url.as_ref().map(AsRef::<str>::as_ref),
        "retail_price": claims.retail_price,
        "cost": claims.cost,
        "list_price": claims.list_price,
        "currency": claims.currency.as_ref().map(AsRef::<str>::as_ref),
        "sold_at": claims.sold_at.map(UnixSeconds::get),
        "max_downloads": claims.max_downloads,
    }));
    sale.retain(|_, value| !value.is_null());
    sale
}

fn with_everything(claims: &mut Claims) {
    claims.level = Some(RequestedLevel::Three);
    claims.user_name = Some(read("Ann Reader"));
    claims.persona = Some(read("https://id.example/ann"));
    claims.customer_id = Some(read("customer-12"));
    claims.file_name = Some(read("Pride and Prejudice.epub"));
    claims.error_url = Some(read("https://shop.example/sorry?lang=en"));
    claims.retail_price = Some(1299);
    claims.cost = Some(650);
    claims.list_price = Some(1499);
    claims.currency = Some(read("EUR"));
    claims.sold_at = Some(UnixSeconds::new(ISSUED_AT - 3600));
    claims.max_downloads = 3.try_into().ok();
}

fn read<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a valid text")
}
