//! The vocabularies of stored columns. The numbers are what the database holds: never
//! reuse or change one.

mod sending;

pub use sending::{
    AttemptState, CampaignStatus, PlanEnd, RecipientState, SkipReason, UnknownPolicy,
};

use crate::vocabulary;

vocabulary! {
    /// The network on which an inbox talks to contacts.
    pub enum Platform {
        /// Text messages to telephone numbers.
        Sms = 1 => "SMS",
        /// Electronic mail.
        Email = 2 => "EMAIL",
        /// Push notifications to an app or a browser.
        Push = 3 => "PUSH",
        /// The chat widget of a web site.
        Web = 4 => "WEB",
        /// Telegram.
        Telegram = 5 => "TELEGRAM",
        /// WhatsApp.
        Whatsapp = 6 => "WHATSAPP",
        /// Viber.
        Viber = 7 => "VIBER",
        /// Facebook Messenger.
        Facebook = 8 => "FACEBOOK",
        /// Yandex's voice assistant Alice.
        Alice = 9 => "ALICE",
        /// Yandex dialogs.
        Yandex = 10 => "YANDEX",
        /// Vkontakte.
        Vkontakte = 11 => "VKONTAKTE",
        /// Odnoklassniki.
        Odnoklassniki = 12 => "ODNOKLASSNIKI",
        /// Skype.
        Skype = 13 => "SKYPE",
        /// Slack.
        Slack = 14 => "SLACK",
        /// WeChat.
        Wechat = 15 => "WECHAT",
        /// Snapchat.
        Snapchat = 16 => "SNAPCHAT",
        /// Line.
        Line = 17 => "LINE",
        /// Any other system that records its messages here.
        Api = 18 => "API",
    }
}

vocabulary! {
    /// The service that carries an inbox's messages.
    pub enum Provider {
        /// Built in: accepts everything, reaches nobody.
        Sandbox = 1 => "SANDBOX",
        /// Meta's WhatsApp Business Cloud API.
        WhatsappCloud = 2 => "WHATSAPP_CLOUD",
        /// Twilio, for SMS and WhatsApp.
        Twilio = 3 => "TWILIO",
        /// The Telegram Bot API.
        Telegram = 4 => "TELEGRAM",
        /// A mail server.
        Smtp = 5 => "SMTP",
        /// A signed HTTP call to a system of yours.
        Webhook = 6 => "WEBHOOK",
        /// None: another system records what was said through the API.
        External = 7 => "EXTERNAL",
    }
}

vocabulary! {
    /// What a person or token may do in an account; each role includes those before it.
    pub enum Role {
        /// Reads reports and lists, without the personal data of contacts.
        Reader = 1 => "READER",
        /// Also reads, answers and assigns conversations and keeps contacts.
        Agent = 2 => "AGENT",
        /// Also sees the engagement overview and keeps templates, bots, labels and opt-outs.
        Manager = 3 => "MANAGER",
        /// Also keeps inboxes, users, tokens and the account's settings, and erases contacts.
        Admin = 4 => "ADMIN",
        /// Also names other owners and keeps the plan.
        Owner = 5 => "OWNER",
    }
}

vocabulary! {
    /// What a token may be used for, within its role.
    pub enum TokenScope {
        /// Queries.
        Read = 1 => "READ",
        /// Recording what happened elsewhere: `messagesRecord` and `visitorSeen`.
        Record = 2 => "RECORD",
        /// All other mutations.
        Write = 3 => "WRITE",
        /// The personal data of contacts, for a token of the role `READER`; the roles above it
        /// see them anyway.
        PersonalData = 4 => "PERSONAL_DATA",
    }
}

vocabulary! {
    /// Whether a message belongs to a mailing or to a chat.
    pub enum Medium {
        /// Sent by a campaign, an automation, a bulk or a template send.
        Mailing = 1 => "MAILING",
        /// Everything else.
        Chat = 2 => "CHAT",
    }
}

vocabulary! {
    /// Which way a message went.
    pub enum Direction {
        /// From the contact to the business.
        Inbound = 1 => "INBOUND",
        /// From the business to the contact.
        Outbound = 2 => "OUTBOUND",
    }
}

vocabulary! {
    /// What kind of author wrote an outbound message. Inbound messages have none.
    pub enum AuthorKind {
        /// A person of the business.
        User = 1 => "USER",
        /// A bot.
        Bot = 2 => "BOT",
        /// An automation.
        Automation = 3 => "AUTOMATION",
        /// A campaign.
        Campaign = 4 => "CAMPAIGN",
        /// A system entry, which is no message to the contact and counts in no volume.
        System = 5 => "SYSTEM",
    }
}

