//! A proxy that loses answers, or breaks them off: the request has had its effect, and its sender never
//! hears of it.

use std::{
    io::Result,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Passes connections on, from a port of its own on loopback. It ends when it is dropped.
#[derive(Debug)]
pub struct LosingProxy {
    at: SocketAddr,
    to_lose: Arc<AtomicUsize>,
    to_break: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl LosingProxy {
    /// In front of the server at `to`. Nothing is lost until [`lose`](Self::lose).
    ///
    /// # Errors
    /// Where no port is free.
    pub async fn to(to: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let at = listener.local_addr()?;
        let (to_lose, to_break) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (lose, cut) = (to_lose.clone(), to_break.clone());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, to, lose.clone(), cut.clone()));
            }
        });
        Ok(Self { at, to_lose, to_break, task })
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Loses the next `answers`: when one comes, the connection is cut.
    pub fn lose(&self, answers: usize) {
        self.to_lose.store(answers, Ordering::SeqCst);
    }

    /// Breaks the next `answers` off before their last byte, where they come in one piece.
    pub fn break_off(&self, answers: usize) {
        self.to_break.store(answers, Ordering::SeqCst);
    }

    /// How many are still to be lost or broken off.
    #[must_use]
    pub fn left(&self) -> usize {
        self.to_lose.load(Ordering::SeqCst) + self.to_break.load(Ordering::SeqCst)
    }
}

impl Drop for LosingProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Both ways, until either end closes or an answer is to be lost. Either end's error is the other's end.
async fn pass_on(
    mut client: TcpStream,
    to: SocketAddr,
    to_lose: Arc<AtomicUsize>,
    to_break: Arc<AtomicUsize>,
) -> Result<()> {
    let mut server = TcpStream::connect(to).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let answers = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let len = from_server.read(&mut buffer).await?;
            if len == 0 || is_one_of(&to_lose) {
                return Result::Ok(());
            }
            if is_one_of(&to_break) {
                return to_client.write_all(&buffer[..len - 1]).await;
            }
            to_client.write_all(&buffer[..len]).await?;
        }
    };
    tokio::select! {
        sent = copy(&mut from_client, &mut to_server) => sent.map(drop),
        answered = answers => answered,
    }
}

/// Whether there was one left; it is taken.
fn is_one_of(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}
