//! What a written host answers, and what it refuses as a host does.

use super::*;

fn script(host: &str) -> Script {
    Script::new(toml::from_str(host).unwrap(), None, &Lines::default())
}

#[test]
fn a_catalog_knows_what_is_written_down_or_fails_as_written() {
    let book = json!({ "id-type": "ISBN", "id": "1" });
    let place = json!({ "root": "main", "path": "a" });
    let mut full = script(
        "catalog = [{ book = { id-type = 'ISBN', id = '1' }, location = { root = 'main', path = 'a' } }]",
    );
    let mut find =
        |book: &Value| full.answer(Capability::Catalog, "find", std::slice::from_ref(book));
    assert_eq!(find(&book).unwrap(), json!({ "ok": place }));
    assert_eq!(
        find(&json!({ "id-type": "ISBN", "id": "2" })).unwrap(),
        json!({ "ok": null })
    );
    let mut failing = script("catalog = { error = { unavailable = 'down' } }");
    assert_eq!(
        failing
            .answer(Capability::Catalog, "find", &[book])
            .unwrap(),
        json!({ "err": { "unavailable": "down" } })
    );
}

#[test]
fn a_store_remembers_within_a_call() {
    let mut store = script("kv = { seen = '1' }");
    let mut call = |function, arguments: Value| {
        let arguments = arguments.as_array().unwrap();
        store.answer(Capability::Kv, function, arguments).unwrap()
    };
    assert_eq!(
        call("get", json!(["seen"])),
        json!({ "ok": { "hex": "31" } })
    );
    assert_eq!(
        call("swap", json!(["seen", "0", "2"])),
        json!({ "ok": false })
    );
    assert_eq!(
        call("swap", json!(["seen", "1", "2"])),
        json!({ "ok": true })
    );
    assert_eq!(
        call("swap", json!(["new", null, "a"])),
        json!({ "ok": true })
    );
    assert_eq!(call("delete", json!(["new"])), json!({ "ok": true }));
    assert_eq!(call("get", json!(["new"])), json!({ "ok": null }));
}

#[test]
fn statements_are_told_apart_by_their_parameters() {
    let database = script(
        "sql = [{ statement = 'edition', parameters = ['a', 1], columns = ['edition'], rows = [[2, { null = true }]] }]",
    );
    let asked = json!([{ "text": "a" }, { "integer": 1 }]);
    let found = database.sql("edition", &asked).unwrap();
    assert_eq!(found["ok"]["rows"], json!([[{ "integer": 2 }, "null"]]));
    let problem = database
        .sql("edition", &json!([{ "text": "b" }]))
        .unwrap_err();
    assert!(problem.contains("host.sql of this case"), "{problem}");
    assert!(database.sql("other", &asked).is_err());
}

#[test]
fn what_the_manifest_does_not_say_is_refused_as_a_host_refuses_it() {
    let manifest = Manifest::parse(
        r#"
        id = "a"
        version = "1"
        api = "1.0"
        roles = ["naming"]
        config = ["known"]
        http.allow = ["https://a.example/v1/"]
        kv = { quota = "1KiB", write = false }
        [sql.statements.edition]
        text = "select edition from editions where id = $1"
        params = ["text"]
        max_rows = 1
        timeout_ms = 50
        "#,
    );
    let mut script = script("config = { known = 'a', other = 'b' }");
    script.manifest = Some(Arc::new(manifest.unwrap()));
    assert_eq!(script.config("known"), json!("a"));
    assert_eq!(script.config("other"), Value::Null);
    let sql = |name, parameters: Value| script.sql(name, &parameters).unwrap();
    let text = json!([{ "text": "a" }]);
    assert_eq!(
        sql("other", text)["err"],
        json!({ "unknown-statement": "other" })
    );
    assert!(sql("edition", json!([]))["err"]["bad-parameters"].is_string());
    assert!(sql("edition", json!([{ "integer": 1 }]))["err"]["bad-parameters"].is_string());
    let get = |url| {
        script
            .http(&json!({ "method": "GET", "url": url }))
            .unwrap()
    };
    assert!(get("https://b.example/v1/")["err"]["denied"].is_string());
    let put = script.kv("put", "a", &[json!("b")]).unwrap();
    assert_eq!(put, json!({ "err": "read-only" }));
}

#[test]
fn a_service_answers_what_it_is_asked_for() {
    let web = script("http = [{ url = 'https://a.example/', status = 404 }]");
    let request = |url| json!({ "method": "GET", "url": url, "body": null });
    let found = web.http(&request("https://a.example/")).unwrap();
    assert_eq!(found["ok"]["status"], json!(404));
    assert!(web.http(&request("https://b.example/")).is_err());
}

#[test]
fn nobody_answers_while_a_plug_in_is_loaded() {
    let mut away = Script::unavailable(&Lines::default());
    let request = json!({ "method": "GET", "url": "https://a.example/" });
    for (capability, function, arguments) in [
        (Capability::Catalog, "find", vec![json!({})]),
        (Capability::Kv, "get", vec![json!("a")]),
        (Capability::Sql, "run", vec![json!("edition"), json!([])]),
        (Capability::Http, "fetch", vec![request]),
    ] {
        let answer = away.answer(capability, function, &arguments).unwrap();
        assert!(answer["err"]["unavailable"].is_string(), "{answer}");
    }
    let config = away.answer(Capability::Config, "get", &[json!("a")]);
    assert_eq!(config, Ok(Value::Null));
}

