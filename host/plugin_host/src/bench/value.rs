//! Between the values of the component model and JSON, in the contract's own terms: a record is an
//! object, a variant its name or an object of its name and what it holds, an absent option is null, a
//! list of pairs of texts an object, bytes a text or `{"hex": …}`.

use serde_json::{Map, Value, json};
use wasmtime::component::{Type, Val};

use crate::digested::hex;

/// Says what is wrong with a text that should be a value, and where in it.
pub(super) type Unfit = String;

/// A value of this type.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the contract uses few of the types there are, and of JSON one kind for each"
)]
pub(super) fn from_json(ty: &Type, value: &Value) -> Result<Val, Unfit> {
    match ty {
        Type::Bool => value
            .as_bool()
            .map(Val::Bool)
            .ok_or_else(|| unfit("true or false", value)),
        Type::U8 => small(value).map(Val::U8),
        Type::U16 => small(value).map(Val::U16),
        Type::U32 => small(value).map(Val::U32),
        Type::U64 => small(value).map(Val::U64),
        Type::S8 => small(value).map(Val::S8),
        Type::S16 => small(value).map(Val::S16),
        Type::S32 => small(value).map(Val::S32),
        Type::S64 => small(value).map(Val::S64),
        Type::String => match value {
            Value::String(text) => Ok(Val::String(text.clone())),
            _ => Err(unfit("a text", value)),
        },
        Type::List(list) => match (list.ty(), value) {
            (Type::U8, _) => bytes(value),
            (Type::Tuple(pair), Value::Object(pairs)) if pair.types().len() == 2 => {
                let item = Type::Tuple(pair);
                let items = pairs.iter().map(|(name, value)| {
                    from_json(&item, &json!([name, value])).map_err(within(name))
                });
                items.collect::<Result<_, _>>().map(Val::List)
            }
            (item, Value::Array(items)) => {
                let items = items.iter().enumerate();
                let items = items.map(|(at, value)| from_json(&item, value).map_err(within(at)));
                items.collect::<Result<_, _>>().map(Val::List)
            }
            _ => Err(unfit("a list", value)),
        },
        Type::Tuple(tuple) => match value {
            Value::Array(items) if items.len() == tuple.types().len() => {
                let items = tuple.types().zip(items).enumerate();
                let items =
                    items.map(|(at, (ty, value))| from_json(&ty, value).map_err(within(at)));
                items.collect::<Result<_, _>>().map(Val::Tuple)
            }
            _ => Err(unfit(&format!("a list of {}", tuple.types().len()), value)),
        },
        Type::Record(record) => match value {
            Value::Object(members) => {
                let known: Vec<_> = record.fields().map(|field| field.name).collect();
                if let Some(unknown) = members.keys().find(|name| !known.contains(&name.as_str())) {
                    return Err(format!("{unknown} is none of {}", known.join(", ")));
                }
                let fields = record.fields().map(|field| {
                    let value = members.get(field.name);
                    let value = match value {
                        Some(value) => from_json(&field.ty, value),
                        None => left_out(&field.ty),
                    };
                    let value = value.map_err(within(field.name))?;
                    Ok((field.name.to_owned(), value))
                });
                fields.collect::<Result<_, _>>().map(Val::Record)
            }
            _ => Err(unfit("a table", value)),
        },
        Type::Variant(variant) => {
            let (name, held) = arm(value)?;
            let Some(case) = variant.cases().find(|case| case.name == name) else {
                let known: Vec<_> = variant.cases().map(|case| case.name.to_owned()).collect();
                return Err(format!("{name} is none of {}", known.join(", ")));
            };
            let held = match (case.ty, held) {
                (Some(ty), Some(held)) => {
                    Some(Box::new(from_json(&ty, held).map_err(within(name))?))
                }
                (None, None) => None,
                (Some(_), None) => {
                    return Err(format!("write {{ {name} = … }}: it holds something"));
                }
                (None, Some(_)) => return Err(format!("write \"{name}\" alone: it holds nothing")),
            };
            Ok(Val::Variant(name.to_owned(), held))
        }
        Type::Enum(names) => match value.as_str() {
            Some(name) if names.names().any(|known| known == name) => {
                Ok(Val::Enum(name.to_owned()))
            }
            _ => {
                let known: Vec<_> = names.names().collect();
                Err(unfit(&format!("one of {}", known.join(", ")), value))
            }
        },
        Type::Option(option) => match value {
            Value::Null => Ok(Val::Option(None)),
            value => from_json(&option.ty(), value).map(|value| Val::Option(Some(Box::new(value)))),
        },
        Type::Result(result) => {
            let (name, held) = arm(value)?;
            let side = |ty: Option<Type>| match (ty, held) {
                (Some(ty), Some(held)) => {
                    let held = from_json(&ty, held).map_err(within(name))?;
                    Ok::<_, Unfit>(Some(Box::new(held)))
                }
                (Some(_), None) => Err(format!("{name} holds something")),
                (None, _) => Ok(None),
            };
            match name {
                "ok" => Ok(Val::Result(Ok(side(result.ok())?))),
                "err" => Ok(Val::Result(Err(side(result.err())?))),
                other => Err(format!("{other} is none of ok, err")),
            }
        }
        _ => Err("the contract has no such type".to_owned()),
    }
}

/// What stands for a member that is not written down.
fn left_out(ty: &Type) -> Result<Val, Unfit> {
    if matches!(ty, Type::Option(_)) {
        return Ok(Val::Option(None));
    }
    if matches!(ty, Type::List(_)) {
        return Ok(Val::List(Vec::new()));
    }
    Err("is missing".to_owned())
}

