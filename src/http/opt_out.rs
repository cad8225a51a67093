//! `/u/{token}`: the page to which a link in a message leads, on which a contact stops further
//! ones. Looking at it changes nothing, since mail programs and scanners look too; the button
//! does, and so does the POST of a mail program (RFC 8058). It needs no scripts, sets no cookies
//! and names nobody but the account.

use std::sync::LazyLock;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::webhooks::apart;
use super::{State, graphql, reading};
use crate::error::{Error, Result};
use crate::html::escape;
use crate::ingest::{OptOutLink, Standing};

/// What a look costs, of what the limits let a caller without a token spend.
const COST: u64 = 200;
/// Bytes of a body, which says nothing that the address does not.
const LARGEST: usize = 4_096;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

const STYLE: &str = "\
body{font-family:system-ui,sans-serif;line-height:1.5;color:#222;background:#f4f4f5;margin:0}\
main{max-width:32rem;margin:12vh auto;padding:2rem;background:#fff;border-radius:.5rem}\
h1{font-size:1.375rem;margin:0 0 1rem;overflow-wrap:anywhere}\
button{font:inherit;padding:.5rem 1.25rem;border:0;border-radius:.25rem;color:#fff;\
background:#1d4ed8;cursor:pointer}";

/// Nothing but the page's own style and its own button.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
});

/// Needs `web::Data<State>`.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    let page = web::resource("/u/{token}");
    config.service(page.route(reading().to(look)).route(web::post().to(leave)));
}

async fn look(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let engine = state.engine.clone();
    let page = match admit(&request, &state) {
        Ok(link) => Page::of(apart(async move { link.standing(&engine).await }).await),
        Err(page) => page,
    };
    page.write()
}

async fn leave(request: HttpRequest, payload: Payload, state: web::Data<State>) -> HttpResponse {
    let engine = state.engine.clone();
    let page = match admit(&request, &state) {
        Ok(link) => {
            // However it ends: who posts here means to leave.
            tokio::time::timeout(PATIENCE, payload.to_bytes_limited(LARGEST)).await.ok();
            Page::of(apart(async move { link.leave(&engine).await }).await)
        }
        Err(page) => page,
    };
    page.write()
}

/// The link, unless it is none or its holder asks too often. What is no link costs nothing:
/// whoever makes links up must not keep others from leaving.
fn admit(request: &HttpRequest, state: &State) -> Result<OptOutLink, Page> {
    let token = request.match_info().query("token");
    let link = OptOutLink::read(&state.engine.vault, token).ok_or(Page::NoLink)?;
    let address = graphql::address(request);
    state.api.take_for_page(&address, COST).map_err(|wait| Page::TooOften(wait.0))?;
    Ok(link)
}

/// What is shown.
#[derive(Debug)]
enum Page {
    Ask {
        account: String,
    },
    Out {
        account: String,
    },
    NoLink,
    /// With the seconds to wait.
    TooOften(u64),
    Unable(StatusCode),
}

impl Page {
    fn of(found: Result<Option<Standing>>) -> Self {
        match found {
            Ok(Some(Standing { account, out: false })) => Self::Ask { account },
            Ok(Some(Standing { account, out: true })) => Self::Out { account },
            Ok(None) => Self::NoLink,
            Err(error @ (Error::Unavailable(_) | Error::Limit(_) | Error::Throttled { .. })) => {
                tracing::warn!(?error, "an opt-out page could not be shown");
                Self::Unable(StatusCode::SERVICE_UNAVAILABLE)
            }
            Err(error) => {
                tracing::error!(?error, "an opt-out page could not be shown");
                Self::Unable(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Ask { .. } | Self::Out { .. } => StatusCode::OK,
            Self::NoLink => StatusCode::NOT_FOUND,
            Self::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unable(status) => *status,
        }
    }

    /// The title, a sentence, and whether there is something to do.
    fn text(&self) -> (String, String, bool) {
        match self {
            Self::Ask { account } => (
                format!("Stop messages from {account}?"),
                "Press the button, and no more are sent to the address at which you got this one."
                    .to_owned(),
                true,
            ),
            Self::Out { account } => (
                format!("You get no more messages from {account}"),
                "No more are sent to the address at which you got this one.".to_owned(),
                false,
            ),
            Self::NoLink => (
                "This link is not valid".to_owned(),
                "Perhaps a part of it is missing. Please open it from the message once more."
                    .to_owned(),
                false,
            ),
            Self::TooOften(seconds) => {
                ("Too many requests".to_owned(), format!("Please try again in {seconds} s."), false)
            }
            Self::Unable(_) => (
                "This does not work right now".to_owned(),
                "Nothing was changed. Please try again later.".to_owned(),
                false,
            ),
        }
    }

    fn write(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        response
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY.as_str()))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((HeaderName::from_static("x-robots-tag"), "noindex, nofollow"));
        if let Self::TooOften(seconds) = self {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        response.body(self.html())
    }

    fn html(&self) -> String {
        let (title, sentence, asks) = self.text();
        let (title, sentence) = (escape(&title), escape(&sentence));
        // Without an address of its own the form goes to that of the page.
        let form = if asks {
            "<form method=\"post\"><button type=\"submit\">Stop messages</button></form>\n"
        } else {
            ""
        };
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta name=\"robots\" content=\"noindex, nofollow\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <h1>{title}</h1>\n<p>{sentence}</p>\n{form}</main>\n</body>\n</html>\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_as_text() {
        let page = Page::Ask { account: "<script>Tom & Co</script>".to_owned() }.html();
        assert!(page.contains("Stop messages from &lt;script&gt;Tom &amp; Co&lt;/script&gt;?"));
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("<form method=\"post\">"), "{page}");
    }

    #[test]
    fn only_the_question_has_a_button() {
        let out = Page::Out { account: "Acme".to_owned() };
        let unable = Page::Unable(StatusCode::SERVICE_UNAVAILABLE);
        for page in [out, Page::NoLink, Page::TooOften(3), unable] {
            assert!(!page.html().contains("<form"), "{page:?}");
        }
    }

    #[test]
    fn the_style_is_the_one_that_is_allowed() {
        let page = Page::NoLink.html();
        let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(POLICY.contains(&format!("style-src 'sha256-{hash}';")), "{}", *POLICY);
    }
}
