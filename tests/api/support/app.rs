//! The real application on port 0, with a clock that stands still and a database of its own,
//! an account in it and clients of all kinds.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use entity::id::{AccountId, UserId};
use entity::kinds::{Role, TokenScope};
use entity::vocabulary::Vocabulary;
use entity::{Timestamp, user};
use rapport::auth::token::{self, NewToken};
use rapport::auth::{AccountScope, Vault, system_scope};
use rapport::clock::Clock;
use rapport::config::{Config, Delivery};
use rapport::db::Db;
use rapport::delivery::Dispatcher;
use rapport::domain::account::{self, AccountCreate};
use rapport::domain::user::{UserInvite, invite};
use rapport::engine::Engine;
use rapport::graphql::id::NodeId;
use rapport::ingest::{self, Worker};
use rapport::startup::Application;
use sea_orm::Statement;

use super::db::{Kind, TestDb};
use super::gql::Client;

/// 2026-03-18T15:00:00Z, a Wednesday at noon in São Paulo.
pub const NOW: Timestamp = Timestamp(1_773_846_000 * Timestamp::SECOND);
pub const ZONE: &str = "America/Sao_Paulo";
pub const OWNER: &str = "owner@acme.test";
/// Where providers would reach the application.
pub const PUBLIC_URL: &str = "https://rapport.example.org";
const VAULT_KEY: [u8; 32] = [7; 32];
/// On PostgreSQL many tests share a server with few connections.
const CONNECTIONS: u32 = 3;

pub struct TestApp {
    pub engine: Engine,
    /// Everything within the account "Acme".
    pub scope: AccountScope,
    pub url: String,
    /// The owner of "Acme", signed in.
    pub owner: Client,
    pub owner_id: UserId,
    pub anonymous: Client,
    /// The node id of "Acme".
    pub account_node: String,
    pub now: Timestamp,
    pub worker: Worker,
    pub dispatcher: Dispatcher,
    pub watch: Watch,
    database_url: String,
    made: AtomicU32,
}

/// The statements that the application runs, where somebody looks.
#[derive(Clone, Default)]
pub struct Watch(Arc<Mutex<Option<Vec<Statement>>>>);

impl Watch {
    fn see(&self, statement: &Statement) {
        if let Some(seen) = self.0.lock().unwrap().as_mut() {
            seen.push(statement.clone());
        }
    }

    /// The statements that are run while `work` is done.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> (T, Vec<Statement>) {
        *self.0.lock().unwrap() = Some(Vec::new());
        let done = work.await;
        (done, self.0.lock().unwrap().take().unwrap())
    }
}

/// Runs `body` with an application on a database of the kind; does nothing where there is
/// no such database.
pub async fn run(kind: Kind, body: impl AsyncFn(&TestApp)) {
    // Stubs of providers are here.
    let delivery = Delivery {
        allow_private_targets: vec!["127.0.0.0/8".parse().unwrap()],
        send_timeout_seconds: 1,
        ..Delivery::default()
    };
    let public_url = Some(PUBLIC_URL.to_owned());
    run_with(kind, Config { delivery, public_url, ..Config::default() }, body).await;
}

/// The same with settings; those of the database and the address are overridden.
pub async fn run_with(kind: Kind, config: Config, body: impl AsyncFn(&TestApp)) {
    let Some(test) = TestDb::new(kind).await else { return };
    let config = Config {
        database_url: test.url.clone(),
        listen: ([127, 0, 0, 1], 0).into(),
        connections: CONNECTIONS,
        workers: Some(2),
        migrate_on_start: false,
        grafana_url: Some("https://grafana.example.org".to_owned()),
        ..config
    };
    let patience = Duration::from_secs(config.limits.deadline_seconds);
    let mut db = Db::connect_within(&test.url, CONNECTIONS, patience).await.unwrap();
    let watch = Watch::default();
    let watching = watch.clone();
    db.watch(move |statement, _| watching.see(statement));
    let vault = Vault::new(VAULT_KEY);
    let application = Application::build_with(config, db, Clock::fixed(NOW), vault).await.unwrap();
    let (engine, worker) = (application.engine().clone(), application.worker().clone());
    let dispatcher = application.dispatcher().clone();
    let url = format!("http://{}", application.address());
    let handle = application.handle();
    let running = tokio::spawn(application.run());
    let app = TestApp::new(engine, (worker, dispatcher), watch, url, test.url.clone()).await;
    body(&app).await;
    drop(app);
    handle.stop(false).await;
    running.await.unwrap().unwrap();
}

