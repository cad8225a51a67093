//! A server in a process of its own, that is killed, stopped and started again.

use std::fs::OpenOptions;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub struct Server {
    pub address: String,
    /// What it is started with.
    arguments: &'static [&'static str],
    environment: Vec<(&'static str, String)>,
    log: PathBuf,
    process: Option<Child>,
}

impl Server {
    /// Not started yet.
    pub fn new(
        folder: &Path,
        arguments: &'static [&'static str],
        environment: Vec<(&'static str, String)>,
    ) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        let log = folder.join("server.log");
        Self { address, arguments, environment, log, process: None }
    }

    /// Starts it where it is not running. Only without its database may it end by itself.
    pub fn start(&mut self, may_end: bool) {
        match self.process.as_mut().map(|process| process.try_wait().unwrap()) {
            Some(None) => return,
            Some(Some(ended)) => assert!(may_end, "the server ended: {ended:?}\n{}", self.log()),
            None => {}
        }
        let log = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rapport"));
        command
            .args(self.arguments)
            .env("RAPPORT_LISTEN", &self.address)
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .stdout(Stdio::null())
            .stderr(log);
        self.process = Some(command.spawn().unwrap());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// SIGSTOP, SIGCONT.
    pub fn signal(&self, name: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
