//! What providers tell us by webhook. A delivery is verified and stored before it is
//! answered, and applied afterwards by the worker, as often as it takes. What its elements
//! mean for messages, contacts and opt-outs is decided in `domain`. Contacts who follow a link
//! in a message come in here too: its signature is what they show.

mod apply;
mod content;
mod parsed;
mod payload;
mod proof;
mod store;
mod tally;
mod telegram;
mod token;
mod twilio;
mod webhook;
mod whatsapp;
mod worker;

pub use crate::domain::opt_out::{Link as OptOutLink, Standing};
pub use proof::{Call, HEADERS};
pub use store::{receive, shake_hands};
pub use worker::{Worker, start};
