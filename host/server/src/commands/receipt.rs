//! `colophon receipt mint|open|explain`.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use colophon_activation::{PersonaClaims, SKEW_S, SealedPersona};
use colophon_core::code::Code;
use colophon_core::decide::Permit;
use colophon_core::forms::SuppliedForm;
use colophon_core::refusal::Refusal;
use colophon_core::time::Clock as _;
use colophon_keys::{AwsLc, ShopKey, SystemRandom};
use colophon_receipt::{
    CenterId, Claims, Mint, Receipt, RequestedLevel, RetailerSecret, SealedReceipt, UnixSeconds,
};
use colophon_title::license::LicenseSigningFailed;
use colophon_title::{Level, PersonalizeError, SignerRole};
use serde_json::{Value, json};

use super::center_id;
use crate::cli::{MintArgs, ReceiptCommand, SecretArgs};
use crate::config::Config;
use crate::house::{House, SystemClock};
use crate::output::{Output, table};

pub(super) async fn run(
    config: &Config,
    command: ReceiptCommand,
    output: Output,
) -> Result<ExitCode> {
    match command {
        ReceiptCommand::Mint(arguments) => mint(&arguments, output),
        ReceiptCommand::Open {
            receipt,
            center,
            secret,
        } => open(&text(receipt)?, &center.center, &secret, output),
        ReceiptCommand::Explain {
            receipt,
            center,
            certificate,
        } => {
            let receipt = text(receipt)?;
            explain(
                config,
                &receipt,
                &center.center,
                certificate.as_deref(),
                output,
            )
            .await
        }
    }
}

/// The receipt given, or the one on standard input.
fn text(given: Option<String>) -> Result<String> {
    let text = match given {
        Some(text) => text,
        None => {
            let mut text = String::new();
            // Far more than a receipt may have, so that too long ones are seen to be so.
            std::io::stdin()
                .lock()
                .take(64 * 1024)
                .read_to_string(&mut text)?;
            text
        }
    };
    let text = text.trim();
    if text.is_empty() {
        bail!("no receipt was given; write it after the command or send it to standard input");
    }
    Ok(text.to_owned())
}

fn mint(arguments: &MintArgs, output: Output) -> Result<ExitCode> {
    let secret = secret(&arguments.secret)?;
    let center = center_id(&arguments.center.center)?;
    let mut claims = claims(arguments)?;
    let told = persona(arguments, &secret, &center)?;
    if let Some(told) = &told {
        claims.persona = Some(told.persona.as_str().parse()?);
    }
    let issued_at = match arguments.issued_at {
        Some(seconds) => UnixSeconds::new(seconds),
        None => SystemClock.now().unix_seconds(),
    };
    let mint = Mint {
        engine: &AwsLc,
        kid: secret.kid(),
        key: secret.key(),
        center: &center,
    };
    let receipt = mint.mint(&claims, issued_at, arguments.lifetime, &mut SystemRandom)?;
    for warning in wanting(&claims) {
        eprintln!("colophon: {warning}");
    }
    let minted = match &told {
        Some(told) => {
            let until = told.remembered_until(SKEW_S);
            eprintln!("{}", taken(told, until));
            let form = json!({
                "id": told.id.to_string(),
                "remember_until_unix_s": until.get(),
            });
            json!({ "receipt": receipt, "persona_form": form })
        }
        None => json!({ "receipt": receipt }),
    };
    output.print(&minted, |_| receipt.clone())?;
    Ok(ExitCode::SUCCESS)
}

/// What the shop has to remember, which this command does not: it has no memory, and of several at
/// work for one shop none would know of the others' forms.
fn taken(told: &PersonaClaims, until: UnixSeconds) -> String {
    let until = match jiff::Timestamp::from_second(until.get()) {
        Ok(instant) => instant.to_string(),
        Err(_) => until.get().to_string(),
    };
    format!(
        "colophon: took the persona form {}; take it no second time: remember this id until \
         {until}, and use no receipt of a form whose id you remember",
        told.id
    )
}

/// What a download with a receipt for level 5 needs besides. The catalog may demand level 5 where
/// the receipt says nothing; that is not known here.
fn wanting(claims: &Claims) -> Vec<&'static str> {
    let is_licensed = claims.level.map(RequestedLevel::as_number) == Some(5);
    let mut warnings = Vec::new();
    if is_licensed && claims.persona.is_none() {
        warnings.push(
            "level 5 binds the copy to a persona and the receipt names none: its download will be \
             refused; give --persona or --persona-form",
        );
    }
    if is_licensed && claims.user_name.is_none() {
        warnings.push(
            "level 5 binds the buyer's name and the receipt carries none: its download will be \
             refused; give --user-name",
        );
    }
    if is_licensed {
        warnings.push(
            "at level 5 the download needs the persona's activation certificate in its upload \
             form, in the field Certificate, unless the center has seen it before",
        );
    }
    warnings
}

