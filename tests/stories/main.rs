//! Stories: what an operator, a retailer and a buyer do with real binaries, and what comes of it.

mod cache;
mod copies;
mod other_tools;
mod purchase;
mod real_books;
mod refusals;
mod retailer_languages;
