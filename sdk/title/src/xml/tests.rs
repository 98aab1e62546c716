//! Documents that are read, refused, and written again.

use super::*;

fn canonical(document: &str) -> String {
    let root = read(document.as_bytes(), &Caps::DOCUMENT).unwrap();
    String::from_utf8(root.canonical()).unwrap()
}

fn refused(document: &str) -> XmlRefused {
    read(document.as_bytes(), &Caps::DOCUMENT).unwrap_err()
}

fn malformed(document: &str) {
    let refused = refused(document);
    assert!(
        matches!(refused, XmlRefused::Malformed { .. }),
        "{document}: {refused:?}"
    );
}

#[test]
fn exclusive_canonicalization_decides_how_a_document_is_written() {
    let check = |document: &str, expected: &str| {
        assert_eq!(canonical(document), expected, "{document}");
        assert_eq!(canonical(expected), expected, "{document}, again");
        assert!(read_canonical(expected.as_bytes(), &Caps::DOCUMENT).is_ok());
    };
    check("<a/>", "<a></a>");
    check("<?xml version='1.0' encoding='UTF-8'?>\n<a/>\n", "<a></a>");
    check("\u{FEFF}<a/>", "<a></a>");
    check("<a><!-- no --><?pi no?>b</a><!-- no -->", "<a>b</a>");
    check("<a  z = '1'   b=\"2\" />", "<a b=\"2\" z=\"1\"></a>");
    check("<a>\r\n\r\t</a>", "<a>\n\n\t</a>");
    check(
        "<a>&#13;&#x41;&amp;&lt;&gt;&quot;&apos;</a>",
        "<a>&#xD;A&amp;&lt;&gt;\"'</a>",
    );
    check(
        "<a><![CDATA[<&>]]]]>&gt;<![CDATA[]]></a>",
        "<a>&lt;&amp;&gt;]]&gt;</a>",
    );
    check(
        "<a b='&#9;&#10;&#13; &quot;&apos;&lt;&gt;&amp;'/>",
        "<a b=\"&#x9;&#xA;&#xD; &quot;'&lt;>&amp;\"></a>",
    );
    check("<a b='x\ty\nz'/>", "<a b=\"x y z\"></a>");
}

#[test]
fn a_namespace_is_declared_where_it_is_first_needed_and_nowhere_else() {
    let check = |document: &str, expected: &str| {
        assert_eq!(canonical(document), expected, "{document}");
        assert_eq!(canonical(expected), expected, "{document}, again");
    };
    // Unused declarations go, used ones move inward, repeated ones go.
    check("<a xmlns:x='urn:x'/>", "<a></a>");
    check(
        "<a xmlns:x='urn:x'><x:b/><x:c><x:d/></x:c></a>",
        "<a><x:b xmlns:x=\"urn:x\"></x:b><x:c xmlns:x=\"urn:x\"><x:d></x:d></x:c></a>",
    );
    check(
        "<a xmlns='urn:a'><b xmlns='urn:a'/><c xmlns=''/></a>",
        "<a xmlns=\"urn:a\"><b></b><c xmlns=\"\"></c></a>",
    );
    // Prefixed attributes need theirs; attributes sort by namespace, then name.
    check(
        "<a xmlns:y='urn:1' xmlns:x='urn:2' x:c='' y:d='' e='' xml:lang='en'/>",
        "<a xmlns:x=\"urn:2\" xmlns:y=\"urn:1\" e=\"\" xml:lang=\"en\" y:d=\"\" x:c=\"\"></a>",
    );
    // One prefix, two namespaces.
    check(
        "<x:a xmlns:x='urn:1'><x:b xmlns:x='urn:2'><x:c/></x:b><x:d/></x:a>",
        "<x:a xmlns:x=\"urn:1\"><x:b xmlns:x=\"urn:2\"><x:c></x:c></x:b><x:d></x:d></x:a>",
    );
}

