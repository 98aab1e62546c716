//! The download flow.
//!
//! receipt → open → resolve → look → judge → name and plan → admit → fetch → personalize → download.

use std::sync::Arc;

use bytes::Bytes;
use colophon_crypto::Engine;
use colophon_receipt::{ErrorUrl, Freshness, Receipt, TimeRefusal, UnixSeconds};
use colophon_title::{
    CopyId, CopyTerms, Level, MediaType, SignerRole, StoredTitle, Tail, etag, personalize,
};

use crate::catalog::{Book, Location, Money, ObjectPath, StoreRoot, TitleFacts};
use crate::center::{Center, KeyState, RetailerKey};
use crate::decide::{Grant, decide};
use crate::delivery::{CopyBytes, Download, DownloadRequest, OpenRecord, Sale};
use crate::limit::Limited;
use crate::log::{ByteSpan, DeliveredCopy, DownloadRecord, Outcome, Purchase};
use crate::naming::{FileName, default_text, extension};
use crate::plugin::{CallContext, FoundLocation, Offer, PluginCalls, Plugins, ResolverAnswer};
use crate::ports::{
    Admission, Catalog, Centers, FormContent, OpenedForm, Origin, OriginError, Outbox, Uses,
};
use crate::refusal::{Refusal, Refused};

/// The download service of a host: the flow with the ports it runs on.
pub struct Downloads {
    /// Centers and retailer keys.
    pub centers: Arc<dyn Centers>,
    /// The catalogs.
    pub catalog: Arc<dyn Catalog>,
    /// The centers' plug-ins.
    pub plugins: Arc<dyn Plugins>,
    /// The content stores.
    pub origin: Arc<dyn Origin>,
    /// Counts of limited purchases.
    pub uses: Arc<dyn Uses>,
    /// The node's outbox.
    pub outbox: Arc<dyn Outbox>,
    /// The cryptographic engine.
    pub engine: Arc<dyn Engine>,
}

/// A receipt that opened under its key, with everything that speaks for the sale.
struct Opened {
    center: Arc<Center>,
    key: Arc<RetailerKey>,
    receipt: Receipt,
}

/// A title's place, parsed out of a resolver's answer.
struct Resolved {
    book: Book,
    location: Location,
    sha256: Option<Vec<u8>>,
}

/// A granted sale with the name its file will have.
struct DownloadPlan {
    grant: Grant,
    file_name: FileName,
    purchase: Purchase,
}

/// A plan that the outbox has promised a log row for.
struct Admitted {
    plan: DownloadPlan,
    admission: Box<dyn Admission>,
}

/// An admitted plan with the stored form it is made of.
struct Fetched {
    admitted: Admitted,
    form: Arc<OpenedForm>,
}

/// This buyer's copy, not yet counted.
struct Personalized {
    admitted: Admitted,
    body: CopyBytes,
    etag: [u8; 32],
}

/// What is known of a request so far, for the log row of a refusal.
#[derive(Default)]
struct Trace {
    center: Option<Arc<Center>>,
    key: Option<Arc<RetailerKey>>,
    receipt: Option<Receipt>,
}

/// What would come of a request.
pub struct Explanation {
    /// The receipt, if it opened.
    pub receipt: Option<Receipt>,
    /// The sale as it would be served, or why it would be refused.
    pub outcome: Result<Grant, Refusal>,
}

impl Downloads {
    /// Turns a request into a personalized copy, or says why not and where the buyer goes.
    ///
    /// Refusals at a known center are logged here; a returned [`Download`] is logged when its
    /// record is closed.
    pub async fn prepare(&self, request: DownloadRequest) -> Result<Download, Refused> {
        let mut trace = Trace::default();
        match self.flow(&request, &mut trace).await {
            Ok(download) => Ok(download),
            Err(refusal) => Err(self.refuse(request, trace, refusal)),
        }
    }

    async fn flow(
        &self,
        request: &DownloadRequest,
        trace: &mut Trace,
    ) -> Result<Download, Refusal> {
        let opened = self.open(request, trace).await?;
        let mut calls = self.plugins.begin(call_context(request, &opened));
        let resolved = resolve(calls.as_mut(), book(&opened.receipt)).await?;
        let facts = self.look(&opened, &resolved).await?;
        let grant = judge(calls.as_mut(), request, &opened, resolved, facts).await?;
        let plan = plan(calls.as_mut(), &opened, grant).await;
        let admitted = self.admit(plan)?;
        let fetched = self.fetch(admitted).await?;
        let personalized = self.personalize(&opened, fetched).await?;
        Self::ready(request, opened, personalized)
    }

