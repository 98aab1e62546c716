//! PEM text (RFC 7468).

use base64ct::{Base64, Encoding};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

/// Characters of base64 on a line.
const LINE: usize = 64;

/// One object in PEM. The text is grown in one piece, so that a secret leaves no half-written
/// copies behind.
pub(crate) fn pem_text(label: &str, der: &[u8]) -> String {
    let base64 = Zeroizing::new(Base64::encode_string(der));
    let frame = 2 * (label.len() + 17);
    let mut text = String::with_capacity(base64.len() + base64.len() / LINE + 1 + frame);
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// Certificates in PEM, in their order.
#[must_use]
pub fn certificates_to_pem(certificates: &[Vec<u8>]) -> String {
    certificates
        .iter()
        .map(|der| pem_text("CERTIFICATE", der))
        .collect()
}

/// Reads all certificates of a PEM text; other objects in it are passed over.
///
/// # Errors
///
/// [`InvalidPem`] if the text is not PEM or holds no certificate.
pub fn certificates_from_pem(pem: &str) -> Result<Vec<Vec<u8>>, InvalidPem> {
    let certificates: Result<Vec<Vec<u8>>, _> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(|certificate| certificate.map(|der| der.to_vec()))
        .collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(InvalidPem),
    }
}

/// A text that holds no certificate in PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate in PEM")]
pub struct InvalidPem;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_of_any_length_come_back() {
        let certificates: Vec<Vec<u8>> =
            (0..200).map(|length| vec![length as u8; length]).collect();
        let pem = certificates_to_pem(&certificates);
        assert!(pem.lines().all(|line| line.len() <= 64));
        assert_eq!(certificates_from_pem(&pem), Ok(certificates));
    }

    #[test]
    fn other_texts_hold_none() {
        for text in [
            "",
            "certificate",
            "-----BEGIN CERTIFICATE-----\nAAAA\n",
            &pem_text("X", b"x"),
        ] {
            assert_eq!(certificates_from_pem(text), Err(InvalidPem), "{text}");
        }
    }
}
