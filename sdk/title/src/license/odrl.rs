//! A license in ODRL 2.2 (<https://www.w3.org/TR/odrl-model/>) as JSON-LD, for people and programs
//! that know no other language of rights.
//!
//! It says what is granted to whom on which conditions. What only a reader of Colophon needs
//! (enabling bits, verification data, the signature) is left out, so it is a translation and no
//! license: nothing may be opened by it. Terms that ODRL does not have are in the namespace of
//! [`PROFILE`].

use std::time::Duration;

use serde_json::{Map, Value, json};
use x509_cert::der::DateTime;

use super::{
    Access, Fee, FeePer, License, LicenseKind, Location, Object, PrincipalKind, Right, RightKind,
    RightsGroup, Tracking,
};

/// The ODRL profile that says which terms are used beside those of ODRL's own vocabulary.
const PROFILE: &str = "urn:colophon:odrl:1";

impl License {
    /// The license as an ODRL agreement. `View` is `display`, `Print` is `print` and `Copy`, which
    /// takes pieces elsewhere, is `extract`; in a delegation they stand behind `grantUse`.
    ///
    /// A right that several alternatives of principals may use is one permission for each.
    #[must_use]
    pub fn to_odrl(&self) -> Value {
        let permissions: Vec<Value> = self
            .rights
            .iter()
            .flat_map(|group| group.rights.iter().map(move |right| (group, right)))
            .flat_map(|(group, right)| self.permissions(group, right))
            .collect();
        let mut agreement = json!({
            "@context": "http://www.w3.org/ns/odrl.jsonld",
            "@type": "Agreement",
            "uid": format!("urn:colophon:license:{}", self.id),
            "profile": PROFILE,
            "permission": permissions,
        });
        if let (Some(members), Some(issued)) =
            (agreement.as_object_mut(), moment(self.issued_at_unix_s))
        {
            members.insert("issued".to_owned(), json!(issued));
        }
        agreement
    }

    /// One permission for each way in which the conditions of access can be met.
    fn permissions(&self, group: &RightsGroup, right: &Right) -> Vec<Value> {
        let anybody = [Access::Principals(Vec::new())];
        let or_anybody = |access: &'_ [Access]| -> Vec<Access> {
            if access.is_empty() {
                anybody.to_vec()
            } else {
                access.to_vec()
            }
        };
        let mut permissions = Vec::new();
        for of_group in or_anybody(&group.bundle.access) {
            for of_right in or_anybody(&right.access) {
                permissions.push(self.permission(group, right, [&of_group, &of_right]));
            }
        }
        permissions
    }

    fn permission(&self, group: &RightsGroup, right: &Right, access: [&Access; 2]) -> Value {
        let mut constraints = period(group);
        if let Some(max) = right.max_count {
            constraints.push(constraint("count", "lteq", json!(max)));
        }
        for places in [&group.bundle.territory, &right.territory] {
            if !places.is_empty() {
                let places: Vec<Value> = places.iter().map(place).collect();
                constraints.push(constraint("spatial", "isAnyOf", json!(places)));
            }
        }
        let mut members = Map::new();
        members.insert("target".to_owned(), asset(&self.work.object));
        members.insert("assigner".to_owned(), party(&self.licensor.object));
        members.insert("action".to_owned(), self.action(right.kind));
        let (parties, things) = self.needed(access);
        let mut parties = parties.into_iter();
        if let Some(first) = parties.next() {
            members.insert("assignee".to_owned(), party(first));
        }
        // Several assignees would mean each of them alone.
        let also = format!("{PROFILE}:also-assignee");
        constraints.extend(parties.map(|party| constraint(&also, "eq", json!(uid(party)))));
        constraints.extend(things.into_iter().map(|(kind, object)| {
            let program = format!("{PROFILE}:program");
            let left = match kind {
                Thing::Device => "systemDevice",
                Thing::Program => &program,
            };
            constraint(left, "eq", json!(uid(object)))
        }));
        if !constraints.is_empty() {
            members.insert("constraint".to_owned(), json!(constraints));
        }
        let duties = right.fees.iter().map(compensate);
        let duties: Vec<Value> = duties.chain(right.tracking.iter().map(inform)).collect();
        if !duties.is_empty() {
            members.insert("duty".to_owned(), json!(duties));
        }
        Value::Object(members)
    }

    /// All who must be authenticated: persons and licensors, and what they must use.
    fn needed(&self, access: [&Access; 2]) -> (Vec<&Object>, Vec<(Thing, &Object)>) {
        let (mut parties, mut things) = (Vec::new(), Vec::new());
        for access in access {
            let named = match access {
                Access::Licensor => {
                    parties.push(&self.licensor.object);
                    continue;
                }
                Access::Principals(named) => named,
            };
            let known = named.iter().filter_map(|named| self.principal(named));
            for principal in known {
                let object = &principal.object;
                match principal.kind {
                    PrincipalKind::Person | PrincipalKind::Licensor => parties.push(object),
                    PrincipalKind::Device => things.push((Thing::Device, object)),
                    PrincipalKind::Program | PrincipalKind::Application => {
                        things.push((Thing::Program, object));
                    }
                }
            }
        }
        (parties, things)
    }

    fn action(&self, kind: RightKind) -> Value {
        let action = match kind {
            RightKind::View => "display",
            RightKind::Print => "print",
            RightKind::Copy => "extract",
        };
        match self.kind {
            LicenseKind::Consumer => json!(action),
            LicenseKind::Delegation => json!({
                "rdf:value": { "@id": "odrl:grantUse" },
                "refinement": [constraint(&format!("{PROFILE}:action"), "eq", json!(action))],
            }),
        }
    }
}