/// The persona that the form of a buyer's reader says, for the retailer whose secret this is.
fn persona(
    arguments: &MintArgs,
    secret: &RetailerSecret,
    center: &CenterId,
) -> Result<Option<PersonaClaims>> {
    let (Some(form), Some(key), Some(certificate)) = (
        &arguments.persona_form,
        &arguments.shop_key,
        &arguments.shop_certificate,
    ) else {
        return Ok(None);
    };
    let read = |path: &Path| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let shop = ShopKey::from_pem(&read(key)?, &read(certificate)?)?;
    if shop.id().as_str() != format!("{center}/{}", secret.kid().retailer()) {
        bail!(
            "the certificate is that of {}, the secret that of {center}/{}",
            shop.id(),
            secret.kid().retailer()
        );
    }
    let form = SealedPersona::parse(read(form)?.trim()).context("this is no persona form")?;
    let claims = form.open(&AwsLc, &shop, shop.id())?;
    claims.check_time(SystemClock.now().unix_seconds(), SKEW_S)?;
    Ok(Some(claims))
}

fn secret(arguments: &SecretArgs) -> Result<RetailerSecret> {
    let text = match (&arguments.secret, &arguments.secret_file) {
        (Some(text), _) => text.clone(),
        (None, Some(path)) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?,
        (None, None) => {
            bail!("which retailer? give --secret-file FILE or COLOPHON_RETAILER_SECRET")
        }
    };
    RetailerSecret::parse(text.trim()).context("this is no retailer secret")
}

fn claims(arguments: &MintArgs) -> Result<Claims> {
    let mut claims = Claims::new(
        arguments.transaction.parse().context("--transaction")?,
        arguments.book.book_id.parse().context("--book-id")?,
        arguments
            .book
            .book_id_type
            .parse()
            .context("--book-id-type")?,
    );
    claims.level = arguments.level.and_then(RequestedLevel::from_number);
    claims.user_name = parsed("--user-name", &arguments.user_name)?;
    claims.persona = parsed("--persona", &arguments.persona)?;
    claims.customer_id = parsed("--customer-id", &arguments.customer_id)?;
    claims.file_name = parsed("--file-name", &arguments.file_name)?;
    claims.error_url = parsed("--error-url", &arguments.error_url)?;
    claims.currency = parsed("--currency", &arguments.currency)?;
    claims.retail_price = arguments.retail_price;
    claims.cost = arguments.cost;
    claims.list_price = arguments.list_price;
    claims.sold_at = arguments.sold_at.map(UnixSeconds::new);
    claims.max_downloads = arguments.max_downloads;
    Ok(claims)
}

fn parsed<T>(flag: &'static str, text: &Option<String>) -> Result<Option<T>>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.as_deref().map(str::parse).transpose().context(flag)
}

fn open(text: &str, center: &str, secret_given: &SecretArgs, output: Output) -> Result<ExitCode> {
    let secret = secret(secret_given)?;
    let sealed = SealedReceipt::parse(text).context("this is no receipt")?;
    if sealed.kid() != secret.kid() {
        bail!(
            "the receipt was made with key {}, the secret given is {}",
            sealed.kid(),
            secret.kid()
        );
    }
    let receipt = sealed
        .open(&AwsLc, secret.key(), &center_id(center)?)
        .context("the receipt does not open")?;
    print(&receipt, output)?;
    Ok(ExitCode::SUCCESS)
}

fn print(receipt: &Receipt, output: Output) -> Result<()> {
    output.print(&fields(receipt), |fields| {
        let rows = fields.as_object().into_iter().flatten();
        table(
            &["claim", "value"],
            rows.map(|(name, value)| vec![name.clone(), shown(name, value)]),
        )
    })
}

/// A claim for people: times also as dates.
fn shown(name: &str, value: &Value) -> String {
    let is_time = matches!(name, "iat" | "exp" | "sold_at");
    let seconds = value.as_i64().filter(|_| is_time);
    if let Some(time) = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()) {
        return format!("{value} ({time})");
    }
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The claims under their names in the receipt; absent ones are left out.
fn fields(receipt: &Receipt) -> Value {
    let claims = &receipt.claims;
    let mut fields = json!({
        "kid": receipt.key.to_string(),
        "iss": receipt.issuer.to_string(),
        "aud": receipt.center.to_string(),
        "iat": receipt.issued_at.get(),
        "exp": receipt.expires_at.get(),
        "jti": receipt.id.to_string(),
        "transaction": claims.transaction.to_string(),
        "book_id": claims.book_id.to_string(),
        "book_id_type": claims.book_id_type.to_string(),
        "level": claims.level.map(RequestedLevel::as_number),
        "user_name": claims.user_name.as_ref().map(ToString::to_string),
        "persona": claims.persona.as_ref().map(ToString::to_string),
        "customer_id": claims.customer_id.as_ref().map(ToString::to_string),
        "file_name": claims.file_name.as_ref().map(ToString::to_string),
        "error_url": claims.error_url.as_ref().map(ToString::to_string),
        "retail_price": claims.retail_price,
        "cost": claims.cost,
        "list_price": claims.list_price,
        "currency": claims.currency.as_ref().map(ToString::to_string),
        "sold_at": claims.sold_at.map(UnixSeconds::get),
        "max_downloads": claims.max_downloads.map(std::num::NonZeroU32::get),
    });
    if let Some(object) = fields.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    fields
}

