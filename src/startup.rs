//! Puts the parts together and takes them apart again: database, migrations, secret key,
//! worker, HTTP server. Tests start the same application with a clock and a database of
//! their own.

mod chores;
pub mod doctor;
pub mod migrate;

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::{Extensions, Server, ServerHandle};
use actix_web::middleware::{Compress, from_fn};
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpServer, web};
use sea_orm::DbErr;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::auth::Vault;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::secret_key::{self, SecretKeyError};
use crate::db::Db;
use crate::delivery::{self, Dispatcher};
use crate::engine::Engine;
use crate::graphql::{self, id::NodeId};
use crate::http;
use crate::ingest::{self, Worker};

/// How long a client may take nothing of what is sent.
const SILENCE: Duration = Duration::from_secs(30);
/// How long requests and the worker may go on after the wish to stop.
const GRACE_SECONDS: u64 = 10;

#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    #[error("the database {0} cannot be opened: {1}")]
    Database(String, DbErr),
    #[error("the database {0} cannot be migrated: {1}")]
    Migration(String, DbErr),
    #[error(transparent)]
    SecretKey(#[from] SecretKeyError),
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    #[error("the gate cannot read the schema: {0}")]
    Schema(String),
    #[error("a setting is wrong: {0}")]
    Setting(String),
    #[error("the server failed: {0}")]
    Serve(io::Error),
}

/// Opens the database of the settings, without looking at what is in it.
pub async fn connect(config: &Config) -> Result<Db, StartupError> {
    let opened = Db::connect(&config.database_url, config.connections).await;
    opened.map_err(|error| StartupError::Database(config.database().to_owned(), error))
}

/// What every command starts from: database, migrated if the settings say so, and key.
pub async fn open(config: Config) -> Result<Engine, StartupError> {
    let db = connect(&config).await?;
    let vault = Vault::new(secret_key::load(&config)?);
    open_with(config, db, Clock::System, vault).await
}

async fn open_with(
    config: Config,
    db: Db,
    clock: Clock,
    vault: Vault,
) -> Result<Engine, StartupError> {
    if config.migrate_on_start {
        migrate::up(&db, &config).await?;
    }
    Ok(Engine::new(db, clock, config, vault))
}

pub struct Application {
    engine: Engine,
    worker: Worker,
    dispatcher: Dispatcher,
    server: Server,
    address: SocketAddr,
    stopping: watch::Sender<bool>,
}

/// Stops an application from elsewhere.
pub struct Handle {
    server: ServerHandle,
    stopping: watch::Sender<bool>,
}

impl Handle {
    /// Ends what is open; with `graceful`, requests under way are answered first.
    pub async fn stop(&self, graceful: bool) {
        self.stopping.send_replace(true);
        self.server.stop(graceful).await;
    }
}

impl Application {
    /// The application of the settings. It listens from here on and answers from
    /// [`Application::run`] on.
    pub async fn build(config: Config) -> Result<Self, StartupError> {
        let patience = Duration::from_secs(config.limits.deadline_seconds);
        let opened = Db::connect_within(&config.database_url, config.connections, patience).await;
        let db =
            opened.map_err(|error| StartupError::Database(config.database().to_owned(), error))?;
        let vault = Vault::new(secret_key::load(&config)?);
        Self::build_with(config, db, Clock::System, vault).await
    }

    /// The same with a database, a clock and a vault of the caller's. Port 0 takes any that
    /// is free.
    pub async fn build_with(
        config: Config,
        db: Db,
        clock: Clock,
        vault: Vault,
    ) -> Result<Self, StartupError> {
        Self::start(open_with(config, db, clock, vault).await?).await
    }

    async fn start(engine: Engine) -> Result<Self, StartupError> {
        let trusted = graphql::trusted(&engine.config).map_err(StartupError::Setting)?;
        let stopping = watch::Sender::new(false);
        let state = http::State::new(engine.clone(), trusted, stopping.subscribe());
        let state = state.map_err(StartupError::Schema)?;
        let dispatcher = start_dispatcher(&engine)?;
        let worker = ingest::start(engine.clone());
        match bind(&engine, state, &worker, stopping.clone()) {
            Ok((server, address)) => {
                Ok(Self { engine, worker, dispatcher, server, address, stopping })
            }
            Err(error) => {
                worker.stop().await;
                dispatcher.stop().await;
                Err(StartupError::Listen(engine.config.listen, error))
            }
        }
    }

