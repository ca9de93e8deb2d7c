//! Plans against the reference loops, on the networks that people build.

mod networks;
