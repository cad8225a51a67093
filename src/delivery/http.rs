//! Calls to providers over HTTP: no redirects, no proxies, no private addresses, at most
//! a megabyte of answer, and an outcome that says whether the provider can have it.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, StatusCode};
use url::{Host, Url};

use super::target::{Refused, Targets};
use crate::config::Delivery;
use crate::error::Error;

const LONGEST_ANSWER: usize = 1 << 20;
/// A provider may not ask for more patience than this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);
/// Shorter than the usual patience of servers with idle connections, so that few are found shut.
const IDLE: Duration = Duration::from_secs(4);

#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    targets: Targets,
}

/// What came of a call.
#[derive(Debug)]
pub enum Reply {
    Answer {
        status: StatusCode,
        /// Cut off after a megabyte.
        body: Vec<u8>,
        retry_after: Option<Duration>,
    },
    /// It never left: the provider has nothing.
    NotSent(String),
    /// The address may not be called.
    Refused,
    /// It left, or may have, and no answer came.
    Lost(String),
}

impl Http {
    pub fn new(config: &Delivery) -> Result<Self, Error> {
        let targets = Targets::new(&config.allow_private_targets);
        // Whoever was first has installed the same.
        rustls::crypto::ring::default_provider().install_default().ok();
        let timeout = Duration::from_secs(config.send_timeout_seconds);
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(targets.clone())
            .timeout(timeout)
            .connect_timeout(timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(config.sends_at_once)
            .user_agent(concat!("rapport/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::Internal(error.into()))?;
        Ok(Self { client, targets })
    }

    /// A request to post; none where the URL is none or its address may not be called.
    pub fn post(&self, url: &str) -> Option<RequestBuilder> {
        let url = Url::parse(url).ok()?;
        // A host that is an address is dialled without being looked up.
        let allowed = match url.host()? {
            Host::Domain(_) => true,
            Host::Ipv4(address) => self.targets.allows(address.into()),
            Host::Ipv6(address) => self.targets.allows(address.into()),
        };
        allowed.then(|| self.client.post(url))
    }

    /// Sends a request of [`Http::post`].
    pub async fn call(&self, request: Option<RequestBuilder>) -> Reply {
        let Some(request) = request else { return Reply::Refused };
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) if is_refused(&error) => return Reply::Refused,
            Err(error) if error.is_connect() || error.is_builder() => {
                return Reply::NotSent(describe(&error));
            }
            Err(error) => return Reply::Lost(describe(&error)),
        };
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        let mut body = Vec::new();
        // What the status says holds, however the body ends.
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = LONGEST_ANSWER - body.len();
            body.extend(chunk.iter().take(room));
            if chunk.len() >= room {
                break;
            }
        }
        Reply::Answer { status, body, retry_after }
    }
}

fn is_refused(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        let wrapped = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if inner.is::<Refused>() || wrapped.is_some_and(|wrapped| wrapped.is::<Refused>()) {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// What went wrong, without the URL, which may hold a secret.
fn describe(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    match deepest(error) {
        Some(cause) if !error.is_timeout() => format!("{what}: {cause}"),
        _ => what.to_owned(),
    }
}

fn deepest(error: &reqwest::Error) -> Option<String> {
    let mut cause = error.source()?;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Some(cause.to_string())
}

/// Seconds, or an HTTP date (RFC 9110, 10.2.3), of which the latter is not read: its clock is not
/// ours.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}
