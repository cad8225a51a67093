//! Documents that clients name instead of sending them: Apollo's automatic persisted queries,
//! and a file of trusted documents outside of which nothing need be run.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use async_graphql::ServerError;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::config::TrustedMode;
use crate::graphql::error::{BAD_USER_INPUT, coded};

/// SHA-256 of a document's text.
pub type Hash = [u8; 32];

pub fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}

pub fn hexadecimal(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_hash(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

/// `extensions.persistedQuery` of Apollo's protocol.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PersistedQuery {
    version: i64,
    sha256_hash: String,
}

/// The name that a request gives its document, if it gives one.
pub(super) fn named(extensions: &async_graphql::Extensions) -> Result<Option<Hash>, ServerError> {
    let Some(given) = extensions.0.get("persistedQuery") else { return Ok(None) };
    let refuse = |message: &str| Err(coded(message, None, BAD_USER_INPUT));
    let Ok(given) = async_graphql::from_value::<PersistedQuery>(given.clone()) else {
        return refuse("extensions.persistedQuery must have `version` and `sha256Hash`");
    };
    if given.version != 1 {
        return refuse("extensions.persistedQuery.version must be 1");
    }
    match read_hash(&given.sha256_hash) {
        Some(hash) => Ok(Some(hash)),
        None => refuse("extensions.persistedQuery.sha256Hash must have 64 hexadecimal digits"),
    }
}

/// Apollo's clients send the text when they see this.
pub(super) fn not_found() -> ServerError {
    coded("PersistedQueryNotFound", None, "PERSISTED_QUERY_NOT_FOUND")
}

pub(super) fn mismatch() -> ServerError {
    let message = "extensions.persistedQuery.sha256Hash is not the SHA-256 of the query";
    coded(message, None, BAD_USER_INPUT)
}

/// The documents of a manifest.
pub struct Trusted {
    mode: TrustedMode,
    documents: HashMap<Hash, Arc<str>>,
}

/// A manifest as Apollo's tools write it, or a plain object from ids to texts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Manifest {
    Operations { operations: Vec<Operation> },
    Plain(HashMap<String, String>),
}

#[derive(Deserialize)]
struct Operation {
    body: String,
}

impl Trusted {
    pub fn none() -> Self {
        Self { mode: TrustedMode::Off, documents: HashMap::new() }
    }

    /// Reads a manifest. The error says what is wrong with it.
    pub fn read(mode: TrustedMode, file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        let manifest: Manifest = serde_json::from_str(&text).map_err(|_| {
            "expected Apollo's manifest of persisted queries, or an object from ids to documents"
                .to_owned()
        })?;
        let texts: Vec<String> = match manifest {
            Manifest::Operations { operations } => {
                operations.into_iter().map(|operation| operation.body).collect()
            }
            Manifest::Plain(documents) => documents.into_values().collect(),
        };
        let documents = texts.into_iter().map(|text| (hash(&text), Arc::from(text))).collect();
        Ok(Self { mode, documents })
    }

    pub(super) fn find(&self, hash: &Hash) -> Option<Arc<str>> {
        self.documents.get(hash).cloned()
    }

    /// Whether a document may be run. Those outside of the manifest are logged or refused.
    pub(super) fn allow(&self, hash: &Hash) -> Result<(), ServerError> {
        if self.mode == TrustedMode::Off || self.documents.contains_key(hash) {
            return Ok(());
        }
        let document = hexadecimal(hash);
        match self.mode {
            TrustedMode::Only => {
                let message = "this server runs the documents of its manifest only, \
                               and this one is not among them";
                Err(coded(message, None, "QUERY_NOT_IN_SAFELIST"))
            }
            _ => {
                tracing::warn!(document, "a document outside of the manifest");
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const TEXT: &str = "{ metrics { key } }";

    fn read(manifest: &str) -> Result<Trusted, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(manifest.as_bytes()).unwrap();
        Trusted::read(TrustedMode::Only, file.path())
    }

    #[test]
    fn hashes_are_read_as_they_are_written() {
        let hash = hash(TEXT);
        assert_eq!(read_hash(&hexadecimal(&hash)), Some(hash));
        assert_eq!(read_hash(&hexadecimal(&hash).to_uppercase()), Some(hash));
        for wrong in ["", "ab", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(read_hash(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn manifests_are_read_in_both_forms() {
        let apollo = serde_json::json!({
            "format": "apollo-persisted-query-manifest", "version": 1,
            "operations": [{ "id": "x", "name": "Q", "type": "query", "body": TEXT }],
        });
        for manifest in [apollo, serde_json::json!({ "any": TEXT })] {
            let trusted = read(&manifest.to_string()).unwrap();
            assert_eq!(trusted.find(&hash(TEXT)).as_deref(), Some(TEXT));
            assert!(trusted.allow(&hash(TEXT)).is_ok());
            assert!(trusted.allow(&hash("{ viewer { id } }")).is_err());
        }
        assert!(read("[1]").is_err());
        assert!(Trusted::none().allow(&hash("{ a }")).is_ok());
    }
}
