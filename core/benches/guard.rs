//! A call with a folder of journals, in which 200 calls of 500 files left theirs: with what the folder's index knows, and
//! without, when each journal is read; beside a call whose folder has hardly any. `cargo bench --bench guard` prints the
//! median time of each. The server is the simulated portal; what the disk needs to keep the call's own journal is in all.
//!
//! A number behind `--` is how many calls are made of each kind; 20 unless told.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use addepar_portal::{ContactNotification, PortalClient, PortalPublishing, PublishRequest, init_journal_dir};
use addepar_portal_simulator::SimulatedPortal;
use tokio::runtime::{Builder, Runtime};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const JOURNALS: u64 = 200;
const FILES: u64 = 500;

fn main() -> Result<()> {
    // Cargo adds `--bench`.
    let samples: u64 = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(20);
    let [folder, other] = ["", "-few"]
        .map(|end| Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("guard-{}{end}", std::process::id())));
    let portal = SimulatedPortal::start("{}")?;
    let (client, few) = (client(&portal, &folder)?, client(&portal, &other)?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    for first in (1..=JOURNALS).map(|number| number * FILES) {
        publish(&runtime, &client, first..first + FILES)?;
    }
    let_rest(&folder)?;
    // The first one learns what the journals have.
    let mut next = (JOURNALS + 1) * FILES..;
    let mut one = |client: &PortalClient| {
        let id = next.next().unwrap_or_default();
        publish(&runtime, client, id..id + 1)
    };
    one(&client)?;
    let (mut alone, mut with, mut without) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..samples {
        fs::remove_file(folder.join("addepar-portal-journals.index"))?;
        without.push(one(&client)?);
        // The journals of the calls before are read again until they have rested.
        let_rest(&folder)?;
        one(&client)?;
        with.push(one(&client)?);
        alone.push(one(&few)?);
    }
    let (alone, with, without) = (median(alone), median(with), median(without));
    println!("a call with a folder of hardly any journals: {alone:.2?}");
    println!("with {JOURNALS} journals of {FILES} files: {with:.2?}, without the index {without:.2?}");
    println!("the index spares {:.0} % of the time", 100.0 - 100.0 * with.as_secs_f64() / without.as_secs_f64());
    fs::remove_dir_all(&folder)?;
    fs::remove_dir_all(&other)?;
    Ok(())
}

fn client(portal: &SimulatedPortal, folder: &Path) -> Result<PortalClient> {
    init_journal_dir(folder)?;
    let builder = PortalClient::builder().base_url(portal.base_url()).firm_id("1");
    let builder = builder.key("simulated-key", "simulated-secret");
    Ok(builder.journal_dir(folder.to_str().ok_or("a path that is not text")?).build()?)
}

fn publish(runtime: &Runtime, client: &PortalClient, ids: std::ops::Range<u64>) -> Result<Duration> {
    let request = PublishRequest::new(ids, PortalPublishing::Publish, ContactNotification::DoNotNotify)?;
    let started = Instant::now();
    runtime.block_on(client.publish_files(&request))?;
    Ok(started.elapsed())
}

/// Makes the journals as old as they mostly are: what was just written is read again in any case.
fn let_rest(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            fs::File::options().write(true).open(path)?.set_modified(SystemTime::now() - Duration::from_secs(60))?;
        }
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
