//! Closed sets of names that the database stores, the API shows and reports group by.
//! Name, number and description of each live in one declaration.

/// A closed set of names. `name` is the UPPER_CASE form that clients see.
pub trait Vocabulary: Copy + Eq + Send + Sync + 'static {
    /// The name of the set, for example `Platform`.
    const NAME: &'static str;
    /// What the set is about.
    const DESCRIPTION: &'static str;
    /// All members in the order of their declaration.
    const ALL: &'static [Self];

    fn name(self) -> &'static str;
    fn description(self) -> &'static str;

    /// The member called `name`, in exactly that spelling.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|member| member.name() == name)
    }

    /// All names, separated by commas: for messages that say what is allowed.
    fn names() -> String {
        Self::ALL.iter().map(|member| member.name()).collect::<Vec<_>>().join(", ")
    }
}

/// Declares a vocabulary. Doc comments become descriptions; with a number for each member
/// it is also a `SMALLINT` column.
#[macro_export]
macro_rules! vocabulary {
    (
        #[doc = $description:literal]
        pub enum $set:ident { $( $(#[doc = $doc:literal])+ $member:ident = $number:literal => $name:literal ),+ $(,)? }
    ) => {
        #[doc = $description]
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sea_orm::EnumIter,
            sea_orm::DeriveActiveEnum,
        )]
        #[sea_orm(rs_type = "i16", db_type = "SmallInteger")]
        pub enum $set {
            $( $(#[doc = $doc])+ #[sea_orm(num_value = $number)] $member = $number ),+
        }
        $crate::vocabulary!(@names #[doc = $description] $set { $( $(#[doc = $doc])+ $member => $name ),+ });
    };
    (
        #[doc = $description:literal]
        pub enum $set:ident { $( $(#[doc = $doc:literal])+ $member:ident => $name:literal ),+ $(,)? }
    ) => {
        #[doc = $description]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $set {
            $( $(#[doc = $doc])+ $member ),+
        }
        $crate::vocabulary!(@names #[doc = $description] $set { $( $(#[doc = $doc])+ $member => $name ),+ });
    };
    (@names #[doc = $description:literal] $set:ident { $( $(#[doc = $doc:literal])+ $member:ident => $name:literal ),+ }) => {
        impl $crate::vocabulary::Vocabulary for $set {
            const NAME: &'static str = stringify!($set);
            const DESCRIPTION: &'static str = $description.trim_ascii();
            const ALL: &'static [Self] = &[$( Self::$member ),+];

            fn name(self) -> &'static str {
                match self { $( Self::$member => $name ),+ }
            }

            fn description(self) -> &'static str {
                match self { $( Self::$member => concat!($($doc, "\n"),+).trim_ascii() ),+ }
            }
        }

        impl serde::Serialize for $set {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::vocabulary::Vocabulary::name(*self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $set {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                $crate::vocabulary::Vocabulary::from_name(&name)
                    .ok_or_else(|| serde::de::Error::custom(format!("no {} is called {name}", stringify!($set))))
            }
        }
    };
}
