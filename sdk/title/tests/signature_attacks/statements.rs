//! Statements and values that are not as they must be.

use colophon_crypto::{Engine, Key32, Portable};
use colophon_title::signature::{SignatureRefused, SignerRole};
use colophon_title::trust::CertificateRole;

use crate::authority::{EcdsaP256Sha256, RsaPkcs1Sha256, Wanted, sign_raw};
use crate::forge_signature::{Claims, ECDSA_SHA256, Forgery, RSA_SHA256, document};
use crate::signers::Case;
use crate::verify;

#[test]
fn a_statement_names_its_certificates() {
    let case = Case::new();
    let center = case.root.intermediate("Center", vec![]);
    let signer = center.signer(SignerRole::Owner, EcdsaP256Sha256);
    let check = |change: fn(&mut Claims), expected: Option<SignatureRefused>| {
        case.check(&case.signed(&signer, "owner", change), expected);
    };
    let other = Some(SignatureRefused::OtherCertificate);
    check(|_| (), None);
    check(|claims| claims.certificate = [0; 32], other);
    check(|claims| claims.issuers = None, other);
    check(|claims| claims.issuers = Some([0; 32]), other);
    // A second certificate for the same key, and other issuers than those signed with.
    let twin = center.certificate(&Wanted::of(CertificateRole::Owner), &signer.key);
    let honest = Forgery::by(&signer, "owner", &case.claims(&signer));
    let value = sign_raw(&signer.key, signer.algorithm, &honest.message());
    let with_chain = |chain: Vec<Vec<u8>>| {
        Forgery {
            chain,
            ..honest.clone()
        }
        .with_value(&value)
    };
    case.check(&with_chain(vec![twin, signer.chain[1].clone()]), other);
    case.check(&with_chain(vec![signer.chain[0].clone()]), other);
    case.check(
        &with_chain(vec![signer.chain[0].clone(), case.root.der()]),
        other,
    );
    case.check(&with_chain(vec![]), Some(SignatureRefused::Chain));
    case.check(
        &with_chain(vec![b"not a certificate".to_vec()]),
        Some(SignatureRefused::Chain),
    );
    let strangers = case.root.signer(SignerRole::Owner, EcdsaP256Sha256).chain;
    case.check(&with_chain(strangers), Some(SignatureRefused::Value));
    // Signed over, but no chain: the second does not issue the first.
    let mut bag = center.signer(SignerRole::Owner, EcdsaP256Sha256);
    bag.chain[1] = case.root.intermediate("Center", vec![]).chain_to_root();
    case.check(
        &case.signed(&bag, "owner", |_| ()),
        Some(SignatureRefused::Chain),
    );
}

#[test]
fn statements_say_only_what_they_may() {
    let case = Case::new();
    let owner = case.root.signer(SignerRole::Owner, EcdsaP256Sha256);
    let tool_over = Some(SignatureRefused::OtherToolSignature);
    case.check(
        &case.signed(&owner, "owner", |claims| claims.over = None),
        tool_over,
    );
    case.check(
        &case.signed(&owner, "owner", |claims| claims.over = Some([1; 32])),
        tool_over,
    );
    let title = Some(SignatureRefused::OtherTitle);
    case.check(
        &case.signed(&owner, "owner", |claims| claims.validation = [1; 32]),
        title,
    );
    // A tool that signs over something would be a tool of another format.
    let over = Claims::of(&case.tool, case.state.validation_sha256).over("");
    let over = Forgery::by(&case.tool, "tool", &over).signed_by(&case.tool);
    let verified = verify(&document(&[&over]), &case.state, &case.root.roots());
    assert_eq!(verified.err(), tool_over);

    let right = case.claims(&owner).xml();
    for statement in [
        right.replace("issued=\"1", "issued=\"01"),
        right.replace("issued=\"1", "issued=\"+1"),
        right.replace("issued=\"1", "issued=\" 1"),
        right.replace("issued=\"1", "issued=\"1e"),
        right.replace("issued=\"1", "issued=\"99999999999999999999"),
        right.replace("role=\"owner\"", "role=\"Owner\""),
        right.replace("role=\"owner\"", "role=\"owner \""),
        right.replace("role=\"owner\"", "role=\"\""),
        right.replace(" role=\"owner\"", ""),
        right.replace("\"></statement>", "\" zz=\"1\"></statement>"),
        right.replace("></statement>", ">text</statement>"),
        right.replace("></statement>", "><statement></statement></statement>"),
        right.replace("urn:colophon:title:1", "urn:colophon:title:2"),
        right.replace("statement", "assertion"),
        right.replace("over=\"", "over=\"AAAA"),
        right.replace("certificate=\"", "certificate=\"A"),
    ] {
        assert_ne!(statement, right);
        let forged = Forgery {
            statement,
            ..Forgery::by(&owner, "owner", &case.claims(&owner))
        };
        case.check(&forged.signed_by(&owner), Some(SignatureRefused::Statement));
    }
    // Two statements, of which a signer meant one and a reader might read the other.
    for statement in [
        right.repeat(2),
        format!("{right}text"),
        format!("text{right}"),
        String::new(),
    ] {
        let forged = Forgery {
            statement,
            ..Forgery::by(&owner, "owner", &case.claims(&owner))
        };
        case.check(&forged.signed_by(&owner), Some(SignatureRefused::Form));
    }
}

