//! Attempts to have a license believed that nobody signed: wrapping, canonicalization, forgery.

#![cfg(test)]

#[path = "support/authority.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod authority;
#[path = "support/licensing.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod licensing;

use std::collections::BTreeSet;

use authority::{Authority, EcdsaP256Sha256, TestSigner};
use base64ct::{Base64, Encoding};
use colophon_crypto::Portable;
use colophon_title::TrustRoots;
use colophon_title::license::{License, sign, verify};
use colophon_title::xml::{Caps, Element, Namespace, Node, read_canonical};
use licensing::{at, full, licensor, signed_by};

struct Case {
    root: Authority,
    signer: TestSigner,
    license: License,
    document: Vec<u8>,
}

impl Case {
    fn new() -> Case {
        let root = Authority::root("Platform", EcdsaP256Sha256);
        let signer = licensor(&root.intermediate("Center", vec![]), EcdsaP256Sha256);
        let license = full(&signer);
        let document = sign(&Portable, &license, &signer)
            .unwrap()
            .document()
            .to_vec();
        Case {
            root,
            signer,
            license,
            document,
        }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.document).unwrap()
    }

    fn tree(&self) -> Element {
        read_canonical(&self.document, &Caps::DOCUMENT).unwrap()
    }

    fn roots(&self) -> TrustRoots {
        self.root.roots()
    }

    /// Refused, whatever the reason; or it says exactly what was signed, in the very same bytes.
    fn is_refused(&self, document: &[u8]) -> bool {
        document != self.document && verify(&Portable, document, &self.roots()).is_err()
    }
}

/// Where an element stands: the place among its parent's children at each level.
type Place = Vec<usize>;

fn places(element: &Element, at: &Place, all: &mut Vec<Place>) {
    all.push(at.clone());
    for (index, child) in element.children.iter().enumerate() {
        if let Node::Element(child) = child {
            let mut place = at.clone();
            place.push(index);
            places(child, &place, all);
        }
    }
}

/// What an attacker can do to the tree at one element.
type Twist = (&'static str, fn(&mut Element, &[usize]) -> bool);

/// The parent of a place and the index in it; the root has none.
fn parent<'e>(root: &'e mut Element, place: &[usize]) -> Option<(&'e mut Element, usize)> {
    let (last, above) = place.split_last()?;
    Some((at(root, above), *last))
}

const TWISTS: [Twist; 14] = [
    ("left out", |root, place| {
        parent(root, place).is_some_and(|(parent, index)| {
            parent.children.remove(index);
            true
        })
    }),
    ("doubled", |root, place| {
        parent(root, place).is_some_and(|(parent, index)| {
            let twin = parent.children[index].clone();
            parent.children.insert(index, twin);
            true
        })
    }),
    ("exchanged with its neighbor", |root, place| {
        parent(root, place).is_some_and(|(parent, index)| {
            let other = index + 1;
            let differs = parent
                .children
                .get(other)
                .is_some_and(|next| *next != parent.children[index]);
            if differs {
                parent.children.swap(index, other);
            }
            differs
        })
    }),
    ("moved to the front of the document", |root, place| {
        if place.len() < 2 {
            return false;
        }
        let moved = at(root, place).clone();
        let (parent, index) = parent(root, place).unwrap();
        parent.children.remove(index);
        root.children.insert(0, Node::Element(moved));
        true
    }),
    ("copied to the end of the document", |root, place| {
        let copy = at(root, place).clone();
        root.children.push(Node::Element(copy));
        true
    }),
    ("hidden in an object of the signature", |root, place| {
        let signature = root.children.len() - 1;
        if place.first() == Some(&signature) || place.is_empty() {
            return false;
        }
        let hidden = at(root, place).clone();
        let object = Element::new(Namespace::SIGNATURE, "Object").with_child(hidden);
        at(root, &[signature]).children.push(Node::Element(object));
        true
    }),
    ("wrapped in another of its name", |root, place| {
        let element = at(root, place);
        let inner = element.clone();
        element.children = vec![Node::Element(inner)];
        true
    }),
    ("in another namespace", |root, place| {
        at(root, place).name.namespace = "urn:colophon:license:2".into();
        true
    }),
    ("under another prefix", |root, place| {
        at(root, place).name.prefix = "x".into();
        true
    }),
    ("with an Id", |root, place| {
        let element = at(root, place).clone().with_attribute("Id", "license");
        *at(root, place) = element;
        true
    }),
    ("with text in it", |root, place| {
        at(root, place)
            .children
            .insert(0, Node::Text(" ".to_owned()));
        true
    }),
    ("with other text", |root, place| {
        let element = at(root, place);
        let text = element.text().is_some_and(|text| !text.is_empty());
        if text {
            element.children = vec![Node::Text("AAAA".to_owned())];
        }
        text
    }),
    ("without its attributes", |root, place| {
        let element = at(root, place);
        let any = !element.attributes.is_empty();
        element.attributes.clear();
        any
    }),
    ("with another value in an attribute", |root, place| {
        let element = at(root, place);
        let first = element.attributes.first_mut();
        first.is_some_and(|attribute| {
            attribute.value.push('1');
            true
        })
    }),
];

