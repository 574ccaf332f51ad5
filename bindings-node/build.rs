//! Tells the linker of each platform what an addon is.

fn main() {
    napi_build::setup();
}
