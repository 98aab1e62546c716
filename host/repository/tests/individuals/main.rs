//! Individual repositories, run by the reference reader: where they open, where they do not, what
//! they give out, and what they have in common.

#![cfg(test)]

mod support;

mod differences;
mod elsewhere;
mod machines;
mod many_entries;
mod outputs;
mod rights;
mod roots;
mod segments;
mod workers;
mod workshop;