#[test]
fn no_rearrangement_of_a_signed_license_is_believed() {
    let case = Case::new();
    let mut all = Vec::new();
    places(&case.tree(), &Vec::new(), &mut all);
    let mut variants = BTreeSet::new();
    for (name, twist) in TWISTS {
        for place in &all {
            let mut tree = case.tree();
            if !twist(&mut tree, place) {
                continue;
            }
            let variant = tree.canonical();
            if variant == case.document {
                continue;
            }
            assert!(case.is_refused(&variant), "{name} at {place:?}");
            variants.insert(variant);
        }
    }
    assert!(variants.len() >= 300, "{}", variants.len());
    println!("{} different rearrangements, all refused", variants.len());
}

#[test]
fn no_other_spelling_of_a_signed_license_is_believed() {
    let case = Case::new();
    let text = case.text();
    let spelled = |from: &str, to: &str| text.replacen(from, to, 1);
    let certificate = "<ds:X509Certificate>";
    let variants = [
        format!("<?xml version=\"1.0\"?>{text}"),
        format!("\u{FEFF}{text}"),
        format!("{text}\n"),
        format!("<!-- -->{text}"),
        format!("{text}<!-- -->"),
        format!("<!DOCTYPE license>{text}"),
        format!("<!DOCTYPE license [<!ENTITY a \"b\">]>{text}"),
        format!("{text}{text}"),
        spelled("<work>", "<work >"),
        spelled("<work>", "<work><!-- note -->"),
        spelled("<work>", "<work><?note?>"),
        spelled("</work>", "</work >"),
        spelled("<work>", "<work xmlns=\"urn:colophon:license:1\">"),
        spelled("<work>", "<work xmlns:a=\"b\">"),
        spelled("<work>", "<work xml:space=\"preserve\">"),
        spelled("<view></view>", "<view/>"),
        spelled("A license for people", "A&#x20;license for people"),
        spelled("A license for people", "<![CDATA[A]]> license for people"),
        spelled("\"does\"", "&quot;does&quot;"),
        spelled("&amp;", "&#38;"),
        spelled("profile=\"1\"", "profile='1'"),
        spelled("profile=\"1\"", "profile=\"2\""),
        spelled("kind=\"consumer\"", "kind=\"CONSUMER\""),
        spelled("issued=\"", "issued=\"0"),
        spelled("issued=\"", "issued=\"+"),
        spelled("max-count=\"5\"", "max-count=\"05\""),
        spelled("max-count=\"5\"", "max-count=\" 5\""),
        spelled("ds:", "dsig:"),
        text.replace("ds:", "dsig:")
            .replace("xmlns:ds", "xmlns:dsig"),
        spelled("xmlns:ds=", "xmlns:x=\"y\" xmlns:ds="),
        spelled("URI=\"\"", "URI=\"#license\""),
        spelled("URI=\"\"", "URI=\"#xpointer(/)\""),
        spelled(" URI=\"\"", ""),
        spelled("xmldsig#enveloped-signature", "xmldsig#base64"),
        spelled("xml-exc-c14n#", "xml-exc-c14n#WithComments"),
        text.replace("2001/10/xml-exc-c14n#", "TR/2001/REC-xml-c14n-20010315"),
        spelled("xmldsig-more#ecdsa-sha256", "xmldsig-more#hmac-sha256"),
        spelled(
            "2001/04/xmldsig-more#ecdsa-sha256",
            "2000/09/xmldsig#rsa-sha1",
        ),
        spelled("xmldsig-more#ecdsa-sha256", "xmldsig-more#rsa-sha256"),
        spelled("2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1"),
        spelled("<ds:SignatureValue>", "<ds:SignatureValue>\n"),
        spelled("<ds:SignatureValue>", "<ds:SignatureValue>AAAA"),
        spelled(certificate, "<ds:X509Certificate>\n"),
        spelled("<ds:KeyInfo>", "<ds:KeyInfo><ds:KeyName>main</ds:KeyName>"),
        spelled("<ds:KeyInfo>", "<ds:KeyInfo Id=\"a\">"),
    ];
    for variant in &variants {
        assert!(case.is_refused(variant.as_bytes()), "{variant}");
    }
}

