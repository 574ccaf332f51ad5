//! The delay that a 429 asks for.

use std::time::{Duration, SystemTime};

/// Addepar's own header, in seconds (API documentation).
pub(crate) const ADDEPAR_HEADER: &str = "x-ratelimit-retry-after";

/// The longest delay of all values of both headers, at least one second; `None` where none makes sense: no guess.
pub(crate) fn delay<'a>(values: impl IntoIterator<Item = &'a str>, now: SystemTime) -> Option<Duration> {
    const LEAST: Duration = Duration::from_secs(1);
    values.into_iter().filter_map(|value| read(value.trim(), now)).max().map(|delay| delay.max(LEAST))
}

fn read(value: &str, now: SystemTime) -> Option<Duration> {
    // What stands between may have joined several lines by commas. A date has one of its own.
    let seconds = |value: &str| Duration::try_from_secs_f64(value.trim().parse().ok()?).ok();
    if let Some(seconds) = value.split(',').filter_map(seconds).max() {
        return Some(seconds);
    }
    let left = httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default();
    // A date has no fractions, and those of far dates would not survive a report's JSON. Never too early: rounded up.
    Some(Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    #[test]
    fn headers_are_read_in_seconds_or_as_a_date_and_never_guessed() {
        let now = httpdate::parse_http_date("Tue, 24 Nov 2026 21:14:07 GMT").unwrap_or(SystemTime::UNIX_EPOCH);
        for (addepar, standard, expected) in [
            (Some("2"), None, Some(2.0)),
            (None, Some("3"), Some(3.0)),
            (Some("2"), Some("3"), Some(3.0)),
            (Some("5"), Some("nonsense"), Some(5.0)),
            (Some(" 1.5 "), None, Some(1.5)),
            (Some("0"), None, Some(1.0)),
            (None, Some("Tue, 24 Nov 2026 21:14:17 GMT"), Some(10.0)),
            (None, Some("Tue, 24 Nov 2026 21:00:00 GMT"), Some(1.0)),
            (None, Some("Tue, 24 Nov 6026 21:14:07 GMT"), Some(126_227_808_000.0)),
            (Some("NaN"), None, None),
            (Some("-1"), None, None),
            (Some("inf"), None, None),
            (Some("1e400"), None, None),
            (Some("soon"), Some(""), None),
            (Some("2, 7, 3"), Some("5"), Some(7.0)),
            (None, Some("soon, 7"), Some(7.0)),
            (None, None, None),
        ] {
            let expected = expected.map(Duration::from_secs_f64);
            for now in [now, now + Duration::from_nanos(1), now + Duration::from_millis(999)] {
                let delay = delay([addepar, standard].into_iter().flatten(), now);
                assert_eq!(delay, expected, "{addepar:?} {standard:?}");
                // As a report writes it.
                assert_eq!(delay.map(|delay| Duration::from_secs_f64(delay.as_secs_f64())), expected);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2_000,
            rng_seed: RngSeed::Fixed(37),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_text_is_a_delay_or_none(
            addepar in any_value(),
            standard in any_value(),
            now in 0..u64::from(u32::MAX),
        ) {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
            let alone = |value: &str| delay([value], now);
            let both = delay([addepar.as_str(), standard.as_str()], now);
            prop_assert_eq!(both, alone(&addepar).max(alone(&standard)));
            prop_assert!(both.is_none_or(|delay| delay >= Duration::from_secs(1)));
        }
    }

    fn any_value() -> impl Strategy<Value = String> {
        prop_oneof![
            "(?s:.*)",
            "[ +-]?[0-9]{0,25}[.e]?[+-]?[0-9]{0,4}",
            any::<f64>().prop_map(|number| number.to_string())
        ]
    }
}
