//! `/uploads` and `/uploads/{id}`: from HTTP to a command and back.

use crate::{body::Intake, cors, uploads::Uploads};
use axum::{
    Router,
    body::HttpBody as _,
    extract::{Request, State},
    http::{Method, header::EXPECT, request::Parts},
    middleware,
    response::{IntoResponse as _, Response},
    routing::any,
};
use model::{Error, Result, UploadId};
use resumable::{Command, Dialect, Outcome, Refusal, RequestHead, Target, dialect::spoken};
use service::{Problem, extract::Path};

/// The routes of uploads, without the edge and the operations that a program puts around all its routes.
pub fn router(uploads: Uploads) -> Router {
    let cors = uploads.settings().cors.clone();
    Router::new()
        .route("/uploads", any(collection))
        // As clients whose endpoint is written with a slash ask for it.
        .route("/uploads/", any(collection))
        .route("/uploads/{id}", any(upload))
        .layer(middleware::from_fn_with_state(cors, cors::allow))
        .with_state(uploads)
}

/// A request that is to be understood.
struct Asked {
    parts: Parts,
    /// Bytes in the body where its framing tells.
    length: Option<u64>,
    body: Intake,
}

impl Asked {
    fn new(request: Request, uploads: &Uploads) -> Self {
        let (parts, body) = request.into_parts();
        let length = if body.is_end_stream() { Some(0) } else { body.size_hint().exact() };
        let awaits_continue = parts.headers.contains_key(EXPECT);
        let body = Intake::new(body, uploads.settings().idle, awaits_continue);
        Self { parts, length, body }
    }

    fn head(&self) -> RequestHead<'_> {
        RequestHead {
            method: &self.parts.method,
            query: self.parts.uri.query(),
            headers: &self.parts.headers,
            body: self.length,
        }
    }
}

async fn collection(State(uploads): State<Uploads>, request: Request) -> Response {
    let asked = Asked::new(request, &uploads);
    let request = match resumable::parse(&asked.head(), Target::Collection, &uploads.limits()) {
        Ok(request) => request,
        Err(refusal) => return refused(refusal),
    };
    let result = match request.command {
        Command::Options => Ok(Outcome::Capabilities),
        Command::Create(create) => match uploads.caller(&asked.parts).await {
            Ok(owner) => {
                uploads.create(owner, to_stored(request.dialect), create, asked.body).await
            }
            Err(error) => Err(error),
        },
        Command::Append(_) | Command::Status | Command::Abort => {
            Err(Error::internal("a command for one upload was read from a request to all"))
        }
    };
    answer(&uploads, request.dialect, result)
}

async fn upload(
    State(uploads): State<Uploads>,
    id: Result<Path<UploadId>, Problem>,
    request: Request,
) -> Response {
    let asked = Asked::new(request, &uploads);
    if asked.parts.method == Method::OPTIONS {
        return answer(&uploads, Dialect::Tus, Ok(Outcome::Capabilities));
    }
    let found = async {
        let owner = uploads.caller(&asked.parts).await?;
        let Ok(Path(id)) = id else { return Err(Error::not_found("there is no such upload")) };
        uploads.find(&owner, id).await
    };
    let upload = match found.await {
        Ok(upload) => upload,
        Err(error) => return answer(&uploads, spoken(&asked.head()), Err(error)),
    };
    let target = Target::Upload(from_stored(upload.dialect));
    let request = match resumable::parse(&asked.head(), target, &uploads.limits()) {
        Ok(request) => request,
        Err(refusal) => return refused(refusal),
    };
    let result = match request.command {
        Command::Append(append) => uploads.append(&upload, append, asked.body).await,
        Command::Status => uploads.status(&upload).await,
        Command::Abort => uploads.abort(&upload).await,
        Command::Options => Ok(Outcome::Capabilities),
        Command::Create(_) => {
            Err(Error::internal("a creation was read from a request to one upload"))
        }
    };
    answer(&uploads, request.dialect, result)
}

fn answer(uploads: &Uploads, dialect: Dialect, result: Result<Outcome>) -> Response {
    match result {
        Ok(outcome) => {
            let head = resumable::respond(dialect, &outcome, &uploads.limits());
            (head.status, head.headers).into_response()
        }
        Err(error) => refused(resumable::refuse(dialect, error)),
    }
}

fn refused(refusal: Refusal) -> Response {
    let mut problem = Problem::from(refusal.error);
    if let Some(status) = refusal.status {
        problem = problem.with_status(status);
    }
    let mut response = problem.into_response();
    response.headers_mut().extend(refusal.headers);
    response
}

fn to_stored(dialect: Dialect) -> catalog::Dialect {
    match dialect {
        Dialect::Tus => catalog::Dialect::Tus,
        Dialect::Plain => catalog::Dialect::Plain,
    }
}

fn from_stored(dialect: catalog::Dialect) -> Dialect {
    match dialect {
        catalog::Dialect::Tus => Dialect::Tus,
        catalog::Dialect::Plain => Dialect::Plain,
    }
}
