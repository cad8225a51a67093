//! The command line. What the commands do is in the library; here they get their settings,
//! and their results and failures become lines and exit codes: 1 for what failed, 2 for
//! wrong settings and arguments.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rapport::command::{account, rebuild, seed, token};
use rapport::config::secret_key::SecretKeyError;
use rapport::config::{Config, ConfigError, Flags};
use rapport::engine::Engine;
use rapport::error::Error;
use rapport::startup::migrate::{self, Migrate};
use rapport::startup::{self, Application, StartupError, doctor};
use rapport::{analytics, graphql, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FAILED: u8 = 1;
const WRONG: u8 = 2;

/// The demo keeps away from the database of the settings unless a flag names one.
const DEMO_DATABASE: &str = "sqlite://rapport-demo.db?mode=rwc";

#[derive(Parser)]
#[command(name = "rapport", version, about = "A GraphQL API server for messaging and its numbers")]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API, apply what comes in and send what is due (what happens without a command)
    Serve {
        /// Only apply what came in and send what is due, without the API
        #[arg(long, value_enum)]
        only: Option<Part>,
    },
    /// Make a demo account with a year of traffic in rapport-demo.db, then serve it
    Demo,
    /// Bring the database's tables to this version, back, or show where they stand
    Migrate {
        #[command(subcommand)]
        what: Option<Migrate>,
    },
    /// Make accounts with made-up traffic, of any size
    Seed(rapport::demo::seed::Seed),
    /// Work out anew what follows from the ledgers, and say what differed
    Rebuild(rebuild::RebuildArgs),
    /// Print the GraphQL schema
    Schema,
    /// Print what the metrics mean, as a page in Markdown
    Metrics,
    /// Accounts
    #[command(subcommand)]
    Account(AccountCommand),
    /// Tokens for programs
    #[command(subcommand)]
    Token(TokenCommand),
    /// Check settings, secret key, clock, disk, database and migrations
    Doctor,
}

/// A part of what a server does.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Part {
    Worker,
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Make an account with its first owner
    Create(account::CreateArgs),
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Make a token of an account or of the installation
    Create(token::CreateArgs),
}

/// What ends the program, and its exit code.
struct Failure {
    code: u8,
    message: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                // There is nobody left to tell if this fails.
                let _ = writeln!(std::io::stderr(), "{}", failure.message);
            }
            ExitCode::from(failure.code)
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command.unwrap_or(Command::Serve { only: None }) {
        Command::Serve { only: None } => {
            Ok(Application::build(settings(&cli.flags)?).await?.run().await?)
        }
        Command::Serve { only: Some(Part::Worker) } => {
            Ok(startup::work(settings(&cli.flags)?).await?)
        }
        Command::Demo => demo(cli.flags).await,
        Command::Migrate { what } => {
            let config = settings(&cli.flags)?;
            let lines = migrate::run(&config, what.unwrap_or(Migrate::Up)).await?;
            print(&lines)
        }
        Command::Schema => print(&[graphql::sdl().trim_end().to_owned()]),
        Command::Metrics => print(&[analytics::glossary().trim_end().to_owned()]),
        Command::Seed(wanted) => {
            with_engine(&cli.flags, async |engine| seed::run(engine, wanted).await).await
        }
        Command::Rebuild(args) => {
            let mut right = true;
            let work = async |engine: &Engine| {
                right = rebuild::run(engine, args).await?;
                Ok(())
            };
            with_engine(&cli.flags, work).await?;
            if right { Ok(()) } else { Err(Failure { code: FAILED, message: String::new() }) }
        }
        Command::Account(AccountCommand::Create(args)) => {
            with_engine(&cli.flags, async |engine| account::create(engine, args).await).await
        }
        Command::Token(TokenCommand::Create(args)) => {
            with_engine(&cli.flags, async |engine| token::create(engine, args).await).await
        }
        Command::Doctor => examine(&cli.flags).await,
    }
}

fn settings(flags: &Flags) -> Result<Config, Failure> {
    let config = Config::load(flags)?;
    telemetry::init(&config);
    Ok(config)
}

/// Does something with the database of the settings, and closes it.
async fn with_engine(
    flags: &Flags,
    work: impl AsyncFnOnce(&Engine) -> Result<(), Error>,
) -> Result<(), Failure> {
    let engine = startup::open(settings(flags)?).await?;
    let done = work(&engine).await;
    engine.db.clone().close().await.map_err(Error::from)?;
    Ok(done?)
}

async fn demo(mut flags: Flags) -> Result<(), Failure> {
    flags.database.get_or_insert_with(|| DEMO_DATABASE.to_owned());
    let application = Application::build(settings(&flags)?).await?;
    let lines = application.demo().await?;
    print(&lines.map(|(key, value)| format!("{key}: {value}")))?;
    Ok(application.run().await?)
}

async fn examine(flags: &Flags) -> Result<(), Failure> {
    let checks = doctor::examine(flags).await;
    let line = |check: &rapport::http::health::Check| {
        let verdict = if check.ok { "ok    " } else { "FAILED" };
        format!("{verdict} {}: {}", check.name, check.detail)
    };
    print(&checks.iter().map(line).collect::<Vec<_>>())?;
    if checks.iter().all(|check| check.ok) {
        Ok(())
    } else {
        Err(Failure { code: FAILED, message: String::new() })
    }
}

/// Writes lines to standard output, which may be a pipe that was closed.
fn print(lines: &[String]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written =
        lines.iter().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush());
    written.map_err(|error| Failure { code: FAILED, message: format!("cannot print: {error}") })
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self { code: WRONG, message: format!("the settings are wrong:\n{error}") }
    }
}

impl From<StartupError> for Failure {
    fn from(error: StartupError) -> Self {
        let code = match &error {
            StartupError::SecretKey(SecretKeyError::Malformed(_)) => WRONG,
            _ => FAILED,
        };
        Self { code, message: error.to_string() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(_) => Self { code: WRONG, message: error.to_string() },
            // Here the cause is for the operator, who has no other log.
            Error::Internal(cause) => Self { code: FAILED, message: cause.to_string() },
            error => Self { code: FAILED, message: error.to_string() },
        }
    }
}
