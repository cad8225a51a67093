//! How a request is run: through the gate, out of the buckets of caller and account, against
//! the schema, within the deadline. HTTP, WebSocket and SSE all come through here.

use std::sync::Arc;
use std::time::Duration;

use apollo_compiler::ast::OperationType;
use async_graphql::{Request, Response, ServerError, Value};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tracing::Instrument;

use super::error::{METHOD_NOT_ALLOWED, THROTTLED, TIMEOUT, coded};
use super::gate::{Admitted, Asked, Buckets, Gate, Spender, Standing, Trusted, Wait};
use super::loader::{Caller, Charge};
use super::{ClientAddress, RequestId, Schema, finish};
use crate::auth::Viewer;
use crate::config::{Config, TrustedMode};
use crate::engine::Engine;

/// Who asks, and under which id.
#[derive(Clone)]
pub struct Who {
    /// None for callers without a token.
    pub viewer: Option<Viewer>,
    pub address: ClientAddress,
    pub request_id: RequestId,
}

impl Who {
    fn spender(&self) -> Spender {
        Spender::caller(self.viewer.as_ref(), self.address.0.as_deref())
    }
}

/// How a request came in, which decides what it may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By POST, for one answer.
    Post,
    /// By a link, for one answer: whatever follows a link must change nothing.
    Get,
    /// For any number of answers: a socket, or POST for an event stream.
    Stream,
    /// By a link, for an event stream.
    GetStream,
}

impl Way {
    /// Why it cannot carry such an operation.
    fn refuses(self, kind: OperationType) -> Option<&'static str> {
        use OperationType::{Mutation, Query, Subscription};
        match (self, kind) {
            (Self::Get, Mutation) => Some("only queries may be sent by GET; send this one by POST"),
            (Self::GetStream, Mutation) => {
                Some("only queries and subscriptions may be sent by GET; send this one by POST")
            }
            (Self::Post | Self::Get, Subscription) => Some(
                "subscriptions are answered by WebSocket (graphql-transport-ws) or as an event \
                 stream (Accept: text/event-stream)",
            ),
            (_, Query | Mutation | Subscription) => None,
        }
    }
}

#[derive(Clone)]
pub struct Api(Arc<Parts>);

struct Parts {
    schema: Schema,
    gate: Gate,
    buckets: Arc<Buckets>,
    deadline: Duration,
    /// What one document may cost.
    most: u64,
}

/// The documents that the settings trust. The error names the setting.
pub fn trusted(config: &Config) -> Result<Trusted, String> {
    match (config.trusted_mode, &config.trusted_documents) {
        (TrustedMode::Off, None) => Ok(Trusted::none()),
        (_, None) => Err("trusted_mode needs a file in trusted_documents".to_owned()),
        (mode, Some(file)) => {
            Trusted::read(mode, file).map_err(|error| format!("trusted_documents: {error}"))
        }
    }
}

impl Api {
    /// The error says which part does not fit; with a schema of ours it is none.
    pub fn new(engine: Engine, trusted: Trusted) -> Result<Self, String> {
        let config = &engine.config;
        let limits = config.limits;
        let gate = Gate::new(&super::sdl(), limits, config.introspection, trusted)?;
        let buckets = Arc::new(Buckets::new(&limits));
        Ok(Self(Arc::new(Parts {
            most: limits.document_cost.min(buckets.most()),
            deadline: Duration::from_secs(limits.deadline_seconds),
            gate,
            buckets,
            schema: super::schema(engine),
        })))
    }

    /// Checks a request and takes what it may cost from its caller. The response says why it
    /// is refused.
    pub fn admit(&self, asked: Asked, who: &Who, way: Way) -> Result<Admitted, Box<Response>> {
        let refuse = |errors| Box::new(finish(Response::from_errors(errors), &who.request_id));
        let admitted = self.0.gate.admit(asked, self.0.most).map_err(refuse)?;
        if let Some(reason) = way.refuses(admitted.kind) {
            return Err(refuse(vec![coded(reason, None, METHOD_NOT_ALLOWED)]));
        }
        let cost = admitted.cost.total();
        match self.0.buckets.take(who.spender(), cost) {
            Ok(_) => Ok(admitted),
            Err(wait) => Err(refuse(vec![throttled(wait)])),
        }
    }

    /// Takes what a page costs from whoever looks at it, who shows no token.
    pub fn take_for_page(&self, address: &ClientAddress, cost: u64) -> Result<(), Wait> {
        let cost = cost.min(self.0.buckets.most());
        let spender = Spender::caller(None, address.0.as_deref());
        self.0.buckets.take(spender, cost).map(|_| ())
    }

