//! `hashreel jobs dead`, `redrive` and `discard`: jobs that were put aside, for whoever runs the services.
//!
//! A dead letter belongs to the whole deployment, and what it says may be somebody else's: so this works
//! where the data is, as `hashreel keys` does, and not over HTTP. An owner sees by `hashreel jobs` what a
//! dead letter has done to a video of theirs, and can try that again.

use crate::{
    args::{LettersArgs, StoresArgs},
    data_dir::DataDir,
    place::Place,
    say,
};
use catalog::{Catalog, jobs::Job};
use model::{Error, ErrorKind, Result, Timestamp};
use queue::{DeadId, DeadLetter, JobQueue, MAX_PAGE, Outgoing};
use serde_json::json;
use service::of_setting;
use std::{env, fmt, sync::Arc};

/// Which of the two queues a letter is of; the first part of its id here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Task,
    Quick,
}

/// A letter's id among those of both queues.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LetterId(Kind, DeadId);

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Kind::Task => "task",
            Kind::Quick => "quick",
        };
        write!(f, "{kind}/{}", self.1)
    }
}

impl std::str::FromStr for LetterId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (kind, id) = match text.split_once('/') {
            Some(("task", id)) => (Kind::Task, id),
            Some(("quick", id)) => (Kind::Quick, id),
            _ => {
                return Err(Error::invalid(format!(
                    "{text:?} is not the id of a job that was put aside: `hashreel jobs dead` shows them"
                )));
            }
        };
        Ok(Self(kind, DeadId::from(id.to_owned())))
    }
}

/// The queues, and the tables that say what their jobs are about.
struct Letters {
    catalog: Catalog,
    task: Arc<dyn JobQueue>,
    quick: Arc<dyn JobQueue>,
}

impl Letters {
    async fn open(args: &StoresArgs) -> Result<Self> {
        let place = args.place.of("the jobs");
        let exported = || env::var("HASHREEL_QUEUE").ok().filter(|url| !url.is_empty());
        match (place, args.queue.clone().or_else(exported)) {
            (Place::Records(records), Some(queue)) => {
                let records = of_setting("records", records::open(&records).await)?;
                let task = of_setting("queue", queue::open(&queue).await)?;
                let quick = of_setting("queue", queue::open(&queue::quick_url(&queue)).await)?;
                Ok(Self { catalog: Catalog::new(records), task, quick })
            }
            (Place::Records(_), None) => Err(Error::invalid(
                "the queue beside these records is not known: name it with --queue or HASHREEL_QUEUE",
            )),
            // A folder has its own. Where none was asked for, half of a deployment was named.
            (Place::Folder(_), Some(_)) if args.place.data.is_none() => Err(Error::invalid(
                "the records beside this queue are not known: name them with --records or \
                 HASHREEL_RECORDS, or a data folder with --data",
            )),
            (Place::Folder(path), _) => {
                let stores = DataDir::existing(&path)?.stores().await?;
                let catalog = Catalog::new(stores.records);
                Ok(Self { catalog, task: stores.queue, quick: stores.quick })
            }
        }
    }

    fn queue(&self, kind: Kind) -> &dyn JobQueue {
        match kind {
            Kind::Task => &*self.task,
            Kind::Quick => &*self.quick,
        }
    }