#[test]
fn values_verify_in_one_form_only() {
    let case = Case::new();
    for algorithm in [RsaPkcs1Sha256, EcdsaP256Sha256] {
        let owner = case.root.signer(SignerRole::Owner, algorithm);
        let honest = Forgery::by(&owner, "owner", &case.claims(&owner));
        let value = sign_raw(&owner.key, algorithm, &honest.message());
        case.check(&honest.with_value(&value), None);
        let refused = Some(SignatureRefused::Value);
        let half = value.len() / 2;
        for wrong in [
            value[1..].to_vec(),
            value[..value.len() - 1].to_vec(),
            [&[0], value.as_slice()].concat(),
            [value.as_slice(), &[0]].concat(),
            [&value[half..], &value[..half]].concat(),
            vec![0; value.len()],
            vec![0xff; value.len()],
        ] {
            case.check(&honest.with_value(&wrong), refused);
        }
        case.check(&honest.with_value(&[]), refused);
        // Another digest than the object's, rightly signed.
        let digest = Forgery {
            digest: Some([7; 32]),
            ..honest.clone()
        };
        case.check(&digest.signed_by(&owner), Some(SignatureRefused::Digest));
        // The other algorithm of the two, with the key of this one.
        let method = if honest.method == RSA_SHA256 {
            ECDSA_SHA256
        } else {
            RSA_SHA256
        };
        let confused = Forgery {
            method: method.to_owned(),
            ..honest
        };
        case.check(&confused.signed_by(&owner), refused);
    }
    let owner = case.root.signer(SignerRole::Owner, EcdsaP256Sha256);
    let honest = Forgery::by(&owner, "owner", &case.claims(&owner));
    let value = sign_raw(&owner.key, EcdsaP256Sha256, &honest.message());
    let signature = p256::ecdsa::Signature::from_slice(&value).unwrap();
    let (r, s) = signature.split_scalars();
    let high = p256::ecdsa::Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).unwrap();
    case.check(
        &honest.with_value(&high.to_bytes()),
        Some(SignatureRefused::Value),
    );
    let der = signature.to_der();
    case.check(
        &honest.with_value(der.as_bytes()),
        Some(SignatureRefused::Value),
    );
}

#[test]
fn a_public_key_is_no_secret() {
    let case = Case::new();
    let owner = case.root.signer(SignerRole::Owner, RsaPkcs1Sha256);
    for method in [
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
    ] {
        let honest = Forgery::by(&owner, "owner", &case.claims(&owner));
        let forged = Forgery {
            method: method.to_owned(),
            ..honest
        };
        let key = Key32::new(Portable.digest(&[&owner.chain[0]]));
        let value = Portable.hmac_sha256(&key, &[&forged.message()]);
        case.check(&forged.with_value(&value), Some(SignatureRefused::Form));
        case.check(
            &forged.with_value(&value[..1]),
            Some(SignatureRefused::Form),
        );
    }
}