/// What a principal must use.
enum Thing {
    Device,
    Program,
}

fn period(group: &RightsGroup) -> Vec<Value> {
    let period = group.bundle.period;
    let ends = [("gteq", period.from_unix_s), ("lt", period.until_unix_s)];
    ends.into_iter()
        .filter_map(|(operator, at)| {
            let at = json!({ "@value": moment(at?)?, "@type": "xsd:dateTime" });
            Some(constraint("dateTime", operator, at))
        })
        .collect()
}

fn constraint(left: &str, operator: &str, right: Value) -> Value {
    json!({ "leftOperand": left, "operator": operator, "rightOperand": right })
}

/// The name of a thing or person: its type and id, each escaped so that they stay apart.
fn uid(object: &Object) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace(':', "%3A");
    let (id_type, id) = (
        escaped(object.id_type.as_str()),
        escaped(object.id.as_str()),
    );
    format!("urn:colophon:{id_type}:{id}")
}

fn asset(object: &Object) -> Value {
    named(object, "Asset")
}

fn party(object: &Object) -> Value {
    named(object, "Party")
}

fn named(object: &Object, kind: &str) -> Value {
    let mut thing = json!({ "@type": kind, "uid": uid(object) });
    if let (Some(members), Some(name)) = (thing.as_object_mut(), &object.name) {
        members.insert("schema:name".to_owned(), json!(name.as_str()));
    }
    thing
}

/// A place as ISO 3166 writes countries, with what is said besides.
fn place(location: &Location) -> Value {
    let country: String = location.country.iter().copied().map(char::from).collect();
    let parts = [
        ("schema:addressRegion", &location.region),
        ("schema:addressLocality", &location.city),
        ("schema:postalCode", &location.postal_code),
    ];
    let mut members = Map::new();
    members.insert("schema:addressCountry".to_owned(), json!(country));
    for (name, part) in parts {
        if let Some(part) = part {
            members.insert(name.to_owned(), json!(part.as_str()));
        }
    }
    Value::Object(members)
}

fn compensate(fee: &Fee) -> Value {
    let per = match fee.per {
        FeePer::Use => "use",
        FeePer::License => "license",
    };
    let mut amount = constraint("payAmount", "eq", json!(fee.amount));
    if let Some(members) = amount.as_object_mut() {
        // In minor units: how many of them make one is the currency's business.
        members.insert(
            "unit".to_owned(),
            json!(format!("iso4217:{}:minor", fee.currency)),
        );
    }
    json!({
        "action": [{ "rdf:value": { "@id": "odrl:compensate" }, "refinement": [amount] }],
        "constraint": [constraint(&format!("{PROFILE}:per"), "eq", json!(per))],
        "compensatedParty": { "uid": fee.to.url.as_str(), "schema:accountId": fee.to.id.as_str() },
    })
}

fn inform(tracking: &Tracking) -> Value {
    let mut provider = party(&tracking.provider);
    if let Some(members) = provider.as_object_mut() {
        members.insert("schema:url".to_owned(), json!(tracking.url.as_str()));
    }
    json!({ "action": "inform", "informedParty": provider })
}

/// A moment in XML Schema's form; nothing before 1970 or after 9999.
fn moment(unix_s: i64) -> Option<String> {
    let since = Duration::from_secs(u64::try_from(unix_s).ok()?);
    let moment = DateTime::from_unix_duration(since).ok()?;
    Some(moment.to_string())
}
