//! Sockets: any number of operations over one connection, after the protocol
//! `graphql-transport-ws`. All that a client says is done in its order; what its operations
//! bring is sent as fast as it reads.

mod frames;
mod message;

use std::io;
use std::time::Duration;

use actix_web::dev::RequestHead;
use actix_web::error::PayloadError;
use actix_web::guard::GuardContext;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseReason, ProtocolError, Session};
use async_graphql::Response;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_stream::StreamMap;
use tracing::Instrument;

use super::media::Media;
use super::{Bearer, Refusal, address, bearer_token};
use crate::auth::Watched;
use crate::error::Error;
use crate::graphql::error::{FORBIDDEN, limited};
use crate::graphql::gate::{Asked, Spender};
use crate::graphql::{ClientAddress, RequestId, Way, Who};
use crate::http::{State, request_id};
use crate::live::Seat;
use message::{Answer, Closing, Said};

const PROTOCOL: &str = "graphql-transport-ws";
/// By then a client must have said who it is.
const INIT: Duration = Duration::from_secs(10);
/// Between two pings.
const PING: Duration = Duration::from_secs(20);
/// A client of which nothing was heard for so long is gone.
const GONE: Duration = Duration::from_secs(60);
/// A client that takes nothing for so long is too slow.
const SLOW: Duration = Duration::from_secs(10);
/// The longest frame of a client, and all frames of one message together.
const FRAME_BYTES: usize = 64 * 1024;
const MESSAGE_BYTES: usize = 256 * 1024;

/// Whether a request wants to become a socket.
pub(in crate::http) fn is_upgrade(context: &GuardContext<'_>) -> bool {
    let head: &RequestHead = context.head();
    let upgrade = head.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"))
}

pub(in crate::http) async fn upgrade(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    match open(&request, payload, state).await {
        Ok(response) => response,
        Err(refusal) => Media::Json.write(Err(refusal), &request_id(&request)),
    }
}

async fn open(
    request: &HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, Refusal> {
    check_origin(request, &state.engine.config.cors_origins)?;
    let bearer = Bearer::of(request.headers(), &state.engine).await?;
    let address = address(request);
    let viewer = bearer.as_ref().map(|bearer| &bearer.viewer);
    let spender = Spender::caller(viewer, address.0.as_deref());
    let seat = state.sockets.take(spender).ok_or_else(|| {
        let most = state.sockets.most();
        Refusal::Own(Error::Limit(format!(
            "the caller has {most} open sockets, as many as it may have (caller_sockets)"
        )))
    })?;
    let upgraded = frames::limit(request, payload, FRAME_BYTES)
        .and_then(|payload| actix_ws::handle_with_protocols(request, payload, &[PROTOCOL]));
    let (response, session, messages) = upgraded.map_err(|error| {
        Refusal::Http(StatusCode::BAD_REQUEST, "BAD_REQUEST", error.to_string())
    })?;
    let messages = messages
        .max_frame_size(FRAME_BYTES)
        .aggregate_continuations()
        .max_continuation_size(MESSAGE_BYTES);
    let knows = response.headers().contains_key(header::SEC_WEBSOCKET_PROTOCOL);
    let stopping = state.stopping.clone();
    let socket = Socket {
        watched: bearer.as_ref().map(|bearer| bearer.watch(&state.vigil)),
        bearer,
        state,
        address,
        request_id: request_id(request),
        session,
        operations: StreamMap::new(),
        initialised: false,
        heard: Instant::now(),
        _seat: seat,
    };
    let run = socket.run(messages, stopping, knows);
    actix_web::rt::spawn(run.in_current_span());
    Ok(response)
}

/// Pages of other origins have no business here unless the settings name them: a browser lets
/// every page open sockets, whatever the answers to its other requests say.
fn check_origin(request: &HttpRequest, allowed: &[String]) -> Result<(), Refusal> {
    let headers = request.headers();
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let named = allowed.iter().any(|allowed| allowed == "*" || allowed == origin);
    if named || is_own(origin, headers) {
        return Ok(());
    }
    let message = "pages of this origin may not connect; the setting cors_origins names those \
                   that may"
        .to_owned();
    Err(Refusal::Http(StatusCode::FORBIDDEN, FORBIDDEN, message))
}

/// Whether a page comes from where its request goes to.
fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let page = origin.split_once("://").map(|(_, page)| page);
    page.is_some() && page == host
}

