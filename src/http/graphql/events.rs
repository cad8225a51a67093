//! Answers as a stream of events, each connection one operation, after the protocol GraphQL
//! over Server-Sent Events, "distinct connections mode"
//! (<https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>).

use std::convert::Infallible;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{ContentEncoding, HeaderName};
use actix_web::web::Bytes;
use async_graphql::Response;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::watch;

use super::media::Written;
use crate::auth::Watched;
use crate::error::Error;
use crate::graphql::gate::Admitted;
use crate::graphql::{self, Api, RequestId, Who};

/// Between two signs of life.
const QUIET: Duration = Duration::from_secs(12);
const COMPLETE: &str = "event: complete\ndata:\n\n";

/// The events of one operation, which are made as the client takes them.
pub(super) struct Events {
    responses: BoxStream<'static, Response>,
    /// The token under which a subscription is open.
    watched: Option<Watched>,
    /// For what has no end of its own.
    stopping: Option<watch::Receiver<bool>>,
    request_id: RequestId,
    stage: Stage,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Begun,
    Open,
    Ended,
}

impl Events {
    pub fn of(
        api: &Api,
        admitted: Admitted,
        who: Who,
        watched: Option<Watched>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let request_id = who.request_id.clone();
        let stopping = admitted.is_subscription().then_some(stopping);
        let responses = api.stream(admitted, who);
        Self { responses, watched, stopping, request_id, stage: Stage::Begun }
    }

    /// The one event of an operation that is not run.
    pub fn refused(response: Response) -> Self {
        let responses = stream::once(async { response }).boxed();
        let request_id = RequestId(String::new());
        Self { responses, watched: None, stopping: None, request_id, stage: Stage::Begun }
    }

    pub fn write(self) -> HttpResponse {
        let chunks = stream::unfold(self, async |mut events| {
            let chunk = events.next().await?;
            Some((Ok::<_, Infallible>(Bytes::from(chunk)), events))
        });
        HttpResponse::Ok()
            .content_type("text/event-stream; charset=utf-8")
            // Compression would hold events back, and so would a proxy.
            .insert_header(ContentEncoding::Identity)
            .insert_header((HeaderName::from_static("x-accel-buffering"), "no"))
            .streaming(chunks)
    }

    async fn next(&mut self) -> Option<String> {
        match self.stage {
            Stage::Ended => return None,
            Stage::Begun => {
                self.stage = Stage::Open;
                // Has the head sent at once.
                return Some(":\n\n".to_owned());
            }
            Stage::Open => {}
        }
        let ended = async {
            match &mut self.watched {
                Some(watched) => watched.ended().await,
                None => std::future::pending().await,
            }
        };
        let stopped = async {
            match &mut self.stopping {
                Some(stopping) => drop(stopping.wait_for(|stopping| *stopping).await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            response = self.responses.next() => match response {
                Some(response) => Some(event(&response)),
                None => {
                    self.stage = Stage::Ended;
                    Some(COMPLETE.to_owned())
                }
            },
            () = ended => {
                self.stage = Stage::Ended;
                let response = graphql::refuse(Error::Unauthenticated, &self.request_id);
                Some(event(&response) + COMPLETE)
            }
            // Without the last event, the client knows that it may come back.
            () = stopped => None,
            () = tokio::time::sleep(QUIET) => Some(":\n\n".to_owned()),
        }
    }
}

fn event(response: &Response) -> String {
    match serde_json::to_string(&Written::from(response)) {
        Ok(json) => format!("event: next\ndata: {json}\n\n"),
        Err(error) => {
            tracing::error!(%error, "a response cannot be written");
            COMPLETE.to_owned()
        }
    }
}
