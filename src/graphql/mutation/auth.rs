//! Signing in and out.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::{Answer, UserError, payload};
use crate::auth::{authenticate, sign_in, sign_out};
use crate::error::Result;
use crate::graphql::ClientAddress;
use crate::graphql::loader::Caller;
use crate::graphql::object::User;
use crate::graphql::viewer::{self, Viewer};

/// Who wants to sign in.
#[derive(InputObject)]
pub struct SignInInput {
    /// The user's e-mail address, in any case.
    email: String,
    /// The user's password.
    #[graphql(secret)]
    password: String,
}

/// What became of `signIn`.
#[derive(SimpleObject)]
pub struct SignInPayload {
    /// The text for the header `Authorization: Bearer …`. It cannot be had again.
    pub token: Option<String>,
    /// Who signed in.
    pub user: Option<User>,
    /// Who is asking when the token is used: the accounts that it opens, and when it ends.
    pub viewer: Option<Viewer>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// What became of `signOut`.
#[derive(SimpleObject)]
pub struct SignOutPayload {
    /// Whether the token has ended.
    pub signed_out: bool,
    /// Always empty: there is no input.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct AuthMutation;

#[Object]
impl AuthMutation {
    /// Gives a user a token in exchange for e-mail address and password. Needs no token.
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who wants to sign in.")] input: SignInInput,
    ) -> Answer<SignInPayload> {
        payload(enter(ctx, input).await, |entered, user_errors| match entered {
            Some((token, user, viewer)) => SignInPayload {
                token: Some(token),
                user: Some(user),
                viewer: Some(viewer),
                user_errors,
            },
            None => SignInPayload { token: None, user: None, viewer: None, user_errors },
        })
    }

    /// Ends the token that the request carries.
    async fn sign_out(&self, ctx: &Context<'_>) -> Answer<SignOutPayload> {
        payload(leave(ctx).await, |left, user_errors| SignOutPayload {
            signed_out: left.is_some(),
            user_errors,
        })
    }
}

async fn enter(ctx: &Context<'_>, input: SignInInput) -> Result<(String, User, Viewer)> {
    let engine = viewer::engine(ctx)?;
    let address = ctx.data_opt::<ClientAddress>().and_then(|address| address.0.clone());
    let (user, issued) = sign_in(engine, &input.email, input.password, address).await?;
    // The request itself carries another token or none.
    let caller = Caller::new(authenticate(engine, &issued.text).await?);
    Ok((issued.text, User::new(caller.clone(), user), Viewer::new(caller)))
}

async fn leave(ctx: &Context<'_>) -> Result<()> {
    sign_out(viewer::caller(ctx)?.viewer()).await
}
