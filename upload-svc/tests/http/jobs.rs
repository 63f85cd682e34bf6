//! The jobs of files that look like media.

use crate::server::{Server, random};
use access::{Access, Policy};
use async_trait::async_trait;
use catalog::Topic;
use model::{Error, EventId, Result, Timestamp};
use queue::{DeadId, DeadPage, Delivery, Depth, JobQueue, Outgoing, Receipt};
use records::Consistency;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};
use upload_svc::{Settings, Uploads};

const HOUR: Duration = Duration::from_secs(3600);

fn movie() -> Vec<u8> {
    [b"\0\0\0\x20ftypisom", &random(4, 2000)[..]].concat()
}

#[tokio::test]
async fn a_file_that_looks_like_media_has_one_job_and_another_none() {
    let server = Server::new().await;
    for (bytes, jobs) in [(random(5, 2000), 0), (movie(), 1)] {
        let path = server.create(bytes.len()).await;
        server.patch(&path, 0, bytes[..1000].to_vec()).await;
        let file = server.patch(&path, 1000, bytes[1000..].to_vec()).await.file();
        server.patch(&path, 2000.max(bytes.len()), "").await;
        server.head(&path).await;
        assert_eq!(server.queue.depth().await.unwrap().waiting, jobs, "{file}");
    }
}

/// A queue that never answers. The clock stands still for whoever sends to it, save that it goes on to
/// what they wait for.
#[derive(Debug)]
struct Stuck;

#[async_trait]
impl JobQueue for Stuck {
    async fn send(&self, _: Vec<Outgoing>) -> Result<()> {
        tokio::time::pause();
        std::future::pending().await
    }

    async fn receive(&self, _: usize, _: Duration, _: Duration) -> Result<Vec<Delivery>> {
        not_asked()
    }

    async fn extend(&self, _: &Receipt, _: Duration) -> Result<()> {
        not_asked()
    }

    async fn delete(&self, _: &Receipt) -> Result<()> {
        not_asked()
    }

    async fn bury(&self, _: &Receipt, _: &str) -> Result<()> {
        not_asked()
    }

    async fn dead_letters(&self, _: Option<String>, _: usize) -> Result<DeadPage> {
        not_asked()
    }

    async fn redrive(&self, _: &[DeadId]) -> Result<Vec<DeadId>> {
        not_asked()
    }

    async fn discard(&self, _: &[DeadId]) -> Result<Vec<DeadId>> {
        not_asked()
    }

    async fn depth(&self) -> Result<Depth> {
        not_asked()
    }
}

fn not_asked<T>() -> Result<T> {
    Err(Error::internal("an upload only sends"))
}

#[tokio::test]
async fn the_last_answer_comes_though_the_queue_hangs_and_the_job_is_in_the_log() {
    let mut server = Server::new().await;
    let access = Access::new(server.store.catalog().clone(), Policy::Open);
    let settings = Settings::default();
    let stopped = server.shutdown.clone();
    server.uploads = Uploads::new(server.store.clone(), Arc::new(Stuck), access, settings, stopped);
    server.router = upload_svc::router(server.uploads.clone());
    let bytes = movie();
    let path = server.create(bytes.len()).await;
    let begun = Instant::now();
    let answer = timeout(HOUR, server.patch(&path, 0, bytes)).await.expect("it waits for ever");
    tokio::time::resume();
    assert_eq!(answer.status, 204);
    assert!(begun.elapsed() < Duration::from_secs(10), "of a clock that tests turn");
    let file = answer.file();
    let jobs = server.store.catalog();
    let from = EventId::new(Timestamp::UNIX_EPOCH);
    let jobs = jobs.read_log(&Topic::Jobs, from, 10, Consistency::Strong).await.unwrap();
    let [job] = &jobs[..] else { panic!("one job: {jobs:?}") };
    assert!(job.value.to_string().contains(&file.to_string()), "{job:?}");
}
