//! The glossary of all metrics and dimensions as a page for people, made of their
//! declarations: `docs/METRICS.md`.

use entity::vocabulary::Vocabulary;

use super::definition::{MetricDefinition, definitions};
use super::dimension::Dimension;

const INTRODUCTION: &str = "\
# Metrics

Every number that Rapport tells, and every way to divide it. The page is made of the declarations \
in the code, which the query `metrics { key title definition … }` tells as well.

A metric that is *additive* may be summed over buckets and groups; of the others a period or a \
group is counted as a whole, and a ratio is divided after everything has been counted. A ratio of \
0/0 has no value. On the date basis `SEND` what became of a send counts under the time of the \
send, on `EVENT` each fact counts under its own time; the first one named is used unless a report \
asks for another. Every metric can also be filtered by `hasClientMessages`.
";

/// The page, in Markdown.
pub fn glossary() -> String {
    let definitions = definitions();
    let mut page = INTRODUCTION.to_owned();
    for definition in &definitions {
        page.push_str(&section(definition));
    }
    page.push_str("\n# Dimensions\n\n");
    for dimension in Dimension::ALL {
        line(&mut page, format_args!("- `{}`: {}", dimension.name(), dimension.description()));
    }
    page
}

fn section(definition: &MetricDefinition) -> String {
    let mut text = String::new();
    line(&mut text, format_args!("\n## {}\n", definition.title));
    line(&mut text, format_args!("`{}`. {}\n", definition.metric.name(), definition.definition));
    let additive = if definition.additive { "additive" } else { "not additive" };
    line(&mut text, format_args!("- Unit: {}, {additive}", definition.unit.name()));
    match (&definition.numerator, definition.denominator) {
        (Some(numerator), Some(denominator)) => {
            line(&mut text, format_args!("- {numerator} / {denominator}"));
        }
        (Some(of), None) => line(&mut text, format_args!("- Counts: {of}")),
        (None, of) => line(&mut text, format_args!("- Of: {}", of.unwrap_or_default())),
    }
    if let Some(reason) = definition.null_when {
        line(&mut text, format_args!("- No value where {reason}"));
    }
    line(&mut text, format_args!("- Date basis: {}", names(&definition.bases)));
    let missing = |allowed: &[Dimension]| -> Vec<Dimension> {
        Dimension::ALL.iter().copied().filter(|each| !allowed.contains(each)).collect()
    };
    let (by, of) = (missing(&definition.dimensions), missing(&definition.filters));
    match by.as_slice() {
        [] => line(&mut text, format_args!("- By every dimension")),
        _ => line(&mut text, format_args!("- By every dimension but {}", names(&by))),
    }
    if by != of {
        let of = if of.is_empty() { "none".to_owned() } else { names(&of) };
        line(&mut text, format_args!("- Cannot be filtered by: {of}"));
    }
    text
}

fn names<T: Vocabulary>(members: &[T]) -> String {
    members.iter().map(|member| format!("`{}`", member.name())).collect::<Vec<_>>().join(", ")
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.push_str(&arguments.to_string());
    text.push('\n');
}
