use colophon_core::code::Code;
use colophon_core::log::{ByteSpan, Client, DeliveredCopy, DownloadRecord, Outcome};
use colophon_core::time::Timestamp;
use colophon_receipt::{Claims, RequestedLevel, UnixSeconds};
use colophon_title::Level;

use super::*;

fn event() -> EventId {
    EventId::from_bytes([9; 16])
}

fn least() -> DownloadRecord {
    DownloadRecord {
        event: event(),
        at: Timestamp::from_unix_ms(1_700_000_000_123),
        took_us: 0,
        center: "main".parse().unwrap(),
        key: None,
        claims: None,
        outcome: Outcome::Refused(Code::ReceiptInvalid),
        copy: None,
        client: Client {
            address: "2001:db8::7".parse().unwrap(),
            agent: None,
        },
    }
}

fn most() -> DownloadRecord {
    let mut claims = Claims::new(
        "T-1".parse().unwrap(),
        "978-3-16-148410-0".parse().unwrap(),
        "ISBN".parse().unwrap(),
    );
    claims.level = Some(RequestedLevel::Four);
    claims.user_name = Some("Ludwig \"ß\" 家 🦀 \\".parse().unwrap());
    claims.persona = Some("p".parse().unwrap());
    claims.customer_id = Some("c".parse().unwrap());
    claims.file_name = Some("f".parse().unwrap());
    claims.error_url = Some("https://shop.example/sorry?x=1".parse().unwrap());
    claims.retail_price = Some(0);
    claims.cost = Some((1 << 53) - 1);
    claims.list_price = Some(999);
    claims.currency = Some("EUR".parse().unwrap());
    claims.sold_at = Some(UnixSeconds::new(-1));
    claims.max_downloads = std::num::NonZeroU32::new(3);
    DownloadRecord {
        took_us: u64::MAX,
        key: Some("bookshop.2".parse().unwrap()),
        claims: Some(Box::new(claims)),
        outcome: Outcome::Completed,
        copy: Some(DeliveredCopy {
            level: Level::IndividuallySealed,
            file_name: "Moby Dick.epub".to_owned(),
            length: 5 << 40,
            etag: std::array::from_fn(|index| index as u8 * 7),
            asked: ByteSpan { start: 1, end: 2 },
            sent: 1,
            license: None,
        }),
        client: Client {
            address: "192.0.2.1".parse().unwrap(),
            agent: Some("curl/8".to_owned()),
        },
        ..least()
    }
}

fn encoded(record: DownloadRecord) -> String {
    String::from_utf8(encode(&record.into())).unwrap()
}

fn check(record: DownloadRecord) {
    let record = LogRecord::Download(record);
    let decoded = decode(event(), &encode(&record)).unwrap();
    assert_eq!(format!("{decoded:?}"), format!("{record:?}"));
}

#[test]
fn every_record_comes_back_as_it_was() {
    check(least());
    check(most());
    let broken = DownloadRecord {
        outcome: Outcome::Broken,
        ..least()
    };
    check(broken);
    for code in Code::ALL {
        let refused = DownloadRecord {
            outcome: Outcome::Refused(*code),
            ..least()
        };
        check(refused);
    }
}

fn licensed() -> DownloadRecord {
    let mut record = most();
    if let Some(copy) = &mut record.copy {
        copy.license = Some("<license/>".to_owned());
    }
    record
}

/// A license makes a row of version 2, so that a host that would lose it does not take the row.
#[test]
fn a_license_belongs_to_version_2() {
    check(licensed());
    let text = encoded(licensed());
    assert!(text.starts_with(r#"{"v":2,"#), "{text}");
    assert!(
        text.contains(r#""sent":1,"license":"<license/>"}"#),
        "{text}"
    );
    let misplaced = Unreadable::Member("copy.license");
    let older = text.replacen(r#""v":2"#, r#""v":1"#, 1);
    assert_eq!(decode(event(), older.as_bytes()).unwrap_err(), misplaced);
    assert_eq!(refused(r#""v":1"#, r#""v":2"#), misplaced);
}

/// Rows of hosts that ran before an update must stay readable: this is one of them.
#[test]
fn version_1_stays_as_it_is() {
    let least = r#"{"v":1,"at_ms":1700000000123,"took_us":0,"center":"main","outcome":{"refused":"receipt-invalid"},"address":"2001:db8::7"}"#;
    assert_eq!(encoded(self::least()), least);
    let copy = r#""copy":{"level":3,"file_name":"Moby Dick.epub","length":5497558138880,"etag":"00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9","asked":[1,2],"sent":1}"#;
    assert!(encoded(most()).contains(copy));
}

fn refused(from: &str, to: &str) -> Unreadable {
    let text = encoded(most());
    assert!(text.contains(from), "{from}");
    decode(event(), text.replacen(from, to, 1).as_bytes()).unwrap_err()
}

#[test]
fn a_row_of_a_later_host_is_refused() {
    assert_eq!(refused(r#""v":1"#, r#""v":3"#), Unreadable::Version(3));
    let unknown = refused(r#""v":1"#, r#""v":1,"territory":"de""#);
    assert!(matches!(unknown, Unreadable::Form { .. }));
    for kind in ["activation", "download", ""] {
        let other = refused(r#""v":1"#, &format!(r#""v":1,"kind":"{kind}""#));
        assert!(matches!(other, Unreadable::Form { .. }), "{kind}");
    }
}

#[test]
fn nothing_is_believed_that_would_not_have_come_in() {
    let member = |from: &str, to: &str| refused(from, to).to_string();
    let says = |name: &str| format!("the record's {name} cannot be read");
    assert_eq!(member(r#""main""#, r#""Main""#), says("center"));
    assert_eq!(member("bookshop.2", "bookshop.02"), says("key"));
    assert_eq!(member(r#""level":4"#, r#""level":6"#), says("level"));
    assert_eq!(member(r#""EUR""#, r#""eur""#), says("currency"));
    assert_eq!(
        member(r#""max_downloads":3"#, r#""max_downloads":0"#),
        says("max_downloads")
    );
    assert_eq!(member(r#""level":3"#, r#""level":4"#), says("copy.level"));
    assert_eq!(member("00070e", "+0070e"), says("copy.etag"));
    assert!(matches!(refused("{", ""), Unreadable::Form { .. }));
}

#[test]
fn an_error_says_nothing_of_the_person() {
    let text = encoded(most());
    let text = text.replacen("\"took_us\":", "\"took_us\":\"Ludwig\",\"x\":", 1);
    let error = decode(event(), text.as_bytes()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("Ludwig"));
}
