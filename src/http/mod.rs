//! The way in by HTTP: routes, the id and the log line of every request, security headers.
//! Knows nothing of tables; what requests mean is decided in `graphql` and `ingest`.

mod graphiql;
mod graphql;
pub mod health;
mod opt_out;
mod webhooks;

use std::time::Instant;

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::guard;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::{Condition, DefaultHeaders, Next};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, Route, web};
use tokio::sync::watch;
use tracing::Instrument;
use uuid::Uuid;

use crate::auth::Vigil;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::graphql::gate::{Spender, Trusted};
use crate::graphql::{Api, RequestId};
use crate::ingest::Worker;
use crate::live::Seats;

const REQUEST_ID: &str = "x-request-id";
const LONGEST_REQUEST_ID: usize = 64;

/// What the handlers share.
pub struct State {
    engine: Engine,
    api: Api,
    sdl: String,
    vigil: Vigil,
    /// Open sockets of each caller.
    sockets: Seats<Spender>,
    /// Turns true when what is open must end.
    stopping: watch::Receiver<bool>,
}

impl State {
    /// The error says which part of the schema the gate cannot read.
    pub fn new(
        engine: Engine,
        trusted: Trusted,
        stopping: watch::Receiver<bool>,
    ) -> Result<Self, String> {
        let api = Api::new(engine.clone(), trusted)?;
        let (sdl, vigil) = (crate::graphql::sdl(), Vigil::new(engine.clone()));
        let sockets = Seats::new(engine.config.limits.caller_sockets);
        Ok(Self { engine, api, sdl, vigil, sockets, stopping })
    }
}

/// Adds all routes.
pub fn routes(
    config: &mut web::ServiceConfig,
    state: &web::Data<State>,
    worker: &web::Data<Worker>,
) {
    config
        .app_data(state.clone())
        .app_data(worker.clone())
        .app_data(web::Data::new(state.engine.clone()))
        .service(
            web::resource("/graphql")
                .wrap(cors(&state.engine.config.cors_origins))
                .route(web::post().to(graphql::post))
                .route(web::get().guard(guard::fn_guard(graphql::is_upgrade)).to(graphql::upgrade))
                .route(web::get().to(graphql::get))
                .default_service(web::to(graphql::wrong_method)),
        )
        .route("/schema.graphql", reading().to(schema))
        .route("/livez", reading().to(health::live))
        .route("/readyz", reading().to(health::ready))
        .route("/", reading().to(start))
        .configure(graphiql::routes)
        .configure(webhooks::routes)
        .configure(opt_out::routes)
        .default_service(web::to(unknown));
}

/// What pages of other origins may do: nothing, unless the settings name them. There are no
/// cookies, so that pages can only use tokens that they have themselves.
fn cors(origins: &[String]) -> Condition<Cors> {
    let mut cors = Cors::default()
        .allowed_methods(["GET", "POST"])
        .allowed_headers(["accept", "authorization", "content-type", REQUEST_ID])
        .expose_headers([REQUEST_ID, "retry-after"])
        .max_age(3_600);
    for origin in origins {
        cors = match origin.as_str() {
            "*" => cors.allow_any_origin().send_wildcard(),
            origin => cors.allowed_origin(origin),
        };
    }
    Condition::new(!origins.is_empty(), cors)
}

/// A route for GET and HEAD.
fn reading() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Headers of every response that does not set them itself.
pub fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::X_FRAME_OPTIONS, "DENY"))
        .add((header::REFERRER_POLICY, "no-referrer"))
        .add((header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .add((HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
        .add((HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .add((header::CACHE_CONTROL, "no-store"))
}

/// The caller's own id for the request if it is a sane one, otherwise a new UUIDv7.
fn choose_id(headers: &HeaderMap) -> RequestId {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let id = given.filter(|id| is_sane(id)).map(str::to_owned);
    // Not the engine's clock: a request must not change which ids a standing clock gives.
    RequestId(id.unwrap_or_else(|| Clock::System.id::<Uuid>().to_string()))
}

/// The id that [`observe`] gave the request.
fn request_id(request: &HttpRequest) -> RequestId {
    let given = request.extensions().get::<RequestId>().cloned();
    given.unwrap_or_else(|| choose_id(request.headers()))
}

fn is_sane(id: &str) -> bool {
    (1..=LONGEST_REQUEST_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Gives each request its id and its line in the log. The line has the template of the path,
/// not the path, which may hold secrets.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let id = choose_id(request.headers());
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    let span = tracing::info_span!("request", request_id = %id.0);
    let mut response = next.call(request).instrument(span.clone()).await?;
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), value);
    }
    let path = response.request().match_pattern().unwrap_or_else(|| "unknown".to_owned());
    let status = response.status().as_u16();
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.in_scope(
        || tracing::info!(target: "rapport::access", %method, path, status, ms, "answered"),
    );
    Ok(response)
}

/// The schema in GraphQL's own language, unless introspection is off.
async fn schema(state: web::Data<State>) -> HttpResponse {
    if !state.engine.config.introspection {
        return not_found();
    }
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(state.sdl.clone())
}

/// The start page sends browsers to GraphiQL.
async fn start() -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((header::LOCATION, "/graphiql")).finish()
}

async fn unknown() -> HttpResponse {
    not_found()
}

fn not_found() -> HttpResponse {
    HttpResponse::NotFound().json(serde_json::json!({ "error": "there is nothing here" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(id: &'static str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(REQUEST_ID), HeaderValue::from_static(id));
        choose_id(&headers).0
    }

    #[test]
    fn sane_ids_of_callers_are_kept() {
        assert_eq!(chosen("trace_1-A"), "trace_1-A");
        for id in
            ["", "a b", "a/b", "0123456789012345678901234567890123456789012345678901234567890123x"]
        {
            assert_ne!(chosen(id), id);
            assert_eq!(Uuid::parse_str(&chosen(id)).unwrap().get_version_num(), 7);
        }
    }
}
