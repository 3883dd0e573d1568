//! What the compiler says where an estimator does not fit a distribution or an objective. Each program in `messages/` does not compile, and
//! the compiler's text contains what the lines `// says: ` at its head want.
//!
//! Contains, not equals: the rest of the text belongs to the compiler and changes with its version. That is why this is not `trybuild`, which
//! compares whole texts; the programs are checked as it does, in a package made for them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const CONTROL: &str = "accepted";

/// The programs by name.
fn programs() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("messages");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files.map(|path| (name(&path), fs::read_to_string(path).unwrap())).collect()
}

/// Checks all programs in a package of their own; the errors of each: code and text.
fn check(programs: &BTreeMap<String, String>) -> BTreeMap<String, Vec<(String, String)>> {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("messages");
    let sources = package.join("src/bin");
    let _ = fs::remove_dir_all(&sources);
    fs::create_dir_all(&sources).unwrap();
    let manifest = format!(
        "[package]\nname = \"messages\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         rand = {{ version = \"0.10.1\", default-features = false, features = [\"std\"] }}\nreparam = {{ path = {library:?} }}\n"
    );
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    // The versions of this workspace, which are here already: no network is needed.
    fs::copy(library.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    for (name, program) in programs {
        fs::write(sources.join(format!("{name}.rs")), program).unwrap();
    }
    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--keep-going", "--bins", "--message-format=json"])
        .env("CARGO_TARGET_DIR", package.join("target"))
        .current_dir(&package)
        .output()
        .unwrap();
    let mut errors: BTreeMap<_, Vec<_>> = programs.keys().map(|name| (name.clone(), Vec::new())).collect();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let message = &line["message"];
        // Only an error about the code has a code; "aborting due to" has none.
        if line["reason"] == "compiler-message"
            && message["level"] == "error"
            && message["code"] != Value::Null
        {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let error = (text(&message["code"]["code"]), text(&message["rendered"]));
            errors.get_mut(line["target"]["name"].as_str().unwrap()).unwrap().push(error);
        }
    }
    assert!(errors.values().any(|errors| !errors.is_empty()), "{}", String::from_utf8_lossy(&output.stderr));
    errors
}

#[test]
fn what_does_not_fit_is_refused_with_advice() {
    let programs = programs();
    let errors = check(&programs);
    assert!(programs.contains_key(CONTROL));
    for (name, program) in &programs {
        let wanted: Vec<&str> = program.lines().map_while(|line| line.strip_prefix("// says: ")).collect();
        assert_eq!(wanted.is_empty(), name == CONTROL, "{name} says what it wants");
        let text: String = errors[name].iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(errors[name].is_empty(), name == CONTROL, "{name}: {text}");
        for wanted in wanted {
            assert!(text.contains(wanted), "{name} lacks «{wanted}»:\n{text}");
        }
        // A bound that does not hold, and nothing else: not a slip in the program.
        assert!(errors[name].iter().all(|(code, _)| code == "E0277"), "{name}: {text}");
    }
}
