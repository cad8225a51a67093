//! The vocabularies of campaigns and of sending.

use crate::vocabulary;

vocabulary! {
    /// Where a campaign stands.
    pub enum CampaignStatus {
        /// Being written; it may still be changed.
        Draft = 1 => "DRAFT",
        /// Waits for the time of its start.
        Scheduled = 2 => "SCHEDULED",
        /// Its recipients are frozen, and it is being sent.
        Running = 3 => "RUNNING",
        /// Stopped for a while; nothing is sent.
        Paused = 4 => "PAUSED",
        /// Nothing is left to send.
        Finished = 5 => "FINISHED",
        /// Called off; what was not sent will not be.
        Cancelled = 6 => "CANCELLED",
    }
}

vocabulary! {
    /// What becomes of a message of which it cannot be known whether the provider has it.
    pub enum UnknownPolicy {
        /// It stays unknown until the provider tells of it.
        Hold = 1 => "HOLD",
        /// It is sent once more, as a message of its own, if the provider tells nothing of it.
        ResendOnce = 2 => "RESEND_ONCE",
    }
}

vocabulary! {
    /// What is left to do for a recipient of a campaign.
    pub enum RecipientState {
        /// A step of the campaign waits.
        Waiting = 1 => "WAITING",
        /// All steps were taken, or are not needed; the messages tell what came of them.
        Done = 2 => "DONE",
        /// Not attempted, for a reason.
        Skipped = 3 => "SKIPPED",
        /// Cancelled with the campaign.
        Cancelled = 4 => "CANCELLED",
        /// The campaign's time to live passed first.
        Expired = 5 => "EXPIRED",
    }
}

vocabulary! {
    /// Why something was not sent.
    pub enum SkipReason {
        /// The contact has no address on the platform.
        NoAddress = 1 => "NO_ADDRESS",
        /// The address is opted out.
        OptedOut = 2 => "OPTED_OUT",
        /// Another recipient of the campaign has the same address.
        Duplicate = 3 => "DUPLICATE",
        /// A variable of the text has no value for the contact.
        MissingVariable = 4 => "MISSING_VARIABLE",
        /// The contact has not written for too long, and the platform then takes templates only.
        ReplyWindowShut = 5 => "REPLY_WINDOW_SHUT",
        /// The template is not approved by the provider.
        TemplateNotApproved = 6 => "TEMPLATE_NOT_APPROVED",
        /// The inbox was put away or cannot send.
        InboxUnusable = 7 => "INBOX_UNUSABLE",
        /// The text, filled in for the contact, cannot be sent.
        Unsendable = 8 => "UNSENDABLE",
        /// The credits of the month's plan are used up, and nothing goes beyond it.
        NoCredits = 9 => "NO_CREDITS",
    }
}

vocabulary! {
    /// Where the handing over of a message stands.
    pub enum AttemptState {
        /// Waits for its time, first or once more.
        Waiting = 1 => "WAITING",
        /// May have left. Written before the first byte goes out.
        Dispatching = 2 => "DISPATCHING",
        /// Whoever sent it did not come back in time: nobody here knows.
        Unknown = 3 => "UNKNOWN",
        /// Answered, or given up.
        Done = 4 => "DONE",
        /// Taken by the sandbox, which goes on to play the contact.
        Playing = 5 => "PLAYING",
    }
}

vocabulary! {
    /// What happens when the credits of a month's plan are used up.
    pub enum PlanEnd {
        /// All goes on; what lies beyond is overage.
        Continue = 1 => "CONTINUE",
        /// Nothing more is sent that costs credits: campaigns pause, single messages are refused.
        Stop = 2 => "STOP",
    }
}