    /// Runs a query or a mutation. Every error of the answer has a code and the request's id.
    /// All of it is done in a task of its own, which a caller who hangs up does not end.
    pub async fn execute(&self, admitted: Admitted, who: Who) -> Response {
        let (api, request_id) = (self.clone(), who.request_id.clone());
        let done = tokio::spawn(async move { api.run(admitted, who).await }.in_current_span());
        done.await.unwrap_or_else(|error| failed(error, &request_id))
    }

    /// The request as the library runs it, and who asks.
    fn prepare(&self, admitted: Admitted, who: Who) -> (Request, Option<Caller>) {
        let charge = Charge {
            buckets: self.0.buckets.clone(),
            spender: who.spender(),
            cost: admitted.cost.total(),
        };
        let caller = who.viewer.map(|viewer| Caller::charging(viewer, charge));
        let request = admitted.into_request().data(who.request_id).data(who.address);
        let request = match &caller {
            Some(caller) => request.data(caller.clone()),
            None => request,
        };
        (request, caller)
    }

    /// Runs any operation: a subscription answers again and again, the others once. Each event
    /// is paid for like a request of its own, and waits until it can be.
    pub fn stream(&self, admitted: Admitted, who: Who) -> BoxStream<'static, Response> {
        let api = self.clone();
        if admitted.kind != OperationType::Subscription {
            return stream::once(async move { api.execute(admitted, who).await }).boxed();
        }
        let (cost, spender, request_id) = (admitted.cost, who.spender(), who.request_id.clone());
        let (request, caller) = self.prepare(admitted, who);
        let responses = self.0.schema.execute_stream(request);
        let responses = responses.map(move |response| {
            let actual = cost.actual(values(&response.data));
            let unused = cost.total() - actual;
            if let Some(caller) = &caller {
                caller.give_back(unused);
            }
            let standing = api.0.buckets.give_back(spender.clone(), unused);
            let spent = spent(cost.total(), actual, standing);
            finish(response.extension("cost", spent), &request_id)
        });
        responses.boxed()
    }

    /// What is not done at the deadline is given up, and paid for; a mutation goes on
    /// nevertheless, since half of one is worse than a late one.
    async fn run(&self, admitted: Admitted, who: Who) -> Response {
        let (cost, kind) = (admitted.cost, admitted.kind);
        let (spender, request_id) = (who.spender(), who.request_id.clone());
        let (request, caller) = self.prepare(admitted, who);
        let schema = self.0.schema.clone();
        let run = async move { schema.execute(request).await };
        let mut running = tokio::spawn(run.in_current_span());
        let (response, actual) = match tokio::time::timeout(self.0.deadline, &mut running).await {
            Ok(Ok(response)) => {
                let actual = cost.actual(values(&response.data));
                (response, actual)
            }
            Ok(Err(error)) => (failed(error, &request_id), cost.total()),
            Err(_) => {
                if kind == OperationType::Query {
                    running.abort();
                }
                (Response::from_errors(vec![self.late(kind)]), cost.total())
            }
        };
        let unused = cost.total() - actual;
        if let Some(caller) = caller {
            caller.give_back(unused);
        }
        let standing = self.0.buckets.give_back(spender, unused);
        let spent = spent(cost.total(), actual, standing);
        finish(response.extension("cost", spent), &request_id)
    }

    fn late(&self, kind: OperationType) -> ServerError {
        let seconds = self.0.deadline.as_secs();
        let rest = match kind {
            OperationType::Query => "it was given up",
            _ => "it goes on, and its idempotency key will tell what came of it",
        };
        coded(format!("the operation was not done within {seconds} seconds; {rest}"), None, TIMEOUT)
    }
}

/// The answer where our own code broke off.
fn failed(error: tokio::task::JoinError, request_id: &RequestId) -> Response {
    super::refuse(crate::error::Error::Internal(error.into()), request_id)
}

fn throttled(wait: Wait) -> ServerError {
    let seconds = wait.0;
    let message =
        format!("the caller has spent what may be spent at once; ask again in {seconds} s");
    let mut error = coded(message, None, THROTTLED);
    error.extensions.get_or_insert_default().set("retryAfterSeconds", seconds);
    error
}

/// How many values an answer has, lists and objects themselves apart: what a document was
/// estimated to have.
fn values(data: &Value) -> u64 {
    match data {
        Value::Object(fields) => fields.values().fold(0, |sum, value| sum + 1 + values(value)),
        Value::List(items) => items.iter().map(values).sum(),
        _ => 0,
    }
}

fn spent(requested: u64, actual: u64, standing: Standing) -> Value {
    let fields = [
        ("requested", requested),
        ("actual", actual),
        ("limit", standing.limit),
        ("remaining", standing.remaining),
        ("restoreRate", standing.restore_rate),
    ];
    let fields = fields.map(|(name, number)| (async_graphql::Name::new(name), number.into()));
    Value::Object(fields.into_iter().collect())
}
