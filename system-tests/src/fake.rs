//! An endpoint that is not what it should be: it says the same to whoever comes.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

/// What it says.
#[derive(Debug, Clone, Copy)]
pub enum Says {
    /// Over HTTP: status, content type and body.
    Http(u16, &'static str, &'static str),
    /// These bytes, before it was asked anything.
    Bytes(&'static [u8]),
    /// Nothing, for ever.
    Nothing,
}

/// The longest that one who connects and says nothing is waited for.
const IDLE: Duration = Duration::from_secs(60);

/// Starts one on loopback; it ends with the test's process.
#[must_use]
pub fn endpoint(says: Says) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            // Clients that leave early are none of its business.
            thread::spawn(move || answer(client, says).is_ok());
        }
    });
    address
}

fn answer(mut client: TcpStream, says: Says) -> std::io::Result<()> {
    client.set_read_timeout(Some(IDLE))?;
    let mut buffer = [0; 16 << 10];
    match says {
        Says::Bytes(bytes) => client.write_all(bytes)?,
        Says::Http(status, kind, body) => {
            // A request of these tests, head and body, is written at once.
            let _request = client.read(&mut buffer)?;
            let len = body.len();
            write!(
                client,
                "HTTP/1.1 {status} As said\r\ncontent-type: {kind}\r\ncontent-length: {len}\r\n\
                 last-modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nconnection: close\r\n\r\n{body}"
            )?;
        }
        Says::Nothing => {}
    }
    // Until its client leaves.
    while client.read(&mut buffer)? > 0 {}
    Ok(())
}
