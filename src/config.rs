//! The settings: read from `rapport.toml`, the environment and flags, each stronger than the
//! one before it, and checked strictly. A wrong or unknown setting is an error that names it
//! and what was expected, never its value, which may be a secret.

mod delivery;
mod limits;
pub mod secret_key;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tracing_subscriber::EnvFilter;

pub use delivery::Delivery;
pub use limits::{Limits, MOST_NESTED};

/// Read from the working directory where no other file is named.
const FILE: &str = "rapport.toml";
const PREFIX: &str = "RAPPORT_";
/// Variables that steer the project's tests, which start servers too.
const TEST_PREFIX: &str = "RAPPORT_TEST_";
const ENVIRONMENT: &str = "environment";
const FLAGS: &str = "flags";

#[derive(Clone)]
pub struct Config {
    /// `sqlite:…` or `postgres://…`
    pub database_url: String,
    pub listen: SocketAddr,
    /// Where clients and providers reach the server, without a slash at the end.
    pub public_url: Option<String>,
    /// Where Grafana is reached, without a slash at the end.
    pub grafana_url: Option<String>,
    pub introspection: bool,
    /// Origins whose pages may ask, such as `https://app.example.org`; or `*` alone.
    pub cors_origins: Vec<String>,
    /// Which documents are run: those of the manifest in `trusted_documents`, or all.
    pub trusted_mode: TrustedMode,
    /// A file of trusted documents.
    pub trusted_documents: Option<PathBuf>,
    /// A filter of `tracing`, such as `info` or `rapport=debug,info`.
    pub log: String,
    pub log_format: LogFormat,
    /// 32 bytes, as hexadecimal or base64; `secret_key` turns them into a key.
    pub secret_key: Option<SecretString>,
    /// The most connections to the database; on SQLite those of readers.
    pub connections: u32,
    pub limits: Limits,
    pub delivery: Delivery,
    /// Threads that serve requests; none means one for each processor.
    pub workers: Option<usize>,
    pub migrate_on_start: bool,
}

/// What happens to documents that are not in the manifest of trusted ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustedMode {
    /// They are run.
    Off,
    /// They are run, and the log tells of them.
    Warn,
    /// They are refused.
    Only,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database_url: "sqlite://rapport.db?mode=rwc".to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            grafana_url: None,
            introspection: true,
            cors_origins: Vec::new(),
            trusted_mode: TrustedMode::Off,
            trusted_documents: None,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            secret_key: None,
            connections: 10,
            limits: Limits::default(),
            delivery: Delivery::default(),
            workers: None,
            migrate_on_start: true,
        }
    }
}

/// The settings that every command takes as flags.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings")]
pub struct Flags {
    /// A file of settings [default: rapport.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The database: sqlite://FILE?mode=rwc or postgres://USER:PASSWORD@HOST/NAME
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// What to log, for example info or rapport=debug,info
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
    /// How to log: text or json
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

/// The wrong settings, one a line.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(Vec<String>);

impl Config {
    /// Reads the file, the environment and the flags.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        Self::from_sources(flags, std::env::vars_os())
    }

    fn from_sources(
        flags: &Flags,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let file = match &flags.config {
            Some(path) => Some(path.as_path()),
            None => Some(Path::new(FILE)).filter(|path| path.exists()),
        };
        let mut figment = Figment::new();
        if let Some(path) = file {
            figment = figment.merge(Toml::file_exact(path));
        }
        let figment = figment.merge(Layer::environment(environment)).merge(Layer::flags(flags));
        let values: Dict =
            figment.extract().map_err(|error| ConfigError(vec![error.to_string()]))?;
        let mut reader = Reader { figment, values, names: Vec::new(), problems: Vec::new() };
        let config = Self::read(&mut reader);
        reader.finish()?;
        Ok(config)
    }

    fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        Self {
            database_url: reader.read(
                "database_url",
                "sqlite://FILE?mode=rwc (a file, not memory) or postgres://USER:PASSWORD@HOST/NAME",
                default.database_url,
                database_url,
            ),
            listen: reader.read(
                "listen",
                "an IP address and a port, such as 127.0.0.1:8080",
                default.listen,
                |text| text.parse().ok(),
            ),
            public_url: reader.read(
                "public_url",
                "a URL of http or https without query, such as https://rapport.example.org",
                default.public_url,
                |text| public_url(text).map(Some),
            ),
            grafana_url: reader.read(
                "grafana_url",
                "a URL of http or https without query, such as https://grafana.example.org",
                default.grafana_url,
                |text| public_url(text).map(Some),
            ),
            introspection: reader.read("introspection", "on or off", default.introspection, switch),
            cors_origins: reader.read(
                "cors_origins",
                "origins with a comma between them, such as https://app.example.org, or *",
                default.cors_origins,
                origins,
            ),
            trusted_mode: reader.read(
                "trusted_mode",
                "off, warn or only",
                default.trusted_mode,
                trusted_mode,
            ),
            trusted_documents: reader.read(
                "trusted_documents",
                "the path of a file",
                default.trusted_documents,
                |text| (!text.is_empty()).then(|| Some(PathBuf::from(text))),
            ),
            log: reader.read(
                "log",
                "a filter such as info or rapport=debug,info",
                default.log,
                |text| EnvFilter::try_new(text).ok().map(|_| text.to_owned()),
            ),
            log_format: reader.read("log_format", "text or json", default.log_format, log_format),
            secret_key: reader.read(
                "secret_key",
                "32 bytes as 64 hexadecimal digits or as base64",
                default.secret_key,
                |text| secret_key::decode(text).map(|_| Some(SecretString::from(text))),
            ),
            connections: reader.number("connections", 1..=1_000, default.connections),
            limits: Limits::read(reader),
            delivery: Delivery::read(reader),
            workers: reader.read(
                "workers",
                "a whole number from 1 to 1024",
                default.workers,
                |text| number(text, &(1..=1_024)).map(Some),
            ),
            migrate_on_start: reader.read(
                "migrate_on_start",
                "on or off",
                default.migrate_on_start,
                switch,
            ),
        }
    }

    /// The database without user, password and parameters, for messages.
    pub fn database(&self) -> &str {
        let url = self.database_url.split('?').next().unwrap_or_default();
        if url.starts_with("sqlite:") {
            return url;
        }
        url.rsplit_once('@').map_or(url, |(_, place)| place)
    }
}

/// One source of settings, all of them texts.
struct Layer {
    name: &'static str,
    values: BTreeMap<String, String>,
}

impl Layer {
    fn environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut values = BTreeMap::new();
        for (variable, value) in variables {
            let variable = variable.to_string_lossy();
            let value = value.to_string_lossy().into_owned();
            if variable.starts_with(TEST_PREFIX) {
                continue;
            }
            if let Some(name) = variable.strip_prefix(PREFIX) {
                values.insert(name.to_ascii_lowercase(), value);
            } else if variable == "DATABASE_URL" {
                values.entry("database_url".to_owned()).or_insert(value);
            }
        }
        Self { name: ENVIRONMENT, values }
    }

    fn flags(flags: &Flags) -> Self {
        let values = [
            ("database_url", &flags.database),
            ("listen", &flags.listen),
            ("log", &flags.log),
            ("log_format", &flags.log_format),
        ];
        let given = values.into_iter().filter_map(|(name, value)| {
            let value = value.clone()?;
            Some((name.to_owned(), value))
        });
        Self { name: FLAGS, values: given.collect() }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let values = self.values.iter();
        let dict =
            values.map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
        Ok(Profile::Default.collect(dict))
    }
}

/// Takes the settings out one by one and keeps what is wrong with them.
struct Reader {
    figment: Figment,
    values: Dict,
    names: Vec<&'static str>,
    problems: Vec<String>,
}