fn manifest(lines: &str) -> Arc<Manifest> {
    let head = "id = \"a\"\nversion = \"1\"\napi = \"1.0\"\nroles = [\"naming\"]\n";
    Arc::new(Manifest::parse(&format!("{head}{lines}")).unwrap())
}

#[test]
fn values_have_the_limits_that_they_have_in_a_host() {
    let mut store = script("kv = {}");
    store.manifest = Some(manifest("kv = { quota = \"100KiB\" }"));
    let mut call = |function: &str, key: &str, arguments: &[Value]| {
        store.kv(function, key, arguments).unwrap()
    };
    for key in ["", "a\0", &"k".repeat(257)] {
        for function in ["get", "delete"] {
            assert!(
                call(function, key, &[])["err"]["invalid"].is_string(),
                "{key:?}"
            );
        }
    }
    let value = |length: usize| json!("v".repeat(length));
    assert!(call("put", "a", &[value((64 << 10) + 1)])["err"]["invalid"].is_string());
    assert_eq!(call("put", "a", &[value(64 << 10)]), json!({ "ok": null }));
    assert_eq!(
        call("put", "b", &[value(40 << 10)]),
        json!({ "err": "quota" })
    );
    assert_eq!(
        call("swap", "b", &[Value::Null, value(40 << 10)]),
        json!({ "err": "quota" })
    );
    // What is replaced gives its room back.
    assert_eq!(call("put", "a", &[value(50 << 10)]), json!({ "ok": null }));
    assert_eq!(call("put", "b", &[value(40 << 10)]), json!({ "ok": null }));
    assert_eq!(
        call("list-keys", "", &[Value::Null]),
        json!({ "ok": ["a", "b"] })
    );
    assert_eq!(call("list-keys", "", &[json!("a")]), json!({ "ok": ["b"] }));
    assert_eq!(
        call("list-keys", "b", &[Value::Null]),
        json!({ "ok": ["b"] })
    );
}

#[test]
fn requests_have_the_limits_that_they_have_in_a_host() {
    let mut web = script("http = [{ url = 'https://a.example/v1/' }]");
    web.manifest = Some(manifest(
        "http.allow = [\"https://a.example/\"]\n[secrets.token]\n\
         address = \"https://a.example/v1/\"\nfield = \"x-key\"",
    ));
    let ask = |change: Value| {
        let mut request = json!({ "method": "GET", "url": "https://a.example/v1/" });
        for (name, value) in change.as_object().unwrap() {
            request[name] = value.clone();
        }
        web.http(&request).unwrap()
    };
    assert_eq!(
        ask(json!({ "secrets": ["token"] }))["ok"]["status"],
        json!(200)
    );
    let long = "v".repeat(4097);
    let many: Vec<_> = (0..33).map(|_| json!(["x", "y"])).collect();
    for invalid in [
        json!({ "method": "get" }),
        json!({ "method": "TRACE" }),
        json!({ "url": "a.example" }),
        json!({ "fields": { "host": "b" } }),
        json!({ "fields": { "a b": "c" } }),
        json!({ "fields": { "a": long } }),
        json!({ "fields": { "a": "b\nc" } }),
        json!({ "fields": many }),
        json!({ "fields": { "X-Key": "own" }, "secrets": ["token"] }),
    ] {
        let answer = ask(invalid.clone());
        assert!(answer["err"]["invalid"].is_string(), "{invalid}: {answer}");
    }
    for denied in [
        json!({ "url": "https://b.example/" }),
        json!({ "secrets": ["other"] }),
        json!({ "url": "https://a.example/v2/", "secrets": ["token"] }),
    ] {
        let answer = ask(denied.clone());
        assert!(answer["err"]["denied"].is_string(), "{denied}: {answer}");
    }
    let body = json!({ "body": "b".repeat((256 << 10) + 1) });
    assert_eq!(ask(body), json!({ "err": "too-large" }));
}

#[test]
fn rows_have_the_limits_that_they_have_in_a_host() {
    let mut database =
        script("sql = [{ statement = 'all', columns = ['a'], rows = [[1], [2], [3]] }]");
    database.manifest = Some(manifest(
        "[sql.statements.all]\ntext = \"select a from b\"\nmax_rows = 2\ntimeout_ms = 50",
    ));
    let found = database.sql("all", &json!([])).unwrap();
    assert_eq!(found["ok"]["rows"].as_array().map(Vec::len), Some(2));
    assert_eq!(found["ok"]["truncated"], json!(true));
    let other = json!([{ "other": ["date", "1"] }]);
    assert!(database.sql("all", &other).unwrap()["err"]["bad-parameters"].is_string());
    let large = format!(
        "sql = [{{ statement = 'all', columns = ['a'], rows = [['{}']] }}]",
        "x".repeat(256 << 10)
    );
    let found = script(&large).sql("all", &json!([])).unwrap();
    assert_eq!(found, json!({ "err": "too-large" }));
}
