//! The rows behind a number are as many as it says.

use entity::kinds::Platform;
use rapport::analytics::{
    self, Key, Metric, MetricUnit, Part, PeriodInput, Records, Report, ReportCell, ReportInput,
    Row, TableInput,
};
use rapport::auth::AccountScope;
use rapport::domain::page;
use rapport::domain::record::NewMessage;
use serde_json::{Value, json};

use super::dice::{Dice, cases};
use super::fact::Fact;
use super::query::{Ask, definition};
use super::reference::{has_several, zone};
use super::{Scene, asks};
use crate::on_both;
use crate::support::factory;

/// Rows opened of each report.
const OPENED: usize = 4;

async fn count(scope: &AccountScope, records: Records) -> f64 {
    let read = scope.db().read();
    let count = match records {
        Records::Messages(select) => page::count(read, select).await,
        Records::Sessions(select) => page::count(read, select).await,
        Records::Conversations(select) => page::count(read, select).await,
        Records::Events(select) => page::count(read, select).await,
        Records::Contacts(select) => page::count(read, select).await,
        Records::Recipients(select) => page::count(read, select).await,
    };
    count.unwrap() as f64
}

fn keys(row: &Row) -> Vec<Key> {
    row.keys.iter().map(|key| key.key.clone()).collect()
}

fn cell(report: &Report, row: &Row) -> ReportCell {
    let (from, to) = (report.period.from, report.period.to);
    let (from, to) = row.bucket.map_or((from, to), |bucket| (bucket.start, bucket.end));
    let mut shown: Vec<Vec<Key>> = report.rows.iter().map(keys).collect();
    shown.retain(|keys| !keys.contains(&Key::Other));
    shown.dedup();
    ReportCell { period: PeriodInput::Range { from, to }, keys: keys(row), shown }
}

/// What a part of a value says; none for sums of seconds.
fn said(row: &Row, metric: Metric, part: Part) -> Option<f64> {
    let value = row.values.iter().find(|value| value.metric == metric).unwrap();
    match part {
        Part::Numerator
            if matches!(definition(metric).unit, MetricUnit::Seconds | MetricUnit::Credits) =>
        {
            None
        }
        Part::Numerator => value.numerator,
        Part::Denominator => value.denominator,
    }
}

async fn open(scope: &AccountScope, input: &ReportInput, report: &Report, row: &Row) -> usize {
    let mut rows = 0;
    for metric in &input.metrics {
        for part in [Part::Numerator, Part::Denominator] {
            let Some(said) = said(row, *metric, part) else { continue };
            let cell = cell(report, row);
            let found = analytics::records(scope, input, &cell, *metric, part).await.unwrap();
            let found = count(scope, found).await;
            assert_eq!(found, said, "{part:?} of {metric:?} in {cell:#?} of {input:#?}");
            rows += usize::from(found > 0.0);
        }
    }
    rows
}

on_both! {
    async fn every_number_can_be_opened(app: &TestApp) {
        let mut opened = 0;
        for case in 0..cases(4) {
            let mut dice = Dice::of(7, case);
            let scene = Scene::random(app, &mut dice, &format!("opened-{case}"), case).await;
            for mut ask in asks(&mut dice, &scene) {
                // Facts that stand in several of the groups beyond the first are no rows of one.
                let several = ask.breakdown.iter().any(|dimension| has_several(*dimension));
                if !several && dice.chance(50) {
                    ask.first = Some(dice.between(1, 3));
                }
                let report = scene.report(&ask).await;
                let mut full: Vec<&Row> = report.rows.iter().collect();
                full.retain(|row| row.values.iter().any(|value| value.numerator > Some(0.0)));
                dice.shuffle(&mut full);
                for row in full.into_iter().take(OPENED) {
                    opened += open(&scene.scope, &ask.input(), &report, row).await;
                }
            }
        }
        assert!(opened > 100, "too little happened: {opened}");
    }
}

/// How many facts there are in the period that the question lets through.
fn expected(scene: &Scene, ask: &Ask, of: fn(&Fact) -> bool) -> f64 {
    let zone = zone(ask.zone);
    let counted = scene.facts.iter().filter(|fact| {
        let at = fact.said.at;
        fact.closing.is_none()
            && fact.recipient.is_none()
            && of(fact)
            && (ask.from <= at && at < ask.to)
            && ask.lets_pass(fact, &zone, at)
    });
    counted.count() as f64
}

on_both! {
    async fn tables_have_the_rows_of_their_definitions(app: &TestApp) {
        let mut rows = 0.0;
        for case in 0..cases(3) {
            let mut dice = Dice::of(11, case);
            let scene = Scene::random(app, &mut dice, &format!("tables-{case}"), case).await;
            let (scope, read) = (&scene.scope, scene.scope.db().read());
            for ask in asks(&mut dice, &scene) {
                if !ask.clauses.iter().all(|clause| clause.fits(Metric::Messages)) {
                    continue;
                }
                let ReportInput { period, filter, time_zone, .. } = ask.input();
                let input = TableInput { period, filter, time_zone };
                let starts = analytics::conversation_starts(scope, &input).await.unwrap();
                let starts = page::count(read, starts).await.unwrap() as f64;
                let begins = |fact: &Fact| fact.begins_session || fact.would_begin;
                assert_eq!(starts, expected(&scene, &ask, begins), "{ask:#?}");
                rows += starts;
                // Conversations have no status, say.
                let Ok(opened) = analytics::engagements(scope, &input).await else { continue };
                let opened = page::count(read, opened).await.unwrap() as f64;
                let begins = |fact: &Fact| {
                    fact.begins_conversation && fact.opened_by_business && !fact.said.silent()
                };
                assert_eq!(opened, expected(&scene, &ask, begins), "{ask:#?}");
                rows += opened;
            }
        }
        assert!(rows > 100.0, "too little happened: {rows}");
    }
}

const OPEN: &str = "query($account: ID!, $input: ReportInput!, $after: String) {
    account(id: $account) { report(input: $input) { rows {
        values { numerator }
        records(metric: MESSAGES, first: 2, after: $after) {
            totalCount
            pageInfo { hasNextPage endCursor }
            nodes { __typename ... on Message { id } }
        }
    } } }
}";

on_both! {
    async fn pages_of_records_are_all_of_them(app: &TestApp) {
        let mut dice = Dice::of(8, 0);
        Scene::random(app, &mut dice, "other", 0).await;
        let inbox = factory::inbox(&app.scope, "A", Platform::Sms).await;
        for number in 0..5 {
            let phone = format!("+1555000{number:04}");
            let said = NewMessage {
                occurred_at: Some(app.hours_ago(number + 1)),
                ..factory::message(inbox.id, &phone, "Hello")
            };
            factory::say(&app.scope, said).await;
        }
        let input = json!({ "metrics": ["MESSAGES"], "period": { "last": "P2D" } });
        let mut after = Value::Null;
        let mut ids: Vec<String> = Vec::new();
        loop {
            let variables = json!({ "account": app.account_node, "input": input, "after": after });
            let data = app.owner.data(OPEN, variables).await;
            let row = &data["account"]["report"]["rows"][0];
            let records = &row["records"];
            assert_eq!(records["totalCount"].as_f64(), row["values"][0]["numerator"].as_f64());
            let nodes = records["nodes"].as_array().unwrap();
            ids.extend(nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()));
            if records["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = records["pageInfo"]["endCursor"].clone();
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 5);
    }
}
