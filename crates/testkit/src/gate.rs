//! A way to a server that can be cut: for a time it is as if the server was gone, hung, or somebody else.

use std::{io::Result, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// What becomes of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// They reach the server.
    Open,
    /// They end at once, and those that stood too.
    Closed,
    /// They stand, and nothing moves on them.
    Silent,
    /// Whatever is asked, this comes back.
    Says(&'static str),
}

/// The way to one server, from a port of its own on loopback. It ends when it is dropped.
#[derive(Debug)]
pub struct Gate {
    at: SocketAddr,
    way: watch::Sender<Way>,
    task: JoinHandle<()>,
}

impl Gate {
    /// An open way to the server at `to`.
    ///
    /// # Errors
    /// Where no port is free.
    pub async fn to(to: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let at = listener.local_addr()?;
        let (way, watched) = watch::channel(Way::Open);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(guard(client, to, watched.clone()));
            }
        });
        Ok(Self { at, way, task })
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// From now on `way`. Connections that stood break, save where they become silent: these break when
    /// that ends.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection. Its errors are the other end's end.
async fn guard(mut client: TcpStream, to: SocketAddr, mut way: watch::Receiver<Way>) -> Result<()> {
    let mut server = None;
    let mut now = *way.borrow_and_update();
    if now == Way::Open {
        let server = server.insert(TcpStream::connect(to).await?);
        tokio::select! {
            ended = copy_bidirectional(&mut client, server) => return ended.map(drop),
            // An error says that the gate is gone, and with it the way.
            _ = way.changed() => {}
        }
        now = match *way.borrow_and_update() {
            Way::Silent => Way::Silent,
            _ => Way::Closed,
        };
    }
    match now {
        // Both ends are kept: nobody is gone, only silent.
        Way::Silent => drop(way.changed().await),
        Way::Says(answer) => say(&mut client, answer).await?,
        Way::Open | Way::Closed => {}
    }
    drop(server);
    Ok(())
}

/// Reads a request's head, so that its sender is not cut off while it writes it, and answers.
async fn say(client: &mut TcpStream, answer: &str) -> Result<()> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < 64 << 10 {
        let len = client.read(&mut buffer).await?;
        if len == 0 {
            return Ok(());
        }
        head.extend_from_slice(&buffer[..len]);
    }
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await?;
    // Until the sender has its answer and leaves; a reset would take the answer with it.
    while client.read(&mut buffer).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says back what it hears.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = client.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        at
    }

    async fn connect(gate: &Gate) -> TcpStream {
        TcpStream::connect(gate.at).await.unwrap()
    }

    /// What comes back for `word`, empty for an end.
    async fn say_back(stream: &mut TcpStream, word: &str) -> String {
        let mut back = vec![0; 64];
        if stream.write_all(word.as_bytes()).await.is_err() {
            return String::new();
        }
        let len = stream.read(&mut back).await.unwrap_or(0);
        String::from_utf8_lossy(&back[..len]).into_owned()
    }

    #[tokio::test]
    async fn what_passes_is_what_the_way_says_now() {
        let gate = Gate::to(echo().await).await.unwrap();
        let mut standing = connect(&gate).await;
        assert_eq!(say_back(&mut standing, "a").await, "a");

        gate.set(Way::Closed);
        assert_eq!(say_back(&mut standing, "b").await, "");
        assert_eq!(say_back(&mut connect(&gate).await, "c").await, "");

        gate.set(Way::Says("no"));
        assert_eq!(say_back(&mut connect(&gate).await, "GET /\r\n\r\n").await, "no");

        gate.set(Way::Open);
        let mut standing = connect(&gate).await;
        assert_eq!(say_back(&mut standing, "d").await, "d");
        gate.set(Way::Silent);
        let mut new = connect(&gate).await;
        let answers = async {
            tokio::select! {
                back = say_back(&mut standing, "e") => back,
                back = say_back(&mut new, "f") => back,
            }
        };
        let (back, ()) = tokio::join!(answers, async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            gate.set(Way::Open);
        });
        assert_eq!(back, "", "nothing came, and then the end");
        assert_eq!(say_back(&mut connect(&gate).await, "g").await, "g");
    }
}
