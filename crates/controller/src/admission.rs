//! Admission: what the API server asks before it stores an experiment or a pod.
//!
//! `experiment` and `pod` are functions of what they are given; `owner` finds the trial of a pod; `server` answers over HTTPS
//! with what `certificates` keeps, and `registration` tells the API server where.

pub mod certificates;
pub mod experiment;
pub mod owner;
pub mod patch;
pub mod pod;
pub mod registration;
pub mod review;
pub mod server;
