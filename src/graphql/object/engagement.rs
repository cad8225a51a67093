//! The numbers of a thing: a field for each metric there is. The type is made of the metrics'
//! declarations, so that a new one is here without a word.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaField, MetaType, MetaTypeId, Registry};
use async_graphql::resolver_utils::{ContainerType, resolve_container};
use async_graphql::{
    Context, ContextSelectionSet, ObjectType, OutputType, Positioned, ServerResult, Value,
};
use entity::vocabulary::Vocabulary;

use crate::analytics::{self, Metric, PeriodInput, Subject};
use crate::auth::AccountScope;
use crate::error::Result;
use crate::graphql::loader::{Key, Reader};
use crate::graphql::report::{self, MetricValue};
use crate::graphql::scalar::TimeZone;

/// Numbers that were asked for.
pub struct Engagement(Vec<MetricValue>);

/// The numbers that the field's selection asks for.
pub async fn engagement(
    ctx: &Context<'_>,
    reader: &Reader,
    subject: Subject,
    period: report::PeriodInput,
    time_zone: Option<TimeZone>,
) -> async_graphql::Result<Engagement> {
    let selected: Vec<&str> = ctx.field().selection_set().map(|field| field.name()).collect();
    let chosen = FIELDS.iter().filter(|(_, name)| selected.contains(&name.as_str()));
    let metrics: Vec<Metric> = chosen.map(|(metric, _)| *metric).collect();
    if metrics.is_empty() {
        return Ok(Engagement(Vec::new()));
    }
    let question = Question {
        subject,
        metrics,
        period: period.into(),
        time_zone: time_zone.map(|zone| zone.0),
    };
    let kind = (reader.account_id(), std::mem::discriminant(&subject), &question.metrics);
    let kind = format!("{:?}", (kind, &question.period, &question.time_zone));
    reader.caller().count_once(kind)?;
    let values = reader.get(question).await?;
    Ok(Engagement(values.iter().map(MetricValue::from).collect()))
}

/// What is asked about one thing. Those that differ in nothing else are answered together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    subject: Subject,
    metrics: Vec<Metric>,
    period: PeriodInput,
    time_zone: Option<String>,
}

impl Key for Question {
    type Row = Vec<analytics::MetricValue>;

    async fn load(scope: &AccountScope, keys: &[Self]) -> Result<HashMap<Self, Self::Row>> {
        let mut answers = HashMap::new();
        let mut left: Vec<&Self> = keys.iter().collect();
        while let Some(first) = left.first().copied() {
            let (alike, others): (Vec<&Self>, Vec<&Self>) = left
                .into_iter()
                .partition(|other| Self { subject: first.subject, ..(*other).clone() } == *first);
            left = others;
            let subjects: Vec<Subject> = alike.iter().map(|question| question.subject).collect();
            let Self { metrics, period, time_zone, .. } = first;
            let zone = time_zone.as_deref();
            let mut values = analytics::headlines(scope, &subjects, metrics, period, zone).await?;
            for question in alike {
                let values = values.remove(&question.subject);
                answers.extend(values.map(|values| (question.clone(), values)));
            }
        }
        Ok(answers)
    }
}

static FIELDS: LazyLock<Vec<(Metric, String)>> =
    LazyLock::new(|| Metric::ALL.iter().map(|metric| (*metric, field(*metric))).collect());

/// `RESPONSE_RATE` as `responseRate`.
fn field(metric: Metric) -> String {
    let mut words = metric.name().split('_').map(str::to_lowercase);
    let first = words.next().unwrap_or_default();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let capital = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &capital.into_iter().chain(letters).collect::<String>()
    })
}

const DESCRIPTION: &str = "Numbers of a thing: one for each metric, each on its own date basis. \
                           All that a list of things is asked for is counted at once.";

impl OutputType for Engagement {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("Engagement")
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            let value = MetricValue::create_type_info(registry);
            let fields: IndexMap<String, MetaField> = FIELDS
                .iter()
                .map(|(metric, name)| {
                    let mut field = MetaField::new(name.clone(), value.clone());
                    field.description = Some(metric.description().to_owned());
                    (name.clone(), field)
                })
                .collect();
            MetaType::Object {
                name: Self::type_name().into_owned(),
                description: Some(DESCRIPTION.to_owned()),
                fields,
                cache_control: Default::default(),
                extends: false,
                shareable: false,
                resolvable: true,
                inaccessible: false,
                interface_object: false,
                tags: Vec::new(),
                keys: None,
                visible: None,
                is_subscription: false,
                rust_typename: Some(std::any::type_name::<Self>()),
                directive_invocations: Vec::new(),
                requires_scopes: Vec::new(),
            }
        })
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _: &Positioned<Field>,
    ) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl ContainerType for Engagement {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        let name = ctx.item.node.name.node.as_str();
        let metric = FIELDS.iter().find(|(_, field)| field == name).map(|(metric, _)| *metric);
        match self.0.iter().find(|value| Some(value.metric.0) == metric) {
            Some(value) => {
                let inner = ctx.with_selection_set(&ctx.item.node.selection_set);
                OutputType::resolve(value, &inner, ctx.item).await.map(Some)
            }
            None => Ok(None),
        }
    }
}

impl ObjectType for Engagement {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_called_like_metrics() {
        assert_eq!(field(Metric::ResponseRate), "responseRate");
        assert_eq!(field(Metric::Sent), "sent");
        assert_eq!(field(Metric::FirstResponseSecondsP90), "firstResponseSecondsP90");
    }
}
