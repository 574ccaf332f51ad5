//! State that belongs to one process and is left alone by its forked children.

use std::mem;
use std::process;
use std::sync::Arc;

use once_cell::race::OnceBox;

/// One `T` for each process that comes by.
///
/// After `fork` a child sees the parent's value but may not touch it: its locks may be held by
/// threads that do not exist here, and its sockets are registered with the parent's event queue.
/// So the child makes a value of its own, takes no lock on the way, and never drops the parent's.
#[derive(Debug)]
pub(crate) struct PerProcess<T> {
    first: OnceBox<Node<T>>,
}

#[derive(Debug)]
struct Node<T> {
    pid: u32,
    value: Arc<T>,
    next: OnceBox<Node<T>>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self { first: OnceBox::new() }
    }

    /// This process's value, made on first use.
    pub(crate) fn get(&self, make: impl Fn() -> T) -> &T {
        let pid = process::id();
        let mut slot = &self.first;
        loop {
            let node = slot.get_or_init(|| Box::new(Node { pid, value: Arc::new(make()), next: OnceBox::new() }));
            if node.pid == pid {
                return &node.value;
            }
            slot = &node.next;
        }
    }
}

impl<T> Drop for Node<T> {
    /// One owner too many keeps the parent's value from ever being dropped here.
    fn drop(&mut self) {
        if self.pid != process::id() {
            mem::forget(self.value.clone());
        }
    }
}
