//! Two contacts that are one: what was said with either is one history, and stays so.

use entity::id::ContactId;
use entity::kinds::{Platform, UserType};
use entity::{contact, message, session};
use rapport::domain::contact::{ContactFilter, ContactUpsert, select, upsert};
use rapport::domain::contact_merge::merge;
use rapport::domain::record::NewMessage;

use crate::on_both;
use crate::support::TestApp;
use crate::support::factory::{self, AllRows, stored, stored_message};

const ADA: &str = "+15550001111";
const ADA_TOO: &str = "+15550002222";

/// Hears from both numbers on two inboxes, merges the second into the first, and gives the
/// contacts in this order.
async fn merged(app: &TestApp) -> [ContactId; 2] {
    let scope = &app.scope;
    let [whatsapp, sms] = factory::two_inboxes(scope).await;
    let mut contacts = Vec::new();
    for (inbox, phone, hours_ago) in [(whatsapp.id, ADA, 1), (sms.id, ADA_TOO, 100)] {
        let occurred_at = Some(app.hours_ago(hours_ago));
        let said = NewMessage { occurred_at, ..factory::message(inbox, phone, "Hello") };
        let (id, _) = factory::say(scope, said).await;
        contacts.push(stored_message(scope, id).await.contact_id);
    }
    merge(scope, contacts[1], contacts[0]).await.unwrap();
    [contacts[0], contacts[1]]
}

on_both! {
    async fn what_was_said_with_either_is_one_history(app: &TestApp) {
        let [into, _] = merged(app).await;
        let of = |messages: Vec<message::Model>| -> Vec<ContactId> {
            messages.iter().map(|message| message.contact_id).collect()
        };
        assert_eq!(of(stored::<message::Entity>(&app.scope).await), [into, into]);
        let mut sessions = stored::<session::Entity>(&app.scope).await;
        sessions.sort_by_key(|session| session.started_at);
        let told: Vec<_> = sessions.iter().map(|each| (each.contact_id, each.user_type)).collect();
        assert_eq!(told, [(into, UserType::New), (into, UserType::Returning)]);
    }
}

on_both! {
    async fn either_number_finds_the_one_that_stays(app: &TestApp) {
        let scope = &app.scope;
        let [into, gone] = merged(app).await;
        // On an inbox where neither is known.
        let third = factory::inbox(scope, "Other", Platform::Viber).await;
        for phone in [ADA_TOO, ADA] {
            let (id, _) = factory::say(scope, factory::message(third.id, phone, "Again")).await;
            assert_eq!(stored_message(scope, id).await.contact_id, into, "{phone}");
            let input = ContactUpsert { phone: Some(phone.to_owned()), ..ContactUpsert::default() };
            assert_eq!(upsert(scope, None, ContactUpsert { id: Some(gone), ..input.clone() })
                .await.unwrap().id, into);
            let found = upsert(scope, None, input).await.unwrap();
            // A number that is said to be the contact's takes the place of the other.
            assert_eq!((found.id, found.phone.as_deref()), (into, Some(phone)));
        }
        assert_eq!(stored::<contact::Entity>(scope).await.len(), 2);
        // Whoever searches for either finds the same one.
        for phone in [ADA, ADA_TOO] {
            let filter = ContactFilter { search: Some(phone.to_owned()), ..ContactFilter::default() };
            let found = select(scope, &filter).unwrap().all_rows(scope.db().read()).await;
            assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [into], "{phone}");
        }
    }
}

on_both! {
    async fn a_number_that_is_taken_over_is_that_of_the_one_that_stays(app: &TestApp) {
        let scope = &app.scope;
        let mail = |email: &str| ContactUpsert {
            email: Some(email.to_owned()),
            ..ContactUpsert::default()
        };
        let into = upsert(scope, None, mail("ada@example.org")).await.unwrap();
        let phone = Some(ADA.to_owned());
        let gone = ContactUpsert { phone, ..mail("ada@example.com") };
        let gone = upsert(scope, None, gone).await.unwrap();
        let into = merge(scope, gone.id, into.id).await.unwrap();
        assert_eq!(into.phone.as_deref(), Some(ADA));
        assert_eq!(into.email.as_deref(), Some("ada@example.org"));
        let found = upsert(scope, None, mail("ada@example.com")).await.unwrap();
        assert_eq!((found.id, found.email.as_deref()), (into.id, Some("ada@example.com")));
    }
}
