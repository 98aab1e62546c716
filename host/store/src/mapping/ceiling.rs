//! The largest value that SQLite makes on a connection. It reads within the host itself, where a
//! statement could otherwise make a text of a gigabyte on the way to a short answer.

use libsqlite3_sys::{SQLITE_LIMIT_LENGTH, sqlite3_limit};
use sqlx::sqlite::LockedSqliteHandle;

/// Sets the limit for as long as the connection lasts. SQLite has no statement that does.
#[expect(
    unsafe_code,
    reason = "a limit of a connection is a call of the library"
)]
pub(super) fn set(connection: &mut LockedSqliteHandle<'_>, bytes_max: i32) {
    let connection = connection.as_raw_handle();
    // SAFETY: the handle is that of an open connection, and nobody else uses it while it is locked.
    unsafe {
        sqlite3_limit(connection.as_ptr(), SQLITE_LIMIT_LENGTH, bytes_max);
    }
}
