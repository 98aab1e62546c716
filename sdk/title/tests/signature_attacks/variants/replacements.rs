//! Texts, and what is put before, behind or in the place of them.

use Twist::{Before, Behind, Instead};

/// What becomes of a text.
pub(super) enum Twist {
    /// Something is put before it.
    Before(&'static str),
    /// Something is put behind it.
    Behind(&'static str),
    /// Something takes its place.
    Instead(&'static str),
}

impl Twist {
    /// What then stands where the text stood.
    pub(super) fn of(&self, text: &str) -> String {
        match self {
            Before(more) => format!("{more}{text}"),
            Behind(more) => format!("{text}{more}"),
            Instead(other) => (*other).to_owned(),
        }
    }
}

/// Each with its name.
pub(super) const TWISTS: &[(&str, &str, Twist)] = &[
    ("comment in digest", "<ds:DigestValue>", Behind("<!--x-->")),
    (
        "comment in value",
        "</ds:SignatureValue>",
        Before("<!--x-->"),
    ),
    (
        "comment in certificate",
        "</ds:X509Certificate>",
        Before("<!-- -->"),
    ),
    (
        "comment in statement",
        "></statement>",
        Instead("><!--x--></statement>"),
    ),
    ("comment between", "<ds:KeyInfo>", Before("<!---->")),
    ("comment in front", "<signatures", Before("<!--x-->")),
    ("comment behind", "</signatures>", Behind("<!--x-->")),
    ("instruction", "<ds:Object", Before("<?x y?>")),
    (
        "declaration",
        "<signatures",
        Before("<?xml version=\"1.0\"?>"),
    ),
    ("mark", "<signatures", Before("\u{feff}")),
    ("doctype", "<signatures", Before("<!DOCTYPE signatures>")),
    (
        "entity",
        "<signatures",
        Before("<!DOCTYPE signatures [<!ENTITY a \"tool\">]>"),
    ),
    ("character data", "<ds:DigestValue>", Behind("<![CDATA[]]>")),
    (
        "reference to a character",
        "Id=\"tool\"",
        Instead("Id=\"&#x74;ool\""),
    ),
    (
        "space in tag",
        "<ds:SignedInfo>",
        Instead("<ds:SignedInfo >"),
    ),
    (
        "space in end tag",
        "</ds:SignedInfo>",
        Instead("</ds:SignedInfo >"),
    ),
    ("space between", "</ds:SignedInfo>", Behind("\n")),
    ("space in digest", "</ds:DigestValue>", Before("\n")),
    ("space in value", "<ds:SignatureValue>", Behind(" ")),
    ("space in certificate", "<ds:X509Certificate>", Behind("\n")),
    ("space behind", "</signatures>", Behind("\n")),
    ("empty tag", "></ds:DigestMethod>", Instead("/>")),
    ("empty statement", "></statement>", Instead("/>")),
    (
        "single quotes",
        "\"http://www.w3.org/2001/04/xmlenc#sha256\"",
        Instead("'http://www.w3.org/2001/04/xmlenc#sha256'"),
    ),
    ("prefix", "ds:", Instead("dsig:")),
    (
        "prefix of the declaration",
        "xmlns:ds=",
        Instead("xmlns:dsig="),
    ),
    ("default namespace", "xmlns:ds=", Instead("xmlns=")),
    (
        "namespace again",
        "<ds:SignedInfo>",
        Instead("<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">"),
    ),
    (
        "namespace redefined",
        "<ds:SignedInfo>",
        Instead("<ds:SignedInfo xmlns:ds=\"urn:x\">"),
    ),
    (
        "namespace redefined in reference",
        "<ds:Reference ",
        Behind("xmlns:ds=\"urn:x\" "),
    ),
    (
        "namespace unused",
        "<ds:Object ",
        Behind("xmlns:x=\"urn:x\" "),
    ),
    (
        "namespace undeclared",
        "<statement xmlns=\"urn:colophon:title:1\"",
        Instead("<statement xmlns=\"\""),
    ),
    (
        "namespace of the root",
        "xmlns:container",
        Instead("xmlns:contained"),
    ),
    (
        "namespace on the root",
        "<signatures ",
        Behind("xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" "),
    ),
    (
        "namespace of signatures",
        "2000/09/xmldsig#",
        Instead("2000/09/xmldsig"),
    ),
    (
        "attribute of the root",
        "<signatures xmlns",
        Instead("<signatures a=\"\" xmlns"),
    ),
    (
        "attribute of the signature",
        "<ds:Signature xmlns",
        Instead("<ds:Signature Id=\"tool\" xmlns"),
    ),
    (
        "id of the signed info",
        "<ds:SignedInfo>",
        Instead("<ds:SignedInfo Id=\"tool\">"),
    ),
    (
        "id of the key",
        "<ds:KeyInfo>",
        Instead("<ds:KeyInfo Id=\"tool\">"),
    ),
    ("id in another case", " Id=\"", Instead(" ID=\"")),
    ("id with a namespace", " Id=\"", Instead(" xml:id=\"")),
    ("id twice", " Id=\"", Behind("tool\" Id=\"")),
    ("another id", " Id=\"", Behind("x")),
    ("one id for all", "Id=\"owner\"", Instead("Id=\"tool\"")),
    (
        "type of object",
        "<ds:Object ",
        Behind("MimeType=\"text/xml\" "),
    ),
    (
        "inclusive canonicalization",
        "2001/10/xml-exc-c14n#\"></ds:C",
        Instead("TR/2001/REC-xml-c14n-20010315\"></ds:C"),
    ),
    (
        "canonicalization with comments",
        "xml-exc-c14n#",
        Behind("WithComments"),
    ),
    (
        "canonicalization 1.1",
        "2001/10/xml-exc-c14n#",
        Instead("2006/12/xml-c14n11"),
    ),
    (
        "no canonicalization",
        "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod>",
        Instead(""),
    ),
    (
        "prefix list",
        "></ds:Transform>",
        Before(
            "><InclusiveNamespaces xmlns=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"#default\"></InclusiveNamespaces",
        ),
    ),
    (
        "hmac",
        "2001/04/xmldsig-more#ecdsa-sha256",
        Instead("2000/09/xmldsig#hmac-sha1"),
    ),
    ("hmac-sha256", "#ecdsa-sha256", Instead("#hmac-sha256")),
    (
        "truncated hmac",
        "></ds:SignatureMethod>",
        Before("><ds:HMACOutputLength>8</ds:HMACOutputLength"),
    ),
    ("rsa for ecdsa", "#ecdsa-sha256", Instead("#rsa-sha256")),
    (
        "rsa-pss",
        "2001/04/xmldsig-more#ecdsa-sha256",
        Instead("2007/05/xmldsig-more#sha256-rsa-MGF1"),
    ),
    (
        "rsa-sha1",
        "2001/04/xmldsig-more#ecdsa-sha256",
        Instead("2000/09/xmldsig#rsa-sha1"),
    ),
    ("ecdsa-sha512", "#ecdsa-sha256", Instead("#ecdsa-sha512")),
    (
        "no algorithm",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        Instead(""),
    ),
    (
        "sha1",
        "2001/04/xmlenc#sha256",
        Instead("2000/09/xmldsig#sha1"),
    ),
    ("sha512", "xmlenc#sha256", Instead("xmlenc#sha512")),
    (
        "void digest",
        "<ds:DigestValue>",
        Behind("</ds:DigestValue><ds:DigestValue>"),
    ),
    ("digest in a child", "<ds:DigestValue>", Behind("<x></x>")),
    (
        "second digest method",
        "<ds:DigestMethod ",
        Before("<ds:DigestMethod></ds:DigestMethod>"),
    ),
    ("whole document", " URI=\"#tool\"", Instead(" URI=\"\"")),
    ("no uri", " URI=\"#tool\"", Instead("")),
    (
        "pointer",
        " URI=\"#tool\"",
        Instead(" URI=\"#xpointer(id('tool'))\""),
    ),
    (
        "root pointer",
        " URI=\"#tool\"",
        Instead(" URI=\"#xpointer(/)\""),
    ),
    (
        "uri of another",
        " URI=\"#owner\"",
        Instead(" URI=\"#tool\""),
    ),
    (
        "uri elsewhere",
        " URI=\"#",
        Instead(" URI=\"http://example.com/#"),
    ),
    (
        "type of reference",
        "<ds:Reference ",
        Behind("Type=\"http://www.w3.org/2000/09/xmldsig#Manifest\" "),
    ),
    (
        "enveloped transform",
        "<ds:Transforms>",
        Behind(
            "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>",
        ),
    ),
    (
        "path transform",
        "</ds:Transforms>",
        Before(
            "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>not(1)</ds:XPath></ds:Transform>",
        ),
    ),
    (
        "style transform",
        "</ds:Transforms>",
        Before(
            "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"></ds:Transform>",
        ),
    ),
    (
        "base64 transform",
        "</ds:Transforms>",
        Before(
            "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#base64\"></ds:Transform>",
        ),
    ),
    (
        "transform twice",
        "<ds:Transforms>",
        Behind(
            "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform>",
        ),
    ),
    (
        "no transform",
        "<ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform></ds:Transforms>",
        Instead(""),
    ),
    (
        "empty reference",
        "</ds:SignedInfo>",
        Before("<ds:Reference></ds:Reference>"),
    ),
    (
        "key value",
        "<ds:X509Data>",
        Before("<ds:KeyValue></ds:KeyValue>"),
    ),
    (
        "key name",
        "<ds:KeyInfo>",
        Behind("<ds:KeyName>owner</ds:KeyName>"),
    ),
    (
        "issuer and serial",
        "<ds:X509Data>",
        Behind("<ds:X509IssuerSerial></ds:X509IssuerSerial>"),
    ),
    (
        "second data",
        "</ds:X509Data>",
        Behind("<ds:X509Data></ds:X509Data>"),
    ),
    (
        "empty certificate",
        "<ds:X509Data>",
        Behind("<ds:X509Certificate></ds:X509Certificate>"),
    ),
    (
        "no padding",
        "=</ds:DigestValue>",
        Instead("</ds:DigestValue>"),
    ),
    ("more padding", "=</ds:DigestValue>", Before("=")),
    ("other role", "role=\"tool\"", Instead("role=\"owner\"")),
    (
        "owner for provider",
        "role=\"provider\"",
        Instead("role=\"owner\""),
    ),
    (
        "other time",
        "issued=\"1767323045\"",
        Instead("issued=\"1767323046\""),
    ),
    ("no copy", " copy=\"", Instead(" kopie=\"")),
    (
        "empty statement content",
        "></statement>",
        Instead(">x</statement>"),
    ),
];
