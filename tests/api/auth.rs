//! Who comes in: signing in and out, tokens and what ends them, accounts and their owners.

use entity::kinds::{Role, TokenScope};
use entity::membership;
use entity::vocabulary::Vocabulary;
use rapport::auth::token::NewToken;
use rapport::domain::user::{UserInvite, invite};
use rapport::graphql::id::{NodeId, NodeKind};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::TestApp;
use crate::support::app;
use crate::support::factory::stored;
use crate::support::gql::{Answer, Client};
use crate::support::mutations::calls;
use crate::support::schema::Schema;
use crate::support::world::fill;

const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) {
    token user { id email lastSignInAt lastSignInIp } viewer { accounts { id viewerRole } } userErrors { path code }
} }";
const USER_UPDATE: &str = "mutation($input: UserUpdateInput!) { userUpdate(input: $input) {
    user { id name } userErrors { path code }
} }";
const USER_INVITE: &str = "mutation($input: UserInviteInput!) { userInvite(input: $input) {
    user { id } userErrors { path code }
} }";
const USER_REMOVE: &str = "mutation($input: UserRemoveInput!) { userRemove(input: $input) {
    removedUserId userErrors { path code }
} }";
const TOKEN_CREATE: &str = "mutation($input: TokenCreateInput!) { tokenCreate(input: $input) {
    token accessToken { id role scopes } userErrors { path code }
} }";
const WHO: &str = "{ viewer { isInstallation user { email } accounts { id viewerRole } } }";
const PASSWORD: &str = "correct horse battery";

on_both! {
    async fn everybody_may_change_the_own_name(app: &TestApp) {
        for role in Role::ALL {
            let (user, client) = app.new_user(*role).await;
            let id = NodeId::global(NodeKind::User, user.id).to_string();
            let input = json!({ "accountId": app.account_node, "userId": id, "name": "Augusta" });
            let data = client.data(USER_UPDATE, json!({ "input": input })).await;
            assert_eq!(data["userUpdate"]["user"]["name"], "Augusta", "{role:?}");
        }
    }
}

async fn invited(app: &TestApp, email: &str, password: Option<&str>) -> String {
    let input = UserInvite {
        email: email.to_owned(),
        name: "Ada".to_owned(),
        role: Role::Agent,
        password: password.map(str::to_owned),
    };
    let user = invite(&app.scope, None, input).await.unwrap();
    NodeId::global(NodeKind::User, user.id).to_string()
}

async fn sign_in(app: &TestApp, email: &str, password: &str) -> Answer {
    let input = json!({ "input": { "email": email, "password": password } });
    app.anonymous.send(SIGN_IN, input).await
}

fn refused(answer: &Answer) -> bool {
    answer.status == 401 && answer.code() == "UNAUTHENTICATED"
}

async fn is_out(client: &Client) -> bool {
    refused(&client.send(WHO, json!({})).await)
}

on_both! {
    async fn the_right_password_opens(app: &TestApp) {
        let id = invited(app, "ada@acme.test", Some(PASSWORD)).await;
        app.set_clock(90);
        let answer = sign_in(app, " Ada@ACME.test ", PASSWORD).await;
        let payload = &answer.body["data"]["signIn"];
        assert_eq!(payload["userErrors"], json!([]), "{:#}", answer.body);
        let user = json!({
            "id": id, "email": "ada@acme.test", "lastSignInAt": "2026-03-18T15:01:30Z", "lastSignInIp": "127.0.0.1",
        });
        assert_eq!(payload["user"], user);
        let accounts = json!([{ "id": app.account_node, "viewerRole": "AGENT" }]);
        assert_eq!(payload["viewer"]["accounts"], accounts);
        let client = app.client(payload["token"].as_str().unwrap());
        let who = client.data(WHO, json!({})).await;
        assert_eq!(who["viewer"]["user"]["email"], "ada@acme.test");
        assert_eq!(who["viewer"]["accounts"], accounts);
    }
}