    /// Opens the receipt under the one key it names and holds it against the clock.
    async fn open(&self, request: &DownloadRequest, trace: &mut Trace) -> Result<Opened, Refusal> {
        let center = self
            .centers
            .center(&request.center)
            .await?
            .ok_or(Refusal::UnknownCenter)?;
        trace.center = Some(Arc::clone(&center));
        let key = self
            .centers
            .retailer_key(&request.center, request.receipt.kid())
            .await?;
        let key = key.ok_or(Refusal::UnknownKey)?;
        trace.key = Some(Arc::clone(&key));
        let receipt = open_receipt(self.engine.as_ref(), request, &key)?;
        trace.receipt = Some(receipt.clone());
        let freshness = receipt.freshness(request.at.unix_seconds(), &center.time_policy);
        let freshness = freshness.map_err(Refusal::OutsideTime)?;
        match freshness {
            Freshness::ResumeOnly if request.resume.is_none() => {
                return Err(Refusal::OutsideTime(TimeRefusal::Expired));
            }
            Freshness::ResumeOnly | Freshness::Valid => {}
        }
        Ok(Opened {
            center,
            key,
            receipt,
        })
    }

    /// The flow's front half, for callers that want to know of a title and not have it.
    pub(crate) async fn facts_for(
        &self,
        request: &DownloadRequest,
    ) -> Result<Arc<TitleFacts>, Refusal> {
        let opened = self.open(request, &mut Trace::default()).await?;
        let mut calls = self.plugins.begin(call_context(request, &opened));
        let resolved = resolve(calls.as_mut(), book(&opened.receipt)).await?;
        self.look(&opened, &resolved).await
    }

    /// Tells what would come of a request, and delivers, counts and logs nothing.
    pub async fn explain(&self, request: &DownloadRequest) -> Explanation {
        let mut trace = Trace::default();
        let outcome = self.judged(request, &mut trace).await;
        Explanation {
            receipt: trace.receipt,
            outcome,
        }
    }

    async fn judged(&self, request: &DownloadRequest, trace: &mut Trace) -> Result<Grant, Refusal> {
        let opened = self.open(request, trace).await?;
        let mut calls = self.plugins.begin(call_context(request, &opened));
        let resolved = resolve(calls.as_mut(), book(&opened.receipt)).await?;
        let facts = self.look(&opened, &resolved).await?;
        let grant = judge(calls.as_mut(), request, &opened, resolved, facts).await?;
        self.open_form(&grant).await?;
        if let Some(limit) = grant.downloads_max
            && self.uses.taken(&purchase(&opened)).await? >= limit.get()
        {
            return Err(Refusal::UsedUp);
        }
        Ok(grant)
    }

    /// Looks up what the catalog knows of the title at the resolved place.
    async fn look(&self, opened: &Opened, resolved: &Resolved) -> Result<Arc<TitleFacts>, Refusal> {
        let facts = self
            .catalog
            .facts(&opened.center.id, &resolved.location)
            .await?;
        facts.ok_or(Refusal::UnknownTitle)
    }

    /// Asks the outbox for room, so that nothing is sent that could not be logged.
    fn admit(&self, plan: DownloadPlan) -> Result<Admitted, Refusal> {
        let admission = self.outbox.admit().ok_or(Refusal::Busy)?;
        Ok(Admitted { plan, admission })
    }

    async fn fetch(&self, admitted: Admitted) -> Result<Fetched, Refusal> {
        let form = self.open_form(&admitted.plan.grant).await?;
        Ok(Fetched { form, admitted })
    }

    async fn open_form(&self, grant: &Grant) -> Result<Arc<OpenedForm>, Refusal> {
        let content = match grant.level {
            Level::Clear => FormContent::Source,
            Level::SourceSealed | Level::IndividuallySealed | Level::FullyIndividualized => {
                FormContent::TitleFile
            }
        };
        let opened = self
            .origin
            .open(&grant.facts.location.root, &grant.form, content)
            .await;
        opened.map_err(Refusal::Origin)
    }

