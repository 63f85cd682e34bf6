//! Random sequences of requests against a plain oracle: an upload is a string of bytes, and its offset
//! is the length of what was sent.

use crate::support::*;
use bytes::Bytes;
use chunking::Profile;
use content::{Config, Ended};
use futures::{StreamExt, stream};
use model::{ErrorKind, upload::UploadState};
use proptest::prelude::*;
use std::{future, io};
use tokio_util::sync::CancellationToken;

/// What a client does next.
#[derive(Debug, Clone)]
enum Act {
    /// Sends so many bytes in frames of so many, and ends like that.
    Append { len: usize, step: usize, end: End },
    /// Sends to another offset.
    Astray { off: u64 },
    /// Asks.
    Head,
    /// The process dies and another takes its place.
    Restart,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Well,
    Broken,
    /// The service stops the request.
    Stopped,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let end = prop_oneof![Just(End::Well), Just(End::Broken), Just(End::Stopped)];
    let len = prop_oneof![0_usize..20, 0_usize..3000, 0_usize..40_000];
    let act = prop_oneof![
        6 => (len, 1_usize..5000, end).prop_map(|(len, step, end)| Act::Append { len, step, end }),
        1 => (1_u64..5000).prop_map(|off| Act::Astray { off }),
        1 => Just(Act::Head),
        1 => Just(Act::Restart),
    ];
    prop::collection::vec(act, 1..12)
}

/// Runs, repeats and noise.
fn files() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        (0_usize..30_000, any::<u64>()).prop_map(|(len, seed)| noise(len, seed)),
        (0_usize..20_000).prop_map(|len| vec![0; len]),
        (1_usize..600, 0_usize..40).prop_map(|(len, times)| noise(len, 1).repeat(times)),
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

async fn play(bytes: Vec<u8>, acts: Vec<Act>) {
    // Tiny blocks: many groups, and buffers that are full all the time.
    let profile = Profile::new(64, 256, 1024).unwrap();
    let config = Config { profile, budget: 64 << 10, ..config() };
    let mut bed = bed_with(config).await;
    let upload = bed.create(bytes.len()).await;
    let mut sent = 0;
    for act in acts {
        let complete = sent == bytes.len();
        match act {
            Act::Append { len, step, end } => {
                let part = &bytes[sent..bytes.len().min(sent + len)];
                let stop = CancellationToken::new();
                let close = {
                    let stop = stop.clone();
                    stream::once(async move {
                        match end {
                            End::Well => None,
                            End::Broken => Some(Err(broken())),
                            End::Stopped => {
                                stop.cancel();
                                future::pending::<Option<io::Result<Bytes>>>().await
                            }
                        }
                    })
                };
                if complete && matches!(end, End::Stopped) {
                    continue;
                }
                let frames = body(part, step).chain(close.filter_map(future::ready));
                let done =
                    bed.store.append(at(upload.id, sent as u64), frames, stop).await.unwrap();
                sent += part.len();
                assert_eq!(done.offset, sent as u64);
                let as_expected = match done.ended {
                    Ended::Complete(_) => sent == bytes.len(),
                    Ended::BodyEnded => matches!(end, End::Well),
                    Ended::BodyFailed(_) => matches!(end, End::Broken),
                    Ended::Stopped => matches!(end, End::Stopped),
                    Ended::TooLong | Ended::NoMemory => false,
                };
                assert!(as_expected, "{:?}", done.ended);
            }
            Act::Astray { off } => {
                let elsewhere = sent as u64 + off;
                let error = bed.append(upload.id, elsewhere, b"x").await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Conflict);
            }
            Act::Head => {
                let head = bed.store.take_over(&owner(), upload.id).await.unwrap();
                assert_eq!(head.offset(), Some(sent as u64));
                let committed = matches!(head.state, UploadState::Committed { .. });
                assert_eq!(committed, complete);
            }
            Act::Restart => {
                let dir = std::sync::Arc::clone(&bed.dir);
                drop(bed);
                bed = open(dir, config).await;
            }
        }
        assert_eq!(bed.store.buffered(), 0, "memory is given back at the end of a request");
    }
    if sent < bytes.len() {
        bed.append(upload.id, sent as u64, &bytes[sent..]).await.unwrap();
    }
    let head = bed.store.take_over(&owner(), upload.id).await.unwrap();
    let file = bed.store.catalog().file(&owner(), head.file).await.unwrap().value;
    assert_eq!(file.current.sha256, Some(model::Sha256::of(&bytes)));
    assert!(bed.read(&file).await.unwrap() == bytes);
    assert!(bed.objects("tails/").await.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn an_upload_is_the_bytes_that_were_sent(bytes in files(), acts in acts()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.unwrap().block_on(play(bytes, acts));
    }
}
