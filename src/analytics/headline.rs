//! The numbers of many things at once: of all inboxes of a list, say. One report for all of
//! them, whatever their number.

use std::collections::HashMap;

use entity::id::{BotId, CampaignId, InboxId, TemplateId, UserId, Uuid};

use super::dimension::Dimension;
use super::filter::{LONGEST_LIST, ReportFilter};
use super::fold::MetricValue;
use super::key::Key;
use super::metric::Metric;
use super::period::PeriodInput;
use super::query::ReportInput;
use super::report::report;
use crate::auth::AccountScope;
use crate::error::Result;

/// What numbers are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    Account,
    Inbox(InboxId),
    Template(TemplateId),
    Campaign(CampaignId),
    /// What happened while the bot was that of the conversation.
    Bot(BotId),
    /// What happened while the conversation was assigned to the user.
    Assignee(UserId),
}

impl Subject {
    fn key(self) -> Option<(Dimension, Uuid)> {
        Some(match self {
            Self::Account => return None,
            Self::Inbox(id) => (Dimension::Inbox, id.0),
            Self::Template(id) => (Dimension::Template, id.0),
            Self::Campaign(id) => (Dimension::Campaign, id.0),
            Self::Bot(id) => (Dimension::Bot, id.0),
            Self::Assignee(id) => (Dimension::Assignee, id.0),
        })
    }

    fn narrow(self, filter: &mut ReportFilter) {
        match self {
            Self::Account => {}
            Self::Inbox(id) => filter.inboxes.push(id),
            Self::Template(id) => filter.templates.push(id),
            Self::Campaign(id) => filter.campaigns.push(id),
            Self::Bot(id) => filter.bots.push(id),
            Self::Assignee(id) => filter.assignees.push(id),
        }
    }
}

/// The values of `metrics`, in their order, for each of the subjects; each metric on its own
/// date basis, and in the account's zone unless another is given.
pub async fn headlines(
    scope: &AccountScope,
    subjects: &[Subject],
    metrics: &[Metric],
    period: &PeriodInput,
    time_zone: Option<&str>,
) -> Result<HashMap<Subject, Vec<MetricValue>>> {
    let mut alike: HashMap<Option<Dimension>, Vec<Subject>> = HashMap::new();
    for subject in subjects {
        alike.entry(subject.key().map(|(dimension, _)| dimension)).or_default().push(*subject);
    }
    let mut values = HashMap::new();
    for (dimension, subjects) in alike {
        for subjects in subjects.chunks(LONGEST_LIST) {
            let mut filter = ReportFilter::default();
            subjects.iter().for_each(|subject| subject.narrow(&mut filter));
            let input = ReportInput {
                metrics: metrics.to_vec(),
                period: period.clone(),
                interval: None,
                breakdown: dimension.into_iter().collect(),
                filter,
                date_basis: None,
                time_zone: time_zone.map(str::to_owned),
                compare_to: None,
                order_by: None,
                reply_window: None,
                first: None,
            };
            let rows = report(scope, input).await?.rows;
            for subject in subjects {
                let own = rows.iter().find(|row| match (subject.key(), row.keys.first()) {
                    (Some((_, id)), Some(key)) => matches!(key.key, Key::Id(_, own) if own == id),
                    (key, _) => key.is_none(),
                });
                let nothing = || metrics.iter().map(|metric| MetricValue::nothing(*metric));
                let own = own.map_or_else(|| nothing().collect(), |row| row.values.clone());
                values.insert(*subject, own);
            }
        }
    }
    Ok(values)
}
