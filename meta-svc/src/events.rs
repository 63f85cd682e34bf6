//! `/v1/events`: what happened, live over a WebSocket and paged over HTTP.
//!
//! The two go together: a client that lost its connection asks for what came `after` the last event it
//! has, by either. Live, an event may come twice and is never left out; who is too slow is let go with
//! a close code and comes back the same way.

use crate::{
    Meta,
    files::limit,
    hub::Message,
    openapi::{EventView, Refused},
};
use access::Caller;
use axum::{
    extract::{
        FromRequestParts as _, Request, State,
        ws::{CloseFrame, Message as Frame, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code},
    },
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use catalog::Follow;
use model::{Error, EventId, OwnerId, Result, Timestamp, event::Event};
use serde::{Deserialize, Serialize};
use service::{
    Problem,
    extract::{Json, Query},
};
use std::{collections::BTreeSet, time::Duration};
use tokio::{sync::broadcast, time::Instant};
use utoipa::{IntoParams, ToSchema};

/// Events of a page unless another number is asked for.
const PAGE: usize = 100;
/// Events of a page at most.
const MAX_PAGE: usize = 1000;
/// Missed events that are sent over a WebSocket at most; who missed more reads the pages.
const MAX_MISSED: usize = 5000;
/// How often a listener is asked whether it is still there, and its key whether it is still valid. What
/// was missed is sent within the first of these spans.
const CHECK_EVERY: Duration = Duration::from_secs(20);
/// How long one message may take to leave.
const SEND_TIME: Duration = Duration::from_secs(10);
/// Bytes of a message that a listener may send, though nothing is done with it.
const MAX_RECEIVED: usize = 4096;
/// Bytes that wait for a slow connection at most.
const MAX_WAITING: usize = 256 << 10;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// The last event that the client has, or a page's cursor.
    #[param(value_type = Option<String>)]
    after: Option<EventId>,
    /// How many at most, over HTTP: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPage {
    /// Oldest first.
    #[schema(value_type = Vec<EventView>)]
    events: Vec<Event>,
    /// Gives the next page, as `after`; null where there is none yet.
    #[schema(value_type = Option<String>)]
    cursor: Option<EventId>,
}

/// The caller's events: a page of the history or, with `Upgrade: websocket`, live from now on (or from
/// after `after` on), one JSON object a message.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(EventQuery), responses(
    (status = 200, body = EventPage),
    (status = 101, description = "Events follow as text messages"),
    Refused))]
pub(crate) async fn events(
    State(meta): State<Meta>,
    caller: Caller,
    Query(query): Query<EventQuery>,
    request: Request,
) -> Result<Response, Problem> {
    if !wants_websocket(request.headers()) {
        return page(&meta, &caller.owner, &query).await.map(Json::into_response);
    }
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let upgrade = upgrade.map_err(|refused| Problem::new(refused.status(), refused.body_text()))?;
    // Before the answer, so that what happens after it is not missed.
    let live = meta.hub.listen(&caller.owner).await?;
    let listener = Listener { meta, parts, owner: caller.owner, after: query.after };
    Ok(upgrade
        .max_message_size(MAX_RECEIVED)
        .max_frame_size(MAX_RECEIVED)
        .max_write_buffer_size(MAX_WAITING)
        .on_upgrade(|socket| listener.converse(socket, live)))
}

async fn page(
    meta: &Meta,
    owner: &OwnerId,
    query: &EventQuery,
) -> Result<Json<EventPage>, Problem> {
    let limit = limit(query.limit, PAGE, MAX_PAGE)?;
    let events = meta.catalog().events(owner, query.after, limit).await?;
    let cursor = events.last().map(|event| event.id).filter(|_| events.len() == limit);
    Ok(Json(EventPage { events, cursor }))
}

/// Other upgrades, such as to HTTP/2, may be ignored.
fn wants_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// One WebSocket.
struct Listener {
    meta: Meta,
    /// Of the request, to ask again whether its key is valid.
    parts: Parts,
    owner: OwnerId,
    after: Option<EventId>,
}

/// Why a conversation ends, with what the client is told.
struct Goodbye {
    code: u16,
    reason: &'static str,
}

/// The client is gone: nobody is there to be told.
const GONE: Goodbye = Goodbye { code: close_code::NORMAL, reason: "" };
const STOPPING: Goodbye = Goodbye { code: close_code::AWAY, reason: "the server stops; come back" };
const TOO_SLOW: Goodbye =
    Goodbye { code: close_code::AGAIN, reason: "too slow; come back with ?after=" };
