//! Attempts to have a signature believed that nobody gave.

#![cfg(test)]

#[path = "support/authority.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod authority;
#[path = "support/forge_signature.rs"]
mod forge_signature;
#[path = "support/signed.rs"]
mod signed;

use authority::{
    Authority, EcdsaP256Sha256, ISSUED_AT, RsaPkcs1Sha256, TestSigner, Wanted, sign_raw, usage,
};
use base64ct::{Base64, Encoding};
use colophon_crypto::{Engine, Key32, Portable};
use colophon_title::signature::{
    SignatureRefused, SignatureReport, SignatureStatus, SignedState, SignerRole, StatementTerms,
    assemble, sign_all, split, verify_all,
};
use colophon_title::trust::{CertificateRole, TrustRoots};
use forge_signature::{Claims, ECDSA_SHA256, Forgery, RSA_SHA256, document};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use signed::{Signers, state, terms};

fn verify(
    document: &[u8],
    state: &SignedState,
    roots: &TrustRoots,
) -> Result<Vec<SignatureReport>, SignatureRefused> {
    verify_all(&Portable, document, state, roots)
}

#[track_caller]
fn check(document: &[u8], state: &SignedState, roots: &TrustRoots, expected: SignatureRefused) {
    let verified = verify(document, state, roots);
    assert_eq!(verified.map(|reports| reports.len()), Err(expected));
}

#[test]
fn an_honest_file_is_believed() {
    for algorithm in [RsaPkcs1Sha256, EcdsaP256Sha256] {
        let signers = Signers::new(algorithm);
        let state = state("title", "copy");
        let reports = verify(&signers.document(&state), &state, &signers.root.roots()).unwrap();
        let seen: Vec<_> = reports
            .iter()
            .map(|report| (report.role, report.per_copy))
            .collect();
        let expected = [
            (SignerRole::Tool, false),
            (SignerRole::Owner, false),
            (SignerRole::Provider, false),
            (SignerRole::Provider, true),
        ];
        assert_eq!(seen, expected);
        for report in reports {
            assert_eq!(report.status, SignatureStatus::Valid);
            assert_eq!(report.issued_at_unix_s, ISSUED_AT);
            assert_eq!(report.subject, "CN=Signer");
        }
    }
}

#[test]
fn the_form_is_the_one_the_forger_writes() {
    let signers = Signers::new(EcdsaP256Sha256);
    let state = state("title", "copy");
    let claims = |signer| Claims::of(signer, state.validation_sha256);
    let tool = Forgery::by(&signers.tool, "tool", &claims(&signers.tool)).signed_by(&signers.tool);
    let owner = claims(&signers.owner).over(&tool);
    let owner = Forgery::by(&signers.owner, "owner", &owner).signed_by(&signers.owner);
    let provider = claims(&signers.provider).over(&tool);
    let copy = Claims {
        copy: state.copy_hash,
        ..provider.clone()
    };
    let provider = Forgery::by(&signers.provider, "provider", &provider);
    let copy = Forgery::by(&signers.provider, "copy-provider", &copy);
    let (provider, copy) = (
        provider.signed_by(&signers.provider),
        copy.signed_by(&signers.provider),
    );
    let forged = document(&[&tool, &owner, &provider, &copy]);
    assert_eq!(
        String::from_utf8(forged),
        String::from_utf8(signers.document(&state))
    );
}

#[test]
fn a_chain_to_an_unknown_root_is_shown_and_not_believed() {
    let signers = Signers::new(EcdsaP256Sha256);
    let state = state("title", "copy");
    let namesake = Authority::root("Platform", EcdsaP256Sha256);
    for roots in [TrustRoots::new(), namesake.roots()] {
        let reports = verify(&signers.document(&state), &state, &roots).unwrap();
        assert!(
            reports
                .iter()
                .all(|report| report.status == SignatureStatus::Untrusted)
        );
    }
}

#[test]
fn statements_about_something_else_are_refused() {
    let signers = Signers::new(EcdsaP256Sha256);
    let roots = signers.root.roots();
    let ours = state("title", "copy");
    let document = signers.document(&ours);
    check(
        &document,
        &state("another title", "copy"),
        &roots,
        SignatureRefused::OtherTitle,
    );
    check(
        &document,
        &state("title", "a copy for another name"),
        &roots,
        SignatureRefused::OtherCopy,
    );
    let at_rest = SignedState {
        copy_hash: None,
        ..ours
    };
    check(&document, &at_rest, &roots, SignatureRefused::OtherCopy);
    // Under the version alone, without a copy's signature, any copy is fine.
    let version = assemble(&signers.sign_version(&terms(&at_rest)));
    for copy in ["copy", "another"] {
        assert!(verify(&version, &state("title", copy), &roots).is_ok());
    }
}