impl TestApp {
    async fn new(
        engine: Engine,
        (worker, dispatcher): (Worker, Dispatcher),
        watch: Watch,
        url: String,
        database_url: String,
    ) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let anonymous = Client { http, url: url.clone(), token: None };
        let (scope, owner) = new_account(&engine, "Acme", OWNER).await;
        let token = sign_in_token(&engine, owner.id).await;
        Self {
            account_node: NodeId::account(scope.account_id()).to_string(),
            scope,
            url,
            owner: Client { token: Some(token), ..anonymous.clone() },
            owner_id: owner.id,
            anonymous,
            now: NOW,
            worker,
            dispatcher,
            watch,
            database_url,
            made: AtomicU32::new(0),
            engine,
        }
    }

    pub fn hours_ago(&self, hours: i64) -> Timestamp {
        self.now.plus_seconds(-hours * 3_600)
    }

    /// Moves the clock of the application to so many seconds after [`NOW`].
    pub fn set_clock(&self, seconds: i64) {
        self.engine.clock.set(self.now.plus_seconds(seconds));
    }

    /// Another account, without users.
    pub async fn new_account(&self, name: &str) -> AccountScope {
        let input = AccountCreate {
            name: name.to_owned(),
            time_zone: ZONE.to_owned(),
            chat_module: true,
            ..AccountCreate::default()
        };
        let created = account::create(&self.engine, None, input).await.unwrap();
        system_scope(&self.engine, created.account.id)
    }

    /// The owner of another account, signed in, and everything within that account.
    pub async fn stranger(&self) -> (Client, AccountScope) {
        let (scope, owner) = new_account(&self.engine, "Strange", "owner@strange.test").await;
        (self.client(sign_in_token(&self.engine, owner.id).await), scope)
    }

    /// A new user of "Acme" without a password, and the user's client.
    pub async fn new_user(&self, role: Role) -> (user::Model, Client) {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let input = UserInvite {
            email: format!("{}-{number}@acme.test", role.name().to_lowercase()),
            name: format!("{} {number}", role.name()),
            role,
            password: None,
        };
        let user = invite(&self.scope, None, input).await.unwrap();
        let token = sign_in_token(&self.engine, user.id).await;
        (user, self.client(token))
    }

    /// A program with a token of "Acme".
    pub async fn client_with(&self, role: Role, scopes: &[TokenScope]) -> Client {
        self.client(account_token(&self.engine, self.scope.account_id(), role, scopes).await)
    }

    /// Whoever sends this bearer token.
    pub fn client(&self, token: impl Into<String>) -> Client {
        Client { token: Some(token.into()), ..self.anonymous.clone() }
    }

    /// A program that may create accounts.
    pub async fn installation(&self) -> Client {
        let issued = token::issue_installation(&self.engine, "installation".to_owned(), None).await;
        self.client(issued.unwrap().text)
    }

    /// Waits until everything that was delivered is applied.
    pub async fn drain(&self) {
        self.worker.drain().await;
    }

    /// Sends what is due, and waits until what came of it is written down.
    pub async fn deliver(&self) {
        self.dispatcher.drain().await.unwrap();
    }

    /// The same database by other settings.
    pub fn engine_with(&self, config: Config) -> Engine {
        let (db, clock) = (self.engine.db.clone(), self.engine.clock.clone());
        Engine::new(db, clock, config, Vault::new(VAULT_KEY))
    }

    /// Applies what waits by a process that was started after this one.
    pub async fn drain_elsewhere(&self) {
        let db = Db::connect(&self.database_url, 2).await.unwrap();
        let (clock, config) = (self.engine.clock.clone(), self.engine.config.clone());
        let engine = Engine::new(db.clone(), clock, config, Vault::new(VAULT_KEY));
        let worker = ingest::start(engine);
        worker.drain().await;
        worker.stop().await;
        db.close().await.unwrap();
    }
}

async fn new_account(engine: &Engine, name: &str, email: &str) -> (AccountScope, user::Model) {
    let input = AccountCreate {
        name: name.to_owned(),
        time_zone: ZONE.to_owned(),
        chat_module: true,
        owner_email: Some(email.to_owned()),
        owner_name: Some(format!("Owner of {name}")),
        ..AccountCreate::default()
    };
    let created = account::create(engine, None, input).await.unwrap();
    (system_scope(engine, created.account.id), created.owner.unwrap())
}

/// What a sign-in gives, without the slow password.
async fn sign_in_token(engine: &Engine, user_id: UserId) -> String {
    let new = NewToken {
        account_id: None,
        user_id: Some(user_id),
        name: "sign-in".to_owned(),
        role: None,
        scopes: TokenScope::ALL.to_vec(),
        expires_at: Some(NOW.plus_seconds(30 * 24 * 3_600)),
    };
    issue(engine, new).await
}

pub async fn account_token(
    engine: &Engine,
    account_id: AccountId,
    role: Role,
    scopes: &[TokenScope],
) -> String {
    let new = NewToken {
        account_id: Some(account_id),
        user_id: None,
        name: format!("{} of a test", role.name()),
        role: Some(role),
        scopes: scopes.to_vec(),
        expires_at: None,
    };
    issue(engine, new).await
}

pub async fn issue(engine: &Engine, new: NewToken) -> String {
    let tx = engine.db.begin().await.unwrap();
    let issued = token::issue(&tx, &engine.clock, new).await.unwrap();
    tx.commit().await.unwrap();
    issued.text
}
