//! The rig: the real application on port 0, a fixed clock and a database of its own.

pub mod app;
pub mod db;
pub mod factory;
pub mod gql;
pub mod killers;
pub mod mailing;
pub mod mutations;
pub mod post;
pub mod providers;
pub mod schema;
pub mod socket;
pub mod stub;
pub mod whatsapp;
pub mod world;

pub use app::TestApp;
pub use db::Kind;

/// Declares a test that runs on SQLite and on PostgreSQL, as `name::sqlite` and
/// `name::postgres`. The body gets a running [`TestApp`] with one account.
#[macro_export]
macro_rules! on_both {
    ($(#[$attribute:meta])* async fn $name:ident($app:ident: &TestApp) $body:block) => {
        mod $name {
            #[allow(unused_imports, reason = "not every test needs what its file imports")]
            use super::*;

            $(#[$attribute])*
            async fn body($app: &$crate::support::TestApp) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $crate::support::app::run($crate::support::Kind::Sqlite, body).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::support::app::run($crate::support::Kind::Postgres, body).await;
            }
        }
    };
}