#[test]
fn signatures_of_two_files_do_not_mix() {
    let signers = Signers::new(EcdsaP256Sha256);
    let roots = signers.root.roots();
    let state = state("title", "copy");
    let ours = signers.sign_copy(&state);
    let later = StatementTerms {
        issued_at_unix_s: ISSUED_AT + 1,
        ..terms(&state)
    };
    let version = StatementTerms {
        copy_hash: None,
        ..later
    };
    let theirs = sign_all(
        &Portable,
        &signers.sign_version(&version),
        &[&signers.provider],
        &later,
    );
    let theirs = theirs.unwrap();
    for place in 1..ours.len() {
        let mut mixed = ours.clone();
        mixed[place] = theirs[place].clone();
        check(
            &assemble(&mixed),
            &state,
            &roots,
            SignatureRefused::OtherToolSignature,
        );
    }
    for (first, second) in [(0, 1), (1, 2), (2, 3), (0, 3)] {
        let mut swapped = ours.clone();
        swapped.swap(first, second);
        check(&assemble(&swapped), &state, &roots, SignatureRefused::Form);
    }
    for place in 0..ours.len() {
        let mut twice = ours.clone();
        twice.insert(place, ours[place].clone());
        check(&assemble(&twice), &state, &roots, SignatureRefused::Form);
        let mut both = ours.clone();
        both.insert(place + 1, theirs[place].clone());
        check(&assemble(&both), &state, &roots, SignatureRefused::Form);
    }
    check(
        &assemble(&ours[1..]),
        &state,
        &roots,
        SignatureRefused::NoToolSignature,
    );
    check(&assemble(&[]), &state, &roots, SignatureRefused::Form);
}

/// A tool, and somebody else whose certificate or claims are wrong in one way.
struct Case {
    root: Authority,
    tool: TestSigner,
    state: SignedState,
    tool_signature: String,
}

impl Case {
    fn new() -> Case {
        let root = Authority::root("Platform", EcdsaP256Sha256);
        let tool = root.signer(SignerRole::Tool, EcdsaP256Sha256);
        let state = state("title", "copy");
        let claims = Claims::of(&tool, state.validation_sha256);
        let tool_signature = Forgery::by(&tool, "tool", &claims).signed_by(&tool);
        Case {
            root,
            tool,
            state,
            tool_signature,
        }
    }

    fn claims(&self, signer: &TestSigner) -> Claims {
        Claims::of(signer, self.state.validation_sha256).over(&self.tool_signature)
    }

    /// The tool's signature, then one by somebody.
    fn document(&self, signature: &str) -> Vec<u8> {
        document(&[&self.tool_signature, signature])
    }

    #[track_caller]
    fn check(&self, signature: &str, expected: Option<SignatureRefused>) {
        let verified = verify(&self.document(signature), &self.state, &self.root.roots());
        assert_eq!(verified.err(), expected);
    }

    /// Signs with claims of these, at a place.
    fn signed(&self, signer: &TestSigner, id: &str, change: impl Fn(&mut Claims)) -> String {
        let mut claims = self.claims(signer);
        change(&mut claims);
        Forgery::by(signer, id, &claims).signed_by(signer)
    }
}

#[test]
fn nobody_signs_in_the_role_of_another() {
    let case = Case::new();
    let provider = case.root.signer(SignerRole::Provider, EcdsaP256Sha256);
    let check = |signature: &str| case.check(signature, Some(SignatureRefused::Role));
    // The signature a provider honestly gave, at the place of an owner, and relabelled.
    let role = |role: &'static str| move |claims: &mut Claims| role.clone_into(&mut claims.role);
    check(&case.signed(&provider, "owner", role("provider")));
    check(&case.signed(&provider, "owner", role("owner")));
    check(&case.signed(&provider, "provider", role("owner")));
    check(&case.signed(&provider, "provider", role("tool")));
    check(&case.signed(&case.tool, "owner", role("owner")));
    check(&case.signed(&case.tool, "provider", role("provider")));
    // Only a provider signs copies, and only at that place.
    let copy = |role: &'static str| {
        let copy = case.state.copy_hash;
        move |claims: &mut Claims| {
            role.clone_into(&mut claims.role);
            claims.copy = copy;
        }
    };
    let owner = case.root.signer(SignerRole::Owner, EcdsaP256Sha256);
    check(&case.signed(&owner, "owner", copy("owner")));
    check(&case.signed(&owner, "copy-provider", copy("provider")));
    check(&case.signed(&owner, "copy-provider", copy("owner")));
    check(&case.signed(&provider, "provider", copy("provider")));
    check(&case.signed(&provider, "copy-provider", role("provider")));
    case.check(
        &case.signed(&provider, "copy-provider", copy("provider")),
        None,
    );
}

