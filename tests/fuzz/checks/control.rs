//! Answers of the kernel's audit control, and rules.

use stemma::audit::control::{Message, Status, split};
use stemma::audit::rules::{KEY, Rule};

pub fn check(data: &[u8]) {
    rule(data);
    let split = split(data);
    let message = Message::parse(data);
    assert_eq!(split.map(|(kind, _)| kind), message.map(|message| message.kind));
    let Some(message) = message else { return };
    assert_eq!(message.payload.len() + 16, data.len());
    let said = u32::from_ne_bytes([data[0], data[1], data[2], data[3]]);
    assert!(said as usize <= data.len(), "a message shorter than it says is none");
    assert!(message.error().is_none() || message.kind == 2);
    let lost = message.payload.get(24..28).map_or(0, |b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]));
    assert_eq!(Status::parse(message.payload).lost, lost);
    rule(message.payload);
}

fn rule(payload: &[u8]) {
    let Some(rule) = Rule::parse(payload) else { return };
    assert!(payload.starts_with(rule.bytes()));
    assert_eq!(Rule::parse(rule.bytes()).as_ref(), Some(&rule));
    let named = rule.bytes().windows(KEY.len()).any(|part| part == KEY.as_bytes());
    assert!(named || !rule.is_ours());
    assert!(!rule.stops_all() || !rule.is_ours());
}
