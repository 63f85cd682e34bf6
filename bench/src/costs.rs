//! `costs`: how many requests to S3, SQS and DynamoDB an upload, a video and its viewers make.
//!
//! Three programs work over the environment's services, which `./dev bench costs` starts. Each counts
//! what it sends, tries included (`hashreel_aws_requests_total` of its `/metrics`); here the counts
//! before and after are taken from each other. docs/costs.md turns them into a bill.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use crate::server::{Kind, Server};
use crate::work::{self, Folder};
use crate::{Options, Result, bucket, clip, curl, playlist, report};

const LEN: u64 = 1 << 30;
const READY_LIMIT: Duration = Duration::from_secs(900);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Long enough for each of the queues' long polls to end several times.
const IDLE: Duration = Duration::from_secs(120);

/// Requests by service and operation, and DynamoDB's units.
type Counts = BTreeMap<String, f64>;

#[derive(Serialize)]
struct Costs {
    name: &'static str,
    command: &'static str,
    measured_on: String,
    commit: String,
    /// What was done, and what it took, in the order in which it was done.
    counts: Vec<(String, Counts)>,
}

/// Counts, prints and writes.
pub fn count(options: &Options) -> Result<()> {
    let folder = Folder::fresh("costs")?;
    let house = House::start(options, folder.path())?;
    let random = work::random_file("random-1GiB", LEN)?;
    let clip = clip::clip()?;
    let mut counts = Vec::new();
    let mut last = house.counts()?;
    let mut note = |what: &str| -> Result<()> {
        let now = house.counts()?;
        let spent = now
            .iter()
            .map(|(name, count)| (name.clone(), count - last.get(name).unwrap_or(&0.0)))
            .filter(|(_, count)| *count > 0.0)
            .collect();
        println!("{what}");
        print(&spent);
        counts.push((what.to_owned(), spent));
        last = now;
        Ok(())
    };

    house.upload(&random)?;
    note("1 GiB of new bytes uploaded in one request")?;
    if !house.counts()?.contains_key("S3 PutObject") {
        return Err("these services know the bytes: `./dev localstack down`, and once more".into());
    }
    house.upload(&random)?;
    note("the same 1 GiB again")?;
    let video = house.upload(&clip)?;
    house.ready(&video)?;
    note("60 s of 1080p uploaded and made into five renditions")?;
    house.play(&video)?;
    note("its first play-through, best rendition and sound")?;
    house.play(&video)?;
    note("its second")?;
    sleep(IDLE);
    note("two minutes of one idle upload-svc, meta-svc and transcode-worker")?;

    let costs = Costs {
        name: "costs",
        command: "./dev bench costs",
        measured_on: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
        commit: report::commit()?,
        counts,
    };
    fs::create_dir_all(&options.results)?;
    let text = serde_json::to_string_pretty(&costs)? + "\n";
    fs::write(options.results.join("costs.json"), text)?;
    Ok(())
}

fn print(counts: &Counts) {
    for (name, count) in counts {
        println!("  {name:<40} {count:10.1}");
    }
}

/// The three programs.
struct House {
    uploads: Server,
    meta: Server,
    worker: Server,
}

impl House {
    fn start(options: &Options, folder: &Path) -> Result<Self> {
        let settings = [("HASHREEL_OBJECTS", format!("s3://{}/bench-costs", bucket::name()?))];
        let start = |name: &'static str| {
            let program = options.hashreel.with_file_name(name);
            let data = folder.join(name);
            fs::create_dir(&data)?;
            Server::start(Kind::Service { name, program: &program, settings: &settings }, &data)
        };
        Ok(Self {
            uploads: start("upload-svc")?,
            meta: start("meta-svc")?,
            worker: start("transcode-worker")?,
        })
    }

    /// What all three have sent so far.
    fn counts(&self) -> Result<Counts> {
        let mut counts = Counts::new();
        for server in [&self.uploads, &self.meta, &self.worker] {
            for (name, count) in figures(&curl::get(&server.url("/metrics"))?)? {
                *counts.entry(name).or_default() += count;
            }
        }
        Ok(counts)
    }

    /// The id of the file that an upload in one request becomes.
    fn upload(&self, file: &Path) -> Result<String> {
        let len = fs::metadata(file)?.len();
        let upload = curl::create(&self.uploads.url("/uploads"), len)?;
        Ok(curl::append(&upload, file, len)?.header("hashreel-file")?.to_owned())
    }

    fn ready(&self, file: &str) -> Result<()> {
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            let file: Value = serde_json::from_str(&curl::poll(&self.file(file))?)?;
            match file["video"]["state"].as_str() {
                Some("ready") => return Ok(()),
                Some("failed" | "cancelled") => return Err(format!("no video: {file}").into()),
                _ if Instant::now() > deadline => return Err("the video is not ready".into()),
                _ => sleep(LOOK_EVERY),
            }
        }
    }

    fn file(&self, file: &str) -> String {
        self.meta.url(&format!("/v1/files/{file}"))
    }

    /// What a player fetches: the master, the playlists of the best rendition and of the sound, and
    /// all of their segments.
    fn play(&self, file: &str) -> Result<()> {
        let base = self.meta.url(&format!("/play/{file}/master.m3u8"));
        let master = curl::get(&base)?;
        for playlist in playlist::best_and_sound(&master) {
            let address = curl::resolve(&base, &playlist);
            for segment in playlist::segments(&curl::get(&address)?) {
                curl::download(&[curl::resolve(&address, &segment)], Path::new("/dev/null"))?;
            }
        }
        Ok(())
    }
}

/// The figures of AWS in a page of `/metrics`: `S3 PutObject`, `DynamoDB units Write`.
fn figures(page: &str) -> Result<Counts> {
    let mut counts = Counts::new();
    for line in page.lines() {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let words: Vec<&str> = series.split('"').collect();
        let name = match words.as_slice() {
            [head, service, _, operation, _] if head.starts_with("hashreel_aws_requests_total") => {
                format!("{service} {operation}")
            }
            [head, units, _] if head.starts_with("hashreel_dynamodb_capacity_units_total") => {
                format!("DynamoDB units {units}")
            }
            _ => continue,
        };
        counts.insert(name, value.parse()?);
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_aws_are_found_among_the_others() {
        let page = "# TYPE hashreel_aws_requests counter\n\
            hashreel_aws_requests_total{service=\"S3\",operation=\"PutObject\"} 7\n\
            hashreel_dynamodb_capacity_units_total{units=\"Write\"} 2.5\n\
            hashreel_http_running 1\n# EOF\n";
        let figures = figures(page).unwrap();
        let expected = [("S3 PutObject".to_owned(), 7.0), ("DynamoDB units Write".to_owned(), 2.5)];
        assert_eq!(figures, Counts::from(expected));
    }
}
