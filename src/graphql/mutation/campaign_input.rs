//! What campaigns are made of, as it is given. The rules are in `domain`.

use async_graphql::{ID, InputObject, OneofObject};
use entity::id::InboxId;

use super::Ids;
use crate::domain::campaign::{Audience, NewStep, RecipientOutcome};
use crate::domain::filling::{ContactField, Variable};
use crate::graphql::id::NodeKind;
use crate::graphql::vocabulary::{Name, members};

/// What stands for a variable of a text: the contact's field, or the text where that is empty or
/// none is named. One of the two is needed.
#[derive(InputObject)]
pub struct TextVariableInput {
    /// The variable's name, as it stands between the braces.
    name: String,
    /// The contact's field that stands for it.
    contact_field: Option<Name<ContactField>>,
    /// The text that stands for it, up to 1,024 characters.
    text: Option<String>,
}

impl From<TextVariableInput> for Variable {
    fn from(input: TextVariableInput) -> Self {
        let TextVariableInput { name, contact_field, text } = input;
        Self { name, field: contact_field.map(|field| field.0), text }
    }
}

/// Whom a campaign is for.
#[derive(OneofObject)]
pub enum CampaignAudienceInput {
    /// These contacts, 1 to 250.
    ContactIds(Vec<ID>),
    /// All contacts that a filter lets through when the campaign starts.
    Filter(CampaignAudienceFilterInput),
    /// Recipients of another campaign.
    Campaign(CampaignAudienceCampaignInput),
}

/// Which contacts are meant. All that is given must hold; nothing given means all contacts.
#[derive(InputObject)]
pub struct CampaignAudienceFilterInput {
    /// With one of these labels.
    label_ids: Option<Vec<ID>>,
    /// Known on one of these inboxes.
    inbox_ids: Option<Vec<ID>>,
    /// Whether they have a phone number.
    has_phone: Option<bool>,
    /// Whether they have an e-mail address.
    has_email: Option<bool>,
    /// A part of the name, the e-mail address or the phone number.
    search: Option<String>,
}

/// Which recipients of another campaign are meant.
#[derive(InputObject)]
pub struct CampaignAudienceCampaignInput {
    /// The other campaign.
    campaign_id: ID,
    /// Those of whom one of these is true when the new campaign starts; all of them where it is
    /// not given.
    outcomes: Option<Vec<Name<RecipientOutcome>>>,
}

impl CampaignAudienceInput {
    pub(super) fn read(self, ids: &mut Ids) -> Audience {
        let some = |list: Option<Vec<ID>>| list.filter(|list| !list.is_empty());
        match self {
            Self::ContactIds(list) => {
                Audience::Contacts(ids.list("audience.contactIds", &list, NodeKind::Contact))
            }
            Self::Filter(filter) => Audience::Filter {
                label_ids: some(filter.label_ids)
                    .map(|list| ids.list("audience.filter.labelIds", &list, NodeKind::Label)),
                inbox_ids: some(filter.inbox_ids)
                    .map(|list| ids.list("audience.filter.inboxIds", &list, NodeKind::Inbox)),
                has_phone: filter.has_phone,
                has_email: filter.has_email,
                search: filter.search,
            },
            Self::Campaign(CampaignAudienceCampaignInput { campaign_id, outcomes }) => {
                let path = "audience.campaign.campaignId";
                Audience::Campaign {
                    campaign_id: ids.key(path, &campaign_id, NodeKind::Campaign),
                    outcomes: outcomes.map(members),
                }
            }
        }
    }
}

/// One step of a campaign: a template or a text, by one inbox.
#[derive(InputObject)]
pub struct CampaignStepInput {
    /// By which inbox it is sent.
    inbox_id: ID,
    /// The template that is sent; this or `content` is needed.
    template_id: Option<ID>,
    /// The text that is sent, up to 65,536 characters, with variables such as `{{name}}`.
    content: Option<String>,
    /// The subject, which e-mail needs and nothing else has: 1 to 255 characters.
    subject: Option<String>,
    /// How many seconds the step before it has to deliver, up to 30 days; an hour if it is not given.
    /// The first step waits for nothing.
    wait_seconds: Option<i64>,
    /// Whether it is sent whatever became of the steps before it.
    required: Option<bool>,
}

const USUAL_WAIT_SECONDS: i64 = 3_600;

/// The steps as they are given, in their order.
pub(super) fn steps(ids: &mut Ids, steps: Vec<CampaignStepInput>) -> Vec<NewStep> {
    let steps = steps.into_iter().enumerate();
    let read = steps.map(|(index, step)| {
        let at = |field: &str| format!("steps[{index}].{field}");
        let inbox_id: InboxId = ids.key(&at("inboxId"), &step.inbox_id, NodeKind::Inbox);
        let template = step.template_id.as_ref();
        NewStep {
            inbox_id,
            template_id: ids.optional(&at("templateId"), template, NodeKind::Template),
            content: step.content,
            subject: step.subject,
            wait_seconds: step.wait_seconds.unwrap_or(if index == 0 {
                0
            } else {
                USUAL_WAIT_SECONDS
            }),
            required: step.required.unwrap_or(false),
        }
    });
    read.collect()
}

/// Hours of the day in which nothing is sent, in the account's zone.
#[derive(InputObject)]
pub struct CampaignQuietHoursInput {
    /// From this time of day, as `HH:MM`.
    pub from: String,
    /// Until this one; before it on the next day where it is the earlier of the two.
    pub to: String,
}
