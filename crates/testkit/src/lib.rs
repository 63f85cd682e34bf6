//! What tests share and the programs never see: [`faults`] that stores have when machines fail, a
//! [`storm`] of all of them at once, a [`proxy`] that loses answers, a [`gate`] that cuts a server off,
//! [`dice`] that fall the same way again, and [`media_fixtures`] that are made, not stored. Where AWS's
//! services are, those that need some are told by [`localstack`].

pub mod dice;
pub mod faults;
pub mod gate;
pub mod localstack;
pub mod media_fixtures;
pub mod proxy;
pub mod storm;
