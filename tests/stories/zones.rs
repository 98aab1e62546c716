//! What is private is on no public address.

use colophon_tests::colophon::{Host, House, PRIVATE_PATHS, request};

/// Ways to ask for a private path that a careless router, or a proxy, would take for it.
fn disguises(path: &str, host: &Host) -> Vec<String> {
    let name = path.trim_start_matches('/');
    let (first, rest) = name.split_at(1);
    vec![
        path.to_owned(),
        format!("{path}/"),
        format!("{path}?"),
        format!("/{path}"),
        format!("/./{name}"),
        format!("/main/../{name}"),
        format!("/docs/errors/../../{name}"),
        format!("/%{:x}{rest}", first.as_bytes()[0]),
        path.to_uppercase(),
        format!("http://{}{path}", host.address()),
        format!("http://{}{path}", host.administration()),
    ]
}

#[test]
fn nobody_reaches_what_is_private_from_outside() {
    let house = House::new();
    let host = house.serve(&[]);
    let administration = host.administration().to_string();
    assert_ne!(host.address(), host.administration());
    for path in PRIVATE_PATHS {
        for asked in disguises(path, &host) {
            for method in ["GET", "HEAD", "POST"] {
                for headers in [
                    &[][..],
                    &[("X-Forwarded-For", "127.0.0.1")],
                    &[("X-Forwarded-Host", administration.as_str())],
                    &[("X-Original-URL", path)],
                ] {
                    let answer = request(host.address(), method, &asked, headers, None);
                    let answer = answer.unwrap();
                    let told = String::from_utf8_lossy(&answer.body);
                    assert!(
                        [404, 405].contains(&answer.status),
                        "{method} {asked}: {} {told}",
                        answer.status
                    );
                    assert!(!told.contains("colophon_"), "{asked}: {told}");
                    assert!(!told.contains("-database"), "{asked}: {told}");
                }
            }
        }
        assert_eq!(host.request("GET", path, &[], None).unwrap().status, 200);
    }
    // Nor does the address for administration serve anybody.
    for path in [
        "/main/ds",
        "/main/certificate",
        "/activation",
        "/docs/errors",
    ] {
        let answer = request(host.administration(), "GET", path, &[], None);
        assert_eq!(answer.unwrap().status, 404, "{path}");
    }
    // Balancers ask either whether there is anybody.
    for address in [host.address(), host.administration()] {
        let alive = request(address, "GET", "/livez", &[], None).unwrap();
        assert_eq!(alive.body, b"ok\n");
    }
}

#[test]
fn a_host_that_does_not_sell_has_no_downloads() {
    let house = House::new();
    let host = house.serve(&["--roles", "activation,repository"]);
    for path in ["/main/ds", "/main/certificate", "/metrics", "/readyz"] {
        let answer = request(host.address(), "GET", path, &[], None);
        assert_eq!(answer.unwrap().status, 404, "{path}");
    }
}
