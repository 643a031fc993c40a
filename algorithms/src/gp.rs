//! Gaussian-process regression over the unit cube (Rasmussen and Williams, "Gaussian Processes for Machine Learning",
//! MIT Press 2006, chapters 2 and 5), and what turns it into a search.

mod acquisition;
mod bend;
mod fit;
mod kernel;
mod outliers;
mod posterior;
mod warp;

pub(crate) use acquisition::{Acquisition, log_probability};
pub(crate) use fit::{Prior, fit};
pub(crate) use kernel::Metric;
pub(crate) use outliers::without_outliers;
pub(crate) use posterior::{Data, Posterior};
pub(crate) use warp::warp;
