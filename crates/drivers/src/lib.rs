//! Runs trials somewhere: processes on this machine.