impl Reader {
    fn read<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        default: T,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        self.names.push(name);
        let Some(value) = self.values.remove(name) else { return default };
        if let Some(value) = text(&value).and_then(|text| parse(text.trim())) {
            return value;
        }
        let label = self.label(name);
        self.problems.push(format!("{label}: expected {expected}"));
        default
    }

    fn number<T>(&mut self, name: &'static str, range: RangeInclusive<T>, default: T) -> T
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.read(name, &expected, default, |text| number(text, &range))
    }

    /// What is left in the end is unknown.
    fn finish(mut self) -> Result<(), ConfigError> {
        for name in std::mem::take(&mut self.values).into_keys() {
            let label = self.label(&name);
            let allowed: Vec<_> = match self.source(&name) {
                Some(ENVIRONMENT) => self.names.iter().map(|name| variable(name)).collect(),
                _ => self.names.iter().map(ToString::to_string).collect(),
            };
            let allowed = allowed.join(", ");
            self.problems.push(format!("{label}: there is no such setting; there are {allowed}"));
        }
        if self.problems.is_empty() { Ok(()) } else { Err(ConfigError(self.problems)) }
    }

    fn source(&self, name: &str) -> Option<&str> {
        self.figment.find_metadata(name).map(|metadata| metadata.name.as_ref())
    }

    /// The setting as its author wrote it.
    fn label(&self, name: &str) -> String {
        match self.source(name) {
            Some(ENVIRONMENT) => variable(name),
            Some(FLAGS) if name == "database_url" => "--database".to_owned(),
            Some(FLAGS) => format!("--{}", name.replace('_', "-")),
            _ => format!("{name} in the file of settings"),
        }
    }
}

fn variable(name: &str) -> String {
    match name {
        "database_url" => "DATABASE_URL".to_owned(),
        _ => format!("{PREFIX}{}", name.to_ascii_uppercase()),
    }
}

/// A setting as text, whichever of TOML's simple types it has.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.clone()),
        Value::Char(_, character) => Some(character.to_string()),
        Value::Bool(_, switch) => Some(switch.to_string()),
        Value::Num(..) => value.to_i128().map(|number| number.to_string()),
        _ => None,
    }
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "on" | "true" => Some(true),
        "off" | "false" => Some(false),
        _ => None,
    }
}

fn origins(text: &str) -> Option<Vec<String>> {
    if text == "*" {
        return Some(vec![text.to_owned()]);
    }
    let origins = text.split(',').map(|origin| {
        let url = url::Url::parse(origin.trim()).ok()?;
        let origin = url.origin().ascii_serialization();
        // Nothing stands behind the host, and an opaque origin is written as null.
        (origin != "null" && url.as_str().trim_end_matches('/') == origin).then_some(origin)
    });
    origins.collect()
}

fn trusted_mode(text: &str) -> Option<TrustedMode> {
    match text {
        "off" => Some(TrustedMode::Off),
        "warn" => Some(TrustedMode::Warn),
        "only" => Some(TrustedMode::Only),
        _ => None,
    }
}

fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

fn number<T: FromStr + PartialOrd>(text: &str, range: &RangeInclusive<T>) -> Option<T> {
    text.parse().ok().filter(|number| range.contains(number))
}

fn database_url(text: &str) -> Option<String> {
    let right = if text.starts_with("sqlite:") {
        // Readers have connections of their own and would not see a database in memory.
        let memory = text.contains(":memory:") || text.contains("mode=memory");
        !memory && SqliteConnectOptions::from_str(text).is_ok()
    } else {
        let postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        postgres && PgConnectOptions::from_str(text).is_ok()
    };
    right.then(|| text.to_owned())
}

fn public_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let plain = rest.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@'));
    (plain && !rest.is_empty() && !rest.starts_with('/'))
        .then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests;
