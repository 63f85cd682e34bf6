//! Storms over uploads and videos: calls to every store and to the queue that fail in every way they may,
//! clients that break off, workers that are killed. Once it is over, every acknowledged byte is there,
//! every video is ready, no job is lost, none has had a second effect, and nothing is stored twice.
//!
//! Ten seeds; `HASHREEL_SEED=<seed>` repeats one, and `HASHREEL_SEEDS=<count>` tries so many from it on.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod check;
mod client;
mod house;

use bytes::Bytes;
use check::{Shown, left, shown, video};
use client::{Client, Outgoing, Sent, Way};
use house::{House, Worker};
use model::FileId;
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};
use system_tests::clips;
use testkit::{
    dice::Dice,
    storm::{Storm, Weather},
};
use tokio::{task::JoinSet, time::sleep};

/// Uploads of a seed, besides its videos.
const UPLOADS: usize = 20;
/// Workers, and how many of them die in a seed.
const WORKERS: usize = 2;
const DEATHS: u32 = 8;
/// Clients that upload at the same time.
const CLIENTS: usize = 6;
/// How long the storm goes on at most when the uploads are done.
const STORM: Duration = Duration::from_secs(40);
/// Longer than any of this takes: a test that waits so long has failed.
const DEADLINE: Duration = Duration::from_secs(120);
/// And longer than all of it together: some call has no end.
const STUCK: Duration = Duration::from_secs(400);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_storm_does_all_is_there_in_the_end_and_once() {
    let number = |name: &str| {
        std::env::var(name).ok().map(|text| text.parse::<u64>().expect("seeds are numbers"))
    };
    let (first, count) = match number("HASHREEL_SEED") {
        Some(seed) => (seed, number("HASHREEL_SEEDS").unwrap_or(1)),
        None => (
            Dice::new(getrandom::u64().unwrap()).bits() >> 8,
            number("HASHREEL_SEEDS").unwrap_or(10),
        ),
    };
    // Says no only where a provider is chosen already; even a client of plain HTTP wants one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let films: Vec<Bytes> =
        clips::tiny().iter().map(|clip| std::fs::read(clip).unwrap().into()).collect();
    let undisturbed = undisturbed(&films).await;
    for seed in first..first + count {
        println!("storm: HASHREEL_SEED={seed} repeats this one");
        let began = Instant::now();
        let storm = Box::pin(one_storm(seed, &films, &undisturbed));
        let said = tokio::time::timeout(STUCK, storm).await.expect("calls that nothing befell end");
        println!("storm {seed}: {said}, in {:.1} s", began.elapsed().as_secs_f64());
    }
}

/// What the films look like that nothing befell.
async fn undisturbed(films: &[Bytes]) -> Vec<Shown> {
    let storm = Storm::new(0, Weather::mild());
    storm.calm().await;
    let house = House::new(storm).await;
    let (server, worker) = (house.server().await, house.worker());
    let http = reqwest::Client::new();
    let mut client = Client::new(http, [server.url.clone()].into(), Dice::new(0));
    let mut all = Vec::new();
    for film in films {
        let sent = client.send(Outgoing { bytes: film.clone(), way: Way::Plain }).await;
        until("a video to be ready", async || ended(&house, &[sent.file]).await).await;
        all.push(shown(&house, sent.file).await.0);
    }
    worker.stop().await;
    server.stop().await;
    all
}

