//! The README shows what the examples are.

const README: &str = include_str!("../../README.md");

#[test]
fn the_first_code_block_of_the_readme_is_the_quickstart_example() {
    let code = include_str!("../../examples/quickstart.rs");
    assert!(code.lines().count() < 30);
    let block = README.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(block, Some(code));
}