    /// Where it listens, with the port it was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    pub fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    pub fn handle(&self) -> Handle {
        Handle { server: self.server.handle(), stopping: self.stopping.clone() }
    }

    /// Where people reach it: the public URL, or the address it listens on.
    pub fn url(&self) -> String {
        match &self.engine.config.public_url {
            Some(url) => url.clone(),
            None if self.address.ip().is_unspecified() => {
                format!("http://localhost:{}", self.address.port())
            }
            None => format!("http://{}", self.address),
        }
    }

    /// Makes the demo account, or finds it again, and says how to get in: the keys and values
    /// of what the command prints.
    pub async fn demo(&self) -> crate::error::Result<[(&'static str, String); 5]> {
        let demo = crate::demo::prepare(&self.engine, crate::demo::DAYS).await?;
        if let Some(made) = &demo.made {
            let seconds = made.took.as_secs_f64();
            tracing::info!("recorded {} messages in {seconds:.1} s", made.messages);
        }
        Ok([
            ("url", self.url()),
            ("email", demo.email),
            ("password", demo.password),
            ("token", demo.token),
            ("account", NodeId::account(demo.account).to_string()),
        ])
    }

    /// Serves until SIGTERM or SIGINT, then finishes what was begun and closes the database.
    pub async fn run(self) -> Result<(), StartupError> {
        let Self { engine, worker, dispatcher, server, address, stopping: _stopping } = self;
        tracing::info!(%address, database = engine.config.database(), "listening");
        let chores = tokio::spawn(chores::run(engine.clone()));
        let served = server.await;
        stop(&engine, &chores, &worker, &dispatcher).await;
        served.map_err(StartupError::Serve)
    }
}

/// Works without serving the API, until SIGTERM or SIGINT: applies what came in, sends what is due.
pub async fn work(config: Config) -> Result<(), StartupError> {
    let engine = open(config).await?;
    let dispatcher = start_dispatcher(&engine)?;
    let worker = ingest::start(engine.clone());
    let chores = tokio::spawn(chores::run(engine.clone()));
    tracing::info!(database = engine.config.database(), "working");
    stop_signal().await;
    stop(&engine, &chores, &worker, &dispatcher).await;
    Ok(())
}

fn start_dispatcher(engine: &Engine) -> Result<Dispatcher, StartupError> {
    let started = delivery::start(engine.clone());
    started.map_err(|error| StartupError::Setting(format!("{error:?}")))
}

/// Finishes what was begun, and closes the database.
async fn stop(engine: &Engine, chores: &JoinHandle<()>, worker: &Worker, dispatcher: &Dispatcher) {
    tracing::info!("stopping");
    // Each chore is a transaction, which is undone where it is cut off.
    chores.abort();
    let ended = async { tokio::join!(worker.stop(), dispatcher.stop()) };
    // What is on its way to a provider is answered within its timeout.
    let grace = GRACE_SECONDS.max(engine.config.delivery.send_timeout_seconds + 2);
    if tokio::time::timeout(Duration::from_secs(grace), ended).await.is_err() {
        tracing::warn!("the workers did not end in time; what they left is done at the next start");
    }
    if let Err(error) = engine.db.clone().close().await {
        tracing::warn!(%error, "the database did not close well");
    }
}

fn bind(
    engine: &Engine,
    state: http::State,
    worker: &Worker,
    stopping: watch::Sender<bool>,
) -> io::Result<(Server, SocketAddr)> {
    let state = web::Data::new(state);
    let worker = web::Data::new(worker.clone());
    let mut server = HttpServer::new(move || {
        App::new()
            .wrap(Compress::default())
            .wrap(http::security_headers())
            .wrap(from_fn(http::observe))
            .configure(|config| http::routes(config, &state, &worker))
    })
    .on_connect(limit_silence)
    .shutdown_signal(async move {
        stop_signal().await;
        stopping.send_replace(true);
    })
    .shutdown_timeout(GRACE_SECONDS)
    .bind(engine.config.listen)?;
    if let Some(workers) = engine.config.workers {
        server = server.workers(workers);
    }
    let address = server.addrs().first().copied().unwrap_or(engine.config.listen);
    Ok((server.run(), address))
}

/// Has the system cut connections whose other end takes nothing of what is sent: a client that
/// does not read would otherwise keep its buffers for ever.
fn limit_silence(connection: &dyn Any, _: &mut Extensions) {
    #[cfg(target_os = "linux")]
    if let Some(stream) = connection.downcast_ref::<TcpStream>()
        && let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(SILENCE))
    {
        tracing::warn!(%error, "a connection has no limit of silence");
    }
}

async fn stop_signal() {
    tokio::select! {
        () = interrupted() => {}
        () = terminated() => {}
    }
}

async fn interrupted() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        tracing::warn!(%error, "SIGINT cannot be awaited");
        std::future::pending().await
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be awaited");
            std::future::pending().await
        }
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
