//! What keys are called. The names behind ids are read in the
//! same snapshot as the numbers, one query for each table.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use entity::id::{UserId, Uuid};
use entity::{bot, campaign, inbox, label, team, template};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QuerySelect};

use super::filter::ReportFilter;
use super::key::{Key, Table};
use crate::auth::{AccountScope, person};
use crate::error::{Checks, Result, ViolationCode};

/// Ids of one statement: both databases take more parameters, none needs to.
const CHUNK: usize = 5_000;

/// Names by table and id.
#[derive(Debug, Default)]
pub(super) struct Labels(HashMap<(Table, Uuid), String>);

impl Labels {
    /// The names of all ids among `keys`, which must come from rows of the scope's account.
    pub async fn load(
        scope: &AccountScope,
        connection: &impl ConnectionTrait,
        keys: impl Iterator<Item = &Key>,
    ) -> Result<Self> {
        let mut ids: BTreeMap<Table, BTreeSet<Uuid>> = BTreeMap::new();
        for key in keys {
            if let Key::Id(table, id) = key {
                ids.entry(*table).or_default().insert(*id);
            }
        }
        let mut labels = HashMap::new();
        for (table, ids) in ids {
            let ids: Vec<Uuid> = ids.into_iter().collect();
            for (id, name) in names(scope, connection, table, &ids).await? {
                labels.insert((table, id), name);
            }
        }
        Ok(Self(labels))
    }

    pub fn of(&self, key: &Key) -> String {
        match key {
            Key::Null => "none".to_owned(),
            Key::Other => "other".to_owned(),
            Key::Id(table, id) => {
                self.0.get(&(*table, *id)).cloned().unwrap_or_else(|| id.to_string())
            }
            Key::Name(name) => (*name).to_owned(),
            Key::Text(text) => text.clone(),
            Key::Number(number) => number.to_string(),
            Key::Flag(flag) => flag.to_string(),
        }
    }
}

/// Refuses ids of a filter behind which the account has nothing, so that a report is never
/// empty for a wrong id.
pub(super) async fn check(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    filter: &ReportFilter,
    checks: &mut Checks,
) -> Result<()> {
    let mut wanted: BTreeMap<Table, Vec<(String, Uuid)>> = BTreeMap::new();
    for (path, table, id) in filter.ids() {
        wanted.entry(table).or_default().push((path, id));
    }
    for (table, wanted) in wanted {
        let ids: Vec<Uuid> = wanted.iter().map(|(_, id)| *id).collect();
        let names = names(scope, connection, table, &ids).await?;
        let found: HashSet<Uuid> = names.into_iter().map(|(id, _)| id).collect();
        for (path, _) in wanted.into_iter().filter(|(_, id)| !found.contains(id)) {
            let message = format!("no {} has this id", noun(table));
            checks.fail(path, ViolationCode::NotFound, message);
        }
    }
    Ok(())
}

fn noun(table: Table) -> &'static str {
    match table {
        Table::Inbox => "Inbox",
        Table::User => "User",
        Table::Bot => "Bot",
        Table::Template => "Template",
        Table::Team => "Team",
        Table::Label => "Label",
        Table::Campaign => "Campaign",
    }
}

async fn names(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    table: Table,
    ids: &[Uuid],
) -> Result<Vec<(Uuid, String)>> {
    let mut names = Vec::with_capacity(ids.len());
    for ids in ids.chunks(CHUNK) {
        let found: Vec<(Uuid, String)> = match table {
            Table::Inbox => {
                let rows =
                    scope.find::<inbox::Entity>().filter(inbox::Column::Id.is_in(ids.to_vec()));
                let rows = rows.select_only().columns([inbox::Column::Id, inbox::Column::Name]);
                rows.into_tuple().all(connection).await?
            }
            Table::Bot => {
                let rows = scope.find::<bot::Entity>().filter(bot::Column::Id.is_in(ids.to_vec()));
                let rows = rows.select_only().columns([bot::Column::Id, bot::Column::Name]);
                rows.into_tuple().all(connection).await?
            }
            Table::Template => {
                let rows = scope
                    .find::<template::Entity>()
                    .filter(template::Column::Id.is_in(ids.to_vec()));
                let rows =
                    rows.select_only().columns([template::Column::Id, template::Column::Name]);
                rows.into_tuple().all(connection).await?
            }
            Table::Team => {
                let rows =
                    scope.find::<team::Entity>().filter(team::Column::Id.is_in(ids.to_vec()));
                let rows = rows.select_only().columns([team::Column::Id, team::Column::Name]);
                rows.into_tuple().all(connection).await?
            }
            Table::Label => {
                let rows =
                    scope.find::<label::Entity>().filter(label::Column::Id.is_in(ids.to_vec()));
                let rows = rows.select_only().columns([label::Column::Id, label::Column::Name]);
                rows.into_tuple().all(connection).await?
            }
            Table::Campaign => {
                let rows = scope
                    .find::<campaign::Entity>()
                    .filter(campaign::Column::Id.is_in(ids.to_vec()));
                let rows =
                    rows.select_only().columns([campaign::Column::Id, campaign::Column::Name]);
                rows.into_tuple().all(connection).await?
            }
            Table::User => {
                let ids: Vec<UserId> = ids.iter().copied().map(UserId).collect();
                let users = person::find_many(connection, &ids).await?;
                users.into_iter().map(|user| (user.id.0, user.name)).collect()
            }
        };
        names.extend(found);
    }
    Ok(names)
}