struct Socket {
    state: web::Data<State>,
    address: ClientAddress,
    request_id: RequestId,
    session: Session,
    /// By the id that the client gave them. The last item of each is none.
    operations: StreamMap<String, BoxStream<'static, Option<Response>>>,
    bearer: Option<Bearer>,
    watched: Option<Watched>,
    initialised: bool,
    /// When the client last gave a sign of life.
    heard: Instant,
    _seat: Seat<Spender>,
}

/// How a socket ends.
enum End {
    /// By the server.
    Closed(Closing),
    /// By the client, with the code that it is to have back.
    Left(Option<CloseReason>),
    /// By the network.
    Gone,
}

impl From<Closing> for End {
    fn from(closing: Closing) -> Self {
        Self::Closed(closing)
    }
}

impl Socket {
    async fn run(
        mut self,
        mut messages: AggregatedMessageStream,
        mut stopping: watch::Receiver<bool>,
        knows: bool,
    ) {
        let end = match knows {
            true => self.serve(&mut messages, &mut stopping).await,
            false => Err(Closing::wrong_protocol().into()),
        };
        let Err(end) = end;
        // Whatever was open is over, however long the client takes to hear of it.
        let session = self.session.clone();
        drop(self);
        let reason = match end {
            End::Closed(closing) => {
                tracing::debug!(?closing, "a socket is closed");
                Some(closing.into_reason())
            }
            End::Left(reason) => reason,
            End::Gone => None,
        };
        // A client that reads again learns why; for one that does not, the system ends it.
        tokio::time::timeout(GONE, session.close(reason)).await.ok();
    }

