//! What the command prints, and its exit status.
//!
//! `TRYCMD=overwrite cargo test --test cli` renews the pages, then `tests/cli/tidy.py` puts the placeholders back.

#[test]
fn the_command_line_does_what_its_pages_show() {
    trycmd::TestCases::new()
        .env("COLUMNS", "80")
        .env("NO_COLOR", "1")
        .case("tests/cli/*.trycmd")
        .case("README.md");
}
