//! What the settings take and refuse.

use super::*;

fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    load_with(&Flags::default(), variables)
}

fn load_with(flags: &Flags, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
    Config::from_sources(flags, variables)
}

fn refusal(variables: &[(&str, &str)]) -> String {
    load(variables).err().expect("the settings are wrong").to_string()
}

/// Flags that name a file with this content, and the directory that holds it.
fn file(content: &str) -> (Flags, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("settings.toml");
    std::fs::write(&path, content).unwrap();
    (Flags { config: Some(path), ..Flags::default() }, directory)
}

#[test]
fn defaults_stand_where_nothing_is_set() {
    let config =
        load(&[("PATH", "/bin"), ("DATABASE", "x"), ("RAPPORT_TEST_REQUIRE", "sqlite")]).unwrap();
    assert_eq!(config.database_url, "sqlite://rapport.db?mode=rwc");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(
        (config.limits.anonymous_body_bytes, config.limits.body_bytes),
        (262_144, 16_777_216)
    );
    assert!(config.introspection && config.migrate_on_start && config.secret_key.is_none());
}

#[test]
fn later_sources_win() {
    let (mut flags, _directory) = file(
        "listen = \"127.0.0.1:1\"\nconnections = 3\nmigrate_on_start = false\nlog = \"warn\"\n",
    );
    let variables = [("RAPPORT_LISTEN", "127.0.0.1:2"), ("RAPPORT_LOG", "debug")];
    flags.log = Some("rapport=trace,info".to_owned());
    let config = load_with(&flags, &variables).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:2");
    assert_eq!(config.log, "rapport=trace,info");
    assert_eq!((config.connections, config.migrate_on_start), (3, false));
}

#[test]
fn variables_are_texts_whatever_they_look_like() {
    let key = "12345678901234567890123456789012345678901234567890123456789012e4";
    let config = load(&[
        ("RAPPORT_SECRET_KEY", key),
        ("RAPPORT_LISTEN", "[::1]:8080"),
        ("RAPPORT_INTROSPECTION", "off"),
        ("RAPPORT_PUBLIC_URL", "https://rapport.example.org/"),
        ("DATABASE_URL", "postgres://rapport:s@cret@localhost:5432/rapport?sslmode=disable"),
    ])
    .unwrap();
    assert!(config.secret_key.is_some() && !config.introspection);
    assert_eq!(config.listen.to_string(), "[::1]:8080");
    assert_eq!(config.public_url.as_deref(), Some("https://rapport.example.org"));
    assert_eq!(config.database(), "localhost:5432/rapport");
}

#[test]
fn every_wrong_setting_is_named_and_none_is_shown() {
    let message = refusal(&[
        ("DATABASE_URL", "mysql://root:hunter2@localhost/db"),
        ("RAPPORT_LISTEN", "8080"),
        ("RAPPORT_SECRET_KEY", "hunter2"),
        ("RAPPORT_CONNECTIONS", "0"),
        ("RAPPORT_INTROSPECTION", "maybe"),
        ("RAPPORT_LOG_FORMAT", "xml"),
        ("RAPPORT_PUBLIC_URL", "rapport.example.org"),
        ("RAPPORT_WORKERS", ""),
    ]);
    for expected in [
        "DATABASE_URL: expected sqlite://",
        "RAPPORT_LISTEN: expected an IP address and a port",
        "RAPPORT_SECRET_KEY: expected 32 bytes",
        "RAPPORT_CONNECTIONS: expected a whole number from 1 to 1000",
        "RAPPORT_INTROSPECTION: expected on or off",
        "RAPPORT_LOG_FORMAT: expected text or json",
        "RAPPORT_PUBLIC_URL: expected a URL",
        "RAPPORT_WORKERS: expected a whole number from 1 to 1024",
    ] {
        assert!(message.contains(expected), "{expected} is missing in:\n{message}");
    }
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn unknown_settings_are_refused_with_those_that_exist() {
    let message = refusal(&[("RAPPORT_COLOUR", "red")]);
    assert!(message.starts_with(
        "RAPPORT_COLOUR: there is no such setting; there are DATABASE_URL, RAPPORT_LISTEN"
    ));

    let (flags, _directory) = file("colour = \"red\"\n[listen]\nport = 8080\n");
    let message = load_with(&flags, &[]).err().unwrap().to_string();
    assert!(message.contains(
        "colour in the file of settings: there is no such setting; there are database_url"
    ));
    assert!(
        message.contains("listen in the file of settings: expected an IP address"),
        "{message}"
    );
}

#[test]
fn flags_are_named_as_flags() {
    let flags = Flags {
        database: Some("sqlite::memory:".to_owned()),
        log_format: Some("xml".to_owned()),
        ..Flags::default()
    };
    let message = load_with(&flags, &[]).err().unwrap().to_string();
    assert!(message.contains("--database: expected") && message.contains("--log-format: expected"));
}

#[test]
fn a_file_that_is_named_must_be_there_and_be_toml() {
    let missing = Flags { config: Some("no/such/file.toml".into()), ..Flags::default() };
    assert!(load_with(&missing, &[]).is_err());
    let (flags, _directory) = file("listen = ");
    assert!(load_with(&flags, &[]).err().unwrap().to_string().contains("settings.toml"));
}
