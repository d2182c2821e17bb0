//! The most likely mistakes, and what the compiler says of each: a sentence that says what to do.

/// Each file of `tests/mistakes` fails to compile with the message beside it. When a message has
/// changed on purpose, `TRYBUILD=overwrite` writes the new ones.
#[test]
fn mistakes_are_explained() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/mistakes/*.rs");
}
