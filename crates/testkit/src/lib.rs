//! What tests share and the programs never see: [`faults`] that stores have when machines fail, and
//! [`media_fixtures`] that are made, not stored.

pub mod faults;
pub mod media_fixtures;