    /// Makes this buyer's copy: the prefix stays as it is, only the tail is new.
    async fn personalize(
        &self,
        opened: &Opened,
        fetched: Fetched,
    ) -> Result<Personalized, Refusal> {
        let Fetched { admitted, form } = fetched;
        let copy_key = &opened.center.copy_key;
        let content = Arc::clone(&form.content);
        let (body, etag) = match &form.title {
            None => {
                let length = content.size();
                let tag = etag(
                    self.engine.as_ref(),
                    copy_key,
                    &admitted.plan.grant.form.sha256,
                    &[],
                );
                (CopyBytes::new(content, length, Bytes::new()), tag)
            }
            Some(title) => {
                let tail = self.tail(opened, &admitted.plan, title).await?;
                let salt = title.salt().as_bytes();
                let tag = etag(self.engine.as_ref(), copy_key, salt, &tail.bytes);
                (
                    CopyBytes::new(content, title.prefix_length(), tail.bytes.into()),
                    tag,
                )
            }
        };
        Ok(Personalized {
            admitted,
            body,
            etag,
        })
    }

    /// The only bytes made for this copy: signatures, bookplate, seal and directory.
    async fn tail(
        &self,
        opened: &Opened,
        plan: &DownloadPlan,
        title: &StoredTitle,
    ) -> Result<Tail, Refusal> {
        let engine = self.engine.as_ref();
        let key = self
            .catalog
            .content_key(&opened.center.id, &plan.grant.form.version)
            .await?;
        let key = key.ok_or_else(no_content_key)?;
        let provider = opened.center.provider.as_deref();
        let signs = plan.grant.signatures.contains(SignerRole::Provider);
        let signer = if signs {
            Some(provider.ok_or(Refusal::LevelUnavailable)?)
        } else {
            None
        };
        let terms = CopyTerms {
            level: plan.grant.level,
            bookplate: plan.grant.owner.as_deref(),
            copy_id: CopyId::of(engine, &opened.center.copy_key, &plan.purchase.parts()),
            issued_at_unix_s: issue_time(&opened.receipt).get(),
            signers: signer.as_slice(),
            license: None,
        };
        personalize(engine, title, &key, &terms).map_err(Refusal::Bookplate)
    }

    /// The copy as the edge gets it. A receipt whose time is over goes on only with what it began.
    fn ready(
        request: &DownloadRequest,
        opened: Opened,
        personalized: Personalized,
    ) -> Result<Download, Refusal> {
        let Personalized {
            admitted: Admitted { plan, admission },
            body,
            etag,
        } = personalized;
        let resumes = request.resume == Some(etag);
        if plan.grant.freshness == Freshness::ResumeOnly && !resumes {
            return Err(Refusal::NotResumable);
        }
        let redirect = error_target(request, &opened.key, Some(&opened.receipt));
        Ok(Download {
            sale: Sale {
                event: request.event,
                at: request.at,
                key: opened.key.kid.clone(),
                purchase: plan.purchase,
                claims: Box::new(opened.receipt.claims),
                client: request.client.clone(),
            },
            media_type: delivered_media_type(&plan.grant),
            file_name: plan.file_name,
            level: plan.grant.level,
            resumes,
            etag,
            body,
            downloads_max: plan.grant.downloads_max,
            freshness: plan.grant.freshness,
            redirect,
            admission,
        })
    }

    /// The last decision before the first byte: a download counts against the purchase's limit
    /// unless it goes on with one that was counted and pays for that. Splits the download into the bytes to send and
    /// the log row to close it with.
    ///
    /// Answers that send no bytes (headers only, conditions that fail) never come here, so they
    /// use nothing up.
    pub async fn begin(
        &self,
        download: Download,
        asked: ByteSpan,
    ) -> Result<(CopyBytes, OpenRecord), Refused> {
        let limited = Limited::of(&download, asked);
        let counted = match limited {
            Some(limited) => limited.count(&self.uses, &download.sale).await,
            None => Ok(None),
        };
        let copy = DeliveredCopy {
            level: download.level,
            file_name: download.file_name.as_str().to_owned(),
            length: download.body.length(),
            etag: download.etag,
            asked,
            sent: 0,
        };
        let (sale, admission) = (download.sale, download.admission);
        let record = |reservation| OpenRecord {
            sale,
            copy,
            admission,
            reservation,
        };
        match counted {
            Ok(reservation) => Ok((download.body, record(reservation))),
            Err(refusal) => {
                let record = record(None);
                drop(record.close(Outcome::Refused(refusal.code()), 0, 0));
                Err(Refused {
                    refusal,
                    redirect: download.redirect,
                })
            }
        }
    }