#[test]
fn only_a_certificate_for_the_role_signs_in_it() {
    let case = Case::new();
    let check = |wanted: &Wanted, expected: Option<SignatureRefused>| {
        let signer = case.root.signer_with(SignerRole::Owner, wanted);
        case.check(&case.signed(&signer, "owner", |_| ()), expected);
    };
    let wanted = |usages: Vec<ExtendedKeyUsagePurpose>| Wanted {
        usages,
        ..Wanted::of(CertificateRole::Owner)
    };
    let owner = || usage(CertificateRole::Owner);
    check(&wanted(vec![owner()]), None);
    for role in CertificateRole::ALL
        .into_iter()
        .filter(|role| *role != CertificateRole::Owner)
    {
        check(&Wanted::of(role), Some(SignatureRefused::Role));
        check(
            &wanted(vec![owner(), usage(role)]),
            Some(SignatureRefused::Role),
        );
        check(
            &wanted(vec![usage(role), owner()]),
            Some(SignatureRefused::Role),
        );
    }
    for usages in [
        vec![],
        vec![ExtendedKeyUsagePurpose::Any],
        vec![ExtendedKeyUsagePurpose::Any, owner()],
        vec![ExtendedKeyUsagePurpose::CodeSigning],
        vec![owner(), owner()],
        vec![ExtendedKeyUsagePurpose::Other(vec![
            2,
            25,
            5_479_312_948_871_265_301,
        ])],
        vec![ExtendedKeyUsagePurpose::Other(vec![
            2,
            25,
            5_479_312_948_871_265_301,
            2,
            0,
        ])],
        vec![ExtendedKeyUsagePurpose::Other(vec![
            2,
            25,
            5_479_312_948_871_265_300,
            2,
        ])],
    ] {
        check(&wanted(usages), Some(SignatureRefused::Role));
    }
    let encipherment = Wanted {
        key_usages: vec![KeyUsagePurpose::KeyEncipherment],
        ..wanted(vec![owner()])
    };
    check(&encipherment, Some(SignatureRefused::Role));
}

#[test]
fn certificates_are_judged_at_the_time_of_issue() {
    let case = Case::new();
    let check = |years: (i32, i32), issued: &str, expected: Option<SignatureRefused>| {
        let wanted = Wanted {
            years,
            ..Wanted::of(CertificateRole::Owner)
        };
        let signer = case.root.signer_with(SignerRole::Owner, &wanted);
        let issue = |claims: &mut Claims| issued.clone_into(&mut claims.issued);
        case.check(&case.signed(&signer, "owner", issue), expected);
    };
    let at = ISSUED_AT.to_string();
    check((2025, 2027), &at, None);
    check((2020, 2025), &at, Some(SignatureRefused::Time));
    check((2027, 2040), &at, Some(SignatureRefused::Time));
    check((2025, 2027), "1", Some(SignatureRefused::Time));
    check((2025, 2027), "-1", Some(SignatureRefused::Time));
    check(
        (2025, 2027),
        "9223372036854775807",
        Some(SignatureRefused::Time),
    );
}

#[test]
fn revoked_signers_are_refused() {
    let signers = Signers::new(EcdsaP256Sha256);
    let state = state("title", "copy");
    let document = signers.document(&state);
    // 7 is every signer's own certificate, 99 the provider's issuer.
    for serial in [7, 99] {
        let mut roots = signers.root.roots();
        roots
            .add_revocation_lists(&signers.root.revocation_list(1, &[serial]))
            .unwrap();
        check(&document, &state, &roots, SignatureRefused::Revoked);
    }
    let mut roots = signers.root.roots();
    roots
        .add_revocation_lists(&signers.root.revocation_list(1, &[1, 2, 3]))
        .unwrap();
    assert!(verify(&document, &state, &roots).is_ok());
}

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

