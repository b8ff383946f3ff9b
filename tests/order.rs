//! A run on several processors tells the same, in the same order, as one session after the other.

use std::process::Command;

/// What a run writes on its standard output, but for the figures of the machine it ran on.
fn screen(arguments: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_bmscheck"))
        .arg("run")
        .args([
            "pylon-can/limits",
            "pylon-can/options",
            "pylon-rs485/limits",
            "pylon-rs485/alarms",
            "studer-can/soc",
        ])
        .args(arguments)
        .output()
        .expect("bmscheck runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines()
        .filter(|line| !line.contains("of bus time in"))
        .map(str::to_string)
        .collect()
}

#[test]
fn sessions_side_by_side_tell_what_sessions_in_turn_tell() {
    // Who wants to stop at the first failure gets one session after the other.
    let in_turn = screen(&["--fail-fast"]);
    let side_by_side = screen(&[]);
    assert!(in_turn.iter().any(|line| line.contains("pylon-rs485")), "{in_turn:#?}");
    assert_eq!(in_turn, side_by_side);
}
