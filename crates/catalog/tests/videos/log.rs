//! What others are told of a video, and what the relay finds.

use catalog::{Catalog, jobs::Job, videos::TaskId};
use model::{ErrorKind, video::VideoStatus};
use serde_json::json;
use testkit::faults::{Effect, Fault, Faults};

use crate::tables::*;

#[tokio::test]
async fn a_change_is_made_also_where_not_all_holders_can_be_told() {
    // The reading and writing behind the change itself.
    for call in [4, 5] {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/records.db", dir.path().display());
        let faults = Faults::new();
        let catalog = Catalog::new(faults.records(records::open(&url).await.unwrap()));
        for _ in 0..18 {
            taken_up(&catalog, "m").await;
        }
        let (effect, kind) = (Effect::None, ErrorKind::Internal);
        faults.arm(Fault { call, effect, lasting: false, kind });
        catalog.give_up_video(&key("m"), "no use", at(9)).await.unwrap();
        assert_eq!(faults.calls(), call);
        assert_eq!(status(&catalog).await, VideoStatus::Failed);
    }
}

#[tokio::test]
async fn entries_of_the_log_that_cannot_be_read_keep_no_job_from_being_found() {
    let Tables { catalog, _dir } = tables().await;
    let (unknown, jobs) = (json!({"v": 99, "job": "dance"}), "log#jobs#0");
    let first = records::Key::new(jobs, model::EventId::new(at(-9)).to_string());
    let write = records::Write::put(first, records::Condition::Any, unknown);
    catalog.records().write(vec![write]).await.unwrap();
    planned(&catalog, 3, 3).await;
    let mut after = None;
    for _ in 0..3 {
        let one = catalog.left_jobs(after, at(99), 1).await.unwrap();
        assert_eq!(one.len(), 1);
        after = Some(one[0].entry);
    }
    assert_eq!(catalog.left_jobs(after, at(99), 1).await.unwrap(), []);
    assert_eq!(left(&catalog).await.len(), 3);
}

#[tokio::test]
async fn the_relay_sends_only_what_nobody_has_taken() {
    let Tables { catalog, _dir } = tables().await;
    let file = file(&catalog, "m").await;
    let probe = Job::Probe { file };
    assert!(catalog.is_due(&probe).await.unwrap());
    catalog.take_up(file, PROFILE, at(1)).await.unwrap();
    assert!(catalog.is_due(&probe).await.unwrap());
    let held_probe = held(&catalog, TaskId::Probe, "p", 1).await;
    assert!(!catalog.is_due(&probe).await.unwrap());
    catalog.planned(&held_probe, plan(2), 1, at(1)).await.unwrap();
    assert!(!catalog.is_due(&probe).await.unwrap());

    let task = |task| Job::Task { video: key("m"), task };
    assert!(catalog.is_due(&task(0)).await.unwrap());
    assert!(!catalog.is_due(&task(1)).await.unwrap(), "not sent yet");
    let held = held(&catalog, TaskId::Number(0), "a", 1).await;
    assert!(!catalog.is_due(&task(0)).await.unwrap());
    catalog.give_back(&held, at(2)).await.unwrap();
    assert!(catalog.is_due(&task(0)).await.unwrap());
    assert!(catalog.is_due(&Job::Finish { video: key("m") }).await.unwrap());
    assert!(!catalog.is_due(&Job::Finish { video: key("x") }).await.unwrap());
    delete(&catalog, file).await;
    assert!(!catalog.is_due(&probe).await.unwrap());

    // Entries are handed out by age.
    assert_eq!(catalog.left_jobs(None, at(1), 10).await.unwrap(), []);
    assert_eq!(left(&catalog).await.len(), 1);
}