async fn one_storm(seed: u64, films: &[Bytes], undisturbed: &[Shown]) -> String {
    let storm = Storm::new(seed, Weather::of_seed(seed));
    let house = House::new(storm.clone()).await;
    let servers = [house.server().await, house.server().await];
    let urls: Arc<[String]> = servers.iter().map(|server| server.url.clone()).collect();

    let (shared, mut clients) = (outgoing(seed, films), JoinSet::new());
    let http = reqwest::Client::new();
    for n in 0..CLIENTS {
        let mine: Vec<_> = shared
            .iter()
            .enumerate()
            .skip(n)
            .step_by(CLIENTS)
            .map(|(k, o)| (k, o.clone()))
            .collect();
        let mut client =
            Client::new(http.clone(), urls.clone(), Dice::of(seed, "client", n as u64));
        clients.spawn(async move {
            let mut sent = Vec::new();
            for (k, outgoing) in mine {
                sent.push((k, client.send(outgoing).await));
            }
            sent
        });
    }
    let deaths = deaths(&house, Dice::of(seed, "deaths", 0));
    let uploads = async {
        let mut sent = Vec::new();
        while let Some(some) = clients.join_next().await {
            sent.extend(some.unwrap());
        }
        sent
    };
    let (mut sent, workers) = tokio::join!(uploads, deaths);
    sent.sort_by_key(|(k, _)| *k);
    let sent: Vec<Sent> = sent.into_iter().map(|(_, sent)| sent).collect();
    let videos: Vec<FileId> = sent[UPLOADS..].iter().map(|sent| sent.file).collect();

    let stop = Instant::now() + STORM;
    while Instant::now() < stop && !ended(&house, &videos).await {
        sleep(Duration::from_millis(20)).await;
    }
    storm.calm().await;
    until("all videos to end", async || ended(&house, &videos).await).await;
    until("all jobs to be done", async || left(&house).await == 0).await;
    for worker in workers {
        worker.stop().await;
    }
    for server in servers {
        server.stop().await;
    }

    check::every_byte_is_there(&house, &sent).await;
    check::no_job_is_lost(&house).await;
    let mut named = BTreeSet::new();
    for (n, file) in videos.iter().enumerate() {
        let (shown, names) = shown(&house, *file).await;
        assert_eq!(shown, undisturbed[n % films.len()], "the film {n} shows something else");
        named.extend(names);
    }
    check::everything_happened_once(&house, &sent).await;
    check::nothing_is_stored_twice(&house, &named).await;
    let tally: Vec<_> =
        storm.tally().iter().map(|(what, count)| format!("{count} {what}")).collect();
    format!("{} uploads, {DEATHS} deaths; {}", sent.len(), tally.join(", "))
}

/// What is uploaded: bytes that are all new, bytes that are there already, some of both; then each film,
/// and the first of them once more.
fn outgoing(seed: u64, films: &[Bytes]) -> Vec<Outgoing> {
    let mut dice = Dice::of(seed, "uploads", 0);
    let shared = dice.bytes(300_000);
    let mut all: Vec<Outgoing> = Vec::new();
    for n in 0..UPLOADS {
        let bytes = match n {
            0 => Vec::new(),
            1 => vec![7],
            2 | 3 => shared.clone(),
            4..8 => {
                let own = dice.below(200_000);
                [dice.bytes(own), shared.clone()].concat()
            }
            _ => {
                let len = 1 + dice.below(900_000);
                dice.bytes(len)
            }
        };
        let way = if n % 5 == 4 { Way::Plain } else { Way::Tus };
        all.push(Outgoing { bytes: bytes.into(), way });
    }
    let films = films.iter().chain(films.first()).cloned();
    all.extend(films.map(|bytes| Outgoing { bytes, way: Way::Tus }));
    all
}

/// Workers that die one after the other, at any moment, each followed by a new one; those that live in
/// the end.
async fn deaths(house: &House, mut dice: Dice) -> Vec<Worker> {
    let mut workers: Vec<Worker> = (0..WORKERS).map(|_| house.worker()).collect();
    for _ in 0..DEATHS {
        sleep(dice.moment(Duration::from_millis(50), Duration::from_millis(700))).await;
        let place = dice.below(WORKERS);
        workers.remove(place).kill().await;
        workers.push(house.worker());
    }
    workers
}

async fn ended(house: &House, files: &[FileId]) -> bool {
    for file in files {
        if !video(house, *file).await.is_some_and(|video| video.status.is_terminal()) {
            return false;
        }
    }
    true
}

/// Looks again and again until `done`.
async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < DEADLINE, "waited too long for {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