const TOO_FAR: Goodbye =
    Goodbye { code: close_code::AGAIN, reason: "too much was missed; read the pages first" };
const SIGNED_OUT: Goodbye = Goodbye { code: close_code::POLICY, reason: "sign in again" };
const FAILED: Goodbye = Goodbye { code: close_code::ERROR, reason: "try again in a moment" };

impl Listener {
    async fn converse(self, mut socket: WebSocket, mut live: broadcast::Receiver<Message>) {
        let goodbye = tokio::select! {
            biased;
            () = self.meta.shutdown.cancelled() => STOPPING,
            goodbye = self.talk(&mut socket, &mut live) => goodbye,
        };
        let frame =
            CloseFrame { code: goodbye.code, reason: Utf8Bytes::from_static(goodbye.reason) };
        // One that does not even take its leave is dropped.
        let _ = tokio::time::timeout(SEND_TIME, socket.send(Frame::Close(Some(frame)))).await;
        // Until here it counts as one who listens.
        drop(live);
    }

    async fn talk(
        &self,
        socket: &mut WebSocket,
        live: &mut broadcast::Receiver<Message>,
    ) -> Goodbye {
        let first_check = Instant::now() + CHECK_EVERY;
        match tokio::time::timeout_at(first_check, self.missed(socket)).await {
            Ok(Ok(sent)) => self.live(socket, live, sent, first_check).await,
            Ok(Err(goodbye)) => goodbye,
            Err(_) => TOO_SLOW,
        }
    }

    /// Sends what came after the last event that the client has; which events those were.
    async fn missed(&self, socket: &mut WebSocket) -> Result<BTreeSet<EventId>, Goodbye> {
        let mut sent = BTreeSet::new();
        let Some(after) = self.after else { return Ok(sent) };
        let failed = |error: Error| {
            tracing::warn!(owner = %self.owner, cause = error.chain(), "cannot read the log");
            FAILED
        };
        let catalog = self.meta.catalog().clone();
        let follow = Follow::new(catalog, &self.owner, Some(after), Timestamp::now()).await;
        let mut follow = follow.map_err(failed)?;
        loop {
            let events = follow.next(MAX_PAGE).await.map_err(failed)?;
            if events.is_empty() {
                return Ok(sent);
            }
            if sent.len() + events.len() > MAX_MISSED {
                return Err(TOO_FAR);
            }
            for event in &events {
                send(socket, Frame::Text(Message::of(event).map_err(failed)?.text)).await?;
                sent.insert(event.id);
            }
        }
    }

    /// Sends what happens, but for what was `sent` before.
    async fn live(
        &self,
        socket: &mut WebSocket,
        live: &mut broadcast::Receiver<Message>,
        mut sent: BTreeSet<EventId>,
        first_check: Instant,
    ) -> Goodbye {
        let mut heard = true;
        let mut check = tokio::time::interval_at(first_check, CHECK_EVERY);
        loop {
            let done = tokio::select! {
                received = socket.recv() => match received {
                    // Whatever it says, a pong above all, it is there.
                    Some(Ok(frame)) if !matches!(frame, Frame::Close(_)) => { heard = true; Ok(()) }
                    _ => Err(GONE),
                },
                event = live.recv() => match event {
                    Ok(event) if sent.remove(&event.id) => Ok(()),
                    Ok(event) => send(socket, Frame::Text(event.text)).await,
                    Err(broadcast::error::RecvError::Lagged(_)) => Err(TOO_SLOW),
                    Err(broadcast::error::RecvError::Closed) => Err(FAILED),
                },
                _ = check.tick() => match std::mem::take(&mut heard) {
                    false => Err(GONE),
                    true => self.check(socket).await,
                },
            };
            if let Err(goodbye) = done {
                return goodbye;
            }
        }
    }

    /// Asks the client whether it is there, and its key whether it is valid.
    async fn check(&self, socket: &mut WebSocket) -> Result<(), Goodbye> {
        match self.meta.access.identify(&self.parts).await {
            Ok(owner) if owner == self.owner => send(socket, Frame::Ping("".into())).await,
            Err(error) if error.kind().is_retryable() => Ok(()),
            _ => Err(SIGNED_OUT),
        }
    }
}

async fn send(socket: &mut WebSocket, frame: Frame) -> Result<(), Goodbye> {
    match tokio::time::timeout(SEND_TIME, socket.send(frame)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(GONE),
        Err(_) => Err(TOO_SLOW),
    }
}
