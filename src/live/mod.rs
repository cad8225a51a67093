//! What subscribers hear of, as it happens: the event log of an account is numbered, read by
//! one watcher for all its subscribers, and told to them; who falls behind or comes back reads
//! on from the log, so that nothing is lost and nothing comes twice. What callers may see is
//! decided above and below; nothing here knows of GraphQL or sockets.

mod campaigns;
mod feed;
mod hub;
pub mod log;
mod reports;
mod seats;

pub use campaigns::LiveCampaign;
pub use feed::Feed;
pub use hub::Live;
pub use log::{Change, Event, Position};
pub use reports::LiveReport;
pub use seats::{Seat, Seats};
