//! Making signatures.

use colophon_crypto::Engine;

use super::envelope::{Envelope, Place, SignedInfo, object};
use super::statement::{Statement, issuers_digest};
use super::{SignatureElement, Signer, SignerRole, SigningFailed, StatementTerms};
use crate::trust::{CERTIFICATE_BYTES_MAX, CHAIN_LENGTH_MAX, CertificateRole, EndCertificate};

/// Signs one statement. `tool` is the tool signature that an owner or provider signs over;
/// it is of no concern to the tool itself.
///
/// # Errors
///
/// [`SigningFailed`], see its variants.
pub fn sign(
    engine: &dyn Engine,
    signer: &dyn Signer,
    terms: &StatementTerms,
    tool: Option<&SignatureElement>,
) -> Result<SignatureElement, SigningFailed> {
    let role = signer.role();
    let place =
        Place::of(role, terms.copy_hash.is_some()).ok_or(SigningFailed::OutOfTurn { role })?;
    let over = match (role, tool) {
        (SignerRole::Tool, _) => None,
        (SignerRole::Owner | SignerRole::Provider, Some(tool)) => {
            Some(engine.digest(&[tool.octets()]))
        }
        (SignerRole::Owner | SignerRole::Provider, None) => {
            return Err(SigningFailed::NoToolSignature { role });
        }
    };
    let chain = signer.chain();
    let (own, certificate) = own_certificate(signer)?;
    let statement = Statement {
        role,
        validation: terms.validation_sha256,
        certificate: engine.digest(&[own]),
        issuers: issuers_digest(engine, chain),
        issued_at_unix_s: terms.issued_at_unix_s,
        over,
        copy_hash: terms.copy_hash,
    };
    let object = object(place, statement.to_element());
    let digest = engine.digest(&[&object.canonical()]);
    let signed_info = SignedInfo {
        place,
        algorithm: signer.algorithm(),
        digest,
    };
    let octets = signed_info.to_element().canonical();
    let value = signer.sign(&octets)?;
    // A key that does not fit its certificate is found here, not by the buyer; so is a fault
    // while signing, which could give an RSA key away.
    engine
        .verify(
            signed_info.algorithm,
            &certificate.public_key_spki_der,
            &octets,
            &value,
        )
        .map_err(|_| SigningFailed::KeyAndCertificate { role })?;
    Ok(SignatureElement::new(Envelope {
        signed_info,
        value,
        certificates: chain.to_vec(),
        object,
    }))
}

/// Signs with each of `signers`, the tool first, after and over the signatures that are
/// `present`, and gives all of them in the order of a file.
///
/// # Errors
///
/// [`SigningFailed`], see its variants.
pub fn sign_all(
    engine: &dyn Engine,
    present: &[SignatureElement],
    signers: &[&dyn Signer],
    terms: &StatementTerms,
) -> Result<Vec<SignatureElement>, SigningFailed> {
    let mut signatures = present.to_vec();
    let mut signers = signers.to_vec();
    signers.sort_by_key(|signer| signer.role());
    for signer in signers {
        let tool = signatures
            .iter()
            .find(|signature| signature.role() == SignerRole::Tool);
        let signature = sign(engine, signer, terms, tool)?;
        let taken = signatures
            .iter()
            .any(|other| other.place() == signature.place());
        if taken {
            return Err(SigningFailed::OutOfTurn {
                role: signer.role(),
            });
        }
        signatures.push(signature);
    }
    signatures.sort_by_key(SignatureElement::place);
    Ok(signatures)
}

fn own_certificate(signer: &dyn Signer) -> Result<(&[u8], EndCertificate), SigningFailed> {
    let role = signer.role();
    let refused = SigningFailed::Certificates { role };
    let chain = signer.chain();
    let too_large = chain
        .iter()
        .any(|certificate| certificate.len() > CERTIFICATE_BYTES_MAX);
    let Some(own) = chain
        .first()
        .filter(|_| chain.len() <= CHAIN_LENGTH_MAX && !too_large)
    else {
        return Err(refused);
    };
    match EndCertificate::parse(own) {
        Ok(certificate) if certificate.role == CertificateRole::from(role) => {
            Ok((own, certificate))
        }
        Ok(_) | Err(_) => Err(refused),
    }
}