#[test]
fn a_strangers_signature_is_worth_nothing_whatever_it_is_over() {
    let case = Case::new();
    let honest = signed_by(&case.tree(), &case.signer);
    assert_eq!(honest, case.document, "the forger writes as we do");
    let nobody = Authority::root("Platform", EcdsaP256Sha256);
    let stranger = licensor(&nobody, EcdsaP256Sha256);
    let own = signed_by(&case.tree(), &stranger);
    let verified = verify(&Portable, &own, &case.roots()).unwrap_err();
    assert_eq!(verified.reason(), "license-other-certificate");
    let license = full(&stranger);
    let document = sign(&Portable, &license, &stranger).unwrap();
    let verified = verify(&Portable, document.document(), &case.roots()).unwrap_err();
    assert_eq!(verified.reason(), "license-licensor");
    // The stranger's signature with the licensor's certificates.
    let mut mixed = read_canonical(&own, &Caps::DOCUMENT).unwrap();
    let last = mixed.children.len() - 1;
    let certificates = at(&mut case.tree(), &[last, 2]).clone();
    *at(&mut mixed, &[last, 2]) = certificates;
    let verified = verify(&Portable, &mixed.canonical(), &case.roots()).unwrap_err();
    assert_eq!(verified.reason(), "license-value");
}

#[test]
fn issuers_cannot_be_exchanged_unseen() {
    let case = Case::new();
    let last = case.tree().children.len() - 1;
    let mut without = case.tree();
    at(&mut without, &[last, 2, 0]).children.pop();
    let mut longer = case.tree();
    let data = at(&mut longer, &[last, 2, 0]);
    let root = Base64::encode_string(&case.root.der());
    let root = Element::new(Namespace::SIGNATURE, "X509Certificate").with_text(root);
    data.children.push(Node::Element(root));
    for changed in [without, longer] {
        let verified = verify(&Portable, &changed.canonical(), &case.roots()).unwrap_err();
        assert_eq!(verified.reason(), "license-other-certificate");
    }
}

#[test]
fn what_a_licensor_signs_must_still_be_a_license() {
    let case = Case::new();
    let check = |change: &dyn Fn(&mut Element), reason: &str| {
        let mut tree = case.tree();
        change(&mut tree);
        let document = signed_by(&tree, &case.signer);
        let verified = verify(&Portable, &document, &case.roots());
        let found = verified.map_or_else(|refused| refused.reason(), |_| "accepted");
        assert_eq!(found, reason);
    };
    assert_eq!(case.license.check(), Ok(()));
    check(&|tree| tree.name.local = "licence".into(), "license-form");
    check(
        &|tree| {
            let unknown = Element::new(Namespace::LICENSE, "lend");
            tree.children.insert(0, Node::Element(unknown));
        },
        "license-form",
    );
    check(
        &|tree| *tree = tree.clone().with_attribute("transfer", "true"),
        "license-form",
    );
    // A license that was signed and makes no sense: nobody may use what cannot be judged.
    check(
        &|tree| {
            let groups: Vec<usize> = (0..tree.children.len())
                .filter(|index| match &tree.children[*index] {
                    Node::Element(child) => child.is(Namespace::LICENSE, "rights-group"),
                    Node::Text(_) => false,
                })
                .collect();
            for index in groups.into_iter().rev() {
                tree.children.remove(index);
            }
        },
        "license-unsound",
    );
}
