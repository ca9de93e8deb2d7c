//! The service without a socket, and with one.

mod bodies;
mod budget;
mod connections;
mod model;
mod native;
mod protocol;
mod server;
mod sockets;
mod triton;
