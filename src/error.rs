//! What can go wrong, in words that know nothing of GraphQL or HTTP. The message of an
//! error is safe to show: causes that name tables or paths stay in `Internal` and go to
//! the log only.

use entity::vocabulary;
use sea_orm::DbErr;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("sign in first: the request carries no valid token")]
    Unauthenticated,
    /// The caller is known and may not do this. The text says what would be needed.
    #[error("{0}")]
    Forbidden(String),
    /// The thing does not exist, or belongs to somebody else: the two look the same.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The input breaks rules; every broken one is listed.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Violation>),
    /// A limit was reached; the text names it and its value.
    #[error("{0}")]
    Limit(String),
    /// Events after a cursor are no longer kept, or the cursor is of another log.
    #[error(
        "the events after this cursor are no longer kept: load what you show anew and subscribe \
         without `after`"
    )]
    Resync,
    /// Too much was asked of an account in too short a time.
    #[error("the account has spent what may be spent at once; ask again in {seconds} s")]
    Throttled { seconds: u64 },
    /// Try again later.
    #[error("{0}")]
    Unavailable(&'static str),
    #[error("an internal error; the log has it under the request's id")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// One broken rule.
    pub fn invalid(
        path: impl Into<String>,
        code: ViolationCode,
        message: impl Into<String>,
    ) -> Self {
        Self::Invalid(vec![Violation { path: path.into(), code, message: message.into() }])
    }

    /// A state that our own code should have made impossible.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::Internal(message.into().into())
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(_) => Self::Unavailable("the database is busy; try again"),
            error => Self::Internal(error.into()),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(error.into())
    }
}

vocabulary! {
    /// What kind of rule an input breaks.
    pub enum ViolationCode {
        /// A value is needed.
        Required => "REQUIRED",
        /// The value has the wrong form.
        Malformed => "MALFORMED",
        /// The value is longer than allowed.
        TooLong => "TOO_LONG",
        /// The value lies outside the allowed range.
        OutOfRange => "OUT_OF_RANGE",
        /// No such thing exists here.
        NotFound => "NOT_FOUND",
        /// The name or address is in use already.
        Taken => "TAKEN",
        /// The value does not go together with another, or with the state of things.
        Conflict => "CONFLICT",
        /// The combination is not supported.
        Unsupported => "UNSUPPORTED",
    }
}

/// One broken rule of an input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("{path}: {message}")]
pub struct Violation {
    /// Where in the input, with dots and indices: `contact.phone`, `items[3].message.content`.
    pub path: String,
    pub code: ViolationCode,
    /// What was wrong and what is allowed.
    pub message: String,
}

/// Collects the broken rules of one input, so that all are answered at once.
#[derive(Debug, Default)]
pub struct Checks {
    violations: Vec<Violation>,
}

impl Checks {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn fail(
        &mut self,
        path: impl Into<String>,
        code: ViolationCode,
        message: impl Into<String>,
    ) {
        self.violations.push(Violation { path: path.into(), code, message: message.into() });
    }

    /// A text without the white space around it; it must hold 1 to `longest` characters.
    pub fn text(&mut self, path: &str, value: &str, longest: usize) -> String {
        let trimmed = value.trim();
        if trimmed.is_empty() {
            self.fail(path, ViolationCode::Required, "must not be empty");
        }
        self.length(path, trimmed, longest);
        trimmed.to_owned()
    }

    /// Like [`Checks::text`]; an empty text counts as none.
    pub fn optional_text(
        &mut self,
        path: &str,
        value: Option<&str>,
        longest: usize,
    ) -> Option<String> {
        let trimmed = value.map(str::trim).filter(|value| !value.is_empty())?;
        self.length(path, trimmed, longest);
        Some(trimmed.to_owned())
    }

    /// No more than `longest` characters and no NUL, which PostgreSQL cannot store.
    pub fn length(&mut self, path: &str, value: &str, longest: usize) {
        // Bytes are an upper bound of characters, so that most texts are not counted.
        if value.len() > longest {
            let characters = value.chars().count();
            if characters > longest {
                let message = format!("has {characters} characters; at most {longest} are allowed");
                self.fail(path, ViolationCode::TooLong, message);
            }
        }
        if value.contains('\0') {
            self.fail(
                path,
                ViolationCode::Malformed,
                "must not contain the character NUL (U+0000)",
            );
        }
    }

    /// A number within `range`.
    pub fn range(&mut self, path: &str, value: i64, range: std::ops::RangeInclusive<i64>) -> i64 {
        if !range.contains(&value) {
            let message = format!("is {value}; allowed is {} to {}", range.start(), range.end());
            self.fail(path, ViolationCode::OutOfRange, message);
        }
        value
    }

    /// The value, or a violation that it is needed.
    pub fn required<T>(&mut self, path: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.fail(path, ViolationCode::Required, "is required");
        }
        value
    }

    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    pub fn into_violations(self) -> Vec<Violation> {
        self.violations
    }

    /// An error with all broken rules, if there are any.
    pub fn finish(self) -> Result<()> {
        if self.violations.is_empty() { Ok(()) } else { Err(Error::Invalid(self.violations)) }
    }
}
