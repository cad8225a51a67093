//! The types of the API that stand for rows, one file each: what is shown of a row, the
//! filter and order of its list, and how rows are loaded in batches. What a caller may see
//! is decided in `domain`.

pub mod account;
pub mod author;
pub mod bot;
pub mod campaign;
pub mod campaign_progress;
pub mod contact;
pub mod conversation;
pub mod conversation_event;
pub mod conversation_start;
pub mod credits;
pub mod engagement;
pub mod engagement_row;
pub mod inbox;
pub mod label;
pub mod message;
pub mod message_event;
pub mod message_log;
pub mod opt_out;
pub mod recipient;
pub mod session;
pub mod team;
pub mod template;
pub mod token;
pub mod user;
pub mod webhook_event;

pub use account::Account;
pub use bot::Bot;
pub use campaign::Campaign;
pub use contact::Contact;
pub use conversation::Conversation;
pub use conversation_event::ConversationEvent;
pub use inbox::Inbox;
pub use label::Label;
pub use message::Message;
pub use message_event::MessageEvent;
pub use opt_out::OptOut;
pub use recipient::CampaignRecipient;
pub use session::Session;
pub use team::Team;
pub use template::Template;
pub use token::AccessToken;
pub use user::User;
pub use webhook_event::WebhookEvent;
