//! Rows by id, in batches: what many fields of a request ask for at the same moment is
//! fetched by one statement. A [`Caller`] lives as long as its request; a [`Reader`] is the
//! caller within one account, and every object that belongs to an account holds one.
//! How rows are found is `domain`'s business.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::runtime::Timer;
use entity::id::AccountId;
use futures_util::future::BoxFuture;
use futures_util::task::{FutureObj, Spawn, SpawnError};
use sea_orm::{EntityTrait, ModelTrait};

use super::gate::{Buckets, Spender, Wait};
use crate::auth::{AccountScope, Viewer};
use crate::domain::page::Rows;
use crate::error::{Error, Result};

/// Reports of one request.
pub const MOST_COUNTED: usize = 200;

/// What can be loaded in batches, and how.
pub trait Key: Clone + Eq + Hash + Send + Sync + 'static {
    type Row: Clone + Send + Sync + 'static;

    /// The rows of these keys. Keys without a row are left out.
    fn load(
        scope: &AccountScope,
        keys: &[Self],
    ) -> impl Future<Output = Result<HashMap<Self, Self::Row>>> + Send;
}

/// What a request may cost. The spender has paid it, and each account that is touched does.
#[derive(Clone)]
pub struct Charge {
    pub buckets: Arc<Buckets>,
    pub spender: Spender,
    pub cost: u64,
}

impl Charge {
    /// Waits until the spender can pay for one more run.
    async fn pay(&self) {
        while let Err(Wait(seconds)) = self.buckets.take(self.spender.clone(), self.cost) {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
    }
}

/// Who asks.
#[derive(Clone)]
pub struct Caller(Arc<Parts>);

struct Parts {
    viewer: Viewer,
    charge: Option<Charge>,
    /// Reports made and cells of them opened.
    counted: AtomicUsize,
    /// Those that a whole list asks for alike.
    kinds: Mutex<HashSet<String>>,
    lanes: Mutex<HashMap<AccountId, Arc<Lane>>>,
}

impl Caller {
    /// A caller who is charged elsewhere.
    pub fn new(viewer: Viewer) -> Self {
        Self::with(viewer, None)
    }

    /// A caller whose request costs something.
    pub fn charging(viewer: Viewer, charge: Charge) -> Self {
        Self::with(viewer, Some(charge))
    }

    fn with(viewer: Viewer, charge: Option<Charge>) -> Self {
        let counted = AtomicUsize::new(0);
        let kinds = Mutex::default();
        Self(Arc::new(Parts { viewer, charge, counted, kinds, lanes: Mutex::default() }))
    }

    pub fn viewer(&self) -> &Viewer {
        &self.0.viewer
    }

    /// To be asked before numbers are made: what one request may ask for is bounded, since each
    /// time may read a whole history.
    pub fn count(&self) -> Result<()> {
        if self.0.counted.fetch_add(1, Ordering::Relaxed) < MOST_COUNTED {
            return Ok(());
        }
        Err(Error::Limit(format!(
            "a request makes at most {MOST_COUNTED} reports, each opened cell and each kind of \
             engagement being one; ask again for the rest"
        )))
    }

    /// The same for what is asked by many and made once, known by what it is.
    pub fn count_once(&self, kind: String) -> Result<()> {
        let mut kinds = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if kinds.insert(kind) { self.count() } else { Ok(()) }
    }

    /// The caller within an account. Missing and foreign accounts look the same.
    pub fn reader(&self, account_id: AccountId) -> Result<Reader> {
        let mut lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(&account_id) {
            return Ok(Reader { caller: self.clone(), lane: lane.clone() });
        }
        let lane = Arc::new(Lane::new(self.0.viewer.scope(account_id)?));
        if let Some(Charge { buckets, cost, .. }) = &self.0.charge
            && let Err(wait) = buckets.take(Spender::Account(account_id), *cost)
        {
            return Err(Error::Throttled { seconds: wait.0 });
        }
        lanes.insert(account_id, lane.clone());
        Ok(Reader { caller: self.clone(), lane })
    }

    /// Gives the accounts that were touched back what the request did not use.
    pub fn give_back(&self, cost: u64) {
        let Some(Charge { buckets, .. }) = &self.0.charge else { return };
        let lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        for account_id in lanes.keys() {
            buckets.give_back(Spender::Account(*account_id), cost);
        }
    }

    /// The caller within an account, as if asking once more: what one request may ask for is
    /// counted anew. Waits until that can be paid.
    pub async fn again(&self, account_id: AccountId) -> Result<Reader> {
        if let Some(charge) = &self.0.charge {
            charge.pay().await;
        }
        loop {
            let caller = Self::with(self.0.viewer.clone(), self.0.charge.clone());
            match caller.reader(account_id) {
                Err(Error::Throttled { seconds }) => {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
                done => return done,
            }
        }
    }

    /// The caller within an account that the token does not open: the one just made.
    pub fn reader_of(&self, scope: AccountScope) -> Reader {
        Reader { caller: self.clone(), lane: Arc::new(Lane::new(scope)) }
    }

    /// The caller within every account that is open to it.
    pub fn readers(&self) -> Result<Vec<Reader>> {
        self.0.viewer.accounts().iter().map(|(account_id, _)| self.reader(*account_id)).collect()
    }
}

/// A caller within one account.
#[derive(Clone)]
pub struct Reader {
    caller: Caller,
    lane: Arc<Lane>,
}

impl Reader {
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    pub fn scope(&self) -> &AccountScope {
        &self.lane.scope
    }

