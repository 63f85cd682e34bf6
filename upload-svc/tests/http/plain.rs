//! POST of a whole file, without a protocol.

use crate::server::{Server, TUS, broken, chunked, random};
use access::Policy;
use model::ErrorKind;
use testkit::faults::{Effect, Fault, Faults};
use upload_svc::Settings;

#[tokio::test]
async fn a_whole_file_in_one_request_is_a_file() {
    let server = Server::new().await;
    let bytes = random(1, 3_000_000);
    let pieces: Vec<_> = bytes.chunks(700_000).collect();
    for (body, path, headers, name, media_type) in [
        (
            bytes.clone().into(),
            "/uploads?name=a%20b.mp4",
            &[("content-type", "video/mp4")][..],
            "a b.mp4",
            "video/mp4",
        ),
        (
            chunked(&pieces),
            "/uploads",
            &[("content-disposition", "attachment; filename=\"../c.bin\"")],
            "c.bin",
            "application/octet-stream",
        ),
    ] {
        let created = server.ask("POST", path, headers, body).await;
        assert_eq!(created.status, 201);
        assert!(!created.headers.contains_key("tus-resumable"));
        let file = created.file();
        assert_eq!(server.content(file).await, bytes);
        let files = server.files().await;
        let stored = files.iter().find(|stored| stored.id == file).unwrap();
        assert_eq!((&*stored.name, &*stored.media_type), (name, media_type));

        let standing = server.ask("HEAD", created.header("location"), &[], "").await;
        assert_eq!((standing.status.as_u16(), standing.file()), (200, file));
    }
}

#[tokio::test]
async fn nothing_is_a_file_too() {
    let server = Server::new().await;
    for body in ["".into(), chunked(&[])] {
        let file = server.ask("POST", "/uploads?name=empty", &[], body).await.file();
        assert_eq!(server.content(file).await, b"");
    }
}

#[tokio::test]
async fn what_is_not_whole_or_not_allowed_leaves_nothing() {
    let settings = Settings { max_size: 1000, ..Settings::default() };
    let server = Server::with(settings, Policy::Open).await;
    for (headers, body, status) in [
        (&[][..], broken(&[b"hello"]), 409),
        (&[], random(1, 1001).into(), 413),
        (&[], chunked(&[&random(1, 600), &random(2, 600)]), 413),
        (&[("content-type", "multipart/form-data; boundary=x")], "--x".into(), 415),
        (&[("upload-complete", "?1")], "hello".into(), 400),
    ] {
        let answer = server.ask("POST", "/uploads", headers, body).await;
        answer.refused(status);
        assert!(!answer.headers.contains_key("location"));
    }
    assert!(server.files().await.is_empty());
}

#[tokio::test]
async fn whichever_answer_of_the_stores_is_lost_an_error_means_that_there_is_no_file() {
    let faults = Faults::new();
    let server = Server::over(&faults, Settings::default(), Policy::Open).await;
    let (mut made, mut refused) = (0, 0);
    // One without bytes is complete as soon as it is created.
    let empty = [TUS, ("upload-length", "0")];
    for (headers, len) in [(&[][..], 3_000_000), (&[], 0), (&empty, 0)] {
        for call in 1.. {
            let kind = ErrorKind::Unavailable;
            faults.arm(Fault { call, effect: Effect::Full, lasting: false, kind });
            let answer = server.ask("POST", "/uploads", headers, random(call, len)).await;
            let reached = faults.calls() >= call;
            faults.disarm();
            if answer.status == 201 {
                made += 1;
            } else {
                answer.refused(503);
                refused += 1;
            }
            assert_eq!(server.files().await.len(), made, "call {call}: {answer:?}");
            if !reached {
                break;
            }
        }
    }
    assert!(made > 3 && refused > 3, "{made} were made, {refused} were refused");
}

#[tokio::test]
async fn an_upload_that_is_complete_is_a_success_though_its_job_cannot_be_announced() {
    let faults = Faults::new();
    let server = Server::over(&faults, Settings::default(), Policy::Open).await;
    let kind = ErrorKind::Unavailable;
    let (mut made, mut noticed) = (0, 0);
    for call in 1.. {
        let lost = Fault { call, effect: Effect::Full, lasting: false, kind };
        faults.arm(lost);
        let first = server.ask("POST", "/uploads", &[], random(call, 3000)).await;
        let calls = faults.calls();
        faults.disarm();
        if calls < call {
            break;
        }
        if first.status != 201 {
            continue;
        }
        // The same again, and what is looked at last, once it is known to be complete, fails as well.
        faults.arm_all(&[lost, Fault { call: calls, effect: Effect::None, lasting: true, kind }]);
        let second = server.ask("POST", "/uploads", &[], random(call + 1000, 3000)).await;
        faults.disarm();
        assert_eq!(second.status, 201, "calls {call} and {calls}: {second:?}");
        made += 2;
        noticed += u64::from(calls > call);
    }
    assert!(noticed > 0, "no answer was lost that mattered");
    assert_eq!(server.files().await.len(), made + 1, "and the one that nothing befell");
}

#[tokio::test]
async fn what_an_upload_failed_with_is_told_though_ending_it_fails_too() {
    let faults = Faults::new();
    let server = Server::over(&faults, Settings::default(), Policy::Open).await;
    let mut told = 0;
    for call in 1.. {
        let full = Fault { call, effect: Effect::None, lasting: false, kind: ErrorKind::NoSpace };
        faults.arm(full);
        let first = server.ask("POST", "/uploads", &[], random(call, 3000)).await;
        let reached = faults.calls() >= call;
        let kind = ErrorKind::Unavailable;
        faults
            .arm_all(&[full, Fault { call: call + 1, effect: Effect::None, lasting: true, kind }]);
        let second = server.ask("POST", "/uploads", &[], random(call + 1000, 3000)).await;
        faults.disarm();
        if !reached {
            break;
        }
        // Where it was tidied up after, it is made.
        assert!(matches!(first.status.as_u16(), 201 | 507), "{first:?}");
        assert_eq!(second.status, first.status, "call {call}: {second:?}");
        told += u64::from(second.status == 507);
    }
    assert!(told > 3, "{told} were refused");
}