on_both! {
    async fn whatever_is_wrong_is_answered_alike(app: &TestApp) {
        invited(app, "ada@acme.test", Some(PASSWORD)).await;
        invited(app, "none@acme.test", None).await;
        let mut answers = Vec::new();
        for (email, password) in [
            ("ada@acme.test", "wrong horse battery"),
            ("nobody@acme.test", PASSWORD),
            ("none@acme.test", ""),
            ("no address", PASSWORD),
        ] {
            let answer = sign_in(app, email, password).await;
            assert_eq!(answer.code(), "FORBIDDEN", "{email}");
            answers.push((answer.status, answer.without_request_id()));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    }
}

on_both! {
    async fn tries_of_an_address_are_limited(app: &TestApp) {
        while app.engine.passwords.attempt("ada@acme.test").is_ok() {}
        let answer = sign_in(app, "Ada@acme.test", PASSWORD).await;
        assert_eq!(answer.code(), "LIMIT_EXCEEDED");
        assert!(answer.message().contains("10 at once and 6 a minute"), "{}", answer.message());
        assert_eq!(sign_in(app, "grace@acme.test", PASSWORD).await.code(), "FORBIDDEN");
    }
}

on_both! {
    async fn a_new_password_ends_what_the_old_one_opened(app: &TestApp) {
        let id = invited(app, "ada@acme.test", Some(PASSWORD)).await;
        let answer = sign_in(app, "ada@acme.test", PASSWORD).await;
        let client = app.client(answer.body["data"]["signIn"]["token"].as_str().unwrap());
        let change = |fields: Value| {
            let mut input = json!({ "accountId": app.account_node, "userId": id });
            input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            json!({ "input": input })
        };
        let errors = async |fields: Value| {
            let data = client.data(USER_UPDATE, change(fields)).await;
            data["userUpdate"]["userErrors"].clone()
        };
        let error = |path: &str, code: &str| json!([{ "path": [path], "code": code }]);
        let new = "another horse battery";
        assert_eq!(errors(json!({ "password": new })).await, error("currentPassword", "REQUIRED"));
        let short = json!({ "password": "short", "currentPassword": PASSWORD });
        assert_eq!(errors(short).await, error("password", "OUT_OF_RANGE"));
        let wrong = json!({ "password": new, "currentPassword": "wrong horse battery" });
        assert_eq!(errors(wrong).await, error("currentPassword", "CONFLICT"));
        assert!(!is_out(&client).await);
        let right = json!({ "password": new, "currentPassword": PASSWORD });
        assert_eq!(errors(right).await, json!([]));
        assert!(is_out(&client).await);
        assert_eq!(sign_in(app, "ada@acme.test", PASSWORD).await.code(), "FORBIDDEN");
        assert!(sign_in(app, "ada@acme.test", new).await.body["errors"].is_null());
    }
}

on_both! {
    async fn signing_out_ends_this_token_at_once(app: &TestApp) {
        let (user, client) = app.new_user(Role::Agent).await;
        let new = NewToken {
            account_id: None,
            user_id: Some(user.id),
            name: "another device".to_owned(),
            role: None,
            scopes: TokenScope::ALL.to_vec(),
            expires_at: None,
        };
        let other = app.client(app::issue(&app.engine, new).await);
        let left = client
            .mutate("mutation { signOut { signedOut userErrors { path } } }", json!({}))
            .await;
        assert_eq!(left["signedOut"], true);
        assert!(is_out(&client).await);
        assert!(!is_out(&other).await);
    }
}

on_both! {
    async fn tokens_that_are_none_or_no_more_are_refused(app: &TestApp) {
        let expiring = |seconds: i64| NewToken {
            account_id: Some(app.scope.account_id()),
            user_id: None,
            name: "expiring".to_owned(),
            role: Some(Role::Owner),
            scopes: TokenScope::ALL.to_vec(),
            expires_at: Some(app.now.plus_seconds(seconds)),
        };
        let expired = app::issue(&app.engine, expiring(0)).await;
        let expires = app.client(app::issue(&app.engine, expiring(60)).await);
        let mut answers = Vec::new();
        for token in [
            expired,
            "x".to_owned(),
            "rpt_".to_owned(),
            format!("rpt_{}", "A".repeat(43)),
            format!("rpt_{}", "A".repeat(10_000)),
            format!("rpt_{}é", "A".repeat(42)),
        ] {
            let answer = app.client(token).send(WHO, json!({})).await;
            assert!(refused(&answer), "{answer:?}");
            answers.push(answer.without_request_id());
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
        assert!(!is_out(&expires).await);
        app.set_clock(60);
        assert!(is_out(&expires).await);

        // Whoever sends a header does not mean to be a stranger.
        for header in ["", "Bearer", "Bearer ", "Basic YTpi", "rpt_"] {
            let request = app.anonymous.http.post(format!("{}/graphql", app.url));
            let request =
                request.header("content-type", "application/json").header("authorization", header);
            let response =
                request.body(json!({ "query": SIGN_IN }).to_string()).send().await.unwrap();
            assert_eq!(response.status().as_u16(), 401, "{header:?}");
            assert!(response.headers().contains_key("www-authenticate"));
        }
    }
}

on_both! {
    async fn a_token_is_told_once_and_revoked_at_once(app: &TestApp) {
        let input = json!({ "input": {
            "accountId": app.account_node, "idempotencyKey": "key", "name": "Import", "role": "MANAGER",
            "scopes": ["RECORD", "READ", "RECORD"],
        } });
        let made = app.owner.mutate(TOKEN_CREATE, input.clone()).await;
        assert_eq!(made["accessToken"]["scopes"], json!(["READ", "RECORD"]));
        assert_eq!(app.owner.mutate(TOKEN_CREATE, input).await, made);
        let client = app.client(made["token"].as_str().unwrap());
        let who = client.data(WHO, json!({})).await;
        assert_eq!(
            who["viewer"]["accounts"],
            json!([{ "id": app.account_node, "viewerRole": "MANAGER" }])
        );
        assert_eq!(who["viewer"]["user"], Value::Null);

        let listed =
            "query($id: ID!) { account(id: $id) { tokens { totalCount nodes { id name } } } }";
        let listed = app.owner.data(listed, json!({ "id": app.account_node })).await;
        assert_eq!(listed["account"]["tokens"]["totalCount"], 1);
        assert!(!listed.to_string().contains("rpt_"));

        let revoke = "mutation($input: TokenRevokeInput!) { tokenRevoke(input: $input) {
            accessToken { revokedAt } userErrors { path }
        } }";
        let input = json!({ "input": { "accountId": app.account_node, "tokenId": made["accessToken"]["id"] } });
        let revoked = app.owner.mutate(revoke, input).await;
        assert_eq!(revoked["accessToken"]["revokedAt"], "2026-03-18T15:00:00Z");
        assert!(is_out(&client).await);
    }
}

