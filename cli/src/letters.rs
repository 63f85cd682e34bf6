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

/// What becomes of a letter.
#[derive(Debug, Clone, Copy)]
enum What {
    /// A job again.
    PutBack,
    /// Nothing: its video was begun anew.
    BeginAnew,
    /// Nothing.
    Forget,
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

    /// One after the other, to `see`, which may not add or take away any. Whether these were all.
    async fn each(
        &self,
        mut see: impl AsyncFnMut(LetterId, DeadLetter) -> Result<()>,
    ) -> Result<bool> {
        let mut are_all = true;
        for kind in [Kind::Task, Kind::Quick] {
            let mut cursor = None;
            loop {
                let page = self.queue(kind).dead_letters(cursor, MAX_PAGE).await?;
                for letter in page.letters {
                    see(LetterId(kind, letter.id.clone()), letter).await?;
                }
                cursor = page.cursor;
                if cursor.is_none() {
                    are_all &= page.is_whole;
                    break;
                }
            }
        }
        Ok(are_all)
    }

    /// Does `what` with those that `args` names, and says of each what became of it.
    async fn for_named(&self, args: &LettersArgs, what: What) -> Result<()> {
        let ids = args.ids.iter().map(|id| id.parse()).collect::<Result<Vec<LetterId>>>()?;
        let mut letters = Vec::new();
        let see = async |id, letter: DeadLetter| {
            letters.push((id, letter.body));
            Ok(())
        };
        let are_all = self.each(see).await?;
        if !args.all {
            letters.retain(|(id, _)| ids.contains(id));
            let is_there = |id: &LetterId| letters.iter().any(|(there, _)| there == id);
            match ids.iter().find(|id| !is_there(id)) {
                Some(_) if !are_all => return Err(not_all()),
                Some(unknown) => {
                    let sentence =
                        format!("no job {unknown} is put aside: `hashreel jobs dead` shows all");
                    return Err(Error::not_found(sentence));
                }
                None => {}
            }
        }
        let mut missing = 0;
        for same_queue in letters.chunk_by(|(one, _), (next, _)| one.0 == next.0) {
            for some in same_queue.chunks(MAX_PAGE) {
                missing += match what {
                    What::PutBack => self.put_back(some).await?,
                    What::BeginAnew | What::Forget => self.take_away(some, what).await?,
                };
            }
        }
        if missing > 0 {
            let sentence = format!(
                "{missing} of them were not found: they are gone, looked at by somebody else just now, or \
                 among more than one look takes in; `hashreel jobs dead` shows what is left"
            );
            return Err(Error::not_found(sentence));
        }
        if args.all && !are_all { Err(not_all()) } else { Ok(()) }
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

    /// Puts letters of one queue back. Where the video of one has failed, its job alone would find nothing to
    /// do: the video begins anew. How many were not found.
    async fn put_back(&self, letters: &[(LetterId, String)]) -> Result<usize> {
        let (mut of_failed, mut others) = (Vec::new(), Vec::new());
        for letter in letters {
            let is_begun = self.begin_anew(&letter.1).await?;
            if is_begun { &mut of_failed } else { &mut others }.push(letter.clone());
        }
        let missing = self.take_away(&of_failed, What::BeginAnew).await?;
        Ok(missing + self.take_away(&others, What::PutBack).await?)
    }

    /// Whether the job's video had failed, and is tried again.
    async fn begin_anew(&self, body: &str) -> Result<bool> {
        // What no job of this version is, another version's worker may know.
        let Ok(job) = Job::decode(body) else { return Ok(false) };
        let Some(video) = self.catalog.video_of_job(&job).await? else { return Ok(false) };
        let due = self.catalog.retry_if_failed(&video, Timestamp::now()).await?;
        let Some(due) = due else { return Ok(false) };
        // Probes, all of them, which are quick. Sent twice, if this fails behind it, is once.
        let bodies = due.iter().map(|due| due.job.encode().map(Outgoing::now));
        let bodies = bodies.collect::<Result<Vec<_>>>()?;
        if !bodies.is_empty() {
            self.quick.send(bodies).await?;
            self.catalog.forget_jobs(&due).await?;
        }
        Ok(true)
    }

    /// Takes letters of one queue away, as jobs or for good. How many were missed.
    async fn take_away(&self, letters: &[(LetterId, String)], why: What) -> Result<usize> {
        let Some((LetterId(kind, _), _)) = letters.first() else { return Ok(0) };
        let ids: Vec<DeadId> = letters.iter().map(|(id, _)| id.1.clone()).collect();
        let missing = match why {
            What::PutBack => self.queue(*kind).redrive(&ids).await?,
            What::BeginAnew | What::Forget => self.queue(*kind).discard(&ids).await?,
        };
        for (id, _) in letters {
            let became = match why {
                // Whatever became of the letter, this is what it was for.
                What::BeginAnew => "had failed its video, which is tried again",
                _ if missing.contains(&id.1) => "was not found any more",
                What::PutBack => "is put back",
                What::Forget => "is forgotten",
            };
            say::talk(&format!("{id} {became}"));
        }
        Ok(if matches!(why, What::BeginAnew) { 0 } else { missing.len() })
    }
}

/// Lists what was put aside, tasks first, oldest death first.
///
/// # Errors
/// Behind the last one, `Busy` where there are more; those of the stores.
pub async fn list(args: &StoresArgs, json: bool) -> Result<()> {
    let letters = Letters::open(args).await?;
    let mut any = false;
    let are_all = letters
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
    if are_all { Ok(()) } else { Err(not_all()) }
}

/// Puts back what `args` names.
///
/// # Errors
/// `NotFound` for what is not there; `Busy` where not all could be seen; those of the stores. Any of those
/// named may be put back.
pub async fn redrive(args: &LettersArgs) -> Result<()> {
    Letters::open(&args.stores).await?.for_named(args, What::PutBack).await
}

/// Forgets what `args` names.
///
/// # Errors
/// As [`redrive`].
pub async fn discard(args: &LettersArgs) -> Result<()> {
    Letters::open(&args.stores).await?.for_named(args, What::Forget).await
}

fn not_all() -> Error {
    let sentence = "there are more: put these back or discard them, and look again";
    Error::new(ErrorKind::Busy, sentence)
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
