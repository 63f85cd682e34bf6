//! A queue in a storm: besides what befalls every port, jobs come twice and out of order.

use super::{BATCH, Blow, Storm, lock, part_of};
use crate::dice::Dice;
use async_trait::async_trait;
use model::Result;
use queue::{DeadId, DeadPage, Delivery, Depth, JobQueue, MAX_DELAY, Outgoing, Receipt};
use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

/// Deliveries that wait to be given a second time.
const SECONDS: usize = 16;

#[derive(Debug)]
pub(super) struct StormyQueue {
    storm: Storm,
    queue: Arc<dyn JobQueue>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Deliveries that are given once more.
    again: VecDeque<Delivery>,
    /// Bodies of the jobs of which a delivery was lost. No job loses two: the queue puts a job aside that
    /// was delivered a few times, and rightly so.
    lost: HashSet<String>,
}

impl StormyQueue {
    pub(super) fn new(storm: Storm, queue: Arc<dyn JobQueue>) -> Self {
        Self { storm, queue, state: Mutex::default() }
    }

    /// Whether none of `jobs` has lost a delivery before; they have now.
    fn can_lose(&self, jobs: &[Delivery]) -> bool {
        let lost = &mut lock(&self.state).lost;
        let can = jobs.iter().all(|job| !lost.contains(&job.body));
        if can {
            lost.extend(jobs.iter().map(|job| job.body.clone()));
        }
        can
    }

    /// `jobs` as they are sent: in another order and later, or twice.
    fn disturbed(&self, mut jobs: Vec<Outgoing>, dice: &mut Dice) -> Vec<Outgoing> {
        let weather = self.storm.weather();
        if self.storm.is_over() {
            return jobs;
        }
        if dice.happens(weather.disordered) {
            self.storm.note("disordered");
            dice.shuffle(&mut jobs);
            for job in &mut jobs {
                let longer = dice.moment(Duration::ZERO, weather.longest_delay);
                job.delay = (job.delay + longer).min(MAX_DELAY);
            }
        }
        jobs
    }
}

#[async_trait]
impl JobQueue for StormyQueue {
    async fn send(&self, jobs: Vec<Outgoing>) -> Result<()> {
        let call = ("queue", "send");
        let mut fate = self.storm.meet(call, BATCH).await;
        let jobs = self.disturbed(jobs, &mut fate.dice);
        if fate.blow == Some(Blow::Partial) {
            drop(self.queue.send(part_of(jobs, &mut fate.dice)).await);
            return Err(Blow::Partial.error(call));
        }
        let twice = !self.storm.is_over() && fate.dice.happens(self.storm.weather().twice);
        let queue = self.queue.clone();
        let send = Box::pin(async move {
            if twice {
                queue.send(jobs.clone()).await?;
            }
            queue.send(jobs).await
        });
        if twice && fate.blow.is_none() {
            self.storm.note("sent twice");
        }
        self.storm.befall(call, &mut fate, send).await
    }

    async fn receive(
        &self,
        max: usize,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>> {
        let call = ("queue", "receive");
        let mut fate = self.storm.meet(call, &[Blow::Refused, Blow::Throttled, Blow::Lost]).await;
        if let Some(blow @ (Blow::Refused | Blow::Throttled)) = fate.blow {
            return Err(blow.error(call));
        }
        if !self.storm.is_over()
            && let Some(second) = lock(&self.state).again.pop_front()
        {
            return Ok(vec![second]);
        }
        let mut jobs = self.queue.receive(max, visibility, wait).await?;
        if jobs.is_empty() || self.storm.is_over() {
            return Ok(jobs);
        }
        if fate.blow == Some(Blow::Lost) && self.can_lose(&jobs) {
            self.storm.note("delivery lost");
            return Err(Blow::Lost.error(call));
        }
        let weather = self.storm.weather();
        if fate.dice.happens(weather.disordered) {
            fate.dice.shuffle(&mut jobs);
        }
        for job in &jobs {
            if fate.dice.happens(weather.twice) {
                let mut state = lock(&self.state);
                if state.again.len() < SECONDS {
                    state.again.push_back(job.clone());
                    self.storm.note("delivered twice");
                }
            }
        }
        Ok(jobs)
    }

    async fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<()> {
        let (queue, receipt) = (self.queue.clone(), receipt.clone());
        let extend = Box::pin(async move { queue.extend(&receipt, visibility).await });
        self.storm.write(("queue", "extend"), extend).await
    }

    async fn delete(&self, receipt: &Receipt) -> Result<()> {
        let (queue, receipt) = (self.queue.clone(), receipt.clone());
        let delete = Box::pin(async move { queue.delete(&receipt).await });
        self.storm.write(("queue", "delete"), delete).await
    }

    async fn bury(&self, receipt: &Receipt, reason: &str) -> Result<()> {
        let (queue, receipt, reason) = (self.queue.clone(), receipt.clone(), reason.to_owned());
        let bury = Box::pin(async move { queue.bury(&receipt, &reason).await });
        self.storm.write(("queue", "bury"), bury).await
    }

    async fn dead_letters(&self, cursor: Option<String>, limit: usize) -> Result<DeadPage> {
        self.storm.read(("queue", "dead_letters"), self.queue.dead_letters(cursor, limit)).await
    }

    async fn redrive(&self, ids: &[DeadId]) -> Result<Vec<DeadId>> {
        let (queue, ids) = (self.queue.clone(), ids.to_vec());
        let redrive = Box::pin(async move { queue.redrive(&ids).await });
        self.storm.write(("queue", "redrive"), redrive).await
    }

    async fn discard(&self, ids: &[DeadId]) -> Result<Vec<DeadId>> {
        let (queue, ids) = (self.queue.clone(), ids.to_vec());
        let discard = Box::pin(async move { queue.discard(&ids).await });
        self.storm.write(("queue", "discard"), discard).await
    }

    async fn depth(&self) -> Result<Depth> {
        self.storm.read(("queue", "depth"), self.queue.depth()).await
    }
}