    async fn serve(
        &mut self,
        messages: &mut AggregatedMessageStream,
        stopping: &mut watch::Receiver<bool>,
    ) -> Result<std::convert::Infallible, End> {
        let late = tokio::time::sleep(INIT);
        tokio::pin!(late);
        let mut pings = tokio::time::interval_at(Instant::now() + PING, PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let ended = async {
                match &mut self.watched {
                    Some(watched) => watched.ended().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                message = messages.next() => {
                    self.heard = Instant::now();
                    self.hear(message).await?;
                }
                Some((id, response)) = self.operations.next() => self.tell(&id, response).await?,
                () = ended => return Err(Closing::forbidden(
                    "Forbidden: the token has ended, or opens something else than before",
                ).into()),
                () = &mut late, if !self.initialised => return Err(Closing::late().into()),
                _ = pings.tick() => self.ping().await?,
                _ = stopping.wait_for(|stopping| *stopping) => {
                    return Err(Closing::going_away().into());
                }
            }
        }
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.heard.elapsed() > GONE {
            return Err(Closing::silent().into());
        }
        in_time(self.session.ping(b"")).await
    }

    async fn hear(
        &mut self,
        message: Option<Result<AggregatedMessage, ProtocolError>>,
    ) -> Result<(), End> {
        match message {
            Some(Ok(AggregatedMessage::Text(text))) => {
                let said = message::read(&text)?;
                drop(text);
                self.obey(said).await
            }
            Some(Ok(AggregatedMessage::Ping(bytes))) => in_time(self.session.pong(&bytes)).await,
            Some(Ok(AggregatedMessage::Pong(_))) => Ok(()),
            Some(Ok(AggregatedMessage::Binary(_))) => {
                Err(Closing::malformed("Invalid message: send text").into())
            }
            Some(Ok(AggregatedMessage::Close(reason))) => Err(End::Left(reason)),
            None => Err(End::Gone),
            Some(Err(ProtocolError::Overflow)) => Err(Closing::too_long(FRAME_BYTES).into()),
            Some(Err(ProtocolError::Io(error))) if is_overflow(&error) => {
                Err(Closing::too_long(FRAME_BYTES).into())
            }
            Some(Err(ProtocolError::Io(error))) => {
                tracing::debug!(%error, "a socket broke");
                Err(End::Gone)
            }
            Some(Err(error)) => Err(Closing::new(1002, error.to_string()).into()),
        }
    }

    async fn obey(&mut self, said: Said) -> Result<(), End> {
        match said {
            Said::Ping => self.say(&Answer::Pong).await,
            Said::Pong => Ok(()),
            Said::Init(_) if self.initialised => Err(Closing::again().into()),
            Said::Init(authorization) => {
                self.init(authorization).await?;
                self.say(&Answer::ConnectionAck).await
            }
            Said::Subscribe(..) if !self.initialised => Err(Closing::unauthorized().into()),
            Said::Subscribe(id, asked) => self.subscribe(id, asked).await,
            Said::Complete(id) => {
                self.operations.remove(&id);
                Ok(())
            }
        }
    }

    async fn init(&mut self, authorization: Option<String>) -> Result<(), End> {
        self.initialised = true;
        let Some(authorization) = authorization else { return Ok(()) };
        let forbidden = || Closing::forbidden("Forbidden: authorization holds no valid token");
        let token = bearer_token(&authorization).ok_or_else(forbidden)?;
        let bearer = match Bearer::new(&self.state.engine, token).await {
            Ok(bearer) => bearer,
            Err(Refusal::Own(Error::Unauthenticated)) => return Err(forbidden().into()),
            Err(refusal) => {
                tracing::error!(?refusal, "a token was not looked up");
                return Err(Closing::failed().into());
            }
        };
        let spender = Spender::caller(Some(&bearer.viewer), None);
        let seat = self.state.sockets.take(spender);
        self._seat = seat.ok_or_else(|| Closing::full(self.state.sockets.most()))?;
        self.watched = Some(bearer.watch(&self.state.vigil));
        self.bearer = Some(bearer);
        Ok(())
    }

    async fn subscribe(&mut self, id: String, asked: Asked) -> Result<(), End> {
        if self.operations.contains_key(&id) {
            return Err(Closing::taken(&id).into());
        }
        let most = self.state.engine.config.limits.socket_operations;
        if self.operations.len() >= most {
            let message = format!("a socket may have at most {most} operations under way");
            let error = limited("socket_operations", most as u64, message, None);
            return self.say(&Answer::Error { id: &id, payload: &[error] }).await;
        }
        let viewer = self.bearer.as_ref().map(|bearer| bearer.viewer.clone());
        let who =
            Who { viewer, address: self.address.clone(), request_id: self.request_id.clone() };
        match self.state.api.admit(asked, &who, Way::Stream) {
            Ok(admitted) => {
                let responses = self.state.api.stream(admitted, who).map(Some);
                let ended = stream::once(async { None });
                self.operations.insert(id, responses.chain(ended).boxed());
                Ok(())
            }
            Err(response) => self.say(&Answer::Error { id: &id, payload: &response.errors }).await,
        }
    }

    /// Sends what an operation brought.
    async fn tell(&mut self, id: &str, response: Option<Response>) -> Result<(), End> {
        match response {
            Some(response) => self.say(&Answer::next(id, &response)).await,
            None => {
                self.operations.remove(id);
                self.say(&Answer::Complete { id }).await
            }
        }
    }

    async fn say(&mut self, answer: &Answer<'_>) -> Result<(), End> {
        let text = serde_json::to_string(answer).map_err(|error| {
            tracing::error!(%error, "a response cannot be written");
            Closing::failed()
        })?;
        in_time(self.session.text(text)).await
    }
}

/// Whether a frame was too long.
fn is_overflow(error: &io::Error) -> bool {
    let source = error.get_ref().and_then(|source| source.downcast_ref::<PayloadError>());
    matches!(source, Some(PayloadError::Overflow))
}

/// What is sent must be taken in time.
async fn in_time(sending: impl Future<Output = Result<(), actix_ws::Closed>>) -> Result<(), End> {
    match tokio::time::timeout(SLOW, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(Closing::slow().into()),
    }
}
