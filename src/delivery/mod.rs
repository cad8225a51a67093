//! Handing messages over to providers. What waits stands in the table `attempt` and, for
//! campaigns, in `recipient`; a claim turns it into messages that are marked as leaving before
//! their first byte does, and what comes back is settled under the fence of the claim. The
//! rules of what may be sent are in `domain`.

mod claim;
mod dispatcher;
mod http;
mod pace;
mod provider;
mod settle;
mod target;

pub use dispatcher::{Dispatcher, start};
