//! The laws of the numbers, for every metric there is: random histories are recorded, and
//! reports about them compared with [`reference`], which counts fact by fact and knows
//! nothing of the application's SQL. The seeds are fixed, so that every run is the same.

mod databases;
mod dice;
mod expected;
mod fact;
mod history;
mod mailing;
mod periods;
mod query;
mod rebuild;
mod records;
mod reference;
mod responses;
mod stage;
mod waits;
mod year;

use entity::Timestamp;
use entity::vocabulary::Vocabulary;
use rapport::analytics::{self, Dimension, MetricUnit, Report};
use rapport::auth::AccountScope;

use crate::on_both;
use crate::support::TestApp;
use dice::{Dice, cases};
use expected::Expected;
use fact::{Fact, facts};
use history::History;
use query::{Ask, definition};
use reference::has_several;
use stage::Stage;

/// Zones and instants at which their clocks were set, or a day was left out.
const CHANGES: [(&str, &str); 8] = [
    ("Europe/Berlin", "2025-03-30T01:00:00Z"),
    ("Australia/Lord_Howe", "2025-04-05T15:00:00Z"),
    ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("Asia/Kathmandu", "1985-12-31T18:30:00Z"),
    ("Europe/Berlin", "2025-10-26T01:00:00Z"),
    ("Australia/Lord_Howe", "2025-10-04T15:30:00Z"),
    ("America/Sao_Paulo", "2019-02-17T02:00:00Z"),
];

/// An account with a history, and what follows from it.
struct Scene {
    scope: AccountScope,
    facts: Vec<Fact>,
    zone: &'static str,
}

impl Scene {
    /// A history around one of the changes.
    async fn random(app: &TestApp, dice: &mut Dice, name: &str, case: usize) -> Self {
        let (zone, change) = CHANGES[case % CHANGES.len()];
        Self::around(app, dice, name, (zone, at(change)), 5).await
    }

    /// A history within so many days of a change.
    async fn around(
        app: &TestApp,
        dice: &mut Dice,
        name: &str,
        (zone, change): (&'static str, Timestamp),
        days: i64,
    ) -> Self {
        let scope = app.new_account(name).await;
        let stage = Stage::set(&scope, name).await;
        let history = History::random(dice, change, days);
        stage.record(&scope, &history, dice).await;
        Self { facts: facts(&history, &stage), scope, zone }
    }

    async fn report(&self, ask: &Ask) -> Report {
        let made = analytics::report(&self.scope, ask.input()).await;
        made.unwrap_or_else(|error| panic!("{error}: {ask:#?}"))
    }
}

/// The instant of an RFC 3339 text.
fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

/// No dimension, each alone, and some pairs and triples of them.
fn breakdowns(dice: &mut Dice) -> Vec<Vec<Dimension>> {
    let mut breakdowns = vec![Vec::new(); 4];
    breakdowns.extend(Dimension::ALL.iter().map(|dimension| vec![*dimension]));
    for size in [2, 2, 2, 2, 2, 2, 3] {
        let mut all = Dimension::ALL.to_vec();
        dice.shuffle(&mut all);
        all.truncate(size);
        breakdowns.push(all);
    }
    breakdowns
}

/// Random questions about a scene, of all breakdowns.
fn asks(dice: &mut Dice, scene: &Scene) -> Vec<Ask> {
    let mut asks = Vec::new();
    for breakdown in breakdowns(dice) {
        asks.extend(Ask::random(dice, &scene.facts, scene.zone, breakdown));
    }
    asks
}

/// Sums over buckets and groups are the totals, where each fact has one key.
fn adds_up(ask: &Ask, report: &Report) {
    if ask.breakdown.iter().any(|dimension| has_several(*dimension)) {
        return;
    }
    for (index, metric) in ask.metrics.iter().enumerate() {
        if definition(*metric).additive {
            let sum: f64 = report.rows.iter().filter_map(|row| row.values[index].value).sum();
            assert_eq!(Some(sum), report.totals[index].value, "{metric:?} of {ask:#?}");
        }
    }
}

/// Shares lie between 0 and 1.
fn shares_are_shares(ask: &Ask, report: &Report) {
    for values in report.rows.iter().map(|row| &row.values).chain([&report.totals]) {
        for value in values {
            let is_share = definition(value.metric).unit == MetricUnit::Share;
            let fits = value.value.is_none_or(|value| (0.0..=1.0).contains(&value));
            assert!(fits || !is_share, "{value:?} of {ask:#?}");
        }
    }
}

on_both! {
    async fn every_number_is_as_defined(app: &TestApp) {
        for case in 0..cases(16) {
            let mut dice = Dice::of(1, case);
            let scene = Scene::random(app, &mut dice, &format!("defined-{case}"), case).await;
            for ask in asks(&mut dice, &scene) {
                let report = scene.report(&ask).await;
                Expected::of(&scene.facts, &ask).check(&ask, &report);
                adds_up(&ask, &report);
                shares_are_shares(&ask, &report);
            }
        }
    }
}

on_both! {
    async fn others_never_change_a_number(app: &TestApp) {
        for case in 0..cases(2) {
            let mut dice = Dice::of(3, case);
            let scene = Scene::random(app, &mut dice, &format!("own-{case}"), case).await;
            let asks = asks(&mut dice, &scene);
            let mut before = Vec::new();
            for ask in &asks {
                before.push(scene.report(ask).await);
            }
            let other = Scene::random(app, &mut dice, &format!("other-{case}"), case).await;
            for (ask, before) in asks.iter().zip(before) {
                assert_eq!(scene.report(ask).await, before, "{ask:#?}");
            }
            // The other account has numbers, and they are its own.
            for ask in asks.into_iter().filter(|ask| ask.clauses.is_empty()) {
                Expected::of(&other.facts, &ask).check(&ask, &other.report(&ask).await);
            }
        }
    }
}
