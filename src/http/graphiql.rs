//! GraphiQL from files inside the binary, so that it works without the internet, and the
//! example queries with which it opens.

use std::borrow::Cow;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::{EmbeddedFile, RustEmbed};
use serde::Serialize;

use super::{not_found, reading};

/// What `npm run build` makes in `web`.
#[derive(RustEmbed)]
#[folder = "web/dist/graphiql"]
struct Assets;

#[derive(RustEmbed)]
#[folder = "examples/queries"]
struct Examples;

/// Scripts, workers and requests of this origin only. The editor makes style elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; \
    connect-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Names of assets change with their content.
const FOREVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

#[derive(Debug, Serialize)]
struct Example {
    name: String,
    query: String,
    variables: Option<String>,
}

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/graphiql", reading().to(page))
        .route("/graphiql/", reading().to(page))
        .route("/graphiql/examples.json", reading().to(examples))
        .route("/graphiql/licenses.md", reading().to(licenses))
        .route("/graphiql/assets/{name}", reading().to(asset));
}

async fn page(request: HttpRequest) -> HttpResponse {
    serve(&request, "index.html", ASK_AGAIN)
}

/// The licences of the packages in the bundle, which ask to be given along.
async fn licenses(request: HttpRequest) -> HttpResponse {
    serve(&request, "licenses.md", ASK_AGAIN)
}

async fn asset(request: HttpRequest, name: web::Path<String>) -> HttpResponse {
    serve(&request, &format!("assets/{name}"), FOREVER)
}

fn serve(request: &HttpRequest, path: &str, caching: &'static str) -> HttpResponse {
    let Some(file) = Assets::get(path) else { return not_found() };
    let tag = entity_tag(&file);
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let unchanged = known.is_some_and(|tags| {
        tags.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)
    });
    let mut response = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, caching))
        // Workers obey the policy of their own script.
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
    if unchanged {
        return response.finish();
    }
    response.content_type(media_type(path)).body(match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    })
}

fn entity_tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let digits: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("ttf") => "font/ttf",
        Some("md") => "text/markdown; charset=utf-8",
        _ => "application/octet-stream",
    }
}

async fn examples() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, ASK_AGAIN)).json(load_examples())
}

/// The queries in the order of their file names, each with the variables of the JSON file
/// of the same name.
fn load_examples() -> Vec<Example> {
    let mut names: Vec<_> = Examples::iter()
        .filter_map(|path| path.strip_suffix(".graphql").map(ToOwned::to_owned))
        .collect();
    names.sort_unstable();
    names
        .into_iter()
        .filter_map(|name| {
            let query = text(&format!("{name}.graphql"))?;
            let variables = text(&format!("{name}.variables.json"));
            Some(Example { name, query, variables })
        })
        .collect()
}

fn text(path: &str) -> Option<String> {
    String::from_utf8(Examples::get(path)?.data.into_owned()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_needs_no_other_host() {
        let page = String::from_utf8(Assets::get("index.html").unwrap().data.into_owned()).unwrap();
        assert!(!page.contains("://"), "{page}");
        let assets: Vec<_> =
            page.split('"').filter_map(|part| part.strip_prefix("/graphiql/")).collect();
        assert!(assets.len() >= 2, "{page}");
        for asset in assets {
            assert!(Assets::get(asset).is_some(), "{asset} is missing");
        }
        for path in Assets::iter() {
            assert_ne!(media_type(&path), "application/octet-stream", "{path}");
        }
    }

    #[test]
    fn the_examples_are_queries() {
        let examples = load_examples();
        assert!(!examples.is_empty());
        for example in examples {
            assert!(async_graphql::parser::parse_query(&example.query).is_ok(), "{}", example.name);
        }
    }
}
