//! Licensors, personas and licenses for tests.

use base64ct::{Base64, Encoding};
use colophon_crypto::{Engine, Mismatch, Portable, SignatureAlgorithm};
use colophon_title::license::{
    Access, AccessPrincipal, Account, Address, Authenticator, Bundle, Creator, Currency, Fee,
    FeePer, License, LicenseId, LicenseKind, LicenseSigner, Licensor, Line, Location, Object,
    Owner, Part, Period, PersonaKey, Principal, PrincipalKind, Reference, Right, RightKind,
    RightsGroup, SecurityClass, Tracking, Verification, Work, sign,
};
use colophon_title::signature::SignerRole;
use colophon_title::trust::CertificateRole;
use colophon_title::xml::{Caps, Element, Namespace, Node, read_canonical};
use rcgen::KeyUsagePurpose;
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey};

use super::authority::{
    Authority, EcdsaP256Sha256, ISSUED_AT, RsaPkcs1Sha256, TestSigner, Wanted, key, sign_raw,
};

impl LicenseSigner for TestSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(sign_raw(&self.key, self.algorithm, message))
    }
}

/// A licensor under a root, with or without an authority between.
pub(crate) fn licensor(root: &Authority, algorithm: SignatureAlgorithm) -> TestSigner {
    let wanted = Wanted {
        algorithm,
        ..Wanted::of(CertificateRole::Licensor)
    };
    // The role of a title's signer plays no part in a license.
    root.signer_with(SignerRole::Provider, &wanted)
}

/// A persona with its private key in memory.
pub(crate) struct Persona {
    pub(crate) id: Line,
    pub(crate) certificate: Vec<u8>,
    pub(crate) public_key: Vec<u8>,
    key: rsa::RsaPrivateKey,
}

impl Persona {
    pub(crate) fn new(root: &Authority, id: &str) -> Persona {
        let pair = key(RsaPkcs1Sha256);
        let wanted = Wanted {
            key_usages: vec![KeyUsagePurpose::KeyEncipherment],
            ..Wanted::of(CertificateRole::Activation)
        };
        let private = rsa::RsaPrivateKey::from_pkcs8_der(pair.serialized_der()).unwrap();
        let public = private.to_public_key().to_public_key_der().unwrap();
        Persona {
            id: line(id),
            certificate: root.certificate(&wanted, &pair),
            public_key: public.into_vec(),
            key: private,
        }
    }
}

impl PersonaKey for Persona {
    fn public_key_spki_der(&self) -> &[u8] {
        &self.public_key
    }

    fn decrypt(&self, enabling_bits: &[u8]) -> Result<[u8; 40], Mismatch> {
        let padding = rsa::Oaep::new::<rsa::sha2::Sha256>();
        let plain = self.key.decrypt(padding, enabling_bits);
        plain
            .ok()
            .and_then(|plain| plain.try_into().ok())
            .ok_or(Mismatch)
    }
}

pub(crate) fn line(text: &str) -> Line {
    Line::parse(text).unwrap()
}

pub(crate) fn reference(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}

pub(crate) fn object(id_type: &str, id: &str) -> Object {
    Object {
        id_type: line(id_type),
        id: line(id),
        name: Some(line(&format!("{id}, called by its name"))),
    }
}

pub(crate) fn needs(references: &[&str]) -> Access {
    Access::Principals(
        references
            .iter()
            .map(|name| AccessPrincipal {
                reference: reference(name),
                enabling_bits: None,
            })
            .collect(),
    )
}

pub(crate) fn group(name: &str, rights: Vec<Right>) -> RightsGroup {
    RightsGroup {
        name: line(name),
        description: None,
        bundle: Bundle::default(),
        rights,
    }
}

pub(crate) fn counted(kind: RightKind, max: u32) -> Right {
    Right {
        max_count: Some(max),
        ..Right::unconditional(kind)
    }
}

pub(crate) fn application() -> Principal {
    Principal {
        reference: reference("reader"),
        kind: PrincipalKind::Application,
        object: object("program", "colophon-reader"),
        authenticator: Authenticator {
            method: line("signed-program"),
            class: Some(SecurityClass {
                version_min: (2, 0),
                version_max: Some((3, 4)),
                security_level_min: 5,
            }),
            verification: Verification::Sha256([9; 32]),
        },
    }
}

pub(crate) fn person(reference_text: &str, public_key: &[u8]) -> Principal {
    Principal {
        reference: reference(reference_text),
        kind: PrincipalKind::Person,
        object: object("persona", "mike"),
        authenticator: Authenticator {
            method: line("activation-certificate"),
            class: None,
            verification: Verification::PublicKey(public_key.to_vec()),
        },
    }
}

/// A license that says as little as one can.
pub(crate) fn plain(signer: &TestSigner, rights: Vec<RightsGroup>) -> License {
    License {
        kind: LicenseKind::Consumer,
        id: LicenseId::from_bytes([7; 16]),
        issued_at_unix_s: ISSUED_AT,
        descriptor: None,
        work: Work {
            object: object("ISBN", "9780000000019"),
            creators: Vec::new(),
            owner: None,
            copy_hash: Some([3; 32]),
            parts: Vec::new(),
        },
        rights,
        licensor: Licensor::of(&Portable, object("center", "main"), signer),
        principals: Vec::new(),
        delegated_by: None,
        grants_until_unix_s: None,
    }
}

