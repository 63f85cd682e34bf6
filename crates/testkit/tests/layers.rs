//! The layers of ARCHITECTURE.md, held by a machine.
//!
//! Reads `cargo metadata` and the manifests, and fails on an edge that the list does not have, on a
//! third-party crate named outside its homes, on a crate that leaves the workspace's lints, and on
//! a dependency that is not chosen in the workspace's table. What is wrong is named with its rule, so
//! that the way out is to mend the edge, or to change the list here and in ARCHITECTURE.md together.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// A crate may use every crate of the layers before its own, and none of its own layer.
const LAYERS: [&[&str]; 7] = [
    &["model"],
    &["chunking", "resumable", "cmaf", "objects", "records", "queue"],
    &["service"],
    &["catalog"],
    &["content", "access"],
    &["upload-svc", "transcode-worker", "meta-svc"],
    &["cli"],
];

/// A crate beside the layers: what it may use, and who may use it.
struct Beside {
    name: &'static str,
    uses: &'static [&'static str],
    users: &'static [&'static str],
}

const BESIDE: &[Beside] = &[
    Beside { name: "media", uses: &["model", "cmaf"], users: &["transcode-worker"] },
    Beside { name: "sqlite", uses: &["model"], users: &["records", "queue"] },
    Beside {
        name: "aws",
        uses: &["model"],
        users: &["objects", "records", "queue", "upload-svc", "meta-svc", "transcode-worker"],
    },
];

/// What checks and measures the house: it may use all of it, and no crate may use it.
const OUTSIDE: &[&str] = &["system-tests", "bench", "fuzz"];

/// Third-party crates that only their homes name, in their tests too.
const HOMES: &[(&str, &[&str])] = &[
    ("aws-sdk-s3", &["objects", "bench"]),
    ("aws-sdk-sqs", &["queue"]),
    ("aws-sdk-dynamodb", &["records"]),
    ("rusqlite", &["sqlite", "records", "queue"]),
    ("ffmpeg-next", &["media"]),
];

/// Crates that wait for nothing: their own code names no runtime and no server.
const SANS_IO: &[&str] = &["model", "chunking", "resumable", "cmaf"];
const IO: &[&str] = &["tokio", "axum", "tower", "tower-http", "reqwest", "hyper"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

/// One line of a `[dependencies]` table, as `cargo metadata` prints it.
#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// Absent for an ordinary dependency, else `dev` or `build`.
    kind: Option<String>,
    /// Present for a crate of this repository.
    path: Option<String>,
}

