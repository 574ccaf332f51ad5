//! Who asks, in the words of the header `User-Agent`: firewalls refuse requests without one.

use std::env::consts::{ARCH, OS};
use std::fmt;

use crate::model::message::Language;

/// What this library runs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Host {
    /// A program in Rust.
    #[default]
    Rust,
    /// The program `addepar-portal`.
    CommandLine,
    /// Python of this version.
    Python(u32, u32),
    /// Node of this version.
    Node(u32, u32),
}

impl Host {
    /// The language that messages are read in.
    pub(crate) const fn language(self) -> Language {
        match self {
            Self::Rust => Language::Rust,
            Self::CommandLine => Language::CommandLine,
            Self::Python(..) => Language::Python,
            Self::Node(..) => Language::Node,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rust => f.write_str("rust"),
            Self::CommandLine => f.write_str("cli"),
            Self::Python(major, minor) => write!(f, "python/{major}.{minor}"),
            Self::Node(major, minor) => write!(f, "node/{major}.{minor}"),
        }
    }
}

/// The value of the header.
pub(crate) fn user_agent(host: Host) -> String {
    format!("addepar-portal/{} ({host}; {OS} {ARCH})", env!("CARGO_PKG_VERSION"))
}
