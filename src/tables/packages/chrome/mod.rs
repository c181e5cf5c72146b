//! Browsers of Chromium's kind: [`profiles`] finds who uses which, [`extensions`] what is in a profile.

pub mod extensions;
pub mod profiles;