impl Dependency {
    fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

#[test]
fn every_edge_of_the_workspace_is_on_the_list() {
    let wrong: Vec<String> = workspace().iter().flat_map(wrong_edges).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_crate_keeps_the_workspace_lints_and_the_workspace_table() {
    let wrong: Vec<String> = workspace()
        .iter()
        .flat_map(|package| {
            let manifest = fs::read_to_string(&package.manifest_path).unwrap();
            wrong_manifest(&package.name, &manifest.parse().unwrap())
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_edge_off_the_list_is_named_with_its_rule() {
    // (crate, what it depends on, kind, whether of this repository, what the complaint must say)
    let cases = [
        ("catalog", "content", None, true, Some("catalog -> content: a crate uses only")),
        ("content", "access", None, true, Some("content -> access: a crate uses only")),
        ("model", "model", None, true, Some("model -> model: a crate uses only")),
        ("meta-svc", "upload-svc", Some("dev"), true, Some("meta-svc -> upload-svc: a crate")),
        ("cli", "media", None, true, Some("cli -> media: only transcode-worker may use media")),
        ("media", "catalog", None, true, Some("media -> catalog: media uses only")),
        ("catalog", "sqlite", None, true, Some("catalog -> sqlite: only records, queue may use")),
        ("sqlite", "cmaf", None, true, Some("sqlite -> cmaf: sqlite uses only model")),
        ("content", "testkit", None, true, Some("content -> testkit: testkit is for tests")),
        ("testkit", "catalog", None, true, Some("testkit -> catalog: testkit uses only")),
        ("cli", "bench", Some("dev"), true, Some("cli -> bench: nothing uses")),
        ("cli", "util", None, true, Some("cli -> util: util has no place")),
        ("util", "model", None, true, Some("util -> model: util has no place")),
        ("catalog", "rusqlite", None, false, Some("catalog -> rusqlite: only sqlite")),
        ("cli", "rusqlite", Some("dev"), false, Some("cli -> rusqlite: only")),
        ("resumable", "tokio", None, false, Some("resumable -> tokio: resumable does no I/O")),
        ("content", "testkit", Some("dev"), true, None),
        ("objects", "objects", Some("dev"), true, None),
        ("system-tests", "testkit", None, true, None),
        ("bench", "chunking", None, true, None),
        ("testkit", "objects", None, true, None),
        ("transcode-worker", "media", None, true, None),
        ("media", "cmaf", None, true, None),
        ("queue", "sqlite", None, true, None),
        ("cli", "model", None, true, None),
        ("queue", "rusqlite", None, false, None),
        ("resumable", "tokio", Some("dev"), false, None),
    ];
    for (name, dependency, kind, is_ours, complaint) in cases {
        let package = Package {
            name: name.to_owned(),
            manifest_path: String::new(),
            dependencies: vec![Dependency {
                name: dependency.to_owned(),
                kind: kind.map(str::to_owned),
                path: is_ours.then(|| format!("crates/{dependency}")),
            }],
        };
        let found = wrong_edges(&package);
        match complaint {
            None => assert!(found.is_empty(), "{name} -> {dependency}: {found:?}"),
            Some(text) => assert!(
                found.len() == 1 && found[0].starts_with(text),
                "{name} -> {dependency} should say {text:?}, said {found:?}"
            ),
        }
    }
}

#[test]
fn a_manifest_that_goes_its_own_way_is_named() {
    const LINTS: &str = "lints.workspace = true\n";
    let cases = [
        ("objects", "dependencies.http.workspace = true", None),
        ("objects", "dev-dependencies.http = '1'", Some("objects -> http: take the version from")),
        (
            "objects",
            "target.'cfg(unix)'.dependencies.http = { version = '1' }",
            Some("objects -> http: take the version from"),
        ),
    ];
    for (name, manifest, complaint) in cases {
        let found = wrong_manifest(name, &format!("{LINTS}{manifest}").parse().unwrap());
        match complaint {
            None => assert!(found.is_empty(), "{manifest}: {found:?}"),
            Some(text) => assert!(found.len() == 1 && found[0].starts_with(text), "{found:?}"),
        }
    }
    let without_lints = "lints.rust.unsafe_code = 'deny'".parse().unwrap();
    assert_eq!(wrong_manifest("objects", &without_lints).len(), 1);
    assert_eq!(wrong_manifest("media", &without_lints).len(), 0);
}

fn workspace() -> Vec<Package> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints its JSON");
    assert!(metadata.packages.len() > 10, "cargo metadata should list the whole workspace");
    metadata.packages
}

fn wrong_edges(package: &Package) -> Vec<String> {
    let from = package.name.as_str();
    let wrong = package.dependencies.iter().filter_map(|to| {
        let rule = if to.path.is_some() { wrong_inside(from, to) } else { wrong_outside(from, to) };
        rule.map(|rule| format!("{from} -> {}: {rule}", to.name))
    });
    wrong.collect()
}

/// The rule that an edge between two of our crates breaks, if it breaks one.
fn wrong_inside(from: &str, dependency: &Dependency) -> Option<String> {
    let to = dependency.name.as_str();
    if let Some(name) = [from, to].into_iter().find(|name| !has_place(name)) {
        return Some(format!("{name} has no place in the layers yet; give it one"));
    }
    if OUTSIDE.contains(&to) {
        return Some(format!("nothing uses {}", OUTSIDE.join(", ")));
    }
    // A crate's tests may see it from outside; that is no edge.
    if OUTSIDE.contains(&from) || (from == to && dependency.is_dev()) {
        return None;
    }
    let (allowed, rule) = if to == "testkit" {
        (dependency.is_dev(), "testkit is for tests, a dev-dependency".to_owned())
    } else if from == "testkit" {
        (layer(to) < layer("catalog"), "testkit uses only what is below the catalog".to_owned())
    } else if let Some(Beside { uses, .. }) = beside(from) {
        (uses.contains(&to), format!("{from} uses only {}", uses.join(", ")))
    } else if let Some(Beside { users, .. }) = beside(to) {
        (users.contains(&from), format!("only {} may use {to}", users.join(", ")))
    } else {
        let rule = format!("a crate uses only the layers before its own: {LAYERS:?}");
        (layer(from) > layer(to), rule)
    };
    (!allowed).then_some(rule)
}

/// The rule that naming a third-party crate breaks, if it breaks one.
fn wrong_outside(from: &str, dependency: &Dependency) -> Option<String> {
    let to = dependency.name.as_str();
    if let Some((_, homes)) = HOMES.iter().find(|(name, _)| *name == to)
        && !homes.contains(&from)
    {
        return Some(format!("only {} may name it", homes.join(", ")));
    }
    (SANS_IO.contains(&from) && IO.contains(&to) && !dependency.is_dev())
        .then(|| format!("{from} does no I/O"))
}

fn has_place(name: &str) -> bool {
    name == "testkit" || OUTSIDE.contains(&name) || beside(name).is_some() || layer(name).is_some()
}

fn beside(name: &str) -> Option<&'static Beside> {
    BESIDE.iter().find(|beside| beside.name == name)
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|names| names.contains(&name))
}

/// The rules that a manifest breaks: the lints are the workspace's, and so is every version.
fn wrong_manifest(name: &str, manifest: &toml::Table) -> Vec<String> {
    let mut wrong = Vec::new();
    // Only `media` may say otherwise, for `unsafe` alone.
    if name != "media" && !is_of_workspace(manifest.get("lints")) {
        wrong.push(format!("{name}: has no `lints.workspace = true`"));
    }
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flat_map(toml::Table::values);
    for table in targets.filter_map(toml::Value::as_table).chain([manifest]) {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let dependencies = table.get(kind).and_then(toml::Value::as_table);
            for (dependency, value) in dependencies.into_iter().flatten() {
                if !is_of_workspace(Some(value)) {
                    wrong.push(format!(
                        "{name} -> {dependency}: take the version from the workspace's table"
                    ));
                }
            }
        }
    }
    wrong
}

fn is_of_workspace(value: Option<&toml::Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
}
