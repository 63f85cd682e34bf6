//! `/v1/files`: list, read, rename, delete.

use crate::{
    Meta,
    cursor::Cursor,
    openapi::Refused,
    view::{FileView, show},
};
use access::Caller;
use axum::{extract::State, http::StatusCode};
use model::{Error, FileId, Sha256, Timestamp};
use resumable::name::{MAX_NAME, display_name};
use serde::{Deserialize, Serialize};
use service::{
    Problem,
    extract::{Json, Path, Query},
};
use utoipa::{IntoParams, ToSchema};

/// Files of a page unless another number is asked for.
const PAGE: usize = 50;
/// Files of a page at most.
pub(crate) const MAX_PAGE: usize = 200;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// How many at most: 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Of the page before.
    #[param(value_type = Option<String>)]
    pub(crate) cursor: Option<Cursor>,
}

/// Which page of which files.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// How many at most: 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// Only files with these bytes, by their SHA-256 in hex.
    #[param(value_type = Option<String>)]
    sha256: Option<Sha256>,
}

impl PageQuery {
    /// The page's files, and where the next page begins.
    ///
    /// # Errors
    /// `Invalid` for a limit out of bounds or the cursor of another list.
    pub(crate) async fn files(
        &self,
        meta: &Meta,
        caller: &Caller,
    ) -> model::Result<(Vec<catalog::File>, Option<Cursor>)> {
        let limit = limit(self.limit, PAGE, MAX_PAGE)?;
        let cursor = self.cursor.as_ref().map(Cursor::as_str);
        let (files, next) = meta.catalog().list_files(&caller.owner, limit, cursor).await?;
        Ok((files, next.map(Cursor::new)))
    }
}

/// # Errors
/// `Invalid` for a limit out of bounds.
pub(crate) fn limit(asked: Option<usize>, usual: usize, most: usize) -> model::Result<usize> {
    match asked.unwrap_or(usual) {
        limit if (1..=most).contains(&limit) => Ok(limit),
        _ => Err(Error::invalid(format!("`limit` is 1 to {most}"))),
    }
}

/// A page of files.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FilePage {
    /// Newest first.
    files: Vec<FileView>,
    /// Gives the next page; null at the end.
    #[schema(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// What of a file can be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileChange {
    /// 1 to 255 bytes, without path separators and control characters.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
}

/// Lists the caller's files, newest first.
#[utoipa::path(get, path = "/v1/files", tag = "files", params(ListQuery), responses(
    (status = 200, body = FilePage), Refused))]
pub(crate) async fn list(
    State(meta): State<Meta>,
    caller: Caller,
    Query(ListQuery { limit, cursor, sha256 }): Query<ListQuery>,
) -> Result<Json<FilePage>, Problem> {
    let (files, cursor) = match sha256 {
        None => PageQuery { limit, cursor }.files(&meta, &caller).await?,
        Some(sha256) => {
            let limit = self::limit(limit, PAGE, MAX_PAGE)?;
            let cursor = cursor.as_ref().map(Cursor::as_str);
            let page = meta.catalog().files_with(&caller.owner, sha256, limit, cursor).await?;
            (page.0, page.1.map(Cursor::new))
        }
    };
    Ok(Json(FilePage { files: show(meta.catalog(), &meta.streams, files).await?, cursor }))
}

/// Reads one file.
#[utoipa::path(get, path = "/v1/files/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 200, body = FileView), Refused))]
pub(crate) async fn read(
    State(meta): State<Meta>,
    caller: Caller,
    Path(id): Path<FileId>,
) -> Result<Json<FileView>, Problem> {
    let file = meta.catalog().file(&caller.owner, id).await?.value;
    one(&meta, file).await
}

/// Renames a file.
#[utoipa::path(patch, path = "/v1/files/{id}", tag = "files", params(("id" = String, Path)),
    request_body = FileChange, responses((status = 200, body = FileView), Refused))]
pub(crate) async fn rename(
    State(meta): State<Meta>,
    caller: Caller,
    Path(id): Path<FileId>,
    Json(change): Json<FileChange>,
) -> Result<Json<FileView>, Problem> {
    // Whoever renames by hand is told; an upload's name is mended instead.
    if change.name.len() > MAX_NAME || display_name(&change.name) != change.name {
        let detail = format!(
            "a file's name has 1 to {MAX_NAME} bytes, no slashes or control characters, and no space \
             at its ends"
        );
        return Err(Error::invalid(detail).into());
    }
    let now = Timestamp::now();
    let file = meta.catalog().rename_file(&caller.owner, id, &change.name, now).await?;
    one(&meta, file).await
}

/// Deletes a file. What nobody else holds of its blocks and streams goes with it, later.
#[utoipa::path(delete, path = "/v1/files/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted"), Refused))]
pub(crate) async fn delete(
    State(meta): State<Meta>,
    caller: Caller,
    Path(id): Path<FileId>,
) -> Result<StatusCode, Problem> {
    meta.store.delete_file(&caller.owner, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn one(meta: &Meta, file: catalog::File) -> Result<Json<FileView>, Problem> {
    let mut views = show(meta.catalog(), &meta.streams, vec![file]).await?;
    let view = views.pop().ok_or_else(|| Error::internal("one file has one view"))?;
    Ok(Json(view))
}