    /// Logs a refusal and finds where the buyer is sent. Nobody waits for this row: a refusal
    /// delivers nothing that would have to be paid for.
    fn refuse(&self, request: DownloadRequest, trace: Trace, refusal: Refusal) -> Refused {
        let redirect = trace
            .key
            .as_deref()
            .and_then(|key| error_target(&request, key, trace.receipt.as_ref()));
        if let (Some(center), Some(admission)) = (trace.center, self.outbox.admit_refusal()) {
            let record = DownloadRecord {
                event: request.event,
                at: request.at,
                took_us: 0,
                center: center.id.clone(),
                key: trace.key.map(|key| key.kid.clone()),
                claims: trace.receipt.map(|receipt| Box::new(receipt.claims)),
                outcome: Outcome::Refused(refusal.code()),
                copy: None,
                client: request.client,
            };
            drop(admission.submit(record.into()));
        }
        Refused { refusal, redirect }
    }
}

/// Where a buyer is sent: the receipt's wish, else the form's, else the retailer's default.
fn error_target(
    request: &DownloadRequest,
    key: &RetailerKey,
    receipt: Option<&Receipt>,
) -> Option<ErrorUrl> {
    let claimed = receipt.and_then(|receipt| receipt.claims.error_url.as_ref());
    key.error_target([claimed, request.error_url.as_ref()])
        .cloned()
}

fn open_receipt(
    engine: &dyn Engine,
    request: &DownloadRequest,
    key: &RetailerKey,
) -> Result<Receipt, Refusal> {
    match key.state {
        KeyState::Active => {}
        KeyState::Revoked => return Err(Refusal::UnknownKey),
    }
    let receipt = request.receipt.open(engine, &key.key, &request.center);
    let receipt = receipt.map_err(Refusal::NotOpened)?;
    match &request.retailer {
        Some(named) if *named != receipt.issuer => Err(Refusal::OtherRetailer),
        Some(_) | None => Ok(receipt),
    }
}

fn call_context(request: &DownloadRequest, opened: &Opened) -> CallContext {
    CallContext {
        request_id: request.event.to_string(),
        now: request.at,
        center: opened.center.id.clone(),
        retailer: opened.key.retailer.clone(),
    }
}

fn book(receipt: &Receipt) -> Book {
    Book {
        id_type: receipt.claims.book_id_type.clone(),
        id: receipt.claims.book_id.clone(),
    }
}

/// Asks the resolver, and takes nothing from its answer that could leave the store's root.
async fn resolve(calls: &mut dyn PluginCalls, book: Book) -> Result<Resolved, Refusal> {
    let FoundLocation { root, path, sha256 } =
        match calls.resolve(&book).await.map_err(Refusal::Plugin)? {
            ResolverAnswer::Found(location) => location,
            ResolverAnswer::NotMine => return Err(Refusal::UnknownTitle),
        };
    let root = StoreRoot::parse(&root).ok_or(Refusal::PluginAnswer {
        problem: "root is not the name of a content-store root",
    })?;
    let path = ObjectPath::parse(&path).map_err(|_| Refusal::PluginAnswer {
        problem: "path leaves the content-store root",
    })?;
    Ok(Resolved {
        book,
        location: Location { root, path },
        sha256,
    })
}

/// Asks the policy and decides.
async fn judge(
    calls: &mut dyn PluginCalls,
    request: &DownloadRequest,
    opened: &Opened,
    resolved: Resolved,
    facts: Arc<TitleFacts>,
) -> Result<Grant, Refusal> {
    let claims = &opened.receipt.claims;
    let price = claims.retail_price.zip(claims.currency.clone());
    let offer = Offer {
        book: resolved.book,
        resource_class: facts.media_type.as_str().to_owned(),
        price: price.map(|(minor, currency)| Money { minor, currency }),
        requested_protection: claims
            .level
            .map_or(String::new(), |level| level.as_number().to_string()),
        attributes: offer_attributes(request, opened, &facts),
    };
    let verdict = calls.evaluate(&offer).await.map_err(Refusal::Plugin)?;
    let now = request.at.unix_seconds();
    let grant = decide(
        now,
        &opened.center.time_policy,
        &opened.receipt,
        &facts,
        verdict,
    )?;
    match resolved.sha256 {
        Some(expected) if expected != grant.form.sha256 => Err(Refusal::PluginAnswer {
            problem: "sha256 is not that of the stored file",
        }),
        Some(_) | None => Ok(grant),
    }
}

