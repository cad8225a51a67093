//! The key that encrypts provider secrets: a setting, or a file that is made on the first
//! start. The key itself never leaves this module except to the vault.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use secrecy::ExposeSecret;
use sqlx::sqlite::SqliteConnectOptions;

use super::Config;

pub type Key = [u8; 32];

#[derive(Debug, thiserror::Error)]
pub enum SecretKeyError {
    #[error("{0} does not hold a key: expected 32 bytes as 64 hexadecimal digits or as base64")]
    Malformed(String),
    #[error("the file of the secret key {file} cannot be read or made: {1}", file = .0.display())]
    File(PathBuf, io::Error),
}

/// The key of the settings or of the file; makes the file if neither is there.
pub fn load(config: &Config) -> Result<Key, SecretKeyError> {
    if let Some(key) = find(config)? {
        return Ok(key);
    }
    let path = file(config);
    match create(&path) {
        Ok(key) => {
            warn_of(config, &path);
            Ok(key)
        }
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            find(config)?.ok_or(SecretKeyError::File(path, error))
        }
        Err(error) => Err(SecretKeyError::File(path, error)),
    }
}

/// The key, if there is one already.
pub fn find(config: &Config) -> Result<Option<Key>, SecretKeyError> {
    if let Some(text) = &config.secret_key {
        let malformed = || SecretKeyError::Malformed("RAPPORT_SECRET_KEY".to_owned());
        return decode(text.expose_secret()).map(Some).ok_or_else(malformed);
    }
    let path = file(config);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let malformed = || SecretKeyError::Malformed(path.display().to_string());
            decode(text.trim()).map(Some).ok_or_else(malformed)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SecretKeyError::File(path, error)),
    }
}

/// 32 bytes from 64 hexadecimal digits or from base64 of either alphabet.
pub fn decode(text: &str) -> Option<Key> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let pair = |index: usize| u8::from_str_radix(text.get(index..index + 2)?, 16).ok();
        return (0..64).step_by(2).map(pair).collect::<Option<Vec<u8>>>()?.try_into().ok();
    }
    let alphabets = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
    alphabets.iter().find_map(|alphabet| alphabet.decode(text).ok()?.try_into().ok())
}

/// Beside the SQLite file; for PostgreSQL in the working directory.
fn file(config: &Config) -> PathBuf {
    match SqliteConnectOptions::from_str(&config.database_url) {
        Ok(options) if config.database_url.starts_with("sqlite:") => {
            let mut path = options.get_filename().as_os_str().to_owned();
            path.push(".key");
            PathBuf::from(path)
        }
        _ => PathBuf::from("rapport.key"),
    }
}

fn create(path: &Path) -> io::Result<Key> {
    let key: Key = rand::random();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Whole before it has its name, and never over another process's.
    let unfinished = path.with_extension(format!("key.{:016x}", rand::random::<u64>()));
    let mut file = options.open(&unfinished)?;
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let written = file
        .write_all(format!("{digits}\n").as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::hard_link(&unfinished, path));
    // Of no use to anybody, whether that went well or not.
    if let Err(error) = std::fs::remove_file(&unfinished) {
        tracing::warn!(%error, "{} cannot be removed", unfinished.display());
    }
    written.map(|()| key)
}

fn warn_of(config: &Config, path: &Path) {
    let path = path.display();
    if config.database_url.starts_with("sqlite:") {
        tracing::info!("made the secret key {path}; keep it with the database's backups");
    } else {
        tracing::warn!(
            "made the secret key {path}; keep it, and give it to every replica as RAPPORT_SECRET_KEY"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_notations() {
        let hex = "00ff".repeat(16);
        let key = decode(&hex).unwrap();
        assert_eq!((key[0], key[1]), (0, 255));
        assert_eq!(decode(&STANDARD.encode(key)), Some(key));
        assert_eq!(decode(&URL_SAFE_NO_PAD.encode(key)), Some(key));
        for wrong in ["", "00ff", &"+f".repeat(32), &"é".repeat(32), &STANDARD.encode([1; 31])] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn makes_the_file_once_and_reads_it_afterwards() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("a.db");
        let config = Config {
            database_url: format!("sqlite://{}?mode=rwc", database.display()),
            ..Config::default()
        };
        assert!(find(&config).unwrap().is_none());
        let key = load(&config).unwrap();
        assert_eq!(load(&config).unwrap(), key);
        let path = directory.path().join("a.db.key");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(load(&config), Err(SecretKeyError::Malformed(_))));
    }
}