/// Every way to write the same or nearly the same document differently. A variant is the
/// honest document with the `at`-th occurrence of a text replaced.
#[test]
fn no_variant_of_the_document_is_accepted() {
    let signers = Signers::new(EcdsaP256Sha256);
    let state = state("title", "copy");
    let roots = signers.root.roots();
    let honest = String::from_utf8(signers.document(&state)).unwrap();
    let parts = split(honest.as_bytes()).unwrap();
    let parts: Vec<&str> = parts
        .iter()
        .map(|part| std::str::from_utf8(part.octets()).unwrap())
        .collect();
    let mut variants: Vec<(String, String)> = Vec::new();
    for (name, from, to) in REPLACEMENTS {
        let occurrences = honest.match_indices(from).count();
        assert!(occurrences > 0, "{name} replaces nothing");
        for at in 0..occurrences {
            variants.push((format!("{name} {at}"), replace_nth(&honest, from, to, at)));
        }
        variants.push((format!("{name} everywhere"), honest.replace(from, to)));
    }
    for (first, part) in parts.iter().enumerate() {
        for (name, wrapped) in wrappings(part) {
            variants.push((format!("{name} {first}"), honest.replace(part, &wrapped)));
        }
        for (second, other) in parts
            .iter()
            .enumerate()
            .filter(|(second, _)| *second != first)
        {
            for element in [
                "ds:SignedInfo",
                "ds:SignatureValue",
                "ds:KeyInfo",
                "ds:Object",
            ] {
                let swapped = part.replace(inner(part, element), inner(other, element));
                let name = format!("{element} of {second} in {first}");
                if swapped != *part {
                    variants.push((name, honest.replace(part, &swapped)));
                }
            }
        }
    }
    assert!(variants.len() >= 300, "{}", variants.len());
    for (name, variant) in &variants {
        assert_ne!(*variant, honest, "{name}");
        let verified = verify(variant.as_bytes(), &state, &roots);
        assert!(verified.is_err(), "accepted: {name}");
    }
    println!("{} variants, none accepted", variants.len());
}

