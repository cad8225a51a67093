//! A server of a bench's own, in a process whose memory can be looked at.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The settings of a server, beside those that every bench needs.
pub type Settings<'a> = &'a [(&'a str, &'a str)];

/// A server with one account on a SQLite file, which ends with this.
pub struct Server {
    process: Child,
    _folder: TempDir,
    pub url: String,
    pub token: String,
    pub account: String,
    pub http: reqwest::Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn rapport(folder: &Path, settings: Settings<'_>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rapport"));
    command
        .current_dir(folder)
        .env("DATABASE_URL", format!("sqlite://{}/rapport.db?mode=rwc", folder.display()))
        .env("RAPPORT_LISTEN", "127.0.0.1:0")
        .env("RAPPORT_LOG_FORMAT", "json")
        .env("RAPPORT_SECRET_KEY", "01".repeat(32))
        .envs(settings.iter().copied());
    command
}

/// What a command prints behind a key.
fn printed(mut command: Command, key: &str) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let key = format!("{key}: ");
    text.lines().find_map(|line| line.strip_prefix(&key)).unwrap().to_owned()
}

impl Server {
    pub fn start(settings: Settings<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut create = rapport(folder.path(), settings);
        let owner = ["--owner-email", "bench@example.org"];
        create.args(["account", "create", "--name", "Bench", "--zone", "UTC"]).args(owner);
        let account = printed(create, "account");
        let mut create = rapport(folder.path(), settings);
        create.args(["token", "create", "--account", &account, "--role", "ADMIN"]);
        let token = printed(create, "token");
        let mut serve = rapport(folder.path(), settings);
        let mut process = serve.arg("serve").stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let listening =
            log.by_ref().map(Result::unwrap).find(|line| line.contains("\"listening\"")).unwrap();
        let listening: Value = serde_json::from_str(&listening).unwrap();
        let url = format!("http://{}", listening["address"].as_str().unwrap());
        // Read on, lest the server waits for a reader.
        std::thread::spawn(move || log.for_each(drop));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { process, _folder: folder, url, token, account, http }
    }

    /// A request of an operation, with the token of the account.
    pub fn post(&self, query: &str, variables: Value) -> reqwest::RequestBuilder {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let request = self.http.post(format!("{}/graphql", self.url)).bearer_auth(&self.token);
        request.header("content-type", "application/json").body(body)
    }

    /// The data of an operation that must succeed.
    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        let answer = self.post(query, variables).send().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].clone()
    }

    /// Resident memory in KiB.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most memory that was ever resident, in KiB.
    pub fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, key: &str) -> u64 {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}
