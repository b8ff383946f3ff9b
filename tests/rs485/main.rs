//! RS485 in real time over pseudo-terminals: an emulated battery, a run, and what a line does to the bytes between them.

mod bench;
mod end_of_line;
mod late;
mod line;
mod programs;
mod relay;
