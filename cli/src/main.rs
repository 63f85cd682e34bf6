//! The program `hashreel`.
fn main() {}
