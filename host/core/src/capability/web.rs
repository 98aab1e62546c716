//! Services on the web that a plug-in may ask.

use async_trait::async_trait;

use super::{AllowedAddress, FieldName, Network};

/// The one place that a secret may go to: a field of requests to addresses that begin alike. It
/// goes nowhere else, whatever else the plug-in may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretUse {
    /// What the addresses begin with.
    pub address: AllowedAddress,
    /// The field.
    pub field: FieldName,
    /// What stands before the secret in the field, as `Bearer `.
    pub prefix: String,
}

/// Networks of an operator's own that the names in some addresses may lead into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateNetworks {
    /// What the addresses begin with.
    pub address: AllowedAddress,
    /// The networks.
    pub networks: Vec<Network>,
}

/// What is done at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebMethod {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
    /// PATCH.
    Patch,
}

impl WebMethod {
    /// Every method that a plug-in may use. None of them makes a server repeat what it was sent,
    /// as TRACE does, or turns the connection into another.
    pub const ALL: [Self; 6] = [
        Self::Get,
        Self::Head,
        Self::Post,
        Self::Put,
        Self::Delete,
        Self::Patch,
    ];

    /// The method of this name, which is written in capitals.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Patch => "PATCH",
        }
    }
}

/// A request as a plug-in makes it. Outside data: whoever keeps the port holds it against the
/// contract and the grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebRequest {
    /// What is done.
    pub method: WebMethod,
    /// Where.
    pub url: String,
    /// Header fields.
    pub fields: Vec<(String, String)>,
    /// Names of the secrets that are put in, each into the field that it is bound to.
    pub secrets: Vec<String>,
    /// The body.
    pub body: Option<Vec<u8>>,
}

/// A response of any status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebResponse {
    /// The status.
    pub status: u16,
    /// Header fields, names in lower case.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no response. Texts are for the plug-in's author and name nothing that the plug-in
/// does not know already: not which address a name leads to, and no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebFailure {
    /// The request is none.
    Invalid(String),
    /// The grant does not allow it.
    Denied(String),
    /// A body is too large.
    TooLarge,
    /// No answer in time.
    Timeout,
    /// The service was not reached, or broke off.
    Unavailable(String),
}

/// The services that one plug-in was granted.
#[async_trait]
pub trait WebServices: Send + Sync {
    /// Sends a request and waits for the whole response. Whoever asks bounds the time.
    async fn fetch(&self, request: WebRequest) -> Result<WebResponse, WebFailure>;
}