on_both! {
    async fn only_the_installation_makes_accounts(app: &TestApp) {
        let document = "mutation($input: AccountCreateInput!) { accountCreate(input: $input) {
            account { id name users { totalCount } } owner { email } ownerIsNew userErrors { path code }
        } }";
        let input = json!({ "input": {
            "name": "New", "timeZone": "europe/berlin", "idempotencyKey": "key", "ownerEmail": app::OWNER,
        } });
        assert_eq!(app.owner.send(document, input.clone()).await.code(), "FORBIDDEN");
        assert_eq!(app.anonymous.send(document, input.clone()).await.code(), "UNAUTHENTICATED");
        let installation = app.installation().await;
        let made = installation.mutate(document, input.clone()).await;
        assert_eq!(made["owner"], json!({ "email": app::OWNER }));
        assert_eq!(made["ownerIsNew"], false);
        assert_eq!(installation.mutate(document, input).await, made);
        // It opens no account, not even this one; the owner has two now.
        let who = installation.data(WHO, json!({})).await;
        assert_eq!(who["viewer"], json!({ "isInstallation": true, "user": null, "accounts": [] }));
        let open = "query($id: ID!) { account(id: $id) { name timeZone } }";
        let id = json!({ "id": made["account"]["id"] });
        assert_eq!(installation.send(open, id.clone()).await.code(), "NOT_FOUND");
        assert_eq!(app.owner.data(open, id).await["account"]["timeZone"], "Europe/Berlin");
        let broken =
            json!({ "input": { "name": "\t", "timeZone": "Mars/Olympus", "weekStart": 8 } });
        let answer = installation.data(document, broken).await;
        assert_eq!(
            answer["accountCreate"]["userErrors"],
            json!([
                { "path": ["name"], "code": "REQUIRED" },
                { "path": ["timeZone"], "code": "MALFORMED" },
                { "path": ["weekStart"], "code": "OUT_OF_RANGE" },
            ])
        );
    }
}

on_both! {
    async fn only_owners_make_owners_and_one_stays(app: &TestApp) {
        let (_, admin) = app.new_user(Role::Admin).await;
        let (second, second_client) = app.new_user(Role::Agent).await;
        let node = |id| NodeId::global(NodeKind::User, id).to_string();
        let (owner, second) = (node(app.owner_id), node(second.id));
        let input = |fields: Value| {
            let mut input = json!({ "accountId": app.account_node });
            input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            json!({ "input": input })
        };
        let role = |user: &str, role: &str| input(json!({ "userId": user, "role": role }));
        let newcomer = input(json!({ "email": "x@acme.test", "name": "X", "role": "OWNER" }));
        let token = input(json!({ "name": "X", "role": "OWNER", "scopes": ["READ"] }));
        for (document, variables) in [
            (USER_INVITE, newcomer),
            (TOKEN_CREATE, token),
            (USER_UPDATE, role(&second, "OWNER")),
            (USER_UPDATE, role(&owner, "AGENT")),
            (USER_UPDATE, input(json!({ "userId": owner, "name": "Mine" }))),
            (USER_REMOVE, input(json!({ "userId": owner }))),
        ] {
            assert_eq!(admin.send(document, variables).await.code(), "FORBIDDEN", "{document}");
        }
        let conflict = |path: &str| json!([{ "path": [path], "code": "CONFLICT" }]);
        let demoted = app.owner.data(USER_UPDATE, role(&owner, "ADMIN")).await;
        assert_eq!(demoted["userUpdate"]["userErrors"], conflict("role"));
        let removed = app.owner.data(USER_REMOVE, input(json!({ "userId": owner }))).await;
        assert_eq!(removed["userRemove"]["userErrors"], conflict("userId"));

        // Two owners who dismiss each other at the same time: one is left.
        app.owner.mutate(USER_UPDATE, role(&second, "OWNER")).await;
        tokio::join!(
            app.owner.send(USER_UPDATE, role(&second, "AGENT")),
            second_client.send(USER_UPDATE, role(&owner, "AGENT")),
        );
        let members = stored::<membership::Entity>(&app.scope).await;
        assert_eq!(members.iter().filter(|member| member.role == Role::Owner).count(), 1);
    }
}

