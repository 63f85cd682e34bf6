//! What a task makes goes into the store, under names of its attempt, and then into the tables by one
//! write a segment. The child goes on meanwhile: it waits only where it is two things ahead.

use crate::{names, progress::Progress, slot::is_outage, worker::Worker};
use async_trait::async_trait;
use bytes::Bytes;
use catalog::videos::{Held, Init, Made as Named, Part, Poster, Rendition, Segment};
use media::{
    Sink,
    task::{Made, Part as PartMade, SegmentMade},
};
use model::{Error, RenditionId, Result, Sha256};
use objects::{ObjectName, Put};
use tokio::sync::mpsc;

/// The sink of one attempt: hands on what is made.
pub(crate) struct HandOn<'a> {
    to: mpsc::Sender<Made>,
    progress: &'a Progress,
}

impl<'a> HandOn<'a> {
    /// A sink, and where what it is given comes out.
    pub(crate) fn new(progress: &'a Progress) -> (Self, mpsc::Receiver<Made>) {
        let (to, from) = mpsc::channel(1);
        (Self { to, progress }, from)
    }
}

#[async_trait]
impl Sink for HandOn<'_> {
    async fn made(&mut self, made: Made) -> Result<()> {
        let nobody = |_| Error::internal("what a task makes is not taken any more");
        self.to.send(made).await.map_err(nobody)
    }

    fn progress(&mut self, at: i64) {
        self.progress.come_to(at);
    }
}

/// Stores what one attempt makes.
pub(crate) struct Segments<'a> {
    worker: &'a Worker,
    held: &'a Held,
    /// Whose objects a poster is among.
    lead: RenditionId,
    /// What the task makes, in the order of its parts.
    renditions: Vec<Rendition>,
    progress: &'a Progress,
}

impl<'a> Segments<'a> {
    pub(crate) fn new(
        worker: &'a Worker,
        held: &'a Held,
        lead: RenditionId,
        renditions: Vec<Rendition>,
        progress: &'a Progress,
    ) -> Self {
        Self { worker, held, lead, renditions, progress }
    }

    /// Stores all that comes out of `made`, until nothing more can.
    ///
    /// # Errors
    /// Those of the stores; `Cancelled` where the task is not this attempt's any more.
    pub(crate) async fn store(&mut self, mut made: mpsc::Receiver<Made>) -> Result<()> {
        while let Some(made) = made.recv().await {
            match made {
                Made::Segment(segment) => {
                    let k = segment.k;
                    self.segment(segment).await?;
                    self.progress.stored(k);
                }
                Made::Poster { jpeg, width, height } => self.poster(jpeg, width, height).await?,
            }
        }
        Ok(())
    }

    async fn segment(&mut self, made: SegmentMade) -> Result<()> {
        let empty = made.parts.is_empty();
        if !empty && made.parts.len() != self.renditions.len() {
            return Err(Error::internal("a segment was made in another number of renditions"));
        }
        if self.held.is_retry() && self.is_made(made.k).await? {
            return Ok(());
        }
        let (mut parts, mut puts) = (Vec::new(), Vec::new());
        for (place, rendition) in self.renditions.iter().enumerate() {
            let mut part = Part {
                rendition: rendition.id,
                segment: Segment {
                    k: made.k,
                    start: made.start,
                    end: made.end,
                    frames: made.frames,
                    object: None,
                    bytes: 0,
                },
                init: None,
            };
            if let Some(bytes) = made.parts.get(place) {
                self.store_part(rendition, &mut part, bytes, &mut puts)?;
            }
            parts.push(part);
        }
        let stored: Vec<ObjectName> = puts.iter().map(|put: &Put| put.name.clone()).collect();
        self.worker.objects().put_all(puts).await?;
        let now = self.worker.now();
        match self.worker.catalog().segment_made(self.held, &parts, now).await {
            Ok(Named { unused }) => self.discard(&unused).await?,
            Err(error) => {
                // After an outage nobody knows whether the write has happened.
                if !is_outage(&error) {
                    self.worker.discard(&stored).await;
                }
                return Err(error);
            }
        }
        for (rendition, part) in self.renditions.iter_mut().zip(parts) {
            rendition.init = rendition.init.take().or(part.init);
        }
        Ok(())
    }

    /// Names the objects of a part of `rendition`, and adds them to `puts`.
    fn store_part(
        &self,
        rendition: &Rendition,
        part: &mut Part,
        made: &PartMade,
        puts: &mut Vec<Put>,
    ) -> Result<()> {
        let attempt = &self.held.attempt;
        let name = names::segment(rendition.id, part.segment.k, attempt)?;
        part.segment.object = Some(name.to_string());
        part.segment.bytes = made.bytes.len() as u64;
        puts.push(Put::new(name, made.bytes.clone()));
        let sha256 = Sha256::of(&made.init);
        match &rendition.init {
            Some(known) if known.sha256 == sha256 => {}
            Some(_) => {
                return Err(Error::internal("two attempts have made different init segments"));
            }
            None => {
                let name = names::init(rendition.id, attempt)?;
                part.init = Some(Init {
                    object: name.to_string(),
                    bytes: made.init.len() as u64,
                    sha256,
                    codecs: made.codecs.clone(),
                });
                puts.push(Put::new(name, made.init.clone()));
            }
        }
        Ok(())
    }

    /// Whether an earlier attempt has made segment `k`: in all renditions or in none.
    async fn is_made(&self, k: u32) -> Result<bool> {
        let Some(first) = self.renditions.first() else { return Ok(false) };
        Ok(self.worker.catalog().segment(first.id, k).await?.is_some())
    }

    async fn poster(&self, jpeg: Bytes, width: u32, height: u32) -> Result<()> {
        let name = names::poster(self.lead, &self.held.attempt)?;
        let (object, bytes) = (name.to_string(), jpeg.len() as u64);
        self.worker.objects().put_all(vec![Put::new(name, jpeg)]).await?;
        let poster = Poster { object, bytes, width, height };
        let now = self.worker.now();
        let Named { unused } = self.worker.catalog().poster_made(self.held, poster, now).await?;
        self.discard(&unused).await
    }

    /// Deletes what the tables do not name.
    async fn discard(&self, unused: &[String]) -> Result<()> {
        if unused.is_empty() {
            return Ok(());
        }
        let names = unused.iter().map(|name| name.parse()).collect::<Result<Vec<_>>>()?;
        // Where they stay, the attempt is one that failed: only then are they looked for in the end.
        self.worker.objects().delete_all(&names).await
    }
}
