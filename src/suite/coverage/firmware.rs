//! Which requirements the tests of the reference firmware name.

/// A requirement named by a test of the reference firmware: `cargo test -p refbms NAME` runs the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirmwareTest {
    /// The number of the requirement or question: `R-046`.
    pub requirement: &'static str,
    /// The file: `firmware/tests/panel.rs`.
    pub file: &'static str,
    /// The name of the test's function.
    pub name: &'static str,
}

/// Found by the build script, in the order of the numbers.
static TESTS: &[FirmwareTest] = include!(concat!(env!("OUT_DIR"), "/firmware_tests.rs"));

/// What the firmware tests name: one entry for each requirement and test.
pub fn firmware_tests() -> &'static [FirmwareTest] {
    TESTS
}
