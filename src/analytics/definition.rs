//! Metrics as people read them: what the glossary and the query `metrics` tell.

use entity::vocabulary::Vocabulary;

use super::dimension::Dimension;
use super::measure::{DateBasis, Definition, Measure, MetricUnit};
use super::metric::Metric;

/// A metric as the glossary shows it.
#[derive(Clone, Debug)]
pub struct MetricDefinition {
    pub metric: Metric,
    /// The name in words: `Delivery rate`.
    pub title: String,
    pub definition: &'static str,
    pub unit: MetricUnit,
    /// What the numerator counts or adds up; none for percentiles.
    pub numerator: Option<String>,
    /// What the denominator counts; none for metrics that are no ratio.
    pub denominator: Option<&'static str>,
    /// When there is no value; none where there always is one.
    pub null_when: Option<&'static str>,
    /// By which it can be broken down.
    pub dimensions: Vec<Dimension>,
    /// By which it can be filtered.
    pub filters: Vec<Dimension>,
    /// The date bases it exists on, the default first.
    pub bases: Vec<DateBasis>,
    /// Whether the values of parts add up to that of the whole.
    pub additive: bool,
}

/// All metrics, in the order of their declaration.
pub fn definitions() -> Vec<MetricDefinition> {
    Metric::ALL.iter().copied().map(describe).collect()
}

fn describe(metric: Metric) -> MetricDefinition {
    let Definition { source, measure, times } = metric.definition();
    let (numerator, denominator) = match measure {
        Measure::Count { what, .. }
        | Measure::Distinct { what, .. }
        | Measure::Total { what, .. } => (Some(what.to_owned()), None),
        Measure::Share { numerator, denominator, .. } => {
            (Some(numerator.to_owned()), Some(denominator))
        }
        Measure::Mean { what, .. } => (Some(format!("seconds of the {what}")), Some(what)),
        Measure::Percentile { what, .. } => (None, Some(what)),
    };
    MetricDefinition {
        metric,
        title: title(metric.name()),
        definition: metric.description(),
        unit: measure.unit(),
        numerator,
        denominator,
        null_when: denominator.map(|_| "the denominator is 0"),
        dimensions: source.dimensions(),
        filters: source.filters(),
        bases: times.bases(),
        additive: matches!(measure, Measure::Count { .. } | Measure::Total { .. }),
    }
}

/// `DELIVERY_RATE` as `Delivery rate`.
fn title(name: &str) -> String {
    let words = name.to_lowercase().replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_described() {
        for definition in definitions() {
            assert!(!definition.title.is_empty() && !definition.definition.is_empty());
            assert!(!definition.bases.is_empty() && !definition.dimensions.is_empty());
            assert!(!definition.additive || definition.null_when.is_none());
            assert!(definition.dimensions.iter().all(|each| definition.filters.contains(each)));
        }
        assert_eq!(title("DELIVERY_RATE"), "Delivery rate");
    }
}
