//! How the process handles its memory.

use std::hint::black_box;
use std::sync::Once;

/// More than what a call for 500 files takes.
const BLOCK: usize = 4 << 20;

/// Makes glibc keep the memory of one call for the next, instead of giving it back to the kernel, which takes a tenth
/// of the time of a call for 500 files. Other allocators do so by themselves, and so does Node's process.
///
/// glibc maps blocks of more than 128 KiB one by one, and gives back what is free at the end of its heap when that is
/// more than 128 KiB. It raises both bounds when the first large block is freed: to the size of that block, and twice
/// that (mallopt(3), "dynamic mmap threshold"). So a block is made and freed; nothing is written into it, so that it
/// takes no memory.
pub(crate) fn keep_what_is_freed() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(black_box(Vec::<u8>::with_capacity(BLOCK))));
}