    pub fn account_id(&self) -> AccountId {
        self.lane.scope.account_id()
    }

    /// The row of a key, if there is one.
    pub async fn find<K: Key>(&self, key: K) -> async_graphql::Result<Option<K::Row>> {
        self.lane.loader.load_one(key).await
    }

    /// The row that another row of the account refers to; the database keeps it in place.
    pub async fn get<K: Key>(&self, key: K) -> async_graphql::Result<K::Row> {
        let row = self.find(key).await?;
        row.ok_or_else(|| Error::bug("a row refers to one that is not there").into())
    }

    /// The object that a row refers to.
    pub async fn object<K: Key, O>(
        &self,
        key: K,
        new: fn(Self, K::Row) -> O,
    ) -> async_graphql::Result<O> {
        Ok(new(self.clone(), self.get(key).await?))
    }

    /// The object that a row may refer to. An error here leaves the rest of the row standing.
    pub async fn optional<K: Key, O>(
        &self,
        key: Option<K>,
        new: fn(Self, K::Row) -> O,
    ) -> Option<async_graphql::Result<O>> {
        let row = self.find(key?).await.transpose()?;
        Some(row.map(|row| new(self.clone(), row)))
    }

    /// The rows of a page. Pages that are asked for at the same moment are read together.
    pub async fn rows<E>(&self, rows: &Rows<E>) -> Result<Vec<E::Model>>
    where
        E: EntityTrait,
        E::Model: ModelTrait<Entity = E> + Send + Sync,
    {
        let number = self.lane.pages.fetch_add(1, Ordering::Relaxed);
        let found = self.lane.loader.load_one(PageOf { number, rows: rows.clone() }).await;
        found.map_err(shared)?.ok_or_else(|| Error::bug("a page was not read"))
    }

    /// The rows of several keys, in their order, without those that are not there.
    pub async fn find_many<K: Key>(&self, keys: Vec<K>) -> async_graphql::Result<Vec<K::Row>> {
        let rows = self.lane.loader.load_many(keys.iter().cloned()).await?;
        Ok(keys.iter().filter_map(|key| rows.get(key).cloned()).collect())
    }
}

/// The rows of one account.
struct Lane {
    scope: AccountScope,
    loader: DataLoader<Batches>,
    /// How many pages were asked for.
    pages: AtomicU64,
}

impl Lane {
    fn new(scope: AccountScope) -> Self {
        let loader = DataLoader::new(Batches { scope: scope.clone() }, Tasks, Yield);
        Self { scope, loader, pages: AtomicU64::new(0) }
    }
}

/// The rows of a page, known by its number: each is asked for once.
#[derive(Clone)]
struct PageOf<E: EntityTrait> {
    number: u64,
    rows: Rows<E>,
}

impl<E: EntityTrait> PartialEq for PageOf<E> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<E: EntityTrait> Eq for PageOf<E> {}

impl<E: EntityTrait> Hash for PageOf<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl<E> Key for PageOf<E>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E> + Send + Sync,
{
    type Row = Vec<E::Model>;

    async fn load(scope: &AccountScope, keys: &[Self]) -> Result<HashMap<Self, Self::Row>> {
        let pages: Vec<&Rows<E>> = keys.iter().map(|key| &key.rows).collect();
        let found = Rows::of_many(scope.db().read(), &pages).await?;
        Ok(keys.iter().cloned().zip(found).collect())
    }
}

struct Batches {
    scope: AccountScope,
}

impl<K: Key> Loader<K> for Batches {
    type Value = K::Row;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[K]) -> async_graphql::Result<HashMap<K, K::Row>> {
        Ok(K::load(&self.scope, keys).await?)
    }
}

/// An error of a batch, which all of its fields have.
fn shared(error: async_graphql::Error) -> Error {
    match error.source.as_ref().and_then(|source| source.downcast_ref::<Error>()) {
        Some(Error::Unavailable(why)) => Error::Unavailable(why),
        Some(own) => Error::bug(format!("{own:?}")),
        None => Error::bug(error.message),
    }
}

/// Batches run in tasks of their own, so that a client that goes away cannot interrupt one.
struct Tasks;

impl Spawn for Tasks {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        tokio::spawn(future);
        Ok(())
    }
}

/// Instead of waiting for a time, lets all fields that are ready ask first: a timer would
/// cost a lone client half of its requests.
struct Yield;

impl Timer for Yield {
    fn delay(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        })
    }
}

/// Rows under the keys that `key` reads from them.
pub fn by_key<K: Key<Row = R>, R>(rows: Vec<R>, key: impl Fn(&R) -> K) -> HashMap<K, R> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

/// Rows in groups, one for each key; a key without rows has an empty one.
pub fn by_group<K: Key<Row = Vec<R>>, R>(
    keys: &[K],
    rows: impl IntoIterator<Item = (K, R)>,
) -> HashMap<K, Vec<R>> {
    let mut groups: HashMap<K, Vec<R>> = keys.iter().map(|key| (key.clone(), Vec::new())).collect();
    for (key, row) in rows {
        groups.entry(key).or_default().push(row);
    }
    groups
}
