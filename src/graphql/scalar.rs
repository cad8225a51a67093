//! Scalars beside GraphQL's own. Instants are checked here; durations and time zones pass as
//! text, so that every wrong one of an input is named at once, with its path.

use std::borrow::Cow;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    ContextSelectionSet, InputValueError, InputValueResult, OutputType, Positioned, Scalar,
    ScalarType, ServerResult, Value,
};
use entity::Timestamp;

/// An instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateTime(pub Timestamp);

impl DateTime {
    pub const FORM: &str =
        "an RFC 3339 instant with an offset, years 0001 to 9999, such as 2026-01-31T12:00:00Z";

    /// 0001-01-01T00:00:00Z; the last instant is the one that jiff can hold, in 9999.
    const FIRST: i64 = -62_135_596_800_000_000;

    /// Whether a text is an instant in this form.
    pub fn reads(text: &str) -> bool {
        Self::read(text).is_some()
    }

    fn read(text: &str) -> Option<Self> {
        if !is_rfc3339(text) {
            return None;
        }
        let micros = text.parse::<jiff::Timestamp>().ok()?.as_microsecond();
        (micros >= Self::FIRST).then_some(Self(Timestamp(micros)))
    }
}

/// An instant by RFC 3339 with a year from 0001 to 9999, to the microsecond. It is written
/// in UTC with `Z`; any offset is read.
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        Self::read(text)
            .ok_or_else(|| InputValueError::custom(format_args!("expected {}", Self::FORM)))
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if Self::read(text).is_some())
    }

    fn to_value(&self) -> Value {
        // Columns hold nothing outside jiff's range, which is wider than ours.
        let instant = jiff::Timestamp::from_microsecond(self.0.0);
        instant.map_or(Value::Null, |instant| Value::String(instant.to_string()))
    }
}

/// Stricter than jiff, which reads much of ISO 8601 and more.
fn is_rfc3339(text: &str) -> bool {
    let Some((head, tail)) = text.as_bytes().split_at_checked(19) else { return false };
    let dated = head.iter().zip(b"0000-00-00T00:00:00").all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte.eq_ignore_ascii_case(form),
    });
    let offset = match tail {
        [b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            &rest[digits..]
        }
        tail => tail,
    };
    let offset_fits = match offset {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    };
    dated && offset_fits
}

/// A length of time as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duration(pub String);

/// A length of time by ISO 8601, such as `PT72H`, `PT90M` or `P30D`.
#[Scalar(name = "Duration", specified_by_url = "https://www.iso.org/standard/70907.html")]
impl ScalarType for Duration {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            value => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// The name of a time zone as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone(pub String);

/// A time zone by its IANA name, such as `Europe/Berlin`.
#[Scalar(name = "TimeZone", specified_by_url = "https://www.iana.org/time-zones")]
impl ScalarType for TimeZone {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            value => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A count of rows, which may pass the 2,147,483,647 that `Int` ends at: a `Float` written
/// without a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub u64);

impl OutputType for Count {
    fn type_name() -> Cow<'static, str> {
        <f64 as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <f64 as OutputType>::create_type_info(registry)
    }

    async fn resolve(
        &self,
        _: &ContextSelectionSet<'_>,
        _: &Positioned<Field>,
    ) -> ServerResult<Value> {
        Ok(Value::Number(self.0.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Option<Value> {
        DateTime::read(text).map(|instant| instant.to_value())
    }

    #[test]
    fn instants_come_back_in_utc() {
        for (text, utc) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
            ("2026-01-31t12:00:00z", "2026-01-31T12:00:00Z"),
            ("2026-01-31T12:00:00.1234567+02:00", "2026-01-31T10:00:00.123456Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-30T21:59:59Z", "9999-12-30T21:59:59Z"),
        ] {
            assert_eq!(written(text), Some(Value::from(utc)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "now",
            "2026-01-31",
            "2026-01-31T12:00:00",
            "2026-01-31 12:00:00Z",
            "2026-01-31T12:00Z",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00+02",
            "2026-01-31T12:00:00+02:00[Europe/Berlin]",
            "2026-02-30T12:00:00Z",
            "0000-12-31T12:00:00Z",
            "0001-01-01T00:00:00+01:00",
            "-000001-01-01T00:00:00Z",
            "9999-12-31T23:59:59-23:59",
            "2026-01-31T12:00:0\u{0660}Z",
        ] {
            assert_eq!(written(text), None, "{text}");
        }
    }
}
