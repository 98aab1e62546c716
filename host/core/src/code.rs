//! The published error codes: one list, from which the documentation page is generated.

/// Whether asking again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request will be refused again.
    No,
    /// A new receipt may be accepted.
    WithNewReceipt,
    /// The same request may succeed later.
    Later,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:literal, $retry:ident, $title:literal, $next:literal;)*) => {
        /// A stable error code of the download and activation services.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* #[doc = $title] $name,)*
        }

        impl Code {
            /// Every code, in the order of the published list.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code as it stands in an error redirect's query and a problem's `type`.
            pub fn slug(self) -> &'static str {
                match self { $(Code::$name => $slug,)* }
            }

            /// The HTTP status of a problem with this code.
            pub fn status(self) -> u16 {
                match self { $(Code::$name => $status,)* }
            }

            /// Whether asking again can help.
            pub fn retry(self) -> Retry {
                match self { $(Code::$name => Retry::$retry,)* }
            }

            /// One sentence for people.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }

            /// What the reader of the error should do next.
            pub fn next_step(self) -> &'static str {
                match self { $(Code::$name => $next,)* }
            }
        }
    };
}

codes! {
    RequestIllegal = "request-illegal", 400, No, "The request is not one this server understands.",
        "Send action and value as a form (POST) or in the query (GET), as the retailer guide shows.";
    RequestTooLarge = "request-too-large", 413, No, "The request is larger than this server reads.",
        "Send a receipt of at most 8 KB; in a query, at most 2 KB.";
    RequestTimeout = "request-timeout", 408, Later, "The request did not arrive in time.",
        "Send the request again over a faster connection.";
    AddressUnknown = "address-unknown", 404, No, "There is nothing at this address.",
        "Check the address; every download address is /{center}/ds.";
    MethodNotAllowed = "method-not-allowed", 405, No, "This address does not take this method.",
        "Use POST, GET or HEAD.";
    CenterUnknown = "center-unknown", 404, No, "This server serves no such fulfillment center.",
        "Check the center's name in the address.";
    ReceiptInvalid = "receipt-invalid", 403, WithNewReceipt, "The receipt was refused.",
        "Start the download again from the shop; retailers: run `colophon receipt explain`.";
    ReceiptExpired = "receipt-expired", 403, WithNewReceipt, "The receipt has expired.",
        "Start the download again from the shop.";
    ReceiptNotYetValid = "receipt-not-yet-valid", 403, Later, "The receipt is dated in the future.",
        "Retailers: set the clock of the server that makes receipts.";
    ReceiptUsedUp = "receipt-used-up", 403, No, "The purchase has been downloaded as often as it may be.",
        "Ask the shop for another download.";
    TitleUnknown = "title-unknown", 404, No, "No title has this Book ID.",
        "Retailers: compare Book ID and Book ID type with the center's feed.";
    TitleWithdrawn = "title-withdrawn", 410, No, "The title has been withdrawn.",
        "Ask the shop; retailers: take the title out of your catalog.";
    TitleNotReady = "title-not-ready", 503, Later, "The title's file is not ready.",
        "Try again later; operators: run `colophon title verify`.";
    LevelTooLow = "level-too-low", 403, WithNewReceipt, "The receipt asks for less protection than the title demands.",
        "Retailers: leave the level out, or ask for the title's minimum or more.";
    LevelUnavailable = "level-unavailable", 403, WithNewReceipt, "The title is not available at the level asked for.",
        "Retailers: leave the level out, or ask the center to offer the title at this level.";
    NameMissing = "name-missing", 403, WithNewReceipt, "The level binds the buyer's name and the receipt carries none.",
        "Retailers: put user_name into the receipt.";
    PersonaMissing = "persona-missing", 403, WithNewReceipt, "The level binds the copy to a persona and the receipt names none.",
        "Retailers: put the buyer's persona into the receipt.";
    CertificateMissing = "certificate-missing", 403, No, "The level needs the buyer's activation certificate, and there is none.",
        "Activate the reader and start the download again from the shop; retailers: send it in the field Certificate.";
    CertificateRefused = "certificate-refused", 403, No, "The activation certificate was refused.",
        "Activate the reader again and make a new one with it; retailers: run `colophon receipt explain --certificate`.";
    CertificateExpired = "certificate-expired", 403, No, "The activation certificate has expired.",
        "Make a new one with the activated reader and start the download again from the shop.";
    CertificateRevoked = "certificate-revoked", 403, No, "The activation certificate, or the authority behind it, was revoked.",
        "Ask the support contact of the activation service whether the persona may activate again; that brings a new one.";
    CertificateOtherPersona = "certificate-other-persona", 403, No, "The activation certificate is of another persona than the receipt.",
        "Sign in at the shop as the persona that the reader is activated for.";
    ConditionFailed = "condition-failed", 412, No, "A condition of the request does not hold for the copy.",
        "Start the download again without If-Match and If-None-Match.";
    RangeUnsatisfiable = "range-unsatisfiable", 416, No, "The copy has no such bytes.",
        "Start the download again from its first byte.";
    PolicyDenied = "policy-denied", 403, No, "The fulfillment center's policy denies this sale.",
        "Retailers: ask the center which of its terms the sale breaks.";
    PluginFailed = "plug-in-failed", 503, Later, "The fulfillment center's rules could not be evaluated.",
        "Try again later; operators: see the event log.";
    ContentUnavailable = "content-unavailable", 503, Later, "The content store cannot be reached.",
        "Try again later.";
    CopyFailed = "copy-failed", 500, No, "This buyer's copy could not be made.",
        "Ask the shop; operators: see the event log for the nature of the error.";
    ActivationLimit = "activation-limit", 403, No, "Every activation granted so far is used.",
        "Wait until next_grant, or ask the support contact; activate a device again that was activated before.";
    ActivationOtherMachine = "activation-other-machine", 403, No, "This approval has activated another machine.",
        "Start again on this machine, so that its person approves it too.";
    ActivationRefused = "activation-refused", 403, No, "This persona may activate nothing more.",
        "Ask the support contact of the activation service.";
    ActivationBusy = "activation-busy", 503, Later, "The activation service is busy. Nothing was counted that was not counted before.",
        "Send the same request again after the time in Retry-After.";
    ActivationClosed = "activation-closed", 503, Later, "The activation service has no address that readers could use.",
        "Operators: set activation.public_url to the address people reach this host at.";
    AccessTokenInvalid = "access-token-invalid", 401, No, "The request bears no access token that is valid now.",
        "Start again on the reader; an access token lasts one day.";
    Busy = "busy", 503, Later, "The server is busy.",
        "Try again after the time in Retry-After.";
    Unavailable = "unavailable", 503, Later, "A service this server depends on did not answer.",
        "Try again after the time in Retry-After.";
}
