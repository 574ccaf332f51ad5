//! Times and durations as they are written.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time in UTC for a person to read, to the second.
pub(crate) fn text(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// The same of a time that came from outside; `None` if it is before 1970 or after 9999.
pub(crate) fn checked_text(time: SystemTime) -> Option<String> {
    // The first second of the year 10000.
    const END: Duration = Duration::from_secs(253_402_300_800);
    time.duration_since(UNIX_EPOCH).is_ok_and(|since_1970| since_1970 < END).then(|| text(time))
}

/// Times as text in UTC, such as `2026-11-24T21:14:07.123456Z`.
pub(crate) mod rfc3339 {
    use std::time::SystemTime;

    use serde::de::{Error, Unexpected};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde hands over a reference to the member")]
    pub(crate) fn serialize<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(|time| humantime::format_rfc3339_micros(time).to_string()).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
        Option::<String>::deserialize(deserializer)?.map(|text| read(&text)).transpose()
    }

    fn read<E: Error>(text: &str) -> Result<SystemTime, E> {
        let expected = &"a time such as 2026-11-24T21:14:07.123456Z";
        humantime::parse_rfc3339(text).map_err(|_| E::invalid_value(Unexpected::Str(text), expected))
    }

    /// For a time that is always there.
    pub(crate) mod always {
        use super::{Deserialize, Deserializer, Serializer, SystemTime};

        pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
            super::serialize(&Some(*time), serializer)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
            super::read(&String::deserialize(deserializer)?)
        }
    }
}

/// Durations as seconds.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::de::{Error, Unexpected};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        duration.as_secs_f64().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        read(f64::deserialize(deserializer)?)
    }

    pub(super) fn read<E: Error>(seconds: f64) -> Result<Duration, E> {
        let refused = |_| E::invalid_value(Unexpected::Float(seconds), &"seconds from 0");
        Duration::try_from_secs_f64(seconds).map_err(refused)
    }
}

/// The same of durations that may be missing.
pub(crate) mod maybe_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde hands over a reference to the member")]
    pub(crate) fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.as_ref().map(Duration::as_secs_f64).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Option::<f64>::deserialize(deserializer)?.map(super::seconds::read).transpose()
    }
}
