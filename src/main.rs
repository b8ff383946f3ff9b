//! The `bmscheck` command.

fn main() {}
