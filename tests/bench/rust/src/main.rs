//! One contender in a process of its own: it takes turns when it is told to.
//!
//! ```text
//! addepar-portal-bench CONTENDER URL COUNT
//! ```
//!
//! What it is told and what it prints is as in `../python/worker.py`; every result is looked at.

mod contender;
mod plain;

use std::error::Error;
use std::fs;
use std::io::{self, BufRead};
use std::time::Instant;

use serde_json::json;
use tokio::runtime::Builder;

use crate::contender::Contender;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Failures, the sum of the files' ids, the length of the errors' codes and details.
type Totals = [u64; 3];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, url, count] = arguments.as_slice() else { return Err("CONTENDER URL COUNT".into()) };
    let file_ids: Vec<u64> = (1..=count.parse()?).collect();
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut contender = Contender::open(name, url, &file_ids)?;
        println!("{}", json!(contender.publish(&file_ids).await?));
        for line in io::stdin().lock().lines() {
            let calls: u32 = line?.trim().parse()?;
            contender.publish(&file_ids).await?;
            let started = Instant::now();
            for _ in 0..calls {
                contender.publish(&file_ids).await?;
            }
            println!("{}", json!({ "time": started.elapsed().as_secs_f64() / f64::from(calls) }));
        }
        println!("{}", json!({ "memory": peak_memory()? }));
        Ok(())
    })
}

/// In bytes; zero where it cannot be had.
fn peak_memory() -> Result<u64> {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return Ok(0) };
    let peak = status.split("VmHWM:").nth(1).and_then(|rest| rest.split_whitespace().next());
    Ok(peak.unwrap_or_default().parse::<u64>()? << 10)
}
