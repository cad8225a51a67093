//! Merging two contacts that are one person: everything said and known moves to the one
//! that stays, and what follows from it is worked out anew.

use std::collections::BTreeSet;

use entity::id::{ContactId, LabelId};
use entity::kinds::EventKind;
use entity::{contact, contact_identity, contact_label, conversation, message, opt_out, session};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QuerySelect, QueryTrait,
};

use super::record::{attribute_contacts, recompute_sessions};
use super::{contact as contacts, event};
use crate::auth::{AccountScope, Permission};
use crate::error::{Checks, Result, ViolationCode};

/// Merges `from` into `into` and answers the latter. What `into` is called and where it can
/// be reached stays; gaps are filled from `from`, which points at `into` for good and keeps
/// the addresses that are not taken over, so that who is heard from them is known. Opt-outs
/// hold for addresses, so they stay as they are.
pub async fn merge(
    scope: &AccountScope,
    from: ContactId,
    into: ContactId,
) -> Result<contact::Model> {
    scope.require(Permission::Manage)?;
    let tx = scope.begin().await?;
    // No message may come in between for the contact that goes.
    scope.lock(&tx).await?;
    let (from, into) = both(scope, &tx, from, into).await?;
    move_facts(scope, &tx, from.id, into.id).await?;
    move_labels(scope, &tx, from.id, into.id).await?;
    let into = move_names(scope, &tx, from.clone(), into).await?;
    recompute_sessions(scope, &tx, &[into.id]).await?;
    attribute_contacts(scope, &tx, &[into.id]).await?;
    event::write(scope, &tx, EventKind::ContactChanged, vec![from.id.0, into.id.0]).await?;
    tx.commit().await?;
    Ok(into)
}

async fn both(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    from: ContactId,
    into: ContactId,
) -> Result<(contact::Model, contact::Model)> {
    let mut checks = Checks::new();
    if from == into {
        checks.fail("intoId", ViolationCode::Conflict, "must be another contact than fromId");
    }
    let found = (contacts::find(scope, tx, from).await?, contacts::find(scope, tx, into).await?);
    for (path, contact) in [("fromId", &found.0), ("intoId", &found.1)] {
        match contact {
            None => checks.fail(path, ViolationCode::NotFound, "no such contact"),
            Some(contact) if contact.merged_into_id.is_some() => {
                checks.fail(
                    path,
                    ViolationCode::Conflict,
                    "was merged into another contact before",
                );
            }
            Some(contact) if contact.erased_at.is_some() => {
                checks.fail(path, ViolationCode::Conflict, "was erased");
            }
            Some(_) => {}
        }
    }
    checks.finish()?;
    match found {
        (Some(from), Some(into)) => Ok((from, into)),
        _ => Err(crate::error::Error::NotFound("contact")),
    }
}

async fn move_facts(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    from: ContactId,
    into: ContactId,
) -> Result<()> {
    // Messages are found by their conversations, as long as these are still those of `from`:
    // they have no index by contact alone.
    let conversations = scope
        .find::<conversation::Entity>()
        .filter(conversation::Column::ContactId.eq(from))
        .select_only()
        .column(conversation::Column::Id)
        .into_query();
    scope
        .update_many::<message::Entity>()
        .col_expr(message::Column::ContactId, Expr::value(into))
        .filter(message::Column::ConversationId.in_subquery(conversations))
        .exec(tx)
        .await?;
    scope
        .update_many::<conversation::Entity>()
        .col_expr(conversation::Column::ContactId, Expr::value(into))
        .col_expr(conversation::Column::UpdatedAt, Expr::value(scope.now()))
        .filter(conversation::Column::ContactId.eq(from))
        .exec(tx)
        .await?;
    scope
        .update_many::<session::Entity>()
        .col_expr(session::Column::ContactId, Expr::value(into))
        .filter(session::Column::ContactId.eq(from))
        .exec(tx)
        .await?;
    scope
        .update_many::<contact_identity::Entity>()
        .col_expr(contact_identity::Column::ContactId, Expr::value(into))
        .filter(contact_identity::Column::ContactId.eq(from))
        .exec(tx)
        .await?;
    scope
        .update_many::<opt_out::Entity>()
        .col_expr(opt_out::Column::ContactId, Expr::value(into))
        .filter(opt_out::Column::ContactId.eq(from))
        .exec(tx)
        .await?;
    Ok(())
}

async fn move_labels(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    from: ContactId,
    into: ContactId,
) -> Result<()> {
    use contact_label::Column as C;
    let carried = scope
        .find::<contact_label::Entity>()
        .filter(C::ContactId.is_in([from, into]))
        .all(tx)
        .await?;
    let of = |id: ContactId| {
        let rows = carried.iter().filter(move |row| row.contact_id == id);
        rows.map(|row| row.label_id).collect::<BTreeSet<LabelId>>()
    };
    let (theirs, ours) = (of(from), of(into));
    let rows = theirs.difference(&ours).map(|label_id| contact_label::ActiveModel {
        account_id: Set(scope.account_id()),
        contact_id: Set(into),
        label_id: Set(*label_id),
        created_at: Set(scope.now()),
    });
    contact_label::Entity::insert_many(rows).exec_without_returning(tx).await?;
    scope.delete_many::<contact_label::Entity>().filter(C::ContactId.eq(from)).exec(tx).await?;
    Ok(())
}

async fn move_names(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    from: contact::Model,
    mut into: contact::Model,
) -> Result<contact::Model> {
    let now = scope.now();
    // The addresses are unique: they must be free before the other contact takes them. And
    // whoever was merged into `from` earlier must not be two steps away.
    let mut gone = from.clone();
    gone.phone = gone.phone.filter(|_| into.phone.is_some());
    gone.email = gone.email.filter(|_| into.email.is_some());
    gone.merged_into_id = Some(into.id);
    gone.updated_at = now;
    gone.into_active_model().reset_all().update(tx).await?;
    scope
        .update_many::<contact::Entity>()
        .col_expr(contact::Column::MergedIntoId, Expr::value(into.id))
        .filter(contact::Column::MergedIntoId.eq(from.id))
        .exec(tx)
        .await?;
    if into.name.is_none() {
        into.name = from.name;
        into.name_key = from.name_key;
    }
    into.nickname = into.nickname.or(from.nickname);
    into.phone = into.phone.or(from.phone);
    into.email = into.email.or(from.email);
    into.updated_at = now;
    Ok(into.into_active_model().reset_all().update(tx).await?)
}
