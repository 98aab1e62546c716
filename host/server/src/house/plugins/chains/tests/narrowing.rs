//! Grants that are narrowed while the version cannot be loaded anew.

use colophon_store::plugins::{Fit, Granted as Granting, UnfitAsked, Verdict};

use super::*;

const ALLOW: &str = "[http]\nallow = [\"https://api.example/\"]\n";

/// A version with a secret, whose file has to be there whenever it is loaded.
struct WithSecret {
    ground: Ground,
    chains: Chains,
}

impl WithSecret {
    async fn asked() -> Self {
        let ground = Ground::new().await;
        let chains = ground.host().await;
        let own = Self { ground, chains };
        own.put_secret();
        let papers = (manifest("1"), own.grant("10.1.0.0/16"));
        own.ground
            .publish_as("north", "a", "1", &labelled(1), papers)
            .await;
        own.ground.promote("north", "a", "1").await;
        assert_eq!(own.follow().await.as_deref(), Some("a 1"));
        own
    }

    fn secret(&self) -> std::path::PathBuf {
        self.ground.folder.path().join("secret")
    }

    fn put_secret(&self) {
        std::fs::write(self.secret(), "hunter2").unwrap();
    }

    fn grant(&self, network: &str) -> String {
        let file = self.secret();
        format!(
            "plugin = \"a\"\ncatalog = true\n{ALLOW}\
             [http.private]\n\"https://api.example/\" = [\"{network}\"]\n\
             [secrets.token]\nfile = \"{}\"\naddress = \"https://api.example/\"\n\
             field = \"authorization\"\n",
            file.display()
        )
    }

    /// Grants something else, which every version fits.
    async fn granted(&self, text: &str) {
        let (north, a) = (center("north"), name("a"));
        let kept = self.ground.store.kept_plugin(&north, &a).await.unwrap();
        let versions = kept.unwrap().versions.into_iter();
        let verdicts: Vec<Verdict> = versions
            .map(|kept| Verdict {
                version: kept.version,
                published_at: kept.published_at,
                fit: Fit::Fits,
            })
            .collect();
        let granting = Granting {
            text,
            verdicts: &verdicts,
            unfit: UnfitAsked::Refused,
        };
        let taken = self
            .ground
            .store
            .grant_plugin(&north, &a, granting, moment());
        taken.await.unwrap();
    }

    async fn follow(&self) -> Option<String> {
        self.chains.follow(&center("north")).await.unwrap();
        asked(&self.chains, "north").await
    }
}

fn manifest(number: &str) -> String {
    format!(
        "id = \"a\"\nversion = \"{number}\"\napi = \"1.0\"\ncatalog = true\n\
         roles = [\"resolver\", \"policy\", \"naming\"]\n{ALLOW}\
         [secrets.token]\naddress = \"https://api.example/\"\nfield = \"authorization\"\n"
    )
}

#[tokio::test]
async fn what_is_taken_away_is_not_used_until_the_version_is_loaded_anew() {
    let own = WithSecret::asked().await;
    std::fs::remove_file(own.secret()).unwrap();
    own.granted(&own.grant("10.2.0.0/16")).await;
    assert_eq!(own.follow().await, None);
    let held = own.chains.known_or_new(&center("north"));
    let told = held.held.lock().await.told.join("\n");
    assert!(told.contains("had more than is granted now"), "{told}");
    // Nothing is taken away under the grant of before, and it need not be loaded for that.
    own.granted(&own.grant("10.1.0.0/16")).await;
    assert_eq!(own.follow().await.as_deref(), Some("a 1"));
    own.granted(&own.grant("10.2.0.0/16")).await;
    assert_eq!(own.follow().await, None);
    own.put_secret();
    assert_eq!(own.follow().await.as_deref(), Some("a 1"));
}

#[tokio::test]
async fn what_is_given_takes_nothing_away() {
    let own = WithSecret::asked().await;
    std::fs::remove_file(own.secret()).unwrap();
    let wider = own.grant("10.1.0.0/16\", \"10.2.0.0/16");
    own.granted(&wider).await;
    assert_eq!(own.follow().await.as_deref(), Some("a 1"));
}

#[tokio::test]
async fn a_center_is_closed_while_the_narrower_version_takes_long() {
    let own = WithSecret::asked().await;
    // Its code is kept; that of the next version is made by a compiler that does not end.
    let settings = Settings {
        compiler: Some(CompilerProgram::new("/bin/sleep", ["60"])),
        ..own.ground.settings()
    };
    let chains = own.ground.host_with(&settings).await;
    let north = center("north");
    chains.follow(&north).await.unwrap();
    assert_eq!(asked(&chains, "north").await.as_deref(), Some("a 1"));
    let papers = (manifest("2"), own.grant("10.1.0.0/16"));
    own.ground
        .publish_as("north", "a", "2", &labelled(2), papers)
        .await;
    own.ground.promote("north", "a", "2").await;
    own.granted(&own.grant("10.2.0.0/16")).await;
    tokio::select! {
        _ = chains.follow(&north) => panic!("it was loaded"),
        () = until(async || is_closed(&chains, "north").await) => {}
    }
}

#[tokio::test]
async fn a_version_before_is_asked_on_only_with_what_is_granted_now() {
    let own = WithSecret::asked().await;
    let papers = (manifest("2"), own.grant("10.1.0.0/16"));
    own.ground
        .publish_as("north", "a", "2", b"rubbish", papers)
        .await;
    own.ground.promote("north", "a", "2").await;
    assert_eq!(own.follow().await.as_deref(), Some("a 1"));
    own.granted(&own.grant("10.2.0.0/16")).await;
    assert_eq!(own.follow().await, None);
}

/// A host that asks version 1, and whose compiler is stuck over version 2.
async fn stuck_over_the_next(own: &WithSecret) -> (Chains, Stuck) {
    let stuck = Stuck::on(&own.ground);
    let settings = Settings {
        compiler: Some(stuck.compiler()),
        ..own.ground.settings()
    };
    let chains = own.ground.host_with(&settings).await;
    chains.follow(&center("north")).await.unwrap();
    assert_eq!(asked(&chains, "north").await.as_deref(), Some("a 1"));
    let papers = (manifest("2"), own.grant("10.1.0.0/16"));
    own.ground
        .publish_as("north", "a", "2", &labelled(2), papers)
        .await;
    own.ground.promote("north", "a", "2").await;
    (chains, stuck)
}

#[tokio::test]
async fn what_is_taken_away_while_a_host_loads_is_not_asked_until_it_has_done_so() {
    let own = WithSecret::asked().await;
    let (chains, stuck) = stuck_over_the_next(&own).await;
    let narrowed = async {
        stuck.begun().await;
        own.granted(&own.grant("10.2.0.0/16")).await;
        until(async || is_closed(&chains, "north").await).await;
    };
    let north = center("north");
    tokio::select! {
        _ = chains.follow(&north) => panic!("it was loaded"),
        () = narrowed => {}
    }
}

#[tokio::test]
async fn what_was_taken_away_is_not_asked_where_the_database_goes_away_meanwhile() {
    let own = WithSecret::asked().await;
    let (chains, stuck) = stuck_over_the_next(&own).await;
    own.granted(&own.grant("10.2.0.0/16")).await;
    let lost = async {
        stuck.begun().await;
        own.ground.store.close().await;
        stuck.give_up();
    };
    let north = center("north");
    let (followed, ()) = tokio::join!(chains.follow(&north), lost);
    assert!(followed.is_err());
    assert!(is_closed(&chains, "north").await);
}
