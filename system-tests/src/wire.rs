//! A wire between a client and a server that counts what the client sends.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// Bytes that are passed on at a time: few, so that little is on the way when an end is cut off.
const PIECE: usize = 64 << 10;

/// A relay on loopback. It ends with the test's process.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    sent: Arc<AtomicU64>,
}

impl Wire {
    /// A wire to `server`.
    #[must_use]
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let sent = Arc::new(AtomicU64::new(0));
        let counted = sent.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is not there is, to the client, a connection that ends at once.
                let Ok(server) = TcpStream::connect(server) else { continue };
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let counted = counted.clone();
                thread::spawn(move || pass_on(&client, &server, &counted));
                thread::spawn(move || pass_on(&back.0, &back.1, &AtomicU64::new(0)));
            }
        });
        Self { address, sent }
    }

    /// Its address as the server's URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Bytes that clients have sent over it, heads of requests included.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

/// Passes bytes on until one end closes or breaks, which the other one then sees.
fn pass_on(mut from: &TcpStream, mut to: &TcpStream, counted: &AtomicU64) {
    let mut piece = vec![0; PIECE];
    while let Ok(len @ 1..) = from.read(&mut piece) {
        counted.fetch_add(len as u64, Ordering::Relaxed);
        if to.write_all(&piece[..len]).is_err() {
            break;
        }
    }
    // Either may be closed already.
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}
