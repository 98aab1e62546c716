//! One spelling for hosts, ports, escapes and paths.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{AddressRefused, Scheme};

pub(super) fn authority_parts(
    authority: &str,
    scheme: Scheme,
) -> Result<(String, u16), AddressRefused> {
    if authority.contains('@') {
        return Err(AddressRefused::User);
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (inside, after) = rest.split_once(']').ok_or(AddressRefused::Host)?;
            let address: Ipv6Addr = inside.parse().map_err(|_| AddressRefused::Host)?;
            let port = match after {
                "" => None,
                after => Some(after.strip_prefix(':').ok_or(AddressRefused::Port)?),
            };
            (format!("[{address}]"), port)
        }
        None => {
            let (host, port) = match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            };
            (host_name(host)?, port)
        }
    };
    let port = match port {
        Some(digits) => port_number(digits)?,
        None => scheme.usual_port(),
    };
    Ok((host, port))
}

fn port_number(digits: &str) -> Result<u16, AddressRefused> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(port) if plain && port != 0 => Ok(port),
        Ok(_) | Err(_) => Err(AddressRefused::Port),
    }
}

/// A name of labels, or an IPv4 address. Resolvers take a last label of digits for a part of an
/// address, in octal and hexadecimal too; only the usual spelling is accepted.
fn host_name(text: &str) -> Result<String, AddressRefused> {
    let host = text.to_ascii_lowercase();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.len() > 253 || !host.split('.').all(label) {
        return Err(AddressRefused::Host);
    }
    let last = host.rsplit('.').next().unwrap_or("");
    if last.starts_with(|first: char| first.is_ascii_digit()) {
        let address: Ipv4Addr = host.parse().map_err(|_| AddressRefused::Host)?;
        return Ok(address.to_string());
    }
    Ok(host)
}

/// Escapes in one spelling, none of them of a forbidden byte.
pub(super) fn spelled(
    text: &str,
    forbidden: impl Fn(u8) -> bool,
) -> Result<String, AddressRefused> {
    let mut spelled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        spelled.push_str(before);
        let (digits, left) = after.split_at_checked(2).ok_or(AddressRefused::Escape)?;
        let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).map_err(|_| AddressRefused::Escape)?;
        if !hexadecimal || forbidden(byte) {
            return Err(AddressRefused::Escape);
        }
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            spelled.push(char::from(byte));
        } else {
            spelled.push('%');
            spelled.push_str(&digits.to_ascii_uppercase());
        }
        rest = left;
    }
    spelled.push_str(rest);
    Ok(spelled)
}

/// A path from `/` on, in which `.` and `..` have been followed. An escaped slash is a character of
/// its segment, as identifiers have them; between dots it could be followed by a server that takes
/// it for more.
pub(super) fn without_dots(path: &str) -> Result<String, AddressRefused> {
    let is_dots = |part: &str| matches!(part, "." | "..");
    let mut kept: Vec<&str> = Vec::new();
    let segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let mut ends_open = false;
    for segment in segments {
        ends_open = is_dots(segment);
        if !ends_open && segment.split("%2F").any(is_dots) {
            return Err(AddressRefused::Escape);
        }
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    if ends_open && !kept.is_empty() {
        kept.push("");
    }
    Ok(format!("/{}", kept.join("/")))
}
