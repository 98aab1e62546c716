//! Services on the web that a plug-in may ask.

use async_trait::async_trait;

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
    /// Header fields with the names of the secrets that are put into them.
    pub secrets: Vec<(String, String)>,
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