/// A license by which `to` may grant rights.
pub(crate) fn delegation(
    signer: &TestSigner,
    to: &TestSigner,
    rights: Vec<RightsGroup>,
) -> License {
    let delegate = colophon_title::trust::EndCertificate::parse(&to.chain[0]).unwrap();
    License {
        kind: LicenseKind::Delegation,
        principals: vec![Principal {
            kind: PrincipalKind::Licensor,
            ..person("delegate", &delegate.public_key_spki_der)
        }],
        work: Work {
            copy_hash: None,
            ..plain(signer, Vec::new()).work
        },
        ..plain(signer, rights)
    }
}

/// A license that says everything there is to say.
pub(crate) fn full(signer: &TestSigner) -> License {
    let mut access = needs(&["persona", "reader"]);
    if let Access::Principals(needed) = &mut access {
        needed[0].enabling_bits = Some(vec![0xAB; 256]);
    }
    let place = Location {
        region: Some(line("CA")),
        city: Some(line("El Segundo")),
        postal_code: Some(line("90245")),
        ..Location::country("US").unwrap()
    };
    let print = Right {
        access: vec![needs(&["reader"]), Access::Licensor],
        fees: vec![Fee {
            per: FeePer::Use,
            amount: 500,
            currency: Currency::parse("USD").unwrap(),
            from: Some(line("BA-0234-0928392")),
            to: Account {
                id: line("XYZ"),
                url: line("https://house.example/pay?a=1&b=<2>"),
            },
        }],
        tracking: vec![Tracking {
            provider: object("tracker", "US1023"),
            url: line("https://track.example/me"),
            support_url: Some(line("https://track.example/support")),
        }],
        territory: vec![place, Location::country("JP").unwrap()],
        ..counted(RightKind::Print, 5)
    };
    let main = RightsGroup {
        description: Some(line("What a reader \"does\" & no more")),
        bundle: Bundle {
            period: Period {
                from_unix_s: Some(ISSUED_AT),
                until_unix_s: Some(ISSUED_AT + 86_400),
            },
            access: vec![access],
            territory: vec![Location::country("US").unwrap()],
        },
        ..group(
            "main",
            vec![
                Right::unconditional(RightKind::View),
                print,
                counted(RightKind::Copy, 3),
            ],
        )
    };
    License {
        descriptor: Some(line("A license for people to read")),
        work: Work {
            creators: vec![Creator {
                role: line("author"),
                name: line("Jämes <the first>"),
            }],
            owner: Some(Owner {
                object: object("persona", "mike"),
                address: Some(Address {
                    kind: line("email"),
                    value: line("mike@example.com"),
                }),
                public_key_spki_der: Some(vec![1, 2, 3]),
            }),
            parts: vec![Part {
                object: object("relative", "0"),
                sha256: [5; 32],
            }],
            ..plain(signer, Vec::new()).work
        },
        principals: vec![person("persona", &[1, 2, 3]), application()],
        ..plain(
            signer,
            vec![
                main,
                group("lent", vec![Right::unconditional(RightKind::View)]),
            ],
        )
    }
}

pub(crate) fn two_licensors() -> (Authority, TestSigner, TestSigner) {
    let root = Authority::root("Platform", EcdsaP256Sha256);
    let between = root.intermediate("Center", vec![]);
    let (first, second) = (
        licensor(&root, EcdsaP256Sha256),
        licensor(&between, EcdsaP256Sha256),
    );
    (root, first, second)
}

/// The element at a place: the index among its parent's children, level by level.
pub(crate) fn at<'e>(element: &'e mut Element, place: &[usize]) -> &'e mut Element {
    match place {
        [] => element,
        [first, rest @ ..] => match &mut element.children[*first] {
            Node::Element(child) => at(child, rest),
            Node::Text(_) => panic!("a place is that of an element"),
        },
    }
}

/// Signs a tree as it stands, with whatever it says, the way an attacker with a key would.
pub(crate) fn signed_by(body: &Element, signer: &TestSigner) -> Vec<u8> {
    let mut body = body.clone();
    let Some(Node::Element(mut signature)) = body.children.pop() else {
        panic!("a license ends with its signature");
    };
    let digest = Base64::encode_string(&Portable.digest(&[&body.canonical()]));
    at(&mut signature, &[0, 2, 2]).children = vec![Node::Text(digest)];
    let octets = at(&mut signature, &[0]).canonical();
    let value = sign_raw(&signer.key, signer.algorithm, &octets);
    at(&mut signature, &[1]).children = vec![Node::Text(Base64::encode_string(&value))];
    let data = at(&mut signature, &[2, 0]);
    data.children = signer
        .chain
        .iter()
        .map(|certificate| {
            let text = Base64::encode_string(certificate);
            let name = "X509Certificate";
            Node::Element(Element::new(Namespace::SIGNATURE, name).with_text(text))
        })
        .collect();
    body.with_child(signature).canonical()
}

/// A license with a delegation that nobody checked before it was signed.
pub(crate) fn signed_unchecked(
    license: &License,
    signer: &TestSigner,
    delegated_by: &[u8],
) -> Vec<u8> {
    let alone = License {
        delegated_by: None,
        ..license.clone()
    };
    let document = sign(&Portable, &alone, signer).unwrap();
    let mut tree = read_canonical(document.document(), &Caps::DOCUMENT).unwrap();
    let signature = tree.children.pop().unwrap();
    let text = Base64::encode_string(delegated_by);
    let element = Element::new(Namespace::LICENSE, "delegated-by").with_text(text);
    tree.children.extend([Node::Element(element), signature]);
    signed_by(&tree, signer)
}
