//! Vocabularies as GraphQL enums. One wrapper shows them all, so that no list of names is
//! repeated here: names and descriptions come from the declaration.

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::Field;
use async_graphql::registry::{EnumBuilder, MetaEnumValue, MetaType, MetaTypeId, Registry};
use async_graphql::{
    ContextSelectionSet, InputType, InputValueError, InputValueResult, OutputType, Positioned,
    ServerResult, Value,
};
use entity::vocabulary::Vocabulary;

/// A member of a vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name<T>(pub T);

impl<T> From<T> for Name<T> {
    fn from(member: T) -> Self {
        Self(member)
    }
}

/// The members of a list of names.
pub fn members<T>(names: Vec<Name<T>>) -> Vec<T> {
    names.into_iter().map(|name| name.0).collect()
}

impl<T: Vocabulary> Name<T> {
    fn value(self) -> Value {
        Value::Enum(async_graphql::Name::new(self.0.name()))
    }

    fn meta() -> MetaType {
        let values: IndexMap<String, MetaEnumValue> = T::ALL
            .iter()
            .map(|member| {
                let mut value = MetaEnumValue::new(member.name());
                value.description = Some(member.description().to_owned());
                (member.name().to_owned(), value)
            })
            .collect();
        EnumBuilder::new(T::NAME, values)
            .description(Some(T::DESCRIPTION.to_owned()))
            .rust_typename(std::any::type_name::<Self>())
            .build()
    }
}

impl<T: Vocabulary> InputType for Name<T> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(T::NAME)
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_input_type::<Self, _>(MetaTypeId::Enum, |_| Self::meta())
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let value = value.unwrap_or_default();
        let name = match &value {
            Value::Enum(name) => name.as_str(),
            Value::String(name) => name.as_str(),
            _ => return Err(InputValueError::expected_type(value)),
        };
        T::from_name(name).map(Self).ok_or_else(|| {
            InputValueError::custom(format_args!("is \"{name}\"; allowed are {}", T::names()))
        })
    }

    fn to_value(&self) -> Value {
        self.value()
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }
}

impl<T: Vocabulary> OutputType for Name<T> {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(T::NAME)
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Enum, |_| Self::meta())
    }

    async fn resolve(
        &self,
        _: &ContextSelectionSet<'_>,
        _: &Positioned<Field>,
    ) -> ServerResult<Value> {
        Ok(self.value())
    }
}
