//! Kernel audit: from datagrams to typed events.

pub mod event;