const REPLACEMENTS: &[(&str, &str, &str)] = &[
    (
        "comment in digest",
        "<ds:DigestValue>",
        "<ds:DigestValue><!--x-->",
    ),
    (
        "comment in value",
        "</ds:SignatureValue>",
        "<!--x--></ds:SignatureValue>",
    ),
    (
        "comment in certificate",
        "</ds:X509Certificate>",
        "<!-- --></ds:X509Certificate>",
    ),
    (
        "comment in statement",
        "></statement>",
        "><!--x--></statement>",
    ),
    ("comment between", "<ds:KeyInfo>", "<!----><ds:KeyInfo>"),
    ("comment in front", "<signatures", "<!--x--><signatures"),
    ("comment behind", "</signatures>", "</signatures><!--x-->"),
    ("instruction", "<ds:Object", "<?x y?><ds:Object"),
    (
        "declaration",
        "<signatures",
        "<?xml version=\"1.0\"?><signatures",
    ),
    ("mark", "<signatures", "\u{feff}<signatures"),
    ("doctype", "<signatures", "<!DOCTYPE signatures><signatures"),
    (
        "entity",
        "<signatures",
        "<!DOCTYPE signatures [<!ENTITY a \"tool\">]><signatures",
    ),
    (
        "character data",
        "<ds:DigestValue>",
        "<ds:DigestValue><![CDATA[]]>",
    ),
    (
        "reference to a character",
        "Id=\"tool\"",
        "Id=\"&#x74;ool\"",
    ),
    ("space in tag", "<ds:SignedInfo>", "<ds:SignedInfo >"),
    ("space in end tag", "</ds:SignedInfo>", "</ds:SignedInfo >"),
    ("space between", "</ds:SignedInfo>", "</ds:SignedInfo>\n"),
    (
        "space in digest",
        "</ds:DigestValue>",
        "\n</ds:DigestValue>",
    ),
    (
        "space in value",
        "<ds:SignatureValue>",
        "<ds:SignatureValue> ",
    ),
    (
        "space in certificate",
        "<ds:X509Certificate>",
        "<ds:X509Certificate>\n",
    ),
    ("space behind", "</signatures>", "</signatures>\n"),
    ("empty tag", "></ds:DigestMethod>", "/>"),
    ("empty statement", "></statement>", "/>"),
    (
        "single quotes",
        "\"http://www.w3.org/2001/04/xmlenc#sha256\"",
        "'http://www.w3.org/2001/04/xmlenc#sha256'",
    ),
    ("prefix", "ds:", "dsig:"),
    ("prefix of the declaration", "xmlns:ds=", "xmlns:dsig="),
    ("default namespace", "xmlns:ds=", "xmlns="),
    (
        "namespace again",
        "<ds:SignedInfo>",
        "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">",
    ),
    (
        "namespace redefined",
        "<ds:SignedInfo>",
        "<ds:SignedInfo xmlns:ds=\"urn:x\">",
    ),
    (
        "namespace redefined in reference",
        "<ds:Reference ",
        "<ds:Reference xmlns:ds=\"urn:x\" ",
    ),
    (
        "namespace unused",
        "<ds:Object ",
        "<ds:Object xmlns:x=\"urn:x\" ",
    ),
    (
        "namespace undeclared",
        "<statement xmlns=\"urn:colophon:title:1\"",
        "<statement xmlns=\"\"",
    ),
    (
        "namespace of the root",
        "xmlns:container",
        "xmlns:contained",
    ),
    (
        "namespace on the root",
        "<signatures ",
        "<signatures xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" ",
    ),
    (
        "namespace of signatures",
        "2000/09/xmldsig#",
        "2000/09/xmldsig",
    ),
    (
        "attribute of the root",
        "<signatures xmlns",
        "<signatures a=\"\" xmlns",
    ),
    (
        "attribute of the signature",
        "<ds:Signature xmlns",
        "<ds:Signature Id=\"tool\" xmlns",
    ),
    (
        "id of the signed info",
        "<ds:SignedInfo>",
        "<ds:SignedInfo Id=\"tool\">",
    ),
    ("id of the key", "<ds:KeyInfo>", "<ds:KeyInfo Id=\"tool\">"),
    ("id in another case", " Id=\"", " ID=\""),
    ("id with a namespace", " Id=\"", " xml:id=\""),
    ("id twice", " Id=\"", " Id=\"tool\" Id=\""),
    ("another id", " Id=\"", " Id=\"x"),
    ("one id for all", "Id=\"owner\"", "Id=\"tool\""),
    (
        "type of object",
        "<ds:Object ",
        "<ds:Object MimeType=\"text/xml\" ",
    ),
    (
        "inclusive canonicalization",
        "2001/10/xml-exc-c14n#\"></ds:C",
        "TR/2001/REC-xml-c14n-20010315\"></ds:C",
    ),
    (
        "canonicalization with comments",
        "xml-exc-c14n#",
        "xml-exc-c14n#WithComments",
    ),
    (
        "canonicalization 1.1",
        "2001/10/xml-exc-c14n#",
        "2006/12/xml-c14n11",
    ),
    (
        "no canonicalization",
        "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod>",
        "",
    ),
    (
        "prefix list",
        "></ds:Transform>",
        "><InclusiveNamespaces xmlns=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"#default\"></InclusiveNamespaces></ds:Transform>",
    ),
    (
        "hmac",
        "2001/04/xmldsig-more#ecdsa-sha256",
        "2000/09/xmldsig#hmac-sha1",
    ),
    ("hmac-sha256", "#ecdsa-sha256", "#hmac-sha256"),
    (
        "truncated hmac",
        "></ds:SignatureMethod>",
        "><ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>",
    ),
    ("rsa for ecdsa", "#ecdsa-sha256", "#rsa-sha256"),
    (
        "rsa-pss",
        "2001/04/xmldsig-more#ecdsa-sha256",
        "2007/05/xmldsig-more#sha256-rsa-MGF1",
    ),
    (
        "rsa-sha1",
        "2001/04/xmldsig-more#ecdsa-sha256",
        "2000/09/xmldsig#rsa-sha1",
    ),
    ("ecdsa-sha512", "#ecdsa-sha256", "#ecdsa-sha512"),
    (
        "no algorithm",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        "",
    ),
    ("sha1", "2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1"),
    ("sha512", "xmlenc#sha256", "xmlenc#sha512"),
    (
        "void digest",
        "<ds:DigestValue>",
        "<ds:DigestValue></ds:DigestValue><ds:DigestValue>",
    ),
    (
        "digest in a child",
        "<ds:DigestValue>",
        "<ds:DigestValue><x></x>",
    ),
    (
        "second digest method",
        "<ds:DigestMethod ",
        "<ds:DigestMethod></ds:DigestMethod><ds:DigestMethod ",
    ),
    ("whole document", " URI=\"#tool\"", " URI=\"\""),
    ("no uri", " URI=\"#tool\"", ""),
    (
        "pointer",
        " URI=\"#tool\"",
        " URI=\"#xpointer(id('tool'))\"",
    ),
    ("root pointer", " URI=\"#tool\"", " URI=\"#xpointer(/)\""),
    ("uri of another", " URI=\"#owner\"", " URI=\"#tool\""),
    ("uri elsewhere", " URI=\"#", " URI=\"http://example.com/#"),
    (
        "type of reference",
        "<ds:Reference ",
        "<ds:Reference Type=\"http://www.w3.org/2000/09/xmldsig#Manifest\" ",
    ),
    (
        "enveloped transform",
        "<ds:Transforms>",
        "<ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>",
    ),
    (
        "path transform",
        "</ds:Transforms>",
        "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>not(1)</ds:XPath></ds:Transform></ds:Transforms>",
    ),
    (
        "style transform",
        "</ds:Transforms>",
        "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"></ds:Transform></ds:Transforms>",
    ),
    (
        "base64 transform",
        "</ds:Transforms>",
        "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#base64\"></ds:Transform></ds:Transforms>",
    ),
    (
        "transform twice",
        "<ds:Transforms>",
        "<ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform>",
    ),
    (
        "no transform",
        "<ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform></ds:Transforms>",
        "",
    ),
    (
        "empty reference",
        "</ds:SignedInfo>",
        "<ds:Reference></ds:Reference></ds:SignedInfo>",
    ),
    (
        "key value",
        "<ds:X509Data>",
        "<ds:KeyValue></ds:KeyValue><ds:X509Data>",
    ),
    (
        "key name",
        "<ds:KeyInfo>",
        "<ds:KeyInfo><ds:KeyName>owner</ds:KeyName>",
    ),
    (
        "issuer and serial",
        "<ds:X509Data>",
        "<ds:X509Data><ds:X509IssuerSerial></ds:X509IssuerSerial>",
    ),
    (
        "second data",
        "</ds:X509Data>",
        "</ds:X509Data><ds:X509Data></ds:X509Data>",
    ),
    (
        "empty certificate",
        "<ds:X509Data>",
        "<ds:X509Data><ds:X509Certificate></ds:X509Certificate>",
    ),
    ("no padding", "=</ds:DigestValue>", "</ds:DigestValue>"),
    ("more padding", "=</ds:DigestValue>", "==</ds:DigestValue>"),
    ("other role", "role=\"tool\"", "role=\"owner\""),
    ("owner for provider", "role=\"provider\"", "role=\"owner\""),
    (
        "other time",
        "issued=\"1767323045\"",
        "issued=\"1767323046\"",
    ),
    ("no copy", " copy=\"", " kopie=\""),
    ("empty statement content", "></statement>", ">x</statement>"),
];

