//! The unwinder that the static binary does without. A panic aborts (`panic = "abort"`) and the binary carries no symbols,
//! so a backtrace would be a list of bare addresses; the standard library's reader of debug information for it and the
//! unwinder under that are 120 KB. These are the functions of the unwinder's interface (Itanium C++ ABI, level 1) that
//! the standard library names; with a `_Unwind_Backtrace` that walks nowhere nothing else of it is reachable. The panic's
//! message and place are still printed.

use std::ffi::{c_int, c_void};

/// `_URC_END_OF_STACK`: there are no frames.
const END_OF_STACK: c_int = 5;

/// Walks no frames.
#[unsafe(no_mangle)]
pub extern "C" fn _Unwind_Backtrace(_: *const c_void, _: *mut c_void) -> c_int {
    END_OF_STACK
}

macro_rules! nothing {
    ($($name:ident),+) => { $(
        /// Never called: there are no frames to ask about.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name() -> usize { 0 }
    )+ };
}

nothing!(
    _Unwind_DeleteException,
    _Unwind_FindEnclosingFunction,
    _Unwind_GetCFA,
    _Unwind_GetDataRelBase,
    _Unwind_GetIP,
    _Unwind_GetIPInfo,
    _Unwind_GetLanguageSpecificData,
    _Unwind_GetRegionStart,
    _Unwind_GetTextRelBase,
    _Unwind_RaiseException,
    _Unwind_Resume,
    _Unwind_SetGR,
    _Unwind_SetIP
);
