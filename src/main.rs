//! The `stemma` binary: everything is in the library; see `stemma::cli`.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: stemma::sys::alloc::Counting = stemma::sys::alloc::Counting;

fn main() -> ExitCode {
    stemma::cli::main()
}