on_both! {
    async fn who_is_removed_is_out_at_once(app: &TestApp) {
        let (user, client) = app.new_user(Role::Manager).await;
        let open = "query($id: ID!) { account(id: $id) { viewerRole } }";
        let id = json!({ "id": app.account_node });
        let user = NodeId::global(NodeKind::User, user.id).to_string();
        let of_user = |fields: Value| {
            let mut input = json!({ "accountId": app.account_node, "userId": user });
            input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            json!({ "input": input })
        };
        app.owner.mutate(USER_UPDATE, of_user(json!({ "role": "AGENT" }))).await;
        assert_eq!(client.data(open, id.clone()).await["account"]["viewerRole"], "AGENT");
        app.owner.mutate(USER_REMOVE, of_user(json!({}))).await;
        assert_eq!(client.send(open, id).await.code(), "NOT_FOUND");
        let who = client.data(WHO, json!({})).await;
        assert_eq!(who["viewer"]["accounts"], json!([]));
    }
}

/// What holds no data may be read by everybody.
const PUBLIC: [&str; 1] = ["metrics"];

on_both! {
    async fn strangers_can_only_sign_in(app: &TestApp) {
        let schema = Schema::fetch(&app.owner).await;
        for field in schema.queries().iter().filter(|field| !PUBLIC.contains(&field.name())) {
            let arguments = match field.name() {
                "viewer" => "",
                "node" | "account" => "(id: \"account:AAAAAAAAAAAAAAAAAAAAAA\")",
                "nodes" => "(ids: [\"account:AAAAAAAAAAAAAAAAAAAAAA\"])",
                other => panic!("how is {other} asked? add it here"),
            };
            let query = format!("{{ {}{arguments} {{ __typename }} }}", field.name());
            let answer = app.anonymous.send(&query, json!({})).await;
            assert_eq!(answer.code(), "UNAUTHENTICATED", "{}", field.name());
        }
        for call in calls() {
            let id = |kind: &str| {
                let kind = kind.split('#').next().unwrap();
                let kind = NodeKind::ALL.into_iter().find(|each| each.prefix() == kind).unwrap();
                let account = (!kind.is_global()).then(|| app.scope.account_id());
                NodeId { kind, account, id: app.scope.account_id().0 }.to_string()
            };
            let variables = fill(&json!({ "input": call.input }), &id);
            let answer = app.anonymous.send(&call.document(&schema), variables).await;
            assert_eq!(answer.code(), "UNAUTHENTICATED", "{}", call.name);
        }
        let answer = app.anonymous.send("mutation { signOut { signedOut } }", json!({})).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED");
    }
}

on_both! {
    async fn nobody_comes_in_by_an_address_that_another_registered(app: &TestApp) {
        let document = "mutation($input: UserInviteInput!) {
            userInvite(input: $input) { user { id } userErrors { path code } }
        }";
        let input = |account: &str| json!({ "input": {
            "accountId": account, "email": "ada@elsewhere.test", "name": "Ada", "role": "AGENT",
            "password": "known to a stranger",
        } });
        let (stranger, scope) = app.stranger().await;
        let foreign = rapport::graphql::id::NodeId::account(scope.account_id()).to_string();
        stranger.mutate(document, input(&foreign)).await;
        let answer = app.owner.data(document, input(&app.account_node)).await;
        assert_eq!(
            answer["userInvite"],
            json!({ "user": null, "userErrors": [{ "path": ["email"], "code": "TAKEN" }] })
        );
    }
}

on_both! {
    async fn a_token_passes_on_no_scope_that_it_lacks(app: &TestApp) {
        let document = "mutation($input: TokenCreateInput!) {
            tokenCreate(input: $input) { token userErrors { path code } }
        }";
        let input = |scopes: &[&str]| json!({ "input": {
            "accountId": app.account_node, "name": "more", "role": "READER", "scopes": scopes,
        } });
        let writer = app.client_with(Role::Admin, &[TokenScope::Write]).await;
        writer.mutate(document, input(&["WRITE"])).await;
        assert_eq!(writer.send(document, input(&["WRITE", "READ"])).await.code(), "FORBIDDEN");
        app.owner.mutate(document, input(&["READ", "PERSONAL_DATA"])).await;
    }
}