/// The title's attributes and, under names that begin with `sale.`, what the receipt and the
/// request say of the sale; with these a policy can demand that the buyer who ordered is the one
/// who downloads.
fn offer_attributes(
    request: &DownloadRequest,
    opened: &Opened,
    facts: &TitleFacts,
) -> Vec<(String, String)> {
    let claims = &opened.receipt.claims;
    let text = |text: &colophon_receipt::Text| text.as_ref().to_owned();
    let mut list = facts.attributes.clone();
    list.push((
        "sale.transaction".to_owned(),
        claims.transaction.as_ref().to_owned(),
    ));
    list.push((
        "sale.client-address".to_owned(),
        request.client.address.to_string(),
    ));
    let optional = [
        ("sale.customer-id", claims.customer_id.as_ref().map(text)),
        ("sale.user-name", claims.user_name.as_ref().map(text)),
        ("sale.persona", claims.persona.as_ref().map(text)),
    ];
    let given = optional.into_iter();
    list.extend(given.filter_map(|(name, value)| Some((name.to_owned(), value?))));
    list
}

/// Names the file. Naming may fail without harm: then the default rule names it.
async fn plan(calls: &mut dyn PluginCalls, opened: &Opened, grant: Grant) -> DownloadPlan {
    let facts = &grant.facts;
    let wished = opened
        .receipt
        .claims
        .file_name
        .as_ref()
        .map(AsRef::<str>::as_ref);
    let extension = extension(&facts.media_type, grant.level != Level::Clear);
    let named = calls
        .file_name(&naming_facts(&grant, wished, extension))
        .await;
    let text = named.unwrap_or_else(|_| default_text(facts, wished).to_owned());
    DownloadPlan {
        file_name: FileName::from_text(&text, extension),
        purchase: purchase(opened),
        grant,
    }
}

/// What the naming plug-in is told, under stable names.
fn naming_facts(grant: &Grant, wished: Option<&str>, extension: &str) -> Vec<(String, String)> {
    let facts = &grant.facts;
    let mut list = vec![
        ("title".to_owned(), facts.title.clone()),
        ("authors".to_owned(), facts.authors.join(", ")),
        ("book-id".to_owned(), facts.book.id.as_ref().to_owned()),
        (
            "book-id-type".to_owned(),
            facts.book.id_type.as_ref().to_owned(),
        ),
        (
            "media-type".to_owned(),
            facts.media_type.as_str().to_owned(),
        ),
        ("level".to_owned(), grant.level.as_number().to_string()),
        ("extension".to_owned(), extension.to_owned()),
    ];
    let optional = [
        ("language", facts.language.as_deref()),
        ("file-name", wished),
    ];
    list.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value.to_owned()))),
    );
    list
}

fn purchase(opened: &Opened) -> Purchase {
    let claims = &opened.receipt.claims;
    Purchase {
        center: opened.center.id.clone(),
        retailer: opened.key.retailer.clone(),
        transaction: claims.transaction.clone(),
        book_id: claims.book_id.clone(),
        book_id_type: claims.book_id_type.clone(),
    }
}

/// The moment a copy is dated: the sale, so that a later receipt for it makes the same bytes.
fn issue_time(receipt: &Receipt) -> UnixSeconds {
    receipt.claims.sold_at.unwrap_or(receipt.issued_at)
}

fn no_content_key() -> Refusal {
    let problem = "the catalog has no content key for this title version".to_owned();
    Refusal::Origin(OriginError::Damaged { problem })
}

/// Sealed copies of anything but EPUB are Colophon containers.
fn delivered_media_type(grant: &Grant) -> MediaType {
    let sealed = grant.level != Level::Clear;
    let container = sealed && !grant.facts.media_type.is_epub();
    if container {
        MediaType::container()
    } else {
        grant.facts.media_type.clone()
    }
}