vocabulary! {
    /// The state of an outbound message: a function of all that was heard about it, whatever the order.
    pub enum MessageStatus {
        /// Exists here; nothing was heard of it.
        Created = 1 => "CREATED",
        /// A fallback step of a cascade that still waits.
        CreatedOptional = 2 => "CREATED_OPTIONAL",
        /// Waits for the time set for it.
        Deferred = 3 => "DEFERRED",
        /// Being handed to the provider.
        Sending = 4 => "SENDING",
        /// Handed over, and whether the provider has it cannot be known yet.
        Unknown = 5 => "UNKNOWN",
        /// A fallback step dropped because an earlier one delivered.
        SkippedOptional = 6 => "SKIPPED_OPTIONAL",
        /// Not attempted, for a recorded reason.
        Skipped = 7 => "SKIPPED",
        /// Its time to live passed before it was sent.
        Expired = 8 => "EXPIRED",
        /// Cancelled by a user before it was sent.
        Cancelled = 9 => "CANCELLED",
        /// Accepted by the provider; final where the inbox gives no receipts.
        Sent = 10 => "SENT",
        /// Accepted by the provider, then failed.
        Undelivered = 11 => "UNDELIVERED",
        /// Failed without ever having been accepted.
        Failed = 12 => "FAILED",
        /// Reached the contact's device.
        Delivered = 13 => "DELIVERED",
        /// Read by the contact.
        Read = 14 => "READ",
    }
}

vocabulary! {
    /// What a status event says of a message.
    pub enum StatusKind {
        /// Made here.
        Created = 1 => "CREATED",
        /// A fallback step that waits.
        CreatedOptional = 2 => "CREATED_OPTIONAL",
        /// Waits for its time.
        Deferred = 3 => "DEFERRED",
        /// Being handed over.
        Sending = 4 => "SENDING",
        /// Cannot be known.
        Unknown = 5 => "UNKNOWN",
        /// A fallback step that was dropped.
        SkippedOptional = 6 => "SKIPPED_OPTIONAL",
        /// Not attempted.
        Skipped = 7 => "SKIPPED",
        /// Too old to be sent.
        Expired = 8 => "EXPIRED",
        /// Cancelled.
        Cancelled = 9 => "CANCELLED",
        /// The provider took it.
        Accepted = 10 => "ACCEPTED",
        /// The provider passed it on.
        Sent = 11 => "SENT",
        /// Accepted, then given up. Ends the attempt.
        Undelivered = 12 => "UNDELIVERED",
        /// Refused or given up. Ends the attempt.
        Failed = 13 => "FAILED",
        /// It reached the device.
        Delivered = 14 => "DELIVERED",
        /// The contact read it.
        Read = 15 => "READ",
        /// Refused for now; it will be tried again.
        TryFailed = 16 => "TRY_FAILED",
    }
}

vocabulary! {
    /// Why a message failed, the same words for every provider.
    pub enum FailureBucket {
        /// The address cannot be reached on this platform.
        Unreachable = 1 => "UNREACHABLE",
        /// The reply window is shut and no template was used.
        WindowShut = 2 => "WINDOW_SHUT",
        /// The provider limits the line for spam.
        SpamLimit = 3 => "SPAM_LIMIT",
        /// The contact has had enough marketing for now.
        MarketingCap = 4 => "MARKETING_CAP",
        /// The contact has opted out.
        OptedOut = 5 => "OPTED_OUT",
        /// The contact is in an experiment of the provider.
        Experiment = 6 => "EXPERIMENT",
        /// Sent too fast.
        RateLimit = 7 => "RATE_LIMIT",
        /// The business account owes a payment.
        Payment = 8 => "PAYMENT",
        /// The business account is locked or restricted.
        Account = 9 => "ACCOUNT",
        /// The contact's country is not allowed.
        Country = 10 => "COUNTRY",
        /// The template is missing, paused or was filled in wrongly.
        Template = 11 => "TEMPLATE",
        /// The kind of message is not supported.
        Unsupported = 12 => "UNSUPPORTED",
        /// An attachment could not be fetched or stored.
        Media = 13 => "MEDIA",
        /// The address is not on the test list.
        TestList = 14 => "TEST_LIST",
        /// Sender and recipient are the same.
        SelfSend = 15 => "SELF_SEND",
        /// A passing fault of the provider.
        Transient = 16 => "TRANSIENT",
        /// No reason that we know.
        Other = 17 => "OTHER",
    }
}

vocabulary! {
    /// Where a conversation stands.
    pub enum ConversationStatus {
        /// Waits for nobody in particular, or is being answered.
        Open = 1 => "OPEN",
        /// Opened by the business; the contact has not answered yet.
        Pending = 2 => "PENDING",
        /// Put aside until the contact writes again.
        Snoozed = 3 => "SNOOZED",
        /// Done; it stands in the message log.
        Closed = 4 => "CLOSED",
    }
}

vocabulary! {
    /// Who began a conversation.
    pub enum OpenedBy {
        /// Its first message was sent by the business.
        Business = 1 => "BUSINESS",
        /// Its first message came from the contact.
        Client = 2 => "CLIENT",
    }
}

