//! `/v1/jobs`: videos that are not ready, and another try for those that failed.

use crate::{
    Meta,
    cursor::Cursor,
    files::PageQuery,
    openapi::Refused,
    view::{VideoState, video_of, videos_of},
};
use access::Caller;
use axum::{extract::State, http::StatusCode};
use catalog::videos::DueJob;
use model::{Error, ErrorKind, FileId, Result, Timestamp, video::VideoStatus};
use queue::{JobQueue, MAX_SEND, Outgoing};
use serde::{Deserialize, Serialize};
use service::{
    Problem,
    extract::{Json, Path, Query},
};
use std::time::Duration;
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

/// How long the answer to a retry waits for its job to be sent; the log has it.
const ANNOUNCE: Duration = Duration::from_secs(3);

/// A page of jobs: those of one page of files, which may have none.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobPage {
    /// Newest first.
    jobs: Vec<JobView>,
    /// Gives the next page; null at the end.
    #[schema(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// A video that is not ready.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
struct JobView {
    /// Of which file.
    #[schema(value_type = String, format = "uuid")]
    file: FileId,
    /// The file's name.
    name: String,
    #[schema(inline)]
    state: VideoState,
    /// From 0 to 1.
    progress: f64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Lists the caller's videos that are not ready.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", params(PageQuery), responses(
    (status = 200, body = JobPage), Refused))]
pub(crate) async fn list(
    State(meta): State<Meta>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<JobPage>, Problem> {
    let (files, cursor) = query.files(&meta, &caller).await?;
    let videos = videos_of(meta.catalog(), &files).await?;
    let job = |file: catalog::File| {
        file.current.video.as_ref()?;
        let video = video_of(&file.current, videos.iter().map(|(key, video)| (key, video)));
        let status = video.map_or(VideoStatus::Queued, |video| video.status);
        (status != VideoStatus::Ready).then(|| JobView {
            file: file.id,
            name: file.name,
            state: status.into(),
            progress: video.map_or(0.0, catalog::videos::Video::progress),
            reason: video.and_then(|video| video.reason.clone()),
        })
    };
    Ok(Json(JobPage { jobs: files.into_iter().filter_map(job).collect(), cursor }))
}

/// How to try again.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Retry {
    /// Also one that failed for what its file is: the same would fail again, unless the server was
    /// updated since.
    #[serde(default)]
    force: bool,
}

/// Tries a failed video again, from its beginning.
#[utoipa::path(post, path = "/v1/jobs/{file}/retry", tag = "jobs",
    params(("file" = String, Path), Retry),
    responses((status = 202, description = "Queued"), Refused))]
pub(crate) async fn retry(
    State(meta): State<Meta>,
    caller: Caller,
    Path(file): Path<FileId>,
    Query(how): Query<Retry>,
) -> Result<StatusCode, Problem> {
    let due = meta.catalog().retry_video(&caller.owner, file, how.force, Timestamp::now()).await?;
    if let Some(quick) = &meta.quick {
        let sent = timeout(ANNOUNCE, announce(&meta, &**quick, &due)).await;
        let sent = sent.unwrap_or_else(|late| {
            let sentence = "the queue of jobs takes too long";
            Err(Error::with_source(ErrorKind::Unavailable, sentence, late))
        });
        if let Err(error) = sent {
            tracing::warn!(%file, cause = error.chain(), "a job is left to the relay");
        }
    }
    Ok(StatusCode::ACCEPTED)
}

/// Sends jobs, and takes them out of the log, where they stand for the case that nobody sends them.
async fn announce(meta: &Meta, quick: &dyn JobQueue, due: &[DueJob]) -> Result<()> {
    for some in due.chunks(MAX_SEND) {
        let bodies = some.iter().map(|due| due.job.encode().map(Outgoing::now));
        quick.send(bodies.collect::<Result<_>>()?).await?;
        meta.catalog().forget_jobs(some).await?;
    }
    Ok(())
}
