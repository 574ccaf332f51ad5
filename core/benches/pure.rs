//! The parts without I/O: making a request's JSON, reading an answer. `cargo bench` prints the median
//! time of each, and beside it what plain serde needs.
//!
//! A number behind `--` is how many samples are taken of each; 200 unless told.

#[path = "../../tests/bench/server/src/answer.rs"]
mod answer;

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use addepar_portal::{ContactNotification, PortalPublishing, PublishReport, PublishRequest};
use serde::Deserialize;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How long one sample takes at least: clocks are coarse.
const SAMPLE: Duration = Duration::from_micros(500);

#[derive(Deserialize)]
struct Answer {
    #[allow(dead_code, reason = "only read")]
    data: Vec<Row>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only read")]
struct Row {
    attributes: Attributes,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only read")]
struct Attributes {
    file_id: u64,
    publish_status: String,
    notify_status: String,
    #[serde(default)]
    error: Vec<FileError>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only read")]
struct FileError {
    code: String,
    title: String,
    detail: String,
}

fn main() -> Result<()> {
    // Cargo adds `--bench`.
    let samples = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(200);
    for count in [1, 500] {
        let ids: Vec<u64> = (1..=count).collect();
        measure(&format!("request of {count}: validate"), count, samples, || request(&ids))?;
        let request = request(&ids)?;
        measure(&format!("request of {count}: to JSON"), count, samples, || Ok(request.to_json()))?;
    }
    for count in [1, 10, 100, 500, 1_000, 5_000, 10_000, 50_000] {
        answer(samples, "compact", count)?;
    }
    for form in ["shuffled", "all-ok", "all-failed", "unknown-members", "indented"] {
        for count in [500, 50_000] {
            answer(samples, form, count)?;
        }
    }
    Ok(())
}

fn answer(samples: usize, form: &str, count: u64) -> Result<()> {
    let request = request(&(1..=count).collect::<Vec<_>>())?;
    let body = answer::body(answer::Form::named(form).ok_or("no such form")?, 1, count);
    let name = format!("answer of {count}, {form}");
    measure(&format!("{name}: read"), count, samples, || Ok(PublishReport::from_response(&request, body.as_bytes())?))?;
    measure(&format!("{name}: serde"), count, samples, || Ok(serde_json::from_str::<Answer>(&body)?))
}

fn request(ids: &[u64]) -> Result<PublishRequest> {
    let (publish, notify) = (PortalPublishing::Publish, ContactNotification::Notify);
    Ok(PublishRequest::for_batch(ids.iter().copied(), publish, notify)?)
}

/// Prints the median and the quartiles of a call's time, and the median for each file.
#[allow(clippy::cast_precision_loss, reason = "no count here is that large")]
fn measure<T>(name: &str, files: u64, samples: usize, call: impl Fn() -> Result<T>) -> Result<()> {
    let started = Instant::now();
    black_box(call()?);
    let once = started.elapsed().max(Duration::from_nanos(20));
    let calls = u32::try_from(SAMPLE.as_nanos() / once.as_nanos())?.max(1);
    let samples = if once > SAMPLE { samples.min(30) } else { samples };
    let mut times = Vec::with_capacity(samples);
    for _ in 0..samples {
        let started = Instant::now();
        for _ in 0..calls {
            black_box(call()?);
        }
        times.push(started.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
    times.sort_by(f64::total_cmp);
    let at = |quarter: usize| times.get(times.len() * quarter / 4).copied().unwrap_or_default();
    println!(
        "{name:<40} {:>10.2} µs  ({:.2} to {:.2})  {:>7.1} ns a file",
        at(2),
        at(1),
        at(3),
        at(2) * 1e3 / files as f64
    );
    Ok(())
}