/// A variant's name and what it holds.
fn arm(value: &Value) -> Result<(&str, Option<&Value>), Unfit> {
    if let Value::String(name) = value {
        return Ok((name, None));
    }
    let members = value.as_object().filter(|members| members.len() == 1);
    members
        .and_then(|members| members.iter().next())
        .map(|(name, held)| (name.as_str(), Some(held)))
        .ok_or_else(|| unfit("a name, or a table of one name", value))
}

fn small<Number: TryFrom<i128>>(value: &Value) -> Result<Number, Unfit> {
    let number = value.as_i64().map(i128::from);
    let number = number.or_else(|| value.as_u64().map(i128::from));
    number
        .and_then(|number| Number::try_from(number).ok())
        .ok_or_else(|| unfit("a whole number that fits", value))
}

fn bytes(value: &Value) -> Result<Val, Unfit> {
    let text = value.as_str().map(|text| text.as_bytes().to_vec());
    let bytes = text.or_else(|| {
        let members = value.as_object().filter(|members| members.len() == 1)?;
        from_hex(members.get("hex")?.as_str()?)
    });
    let bytes = bytes.or_else(|| {
        let items = value.as_array()?.iter();
        items.map(|item| small(item).ok()).collect()
    });
    let bytes =
        bytes.ok_or_else(|| unfit("a text, or { hex = \"…\" } with pairs of digits", value))?;
    Ok(Val::List(bytes.into_iter().map(Val::U8).collect()))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    let pairs = digits.chunks_exact(2);
    let bytes = pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit));
    bytes.map(|byte| u8::try_from(byte).ok()).collect()
}

fn unfit(wanted: &str, found: &Value) -> Unfit {
    format!("{found} is not {wanted}")
}

/// Puts the place before what is wrong with it.
fn within(place: impl std::fmt::Display) -> impl FnOnce(Unfit) -> Unfit {
    move |problem| format!("{place}: {problem}")
}

/// The value in JSON. What the contract has no type for is null.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the contract uses few of the types there are"
)]
pub(super) fn to_json(value: &Val) -> Value {
    match value {
        Val::Bool(value) => json!(value),
        Val::U8(value) => json!(value),
        Val::U16(value) => json!(value),
        Val::U32(value) => json!(value),
        Val::U64(value) => json!(value),
        Val::S8(value) => json!(value),
        Val::S16(value) => json!(value),
        Val::S32(value) => json!(value),
        Val::S64(value) => json!(value),
        Val::String(value) => json!(value),
        Val::List(items) => list(items),
        Val::Tuple(items) => items.iter().map(to_json).collect(),
        Val::Record(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), to_json(value)));
            Value::Object(fields.collect())
        }
        Val::Variant(name, None) => json!(name),
        Val::Variant(name, Some(held)) => named(name, to_json(held)),
        Val::Enum(name) => json!(name),
        Val::Option(None) => Value::Null,
        Val::Option(Some(value)) => to_json(value),
        Val::Result(Ok(held)) => named("ok", held.as_deref().map_or(Value::Null, to_json)),
        Val::Result(Err(held)) => named("err", held.as_deref().map_or(Value::Null, to_json)),
        _ => Value::Null,
    }
}

fn named(name: &str, held: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), held)]))
}

/// A list of bytes, of pairs of texts, or of anything else.
fn list(items: &[Val]) -> Value {
    let bytes: Option<Vec<u8>> = items.iter().map(byte).collect();
    if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
        let text = std::str::from_utf8(&bytes).ok();
        let text = text.filter(|text| !text.contains(char::is_control));
        return text.map_or_else(|| json!({ "hex": hex(&bytes) }), |text| json!(text));
    }
    let pairs: Option<Map<_, _>> = items.iter().map(pair).collect();
    match pairs {
        // A name that occurs twice must be seen twice.
        Some(pairs) if !items.is_empty() && pairs.len() == items.len() => Value::Object(pairs),
        _ => items.iter().map(to_json).collect(),
    }
}

fn byte(item: &Val) -> Option<u8> {
    let Val::U8(byte) = item else { return None };
    Some(*byte)
}

fn pair(item: &Val) -> Option<(String, Value)> {
    let Val::Tuple(items) = item else { return None };
    match items.as_slice() {
        [Val::String(name), Val::String(value)] => Some((name.clone(), json!(value))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_or_pairs_of_digits() {
        for (value, expected) in [
            (json!("ab"), Some(b"ab".as_slice())),
            (json!({ "hex": "00ff" }), Some(&[0, 255])),
            (json!([]), Some(&[])),
            (json!({ "hex": "0" }), None),
            (json!({ "hex": "zz" }), None),
            (json!({ "hex": "00", "more": 1 }), None),
            (json!([256]), None),
            (json!(1), None),
        ] {
            let found = bytes(&value).ok();
            let expected = expected.map(|bytes| {
                let bytes = bytes.iter().copied();
                Val::List(bytes.map(Val::U8).collect())
            });
            assert_eq!(found, expected, "{value}");
        }
    }

    #[test]
    fn lists_are_shown_as_people_write_them() {
        let pair = |name: &str, value: &str| {
            Val::Tuple(vec![Val::String(name.into()), Val::String(value.into())])
        };
        let shown = |items: &[Val]| list(items);
        assert_eq!(
            shown(&[pair("a", "1"), pair("b", "2")]),
            json!({ "a": "1", "b": "2" })
        );
        assert_eq!(
            shown(&[pair("a", "1"), pair("a", "2")]),
            json!([["a", "1"], ["a", "2"]])
        );
        assert_eq!(shown(&[Val::U8(104), Val::U8(105)]), json!("hi"));
        assert_eq!(shown(&[Val::U8(0), Val::U8(255)]), json!({ "hex": "00ff" }));
        assert_eq!(shown(&[]), json!([]));
    }
}
