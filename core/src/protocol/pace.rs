//! Keeping to published limits before the server has to refuse. No I/O.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So many requests in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    requests: usize,
    period: Duration,
}

/// The limits of a firm, all its integrations together (API documentation, "Rate limits").
pub(crate) const PUBLISHED: [Limit; 2] = [
    Limit { requests: 50, period: Duration::from_secs(15 * 60) },
    Limit { requests: 1_000, period: Duration::from_secs(24 * 60 * 60) },
];

/// When requests went out.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    limits: Vec<Limit>,
    sent: VecDeque<Instant>,
}

impl Pace {
    pub(crate) fn new(limits: &[Limit]) -> Self {
        Self { limits: limits.to_vec(), sent: VecDeque::new() }
    }

    /// Goes on where an earlier process ended, whose requests went out so long ago, in any order.
    pub(crate) fn resumed(limits: &[Limit], ago: impl Iterator<Item = Duration>, now: Instant) -> Self {
        let mut sent: Vec<Instant> = ago.filter_map(|ago| now.checked_sub(ago)).collect();
        sent.sort_unstable();
        let mut pace = Self::new(limits);
        for at in sent {
            pace.sent(at);
        }
        pace
    }

    /// How long the next request has to wait.
    pub(crate) fn delay(&self, now: Instant) -> Duration {
        let wait = |limit: &Limit| {
            let oldest = self.sent.len().checked_sub(limit.requests).and_then(|position| self.sent.get(position))?;
            Some((*oldest + limit.period).saturating_duration_since(now))
        };
        self.limits.iter().filter_map(wait).max().unwrap_or_default()
    }

    /// A request goes out.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.sent.push_back(now);
        let most = self.limits.iter().map(|limit| limit.requests).max().unwrap_or_default();
        while self.sent.len() > most {
            self.sent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_limits_hold_in_every_window() {
        let (mut pace, start) = (Pace::new(&PUBLISHED), Instant::now());
        let mut now = start;
        let mut sent = Vec::new();
        for _ in 0..2_000 {
            now += pace.delay(now);
            pace.sent(now);
            sent.push(now.duration_since(start));
        }
        for limit in PUBLISHED {
            for (first, next) in sent.iter().zip(sent.iter().skip(limit.requests)) {
                assert!(next.checked_sub(*first) >= Some(limit.period));
            }
        }
        assert_eq!(sent.last().map(Duration::as_secs), Some(24 * 60 * 60 + 19 * 15 * 60));
    }

    #[test]
    fn another_process_counts_too() {
        let now = Instant::now();
        let ago = (0..50).map(|count| Duration::from_secs(60 + count));
        assert_eq!(Pace::resumed(&PUBLISHED, ago.clone(), now).delay(now), Duration::from_secs(15 * 60 - 109));
        assert_eq!(Pace::resumed(&PUBLISHED, ago.skip(1), now).delay(now), Duration::ZERO);
    }

    #[test]
    fn without_limits_nothing_waits() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        for _ in 0..100 {
            assert_eq!(pace.delay(now), Duration::ZERO);
            pace.sent(now);
        }
    }
}