#[test]
fn an_element_taken_out_declares_what_it_needs() {
    let document = "<a xmlns=\"urn:a\"><x:b xmlns:x=\"urn:x\"><c></c><x:d></x:d></x:b></a>";
    let root = read_canonical(document.as_bytes(), &Caps::DOCUMENT).unwrap();
    let b = root.elements().next().unwrap();
    assert_eq!(
        String::from_utf8(b.canonical()).unwrap(),
        "<x:b xmlns:x=\"urn:x\"><c xmlns=\"urn:a\"></c><x:d></x:d></x:b>"
    );
}

#[test]
fn other_forms_of_a_canonical_document_are_refused() {
    for document in [
        "<a/>",
        "<a></a>\n",
        " <a></a>",
        "<a ></a>",
        "<a b='1'></a>",
        "<a c=\"\" b=\"\"></a>",
        "<a>&#65;</a>",
        "<a>\"&quot;</a>",
        "<a>></a>",
        "<a>\r</a>",
        "<a b=\"\t\"></a>",
        "<a><!----></a>",
        "<a><![CDATA[b]]></a>",
        "<a xmlns:x=\"urn:x\"></a>",
        "<?xml version=\"1.0\"?><a></a>",
        "\u{FEFF}<a></a>",
    ] {
        let refused = read_canonical(document.as_bytes(), &Caps::DOCUMENT).unwrap_err();
        assert_eq!(refused, XmlRefused::NotCanonical, "{document}");
    }
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for document in [
        "",
        " ",
        "a",
        "<a>",
        "</a>",
        "<a></b>",
        "<a/><b/>",
        "<a></a>b",
        "b<a></a>",
        "<a></a>&amp;",
        "<a><b></a></b>",
        "<a b/>",
        "<a b=1/>",
        "<a b='1' b='2'/>",
        "<a b='<'/>",
        "<a b='\u{1}'/>",
        "<a>\u{1}</a>",
        "<a>&#1;</a>",
        "<a>&#xD800;</a>",
        "<a>\u{FFFE}</a>",
        "<a>]]></a>",
        "<1a/>",
        "<-a/>",
        "<a:/>",
        "<:a/>",
        "<a:b:c/>",
        "<a .b='1'/>",
        "<a>&amp</a>",
        "<a>&;</a>",
        "<a><?xml version='1.0'?></a>",
        "<a",
        "<!-- -->",
        "<a><!-- </a>",
        "<a><![CDATA[ </a>",
        // Namespaces.
        "<x:a/>",
        "<a x:b='1'/>",
        "<a xmlns:x=''/>",
        "<a xmlns:xml='urn:x'/>",
        "<a xmlns:xmlns='urn:x'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns:x='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns='urn:1' xmlns='urn:2'/>",
        "<a xmlns:x='urn:1' xmlns:y='urn:1' x:b='' y:b=''/>",
    ] {
        malformed_or_entity(document);
    }
    malformed("<a></b>");
    assert_eq!(
        read(b"<a>\xFF</a>", &Caps::DOCUMENT),
        Err(XmlRefused::Encoding)
    );
}

fn malformed_or_entity(document: &str) {
    let refused = refused(document);
    let expected = matches!(refused, XmlRefused::Malformed { .. } | XmlRefused::Entity);
    assert!(expected, "{document}: {refused:?}");
}

