//! What `./dev localstack up` prints, for tests that need AWS's services. Only to this machine is written.

use std::{env, net::SocketAddr};

/// The value of what it prints as `name`.
///
/// # Panics
/// Where it is not in the environment: the test fails and says what to run.
#[must_use]
pub fn setting(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `eval \"$(./dev localstack up)\"` first")
    })
}

/// The URL of the service whose variable is `name`, as `AWS_ENDPOINT_URL`, and its address.
///
/// # Panics
/// Where it is not in the environment, or not on this machine.
#[must_use]
pub fn endpoint(name: &str) -> (String, SocketAddr) {
    let url = setting(name);
    let address = url.strip_prefix("http://").and_then(|address| address.parse().ok());
    match address.filter(|address: &SocketAddr| address.ip().is_loopback()) {
        Some(address) => (url, address),
        None => panic!("{name}={url} is not on this machine, as http://127.0.0.1:4566 is"),
    }
}
