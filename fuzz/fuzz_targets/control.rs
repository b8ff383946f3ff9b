//! A message or an answer of the control socket is read and written back, and no specification ends in a panic.
#![no_main]

use bmscheck::link::control::{Address, Answer, Command, message};
use bmscheck::link::fixture::FixtureSpec;
use bmscheck::link::target::Target;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let Ok(text) = std::str::from_utf8(text) else { return };
    for line in text.lines() {
        if let Ok(Command::Apply(stimuli)) = Command::parse(line) {
            for stimulus in stimuli {
                let written = message(&stimulus);
                assert_eq!(Command::parse(&written).ok(), Some(Command::Apply(vec![stimulus])), "{written}");
            }
        }
        if let Some(answer) = Answer::parse(line) {
            let written = answer.to_string();
            assert_eq!(Answer::parse(&written), Some(answer), "{written}");
        }
        let _ = (Address::parse(line), FixtureSpec::parse(line), Target::parse(line));
    }
});