#[test]
fn a_document_cannot_define_or_fetch_anything() {
    assert_eq!(refused("<!DOCTYPE a><a/>"), XmlRefused::Doctype);
    assert_eq!(
        refused("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
        XmlRefused::Doctype
    );
    assert_eq!(
        refused("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>"),
        XmlRefused::Doctype
    );
    assert_eq!(refused("<a>&b;</a>"), XmlRefused::Entity);
    assert_eq!(refused("<a b='&c;'/>"), XmlRefused::Entity);
}

#[test]
fn a_document_costs_no_more_than_its_caps() {
    let caps = Caps {
        bytes_max: 100_000,
        elements_max: 100,
        depth_max: 3,
        attributes_max: 2,
    };
    let check = |document: &str, refused: Option<XmlRefused>| {
        assert_eq!(
            read(document.as_bytes(), &caps).err(),
            refused,
            "{}",
            document.len()
        );
    };
    check("<a><b><c/></b></a>", None);
    check(
        "<a><b><c><d/></c></b></a>",
        Some(XmlRefused::TooDeep { depth_max: 3 }),
    );
    check("<a b='' c=''/>", None);
    check(
        "<a b='' c='' d=''/>",
        Some(XmlRefused::TooManyAttributes { attributes_max: 2 }),
    );
    check(
        "<a xmlns='u' b='' c=''/>",
        Some(XmlRefused::TooManyAttributes { attributes_max: 2 }),
    );
    check(&format!("<a>{}</a>", "<b/>".repeat(99)), None);
    check(
        &format!("<a>{}</a>", "<b/>".repeat(100)),
        Some(XmlRefused::TooManyElements { elements_max: 100 }),
    );
    check(
        &" ".repeat(100_001),
        Some(XmlRefused::TooLong { bytes_max: 100_000 }),
    );
}

#[test]
fn text_and_attributes_are_found_by_name() {
    let root = Element::new(Namespace::TITLE, "a")
        .with_attribute("b", "1")
        .with_child(
            Element::new(Namespace::TITLE, "c")
                .with_text("d")
                .with_text(""),
        );
    assert_eq!(root.attribute("b"), Some("1"));
    assert_eq!(root.attribute("c"), None);
    assert_eq!(root.text(), None);
    let child = root.element(Namespace::TITLE, "c").unwrap();
    assert_eq!(child.text(), Some("d"));
    assert!(root.element(Namespace::CONTAINER, "c").is_none());
    assert_eq!(read_canonical(&root.canonical(), &Caps::DOCUMENT), Ok(root));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["[ -~]{0,12}", "[\\t\\n\\r<>&'\"\\]a-c]{0,12}", "\\PC{0,6}"]
            .prop_filter("characters of XML", |text| is_text(text))
    }

    fn element() -> impl Strategy<Value = Element> {
        let name = prop::sample::select(vec!["a", "b", "signature"]);
        let namespace = prop::sample::select(vec![
            Namespace::TITLE,
            Namespace::CONTAINER,
            Namespace::ENCRYPTION,
            Namespace::SIGNATURE,
        ]);
        let attributes = prop::collection::btree_map("[a-z]{1,3}", text(), 0..4);
        let leaf = (name, namespace, attributes, text()).prop_map(
            |(name, namespace, attributes, text)| {
                let element = Element::new(namespace, name).with_text(text);
                attributes
                    .into_iter()
                    .fold(element, |mut element, (local, value)| {
                        let name = Name {
                            prefix: "".into(),
                            namespace: "".into(),
                            local: local.into(),
                        };
                        element.attributes.push(Attribute { name, value });
                        element
                    })
            },
        );
        leaf.prop_recursive(4, 24, 4, |inner| {
            (inner.clone(), prop::collection::vec(inner, 0..4)).prop_map(|(parent, children)| {
                children.into_iter().fold(parent, Element::with_child)
            })
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(root in element()) {
            let document = root.canonical();
            prop_assert_eq!(read_canonical(&document, &Caps::DOCUMENT), Ok(root));
        }

        #[test]
        fn one_changed_byte_gives_another_tree_or_none(
            root in element(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut document = root.canonical();
            let at = at.index(document.len());
            prop_assume!(document[at] != byte);
            document[at] = byte;
            prop_assert_ne!(read_canonical(&document, &Caps::DOCUMENT), Ok(root));
        }

        #[test]
        fn any_text_is_read_or_refused(document in "[<>/=\"'&;!\\[\\]?a-c :x-]{0,64}") {
            if let Ok(root) = read(document.as_bytes(), &Caps::DOCUMENT) {
                let canonical = root.canonical();
                prop_assert_eq!(read_canonical(&canonical, &Caps::DOCUMENT), Ok(root));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(document in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = read(&document, &Caps::DOCUMENT);
        }
    }
}
