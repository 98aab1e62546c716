//! A private PostgreSQL server for one test.