/// Runs the verify flow of the server over the receipt and tells all it finds.
async fn explain(
    config: &Config,
    text: &str,
    center: &str,
    certificate: Option<&Path>,
    output: Output,
) -> Result<ExitCode> {
    let certificate = match certificate {
        Some(path) => {
            let form = std::fs::read_to_string(path);
            let form = form.with_context(|| format!("cannot read {}", path.display()))?;
            Some(SuppliedForm::new(&form))
        }
        None => None,
    };
    let house = House::open(config).await?;
    let center = center_id(center)?;
    let explained = house.explain(config, text, center, certificate).await?;
    output.print(&explained, |explained| {
        let mut lines = vec![explained.verdict.clone()];
        let mut reasons = explained.reasons.iter();
        lines.extend(reasons.next().map(|reason| format!("  because {reason}")));
        lines.extend(reasons.map(|reason| format!("    caused by: {reason}")));
        lines.push(format!("next: {}", explained.next));
        if let Some(receipt) = explained.receipt.as_object() {
            let rows = receipt
                .iter()
                .map(|(name, value)| vec![name.clone(), shown(name, value)]);
            lines.push(table(&["claim", "value"], rows));
        }
        lines.join("\n")
    })?;
    house.close().await;
    Ok(if explained.code == READY {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The level of a copy; signatures on top of level 2 or 3 make it level 4.
fn level_words(level: Level, signatures: &[&str]) -> String {
    let number = level.as_number();
    if signatures.is_empty() {
        return number.to_string();
    }
    let signed = format!("level {number} signed by {}", signatures.join(", "));
    match level {
        Level::Clear | Level::SourceSealed | Level::IndividuallySealed => format!("4 ({signed})"),
        Level::FullyIndividualized => format!("5 ({signed})"),
    }
}

/// What `receipt explain` says of a receipt whose download would begin.
const READY: &str = "ready";

/// What `receipt explain` prints.
#[derive(serde::Serialize)]
pub(crate) struct Explained {
    /// The code a retailer would see; `ready` if the download would begin.
    pub(crate) code: &'static str,
    /// One sentence.
    pub(crate) verdict: String,
    /// The causes, the outermost first.
    pub(crate) reasons: Vec<String>,
    /// What to do.
    pub(crate) next: &'static str,
    /// Who signs the copy; with signatures it is at level 4.
    pub(crate) signatures: Vec<&'static str>,
    /// The claims, where the receipt opened.
    pub(crate) receipt: Value,
}

impl Explained {
    /// A receipt whose download would begin.
    pub(crate) fn permitted(permit: &Permit, receipt: Option<&Receipt>) -> Self {
        let title = &permit.facts.title;
        let signatures: Vec<&str> = match permit.level {
            // Nothing is put into a clear file.
            Level::Clear => Vec::new(),
            Level::SourceSealed | Level::IndividuallySealed | Level::FullyIndividualized => {
                permit.signatures.iter().map(SignerRole::as_str).collect()
            }
        };
        let level = level_words(permit.level, &signatures);
        Self {
            code: READY,
            verdict: format!("The download of {title:?} at level {level} would begin."),
            reasons: Vec::new(),
            next: "Nothing.",
            signatures,
            receipt: receipt.map_or(Value::Null, fields),
        }
    }

    /// What the operator can do about a refusal. Strangers learn nothing more than its code says.
    pub(crate) fn next_step(refusal: &Refusal) -> &'static str {
        if refusal.code() == Code::ReceiptInvalid {
            return "Compare the secret, the center and the text with what the retailer's site used.";
        }
        if let Refusal::Licensor(_) = refusal {
            return "Replace the licensor with `colophon center signer new --role licensor`; if it \
                    should be believed, put its root into the trust folder.";
        }
        if let Refusal::Grantor(_) = refusal {
            return "Ask who delegated the rights for another delegation and take that in with \
                    `colophon title update --delegation`.";
        }
        if let Refusal::Bookplate(PersonalizeError::LicenseSigning(
            LicenseSigningFailed::Delegation(_),
        )) = refusal
        {
            return "Take in a delegation that the license lies within with `colophon title update \
                    --delegation`, or other rights with --rights.";
        }
        refusal.code().next_step()
    }

    /// A receipt that would be refused.
    pub(crate) fn refused(
        code: Code,
        next: &'static str,
        error: &anyhow::Error,
        receipt: Option<&Receipt>,
    ) -> Self {
        Self {
            code: code.slug(),
            verdict: format!("The receipt would be refused with {}.", code.slug()),
            reasons: error.chain().map(ToString::to_string).collect(),
            next,
            signatures: Vec::new(),
            receipt: receipt.map_or(Value::Null, fields),
        }
    }
}
