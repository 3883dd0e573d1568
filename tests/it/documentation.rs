//! The tables of the documentation, read from the sources: whole, and with nothing missing.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// All sources, and the pages beside them.
fn files() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// The documentation in a line of source.
fn documentation(line: &str) -> &str {
    let line = line.trim_start();
    line.strip_prefix("//!").or_else(|| line.strip_prefix("///")).unwrap_or("")
}

/// Bars that end a cell. A table is cut into cells before its code is looked at, so a bar in backticks counts too; `\|` does not.
fn bars(row: &str) -> usize {
    row.matches('|').count() - row.matches(r"\|").count()
}

/// The rows of a text's tables that have more or fewer cells than their header.
fn broken_rows<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut header = None;
    let mut broken = Vec::new();
    for line in lines {
        let row = line.trim();
        if !row.starts_with('|') {
            header = None;
        } else if bars(row) != *header.get_or_insert(bars(row)) {
            broken.push(row);
        }
    }
    broken
}

#[test]
fn every_row_of_a_table_has_the_cells_of_its_header() {
    let norm = ["| a | b |", "| --- | --- |", "| norm | `|x|` |", "", "| c |"];
    assert_eq!(broken_rows(norm.into_iter()), ["| norm | `|x|` |"]);
    assert!(broken_rows(["| a |", r"| `\|x\|` |"].into_iter()).is_empty());
    let (mut tables, mut broken) = (0, Vec::new());
    for path in files() {
        let text = fs::read_to_string(&path).unwrap();
        tables += text.matches("| --- |").count();
        let rows = if path.extension().is_some_and(|extension| extension == "rs") {
            broken_rows(text.lines().map(documentation))
        } else {
            broken_rows(text.lines())
        };
        broken.extend(rows.into_iter().map(|row| format!("{}: {row}", path.display())));
    }
    assert!(tables > 100, "{tables}");
    assert!(broken.is_empty(), "a bar that is no cell's end is written `\\|`:\n{}", broken.join("\n"));
}

/// The documentation at the head of a file.
fn head(source: &str) -> String {
    source.lines().take_while(|line| line.starts_with("//!")).map(|line| format!("{line}\n")).collect()
}

/// Whether a text names this: in a code span, alone or at its beginning or after a comma.
fn names(text: &str, word: &str) -> bool {
    text.split('`').skip(1).step_by(2).any(|code| {
        let rest = code.strip_prefix(word);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

/// What a module makes public: the names of its `pub use` lines that stand at the margin.
fn exports(source: &str) -> Vec<String> {
    let items = source.split("\npub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let words = items.flat_map(|item| {
        let tree =
            item.split_once('{').map_or_else(|| item.rsplit("::").next(), |(_, list)| list.strip_suffix('}'));
        tree.unwrap_or("").split(',').map(|word| word.trim().to_owned()).collect::<Vec<_>>()
    });
    words.filter(|word| !word.is_empty() && word != "*").collect()
}

/// Folders of which the head names the public items, not the files.
const PUBLIC: [&str; 8] =
    ["distributions", "estimators", "distribution", "noise", "bijections", "numerics", "special", "verify"];

#[test]
fn every_public_name_stands_in_the_table_of_its_module() {
    let scalar = exports(&read("src/distributions/scalar/mod.rs"));
    assert!(scalar.len() > 50, "{scalar:?}");
    for module in PUBLIC {
        let source = read(&format!("src/{module}/mod.rs"));
        let mut exported = exports(&source);
        if module == "distributions" {
            exported.extend(scalar.iter().cloned());
        }
        assert!(exported.len() >= 5, "{module}: {exported:?}");
        let head = head(&source);
        // A family goes by the name of its distribution.
        let distribution = |name: &str| name.strip_suffix("Family").is_some_and(|name| names(&head, name));
        let missing: Vec<_> =
            exported.iter().filter(|name| !names(&head, name) && !distribution(name)).collect();
        assert!(missing.is_empty(), "src/{module}/mod.rs does not name {missing:?}");
    }
}

#[test]
fn every_folder_begins_with_a_table_of_what_lives_there() {
    for path in files().iter().filter(|path| path.ends_with("mod.rs")) {
        let source = fs::read_to_string(path).unwrap();
        let head = head(&source);
        let folder = path.parent().unwrap().strip_prefix(root().join("src")).unwrap();
        assert!(head.contains("| --- |"), "{} has no table at its head", folder.display());
        // One scalar family is like the other.
        if PUBLIC.iter().any(|public| folder == Path::new(public)) || folder.ends_with("scalar") {
            continue;
        }
        let modules = source.lines().filter_map(|line| {
            let declared = ["mod ", "pub(crate) mod ", "pub(super) mod "];
            declared.iter().find_map(|start| line.strip_prefix(start)?.strip_suffix(';'))
        });
        let missing: Vec<_> = modules.filter(|name| !names(&head, name)).collect();
        assert!(missing.is_empty(), "{} does not say what lives in {missing:?}", folder.display());
    }
}
