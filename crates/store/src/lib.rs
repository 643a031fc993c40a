//! The record of every experiment, trial and observation, in SQL.
