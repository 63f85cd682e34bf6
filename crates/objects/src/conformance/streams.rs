//! Streams: whole or not there.

use super::*;
use futures::{FutureExt, SinkExt, StreamExt, channel::mpsc, stream};

pub(super) async fn run(place: &Place) {
    pieces_of_any_size_become_one_object(place).await;
    a_name_that_is_taken_stays_as_it_is(place).await;
    an_error_of_the_stream_leaves_nothing(place).await;
    nothing_is_seen_before_the_end_or_after_a_drop(place).await;
}

async fn pieces_of_any_size_become_one_object(place: &Place) {
    let large: Vec<usize> = vec![(1 << 20) + 7; 20];
    let cases: [(&str, &[usize]); 5] = [
        ("empty", &[]),
        ("nothing", &[0, 0]),
        ("small", &[1, 0, 5, 0]),
        ("uneven", &[3, 100_000, 1, 3 << 20, 17]),
        ("large", &large),
    ];
    for (name, lens) in cases {
        let name = format!("stream/{name}");
        let pieces: Vec<Bytes> =
            lens.iter().enumerate().map(|(n, &len)| bytes_of(len, n as u64)).collect();
        let whole = pieces.concat();
        let stream = stream::iter(pieces).map(Ok).boxed();
        let streamed = place.store().put_stream(&place.name(&name), stream).await.unwrap();
        let len = whole.len() as u64;
        assert_eq!(streamed, Streamed { outcome: Outcome::Created, len });
        assert!(place.read(&name).await.unwrap() == whole, "{name} is not what was put");
        assert_eq!(place.other().head(&place.name(&name)).await.unwrap().len, len);
    }
}

async fn a_name_that_is_taken_stays_as_it_is(place: &Place) {
    place.create("stream/taken", "first").await;
    let second = stream::iter([Ok(Bytes::from("second"))]).boxed();
    let streamed = place.other().put_stream(&place.name("stream/taken"), second).await.unwrap();
    assert_eq!(streamed.outcome, Outcome::Existed);
    assert_eq!(place.read("stream/taken").await.unwrap(), "first");
}

async fn an_error_of_the_stream_leaves_nothing(place: &Place) {
    for before in [0, 1, 20] {
        let name = format!("stream/error{before}");
        let pieces = (0..before).map(|n| Ok(bytes_of(1 << 20, n)));
        let error = Error::new(ErrorKind::Cancelled, "the client left");
        let stream = stream::iter(pieces.chain([Err(error)])).boxed();
        let answer = place.store().put_stream(&place.name(&name), stream).await;
        assert_eq!(kind(answer), ErrorKind::Cancelled);
        place.is_absent(&name).await;
        // The name is as free as before.
        place.create(&name, "later").await;
    }
}

async fn nothing_is_seen_before_the_end_or_after_a_drop(place: &Place) {
    for pieces in [1, 20] {
        let name = format!("stream/dropped{pieces}");
        let object = place.name(&name);
        let (mut sender, stream) = mpsc::channel(0);
        let put = place.store().put_stream(&object, stream.boxed()).fuse();
        let mut put = std::pin::pin!(put);
        let feed = async {
            for n in 0..pieces {
                sender.send(Ok(bytes_of(1 << 20, n))).await.unwrap();
            }
            place.is_absent(&name).await;
        };
        futures::select_biased! {
            answer = put => panic!("answered before the end: {answer:?}"),
            () = feed.fuse() => {}
        }
        // The call is dropped here with its stream still open.
        drop(sender);
    }
    for pieces in [1, 20] {
        let name = format!("stream/dropped{pieces}");
        place.is_absent(&name).await;
        place.create(&name, "later").await;
    }
}
