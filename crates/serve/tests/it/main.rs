//! The service without a socket, and with one.

mod model;
mod native;
mod protocol;
mod server;
mod triton;