fn replace_nth(text: &str, from: &str, to: &str, nth: usize) -> String {
    let (at, _) = text.match_indices(from).nth(nth).unwrap();
    format!("{}{to}{}", &text[..at], &text[at + from.len()..])
}

/// An element of a signature, with its tags.
fn inner<'p>(part: &'p str, element: &str) -> &'p str {
    let start = part.find(&format!("<{element}")).unwrap();
    let end_tag = format!("</{element}>");
    let end = part.find(&end_tag).unwrap() + end_tag.len();
    &part[start..end]
}

/// Ways to keep what was signed somewhere and have something else where it is looked for.
fn wrappings(part: &str) -> Vec<(&'static str, String)> {
    let object = inner(part, "ds:Object");
    let info = inner(part, "ds:SignedInfo");
    let value = inner(part, "ds:SignatureValue");
    let key = inner(part, "ds:KeyInfo");
    let evil_object = object.replace("validation=\"", "validation=\"AAAA");
    let evil_info = info.replace("<ds:DigestValue>", "<ds:DigestValue>AAAA");
    let evil = part.replace(object, &evil_object);
    let swap = |from: &str, to: String| part.replace(from, &to);
    let reference = inner(part, "ds:Reference");
    let digest = Base64::encode_string(&Portable.digest(&[evil_object.as_bytes()]));
    let evil_reference = reference.replace(inner(reference, "ds:DigestValue"), &digest);
    vec![
        ("object twice", swap(object, object.repeat(2))),
        (
            "evil object in front",
            swap(object, format!("{evil_object}{object}")),
        ),
        (
            "evil object behind",
            swap(object, format!("{object}{evil_object}")),
        ),
        (
            "evil object first of all",
            swap(info, format!("{evil_object}{info}")),
        ),
        (
            "object in front",
            swap(object, String::new()).replace(info, &format!("{object}{info}")),
        ),
        (
            "object in the key",
            swap(object, evil_object.clone())
                .replace("</ds:KeyInfo>", &format!("{object}</ds:KeyInfo>")),
        ),
        (
            "object in the object",
            swap(
                object,
                evil_object.replace("</ds:Object>", &format!("{object}</ds:Object>")),
            ),
        ),
        (
            "evil in the object",
            swap(
                object,
                object.replace("</ds:Object>", &format!("{evil_object}</ds:Object>")),
            ),
        ),
        (
            "object in the statement",
            swap(
                object,
                evil_object.replace("</statement>", &format!("{object}</statement>")),
            ),
        ),
        (
            "object outside",
            format!("{}{object}", swap(object, evil_object.clone())),
        ),
        (
            "object outside in front",
            format!("{object}{}", swap(object, evil_object.clone())),
        ),
        ("no object", swap(object, String::new())),
        (
            "signature in the object",
            evil.replace("</ds:Object>", &format!("{part}</ds:Object>")),
        ),
        (
            "signature in a wrapper",
            format!("<wrapper>{part}</wrapper>"),
        ),
        (
            "evil behind in a wrapper",
            format!("{evil}<wrapper>{part}</wrapper>"),
        ),
        ("evil signature in front", format!("{evil}{part}")),
        ("evil signature behind", format!("{part}{evil}")),
        (
            "signature in the signature",
            evil.replace("</ds:Signature>", &format!("{part}</ds:Signature>")),
        ),
        ("info twice", swap(info, info.repeat(2))),
        (
            "evil info in front",
            swap(info, format!("{evil_info}{info}")),
        ),
        ("evil info behind", swap(info, format!("{info}{evil_info}"))),
        (
            "evil info at the end",
            swap(object, format!("{object}{evil_info}")),
        ),
        (
            "info behind the value",
            swap(info, String::new()).replace(value, &format!("{value}{info}")),
        ),
        ("value twice", swap(value, value.repeat(2))),
        (
            "value in front",
            swap(value, String::new()).replace(info, &format!("{value}{info}")),
        ),
        ("no value", swap(value, String::new())),
        ("key twice", swap(key, key.repeat(2))),
        (
            "key at the end",
            swap(key, String::new()).replace(object, &format!("{object}{key}")),
        ),
        ("no key", swap(key, String::new())),
        ("reference twice", swap(reference, reference.repeat(2))),
        (
            "evil reference in front",
            swap(reference, format!("{evil_reference}{reference}")),
        ),
        (
            "evil reference behind",
            swap(reference, format!("{reference}{evil_reference}")),
        ),
        (
            "manifest",
            swap(
                object,
                format!(
                    "{object}<ds:Object><ds:Manifest>{evil_reference}</ds:Manifest></ds:Object>"
                ),
            ),
        ),
        ("no reference", swap(reference, String::new())),
        (
            "empty",
            "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"></ds:Signature>"
                .to_owned(),
        ),
        ("text", format!("x{part}")),
    ]
}

#[test]
fn every_changed_byte_is_noticed() {
    let signers = Signers::new(EcdsaP256Sha256);
    let state = state("title", "copy");
    let roots = signers.root.roots();
    // The copy's signature has an issuer between: everything that a file can have.
    let version = SignedState {
        copy_hash: None,
        ..state
    };
    let tool = sign_all(&Portable, &[], &[&signers.tool], &terms(&version)).unwrap();
    let honest = sign_all(&Portable, &tool, &[&signers.provider], &terms(&state)).unwrap();
    let honest = assemble(&honest);
    assert!(verify(&honest, &state, &roots).is_ok());
    for at in 0..honest.len() {
        let mut changed = honest.clone();
        changed[at] ^= 1;
        assert!(verify(&changed, &state, &roots).is_err(), "byte {at}");
        assert!(
            verify(&honest[..at], &state, &roots).is_err(),
            "first {at} bytes"
        );
    }
}
