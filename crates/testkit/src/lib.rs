//! What tests share and the programs never see: [`faults`] that stores have when machines fail, a
//! [`proxy`] that loses answers, and [`media_fixtures`] that are made, not stored.

pub mod faults;
pub mod media_fixtures;
pub mod proxy;
