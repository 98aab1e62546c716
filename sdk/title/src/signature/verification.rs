//! Judging the signatures of a file.

use colophon_crypto::Engine;

use super::envelope::Envelope;
use super::statement::{Statement, issuers_digest};
use super::{
    DOCUMENT_CAPS, SignatureElement, SignatureRefused, SignatureReport, SignatureStatus,
    SignedState, SignerRole, split,
};
use crate::trust::{CertificateRole, ChainRefused, EndCertificate, TrustRoots};
use crate::xml;

/// Verifies every signature of a `signatures.xml` and reports on each, in the order of the
/// file.
///
/// # Errors
///
/// [`SignatureRefused`] if any signature is broken, is about something other than `state`,
/// is not by a certificate for its role, or is by a certificate that was not valid when it
/// was issued or has been revoked. An unknown root is no error: see
/// [`SignatureStatus::Untrusted`].
pub fn verify_all(
    engine: &dyn Engine,
    signatures_xml: &[u8],
    state: &SignedState,
    roots: &TrustRoots,
) -> Result<Vec<SignatureReport>, SignatureRefused> {
    let signatures = split(signatures_xml)?;
    let tool = match signatures.first() {
        Some(first) if first.role() == SignerRole::Tool => first,
        Some(_) | None => return Err(SignatureRefused::NoToolSignature),
    };
    let tool = engine.digest(&[tool.octets()]);
    let signed = signatures
        .iter()
        .map(|signature| Signed::verify(engine, signature));
    let signed: Vec<Signed<'_>> = signed.collect::<Result<_, _>>()?;
    signed
        .iter()
        .try_for_each(|signed| signed.check_subject(state, &tool))?;
    signed
        .iter()
        .map(|signed| signed.report(engine, roots))
        .collect()
}

/// A signature whose octets have been verified, with the statement read from those octets.
struct Signed<'s> {
    element: &'s SignatureElement,
    envelope: &'s Envelope,
    statement: Statement,
}

impl<'s> Signed<'s> {
    /// Verifies digest and signature before anything signed is read.
    fn verify(
        engine: &dyn Engine,
        element: &'s SignatureElement,
    ) -> Result<Signed<'s>, SignatureRefused> {
        let envelope = &element.envelope;
        let info = &envelope.signed_info;
        let octets = envelope.object.canonical();
        if engine.digest(&[&octets]) != info.digest {
            return Err(SignatureRefused::Digest);
        }
        let certificate = envelope
            .certificates
            .first()
            .ok_or(SignatureRefused::Chain)?;
        let certificate = EndCertificate::parse(certificate).map_err(of_chain)?;
        engine
            .verify(
                info.algorithm,
                &certificate.public_key_spki_der,
                &info.to_element().canonical(),
                &envelope.value,
            )
            .map_err(|_| SignatureRefused::Value)?;
        let statement = statement(&octets).ok_or(SignatureRefused::Statement)?;
        let signed = Signed {
            element,
            envelope,
            statement,
        };
        signed.check_signer(engine)?;
        Ok(signed)
    }

    fn check_signer(&self, engine: &dyn Engine) -> Result<(), SignatureRefused> {
        let place = self.envelope.signed_info.place;
        let per_copy = self.statement.copy_hash.is_some();
        if self.statement.role != place.role() || per_copy != place.is_per_copy() {
            return Err(SignatureRefused::Role);
        }
        let certificates = &self.envelope.certificates;
        let own = certificates
            .first()
            .map(|certificate| engine.digest(&[certificate]));
        let same = own == Some(self.statement.certificate)
            && issuers_digest(engine, certificates) == self.statement.issuers;
        if same {
            Ok(())
        } else {
            Err(SignatureRefused::OtherCertificate)
        }
    }

    fn check_subject(&self, state: &SignedState, tool: &[u8; 32]) -> Result<(), SignatureRefused> {
        if self.statement.validation != state.validation_sha256 {
            return Err(SignatureRefused::OtherTitle);
        }
        let over = (self.statement.role != SignerRole::Tool).then_some(*tool);
        if self.statement.over != over {
            return Err(SignatureRefused::OtherToolSignature);
        }
        if self.statement.copy_hash.is_some() && self.statement.copy_hash != state.copy_hash {
            return Err(SignatureRefused::OtherCopy);
        }
        Ok(())
    }

    fn report(
        &self,
        engine: &dyn Engine,
        roots: &TrustRoots,
    ) -> Result<SignatureReport, SignatureRefused> {
        let certificates = &self.envelope.certificates;
        let role = CertificateRole::from(self.statement.role);
        let issued_at_unix_s = self.statement.issued_at_unix_s;
        let judged = roots.judge(engine, certificates, role, issued_at_unix_s);
        let (certificate, status) = match judged {
            Ok(certificate) => (certificate, SignatureStatus::Valid),
            Err(ChainRefused::Untrusted) => {
                let end = certificates.first().ok_or(SignatureRefused::Chain)?;
                (
                    EndCertificate::parse(end).map_err(of_chain)?,
                    SignatureStatus::Untrusted,
                )
            }
            Err(refused) => return Err(of_chain(refused)),
        };
        Ok(SignatureReport {
            role: self.statement.role,
            subject: certificate.subject,
            issuer: certificate.issuer,
            certificate_sha256: self.statement.certificate,
            issued_at_unix_s,
            per_copy: self.element.is_per_copy(),
            status,
        })
    }
}

/// Reads the statement from the octets that were verified, and from nothing else.
fn statement(object_octets: &[u8]) -> Option<Statement> {
    let object = xml::read_canonical(object_octets, &DOCUMENT_CAPS).ok()?;
    Statement::from_element(object.elements().next()?)
}

fn of_chain(refused: ChainRefused) -> SignatureRefused {
    match refused {
        ChainRefused::Role => SignatureRefused::Role,
        ChainRefused::Time => SignatureRefused::Time,
        ChainRefused::Revoked => SignatureRefused::Revoked,
        ChainRefused::Malformed
        | ChainRefused::Links
        | ChainRefused::Untrusted
        | ChainRefused::NotPinned => SignatureRefused::Chain,
    }
}
