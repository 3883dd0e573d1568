//! The README shows what the examples are.

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_is_a_front_door() {
    assert!(README.lines().count() <= 130, "what is longer belongs in the documentation");
    for command in [
        "cargo test",
        "cargo run --release --example quickstart",
        "cargo run --release --example compare_estimators",
    ] {
        assert!(README.contains(&format!("\n{command} ")), "{command}");
    }
}

#[test]
fn the_first_code_block_of_the_readme_is_the_quickstart_example() {
    let code = include_str!("../../examples/quickstart.rs");
    assert!(code.lines().count() < 30);
    let block = README.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(block, Some(code));
}
