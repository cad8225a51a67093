//! Signing in with e-mail and password, and out again.

use entity::kinds::TokenScope;
use entity::user;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, IntoActiveModel};

use super::token::{self, IssuedToken, NewToken};
use super::{Viewer, person};
use crate::engine::Engine;
use crate::error::{Error, Result};

/// How long a sign-in lasts.
pub const LIFETIME_SECONDS: i64 = 30 * 24 * 3600;

/// Signs a person in from `ip`. An unknown address, a user without a password and a wrong
/// password are answered alike, after the same work.
pub async fn sign_in(
    engine: &Engine,
    email: &str,
    password: String,
    ip: Option<String>,
) -> Result<(user::Model, IssuedToken)> {
    let email = email.trim().to_lowercase();
    engine.passwords.attempt(&email)?;
    // PostgreSQL takes no NUL, not even in a comparison.
    let known = if email.contains('\0') {
        None
    } else {
        person::find_by_email(engine.db.read(), &email).await?
    };
    let hash = known.as_ref().and_then(|user| user.password_hash.clone());
    let right = engine.passwords.verify(password, hash).await?;
    let Some(user) = known.filter(|_| right) else {
        return Err(Error::Forbidden("e-mail or password is wrong".to_owned()));
    };

    let now = engine.clock.now();
    let tx = engine.db.begin().await?;
    let sign_in = NewToken {
        account_id: None,
        user_id: Some(user.id),
        name: "sign-in".to_owned(),
        role: None,
        scopes: vec![TokenScope::Read, TokenScope::Record, TokenScope::Write],
        expires_at: Some(now.plus_seconds(LIFETIME_SECONDS)),
    };
    // The password may have been changed, and all sign-ins ended, while this one was checked.
    // Whoever changes it locks the user first as well.
    let still = person::lock(&tx, user.id).await?;
    if still.is_none_or(|still| still.password_hash != user.password_hash) {
        return Err(Error::Forbidden("e-mail or password is wrong".to_owned()));
    }
    token::forget_expired(&tx, user.id, now).await?;
    let issued = token::issue(&tx, &engine.clock, sign_in).await?;
    let mut user: user::ActiveModel = user.into_active_model();
    user.last_sign_in_at = Set(Some(now));
    user.last_sign_in_ip = Set(ip);
    let user = user.update(&tx).await?;
    tx.commit().await?;
    Ok((user, issued))
}

/// Revokes the token that the viewer came with.
pub async fn sign_out(viewer: &Viewer) -> Result<()> {
    let engine = viewer.engine();
    let tx = engine.db.begin().await?;
    token::revoke(&tx, viewer.token().id, engine.clock.now()).await?;
    tx.commit().await?;
    Ok(())
}
