//! What the compiler does not check of the sources: which room may name which other, and
//! forms that have proved wrong.

use std::path::{Path, PathBuf};

/// Folders, and the words that must not stand in them.
const LAYERS: &[(&str, &[&str])] = &[
    ("entity/src", &["rapport", "migration", "async_graphql", "actix_web"]),
    ("migration/src", &["entity", "rapport", "async_graphql", "actix_web"]),
    ("src/auth", &["crate::domain", "crate::analytics"]),
    ("src/auth", ABOVE_DOMAIN),
    ("src/domain", &["crate::analytics"]),
    ("src/domain", ABOVE_DOMAIN),
    ("src/analytics", &["crate::domain"]),
    ("src/analytics", ABOVE_DOMAIN),
    ("src/ingest", &["crate::demo", "crate::live", "crate::analytics"]),
    ("src/ingest", ABOVE_INGEST),
    ("src/delivery", &["crate::ingest", "crate::demo", "crate::live", "crate::analytics"]),
    ("src/delivery", ABOVE_INGEST),
    ("src/ingest", &["crate::delivery"]),
    ("src/live", &["crate::delivery"]),
    ("src/live", &["crate::ingest", "crate::demo"]),
    ("src/live", ABOVE_INGEST),
    ("src/demo", &["crate::ingest", "crate::live", "crate::analytics"]),
    ("src/demo", ABOVE_INGEST),
    ("src/graphql", &["crate::http", "crate::startup", "crate::command", "actix_web"]),
    // Rows are selected, changed and counted below; here they are shown.
    (
        "src/graphql",
        &["crate::db", "sea_query", "ActiveModel", "QueryFilter", "QuerySelect", "Statement"],
    ),
    ("src/http", &["entity", "sea_orm", "crate::domain", "crate::analytics", "crate::startup"]),
];
const ABOVE_DOMAIN: &[&str] = &[
    "crate::delivery",
    "crate::ingest",
    "crate::live",
    "crate::demo",
    "crate::graphql",
    "crate::http",
    "crate::startup",
    "crate::command",
    "async_graphql",
    "actix_web",
];
const ABOVE_INGEST: &[&str] = &[
    "crate::graphql",
    "crate::http",
    "crate::startup",
    "crate::command",
    "async_graphql",
    "actix_web",
];

/// Finders that do not know an account.
const BARE: &[&str] = &[
    "Entity::find(",
    "Entity::find_by_id(",
    "Entity::update_many(",
    "Entity::delete_many(",
    "Entity::delete_by_id(",
    "Entity::load(",
    ".find_related(",
    ".find_linked(",
];

struct Source {
    path: String,
    /// As it is written.
    text: String,
    /// Without comments and without tests.
    code: Vec<(usize, String)>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<Source> {
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files);
    files.sort();
    assert!(!files.is_empty(), "{folder} has no sources");
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

fn read(path: PathBuf) -> Source {
    let text = std::fs::read_to_string(&path).unwrap();
    let tests = path.file_name().is_some_and(|name| name == "tests.rs");
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.to_owned()));
    let code = lines
        .take_while(|(_, line)| !tests && line != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .collect();
    Source { path: path.strip_prefix(root()).unwrap().display().to_string(), text, code }
}

/// Whether `word` stands in the line, and not as a part of a longer name.
fn names(line: &str, word: &str) -> bool {
    let part = |character: char| character.is_alphanumeric() || character == '_';
    // `sea_orm::entity` is not our `entity`, and a field may be called like a crate.
    let ordinary = word.chars().all(char::is_lowercase);
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        let whole = !before.is_some_and(part) && !after.is_some_and(part);
        whole && (!ordinary || (before != Some(':') && after == Some(':')))
    })
}

#[test]
fn rooms_name_only_those_below_them() {
    let mut wrong = Vec::new();
    for (folder, words) in LAYERS {
        for source in sources(folder) {
            for (number, line) in &source.code {
                for word in words.iter().filter(|word| names(line, word)) {
                    wrong.push(format!("{}:{number}: {word} is above this room", source.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rows_are_reached_through_an_account() {
    let mut wrong = Vec::new();
    for source in sources("src").into_iter().filter(|source| !source.path.starts_with("src/auth/"))
    {
        for (number, line) in &source.code {
            for form in BARE.iter().filter(|form| line.contains(**form)) {
                wrong.push(format!("{}:{number}: {form} knows no account", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A nullable field written so nulls its parent on an error.
#[test]
fn nullable_fields_fail_alone() {
    let mut wrong = Vec::new();
    for source in sources("src/graphql") {
        let mut within = false;
        let mut marked = false;
        for (number, line) in &source.code {
            if line.starts_with("#[Object") {
                marked = true;
            } else if marked && line.starts_with("impl") {
                (marked, within) = (false, true);
            } else if line == "}" {
                within = false;
            }
            if within && line.contains("-> ") && line.contains("Result<Option<") {
                wrong.push(format!("{}:{number}: write Option<Result<…>>", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn modules_say_what_they_own() {
    let folders = ["src", "entity/src", "migration/src", "tests"];
    let silent: Vec<String> = folders
        .into_iter()
        .flat_map(sources)
        .filter(|source| !source.text.starts_with("//!"))
        // What belongs to one file only is explained there.
        .filter(|source| !source.path.ends_with("/tests.rs"))
        .map(|source| source.path)
        .collect();
    assert!(silent.is_empty(), "no header: {}", silent.join(", "));
}

#[test]
fn the_words_are_found() {
    for (line, word) in [
        ("use crate::graphql::id;", "crate::graphql"),
        ("    let id: entity::id::InboxId = x;", "entity"),
        ("use sea_orm::sea_query::Expr;", "sea_query"),
        ("use async_graphql::ID;", "async_graphql"),
        ("    let row = inbox::ActiveModel {};", "ActiveModel"),
    ] {
        assert!(names(line, word), "{line}: {word}");
    }
    for (line, word) in [
        ("use sea_orm::entity::prelude::*;", "entity"),
        ("let identity = x.identity::<u8>();", "entity"),
        ("fn entity(&self) {}", "entity"),
        ("use crate::graphql_client;", "crate::graphql"),
    ] {
        assert!(!names(line, word), "{line}: {word}");
    }
}
