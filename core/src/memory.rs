//! How the process's memory is to be handled.

use std::hint::black_box;
use std::sync::Once;

/// Larger than what an answer for some thousand files takes.
const BLOCK: usize = 4 << 20;

/// Makes glibc keep the memory of one call for the next, instead of giving it back to the kernel, which takes a
/// fifth of the time of a call for 500 files. For hosts that make many calls; other allocators do so by themselves.
///
/// glibc gives back what is free at the end of its heap when that is more than 128 KiB, and raises this bound to
/// twice the size of the largest block that was ever freed (mallopt(3), "dynamic mmap threshold"). So a block is
/// made and freed; nothing is written into it, so that it takes no memory.
pub fn keep_freed_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(black_box(Vec::<u8>::with_capacity(BLOCK))));
}
