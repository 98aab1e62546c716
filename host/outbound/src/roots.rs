//! Whom this machine trusts.

use rustls::RootCertStore;

/// The authorities that this machine trusts. One that cannot be read is one fewer; a server under it
/// is not reached, and the failure says so.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