    /// One after the other, to `see`, which may not add or take away any.
    async fn each(
        &self,
        mut see: impl AsyncFnMut(LetterId, DeadLetter) -> Result<()>,
    ) -> Result<()> {
        for kind in [Kind::Task, Kind::Quick] {
            let mut cursor = None;
            loop {
                let page = self.queue(kind).dead_letters(cursor, MAX_PAGE).await?;
                for letter in page.letters {
                    see(LetterId(kind, letter.id.clone()), letter).await?;
                }
                cursor = page.cursor;
                if cursor.is_none() {
                    if !page.is_whole {
                        say::talk("there are more: put these back or discard them, and look again");
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// All letters by their ids.
    async fn all(&self) -> Result<Vec<(LetterId, DeadLetter)>> {
        let mut all = Vec::new();
        self.each(async |id, letter| {
            all.push((id, letter));
            Ok(())
        })
        .await?;
        Ok(all)
    }

    /// Those that `args` names.
    async fn named(&self, args: &LettersArgs) -> Result<Vec<(LetterId, DeadLetter)>> {
        let ids = args.ids.iter().map(|id| id.parse()).collect::<Result<Vec<LetterId>>>()?;
        let mut all = self.all().await?;
        if args.all {
            return Ok(all);
        }
        let mut named = Vec::new();
        for id in ids {
            let place = all.iter().position(|(other, _)| *other == id).ok_or_else(|| {
                Error::not_found(format!(
                    "no job {id} is put aside: `hashreel jobs dead` shows all"
                ))
            })?;
            named.push(all.swap_remove(place));
        }
        Ok(named)
    }

    /// What a letter's job was to do, and for which file.
    async fn meaning(&self, body: &str) -> Result<String> {
        let Ok(job) = Job::decode(body) else {
            return Ok(format!("no job of this version: {}", one_line(body)));
        };
        let what = match &job {
            Job::Probe { .. } => "look at".to_owned(),
            Job::Task { task, .. } => format!("task {task} of"),
            Job::Finish { .. } => "finish".to_owned(),
        };
        let file = match &job {
            Job::Probe { file } => Some(*file),
            Job::Task { video, .. } | Job::Finish { video } => {
                let (holders, _) = self.catalog.holders(video, 1, None).await?;
                holders.first().map(|holder| holder.file)
            }
        };
        let file = match file {
            Some(file) => self.catalog.any_file(file).await?,
            None => None,
        };
        Ok(match file {
            Some(file) => {
                let catalog::File { name, id, owner, .. } = file.value;
                format!("{what} {} ({id} of {owner})", one_line(&name))
            }
            None => format!("{what} a file that is gone"),
        })
    }

    /// Puts a letter back. Where its video has failed, its job alone would find nothing to do: the video
    /// begins anew.
    async fn put_back(&self, LetterId(kind, id): &LetterId, body: &str) -> Result<&'static str> {
        // What no job of this version is, another version's worker may know.
        if let Ok(job) = Job::decode(body)
            && let Some(video) = self.catalog.video_of_job(&job).await?
            && let Some(due) = self.catalog.retry_if_failed(&video, Timestamp::now()).await?
        {
            // Probes, all of them, which are quick. Sent twice, if this fails behind it, is once.
            let bodies = due.iter().map(|due| due.job.encode().map(Outgoing::now));
            let bodies = bodies.collect::<Result<Vec<_>>>()?;
            if !bodies.is_empty() {
                self.quick.send(bodies).await?;
                self.catalog.forget_jobs(&due).await?;
            }
            self.queue(*kind).discard(id).await?;
            return Ok("had failed its video, which is tried again");
        }
        self.queue(*kind).redrive(id).await?;
        Ok("is put back")
    }
}

/// Lists what was put aside, tasks first, oldest death first.
///
/// # Errors
/// Those of the stores.
pub async fn list(args: &StoresArgs, json: bool) -> Result<()> {
    let letters = Letters::open(args).await?;
    let mut any = false;
    letters
        .each(async |id, letter| {
            any = true;
            let DeadLetter { body, reason, receives, sent_at, died_at, .. } = letter;
            if json {
                let line = json!({
                    "id": id.to_string(), "job": body, "reason": reason, "receives": receives,
                    "sent_at": sent_at, "died_at": died_at,
                });
                say::data(&line.to_string());
                return Ok(());
            }
            let meaning = letters.meaning(&body).await?;
            let reason = reason.unwrap_or_else(|| "its workers died or took too long".into());
            say::data(&format!(
                "{id}  {died_at:.0}  {receives} deliveries  {meaning}: {}",
                one_line(&reason)
            ));
            Ok(())
        })
        .await?;
    if !any {
        say::talk("no job was put aside");
    }
    Ok(())
}

/// Puts back what `args` names.
///
/// # Errors
/// `NotFound` for what is not there; those of the stores. Letters before the one that failed are put back.
pub async fn redrive(args: &LettersArgs) -> Result<()> {
    let letters = Letters::open(&args.stores).await?;
    for (id, letter) in letters.named(args).await? {
        let done = match letters.put_back(&id, &letter.body).await {
            // Somebody else was here.
            Err(error) if args.all && error.kind() == ErrorKind::NotFound => "is gone",
            done => done?,
        };
        say::talk(&format!("{id} {done}"));
    }
    Ok(())
}

/// Forgets what `args` names.
///
/// # Errors
/// As [`redrive`].
pub async fn discard(args: &LettersArgs) -> Result<()> {
    let letters = Letters::open(&args.stores).await?;
    for (id, _) in letters.named(args).await? {
        letters.queue(id.0).discard(&id.1).await?;
        say::talk(&format!("{id} is forgotten"));
    }
    Ok(())
}

/// Text from elsewhere, that cannot break the line or the terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_shown_and_nothing_else_is() {
        for text in ["task/7", "quick/0190f1d2-0000-7000-8000-000000000000"] {
            assert_eq!(text.parse::<LetterId>().unwrap().to_string(), text);
        }
        for text in ["7", "other/7", "", "quick"] {
            let error = text.parse::<LetterId>().unwrap_err();
            assert!(error.to_string().contains("hashreel jobs dead"), "{error}");
        }
    }

    #[test]
    fn text_from_elsewhere_stays_on_its_line() {
        assert_eq!(one_line("a\nb\u{1b}[2J"), "a b [2J");
    }
}