vocabulary! {
    /// What happened to a conversation.
    pub enum ConversationEventKind {
        /// It was given to a user, or taken from one (then without a user).
        Assigned = 1 => "ASSIGNED",
        /// The bot handed it to people.
        HandedOff = 2 => "HANDED_OFF",
        /// It was closed.
        Closed = 3 => "CLOSED",
        /// It was opened again.
        Reopened = 4 => "REOPENED",
        /// A label was put on it.
        Labelled = 5 => "LABELLED",
        /// A label was taken off it.
        Unlabelled = 6 => "UNLABELLED",
        /// It was put aside.
        Snoozed = 7 => "SNOOZED",
    }
}

vocabulary! {
    /// By whom or what a conversation event happened.
    pub enum ConversationActor {
        /// A person of the business.
        Agent = 1 => "AGENT",
        /// The contact.
        Client = 2 => "CLIENT",
        /// The visitor was gone for too long.
        Inactivity = 3 => "INACTIVITY",
        /// A bot.
        Bot = 4 => "BOT",
        /// Another system, or a rule.
        System = 5 => "SYSTEM",
    }
}

vocabulary! {
    /// What a session began with.
    pub enum SessionOrigin {
        /// The contact wrote.
        Contact = 1 => "CONTACT",
        /// The contact wrote after a visit to a web site that is known.
        ReferredWebChat = 2 => "REFERRED_WEB_CHAT",
        /// The contact wrote after following an advertisement or a campaign's link.
        ReferredCampaign = 3 => "REFERRED_CAMPAIGN",
        /// A single template was sent.
        Template = 4 => "TEMPLATE",
        /// A campaign or a bulk notification was sent.
        BulkNotification = 5 => "BULK_NOTIFICATION",
        /// An automation sent a message.
        Automation = 6 => "AUTOMATION",
        /// A person of the business wrote.
        Agent = 7 => "AGENT",
        /// A bot wrote.
        Bot = 8 => "BOT",
    }
}

vocabulary! {
    /// Whether a session is the contact's first in the account.
    pub enum UserType {
        /// It is the first.
        New = 1 => "NEW",
        /// There were others before.
        Returning = 2 => "RETURNING",
    }
}

vocabulary! {
    /// What an outbound message has to do with the beginning of a session.
    pub enum SessionRole {
        /// The session began with it.
        Starter = 1 => "STARTER",
        /// A session would have begun with it, had it not failed.
        WouldBeStarter = 2 => "WOULD_BE_STARTER",
    }
}

vocabulary! {
    /// The category under which a provider approves and prices a template.
    pub enum TemplateCategory {
        /// Offers and news.
        Marketing = 1 => "MARKETING",
        /// About something the contact has ordered or asked for.
        Utility = 2 => "UTILITY",
        /// One-time codes.
        Authentication = 3 => "AUTHENTICATION",
        /// Answers within the reply window.
        Service = 4 => "SERVICE",
    }
}

vocabulary! {
    /// What the provider says of a template.
    pub enum TemplateStatus {
        /// Kept here only; no provider has to approve it.
        Local = 1 => "LOCAL",
        /// Waits for approval.
        Pending = 2 => "PENDING",
        /// May be sent.
        Approved = 3 => "APPROVED",
        /// Was refused.
        Rejected = 4 => "REJECTED",
        /// Paused for bad feedback.
        Paused = 5 => "PAUSED",
        /// Disabled for good.
        Disabled = 6 => "DISABLED",
        /// The refusal is being appealed.
        InAppeal = 7 => "IN_APPEAL",
        /// In danger of being paused.
        Flagged = 8 => "FLAGGED",
        /// Deleted at the provider.
        Deleted = 9 => "DELETED",
    }
}

vocabulary! {
    /// Which way an entry of the opt-out history goes.
    pub enum OptOutKind {
        /// Nothing more may be sent.
        OptOut = 1 => "OPT_OUT",
        /// Messages are welcome again.
        OptIn = 2 => "OPT_IN",
    }
}

vocabulary! {
    /// How an opt-out or opt-in came about.
    pub enum OptOutSource {
        /// The contact wrote one of the words.
        Word = 1 => "WORD",
        /// The provider said so.
        Provider = 2 => "PROVIDER",
        /// A user did it by hand.
        User = 3 => "USER",
        /// Another system did it through the API.
        Api = 4 => "API",
        /// The contact used the page that a link in a message leads to, or a mail program did.
        Page = 5 => "PAGE",
    }
}

vocabulary! {
    /// What an entry of the event log tells of.
    pub enum EventKind {
        /// Messages were added.
        MessageAdded = 1 => "MESSAGE_ADDED",
        /// Messages have another status.
        MessageStatusChanged = 2 => "MESSAGE_STATUS_CHANGED",
        /// Conversations have another status, assignee, bot or labels.
        ConversationChanged = 3 => "CONVERSATION_CHANGED",
        /// Contacts were made, changed or merged.
        ContactChanged = 4 => "CONTACT_CHANGED",
        /// Addresses were opted out or in.
        OptOutChanged = 5 => "OPT_OUT_CHANGED",
        /// Settings of the account, or things kept in it, were changed.
        SettingsChanged = 6 => "SETTINGS_CHANGED",
        /// Campaigns were made, changed, or got on.
        CampaignChanged = 7 => "CAMPAIGN_CHANGED",
    }
}
