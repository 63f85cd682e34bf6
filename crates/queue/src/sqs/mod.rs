//! A queue in SQS, for any number of machines.
//!
//! Two queues of SQS make one: jobs, and the dead letters that its redrive policy names. SQS puts aside
//! what was delivered too often; what is buried, we put there with its reason. SQS keeps a message for 14
//! days at most, a dead letter too.
//!
//! A receipt carries the job, since SQS gives a message's text to whoever receives it and to nobody else,
//! and burying needs it.

mod dead;
mod error;
mod gather;
mod message;
mod shape;
#[cfg(test)]
mod tests;

pub use shape::MIN_RECEIVES;

use crate::{DeadId, DeadPage, Delivery, Depth, JobQueue, Outgoing, Receipt, store};
use async_trait::async_trait;
use aws_sdk_sqs::{
    Client, config,
    config::timeout::TimeoutConfig,
    types::{MessageSystemAttributeName as Attribute, QueueAttributeName},
};
use error::refused;
use gather::{Gather, ToDelete, ToHide, ToSend};
use message::Held;
use model::{Error, ErrorKind, Result};
use std::{fmt, time::Duration};

/// The longest wait of a receive, and time for the answer to come.
const POLL: Duration = crate::MAX_WAIT.saturating_add(aws::ATTEMPT);

/// What is asked for with each message.
const ATTRIBUTES: [Attribute; 2] = [Attribute::ApproximateReceiveCount, Attribute::SentTimestamp];

/// The queue on AWS, or on what speaks SQS's protocol at `AWS_ENDPOINT_URL`.
#[derive(Clone)]
pub struct SqsQueue {
    calls: Client,
    /// For receives, which may wait.
    polls: Client,
    /// The address of the jobs.
    jobs: String,
    /// The address of the dead letters.
    dead: String,
    /// How often a job is delivered before SQS puts it aside.
    max_receives: u32,
    sends: Gather<ToSend>,
    hides: Gather<ToHide>,
    deletes: Gather<ToDelete>,
    /// Makes dead letters visible again.
    shows: Gather<ToHide>,
    /// Deletes dead letters.
    removes: Gather<ToDelete>,
}

impl SqsQueue {
    /// Opens the queue `name` with the region, endpoint and credentials of the environment. Real calls
    /// show that they are right, and that the queue is one of ours.
    ///
    /// # Errors
    /// `Invalid` for a name that no queue has, and for a queue of another kind or without dead letters;
    /// `Internal` for credentials, region or endpoint that are wrong and for a queue that is not there,
    /// naming the setting.
    pub async fn open(name: &str) -> Result<Self> {
        shape::check_name(name)?;
        Self::open_with(&aws::config().await?, name).await
    }

    async fn open_with(config: &aws::SdkConfig, name: &str) -> Result<Self> {
        let time_outs = TimeoutConfig::builder()
            .operation_attempt_timeout(POLL)
            .operation_timeout(POLL)
            .build();
        let usual = config::Builder::from(config)
            .interceptor(aws::bill::counting())
            .retry_partition(aws::no_quota("jobs"));
        let waits = usual.clone().timeout_config(time_outs).build();
        let (calls, polls) = (Client::from_conf(usual.build()), Client::from_conf(waits));
        let jobs = address(&calls, name, None).await?;
        let (target, max_receives) = shape::of_jobs(name, &attributes(&calls, &jobs).await?)?;
        let dead = address(&calls, &target.name, Some(&target.account)).await?;
        shape::of_dead(&target.name, &attributes(&calls, &dead).await?)?;
        Ok(Self {
            sends: Gather::new(&calls, &jobs),
            hides: Gather::new(&calls, &jobs),
            deletes: Gather::new(&calls, &jobs),
            shows: Gather::new(&calls, &dead),
            removes: Gather::new(&calls, &dead),
            calls,
            polls,
            jobs,
            dead,
            max_receives,
        })
    }

    /// The messages of a queue, hidden for a while.
    async fn messages(
        &self,
        url: &str,
        max: usize,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<aws_sdk_sqs::types::Message>> {
        let call = self
            .polls
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(i32::try_from(max).unwrap_or(1))
            .visibility_timeout(seconds(visibility))
            .wait_time_seconds(seconds(wait))
            .set_message_system_attribute_names(Some(ATTRIBUTES.to_vec()))
            .message_attribute_names(message::BURIED);
        Ok(call.send().await.map_err(refused)?.messages.unwrap_or_default())
    }

    async fn hide(&self, handle: String, visibility: Duration) -> Result<()> {
        self.hides.call(ToHide { handle, visibility: seconds(visibility) }).await
    }

    /// Waiting, delayed and in flight, as SQS has counted lately.
    async fn count(&self, url: &str) -> Result<(u64, u64, u64)> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let call = self.calls.get_queue_attributes().queue_url(url);
        let answer = call.set_attribute_names(Some(names.to_vec())).send().await;
        let counts = answer.map_err(refused)?.attributes.unwrap_or_default();
        let [waiting, delayed, hidden] = names.map(|name| {
            counts.get(&name).and_then(|count| count.parse().ok()).ok_or_else(|| {
                Error::internal(format!("the queue of jobs does not tell its {}", name.as_str()))
            })
        });
        Ok((waiting?, delayed?, hidden?))
    }
}

#[async_trait]
impl JobQueue for SqsQueue {
    async fn send(&self, jobs: Vec<Outgoing>) -> Result<()> {
        store::check_send(&jobs)?;
        let added = jobs
            .into_iter()
            .map(|Outgoing { body, delay }| self.sends.add(ToSend { body, delay: seconds(delay) }));
        // All at once, before any is waited for.
        for answer in added.collect::<Vec<_>>() {
            answer.heard().await?;
        }
        Ok(())
    }

    async fn receive(
        &self,
        max: usize,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>> {
        store::check_receive(max, visibility, wait)?;
        let messages = self.messages(&self.jobs, max, visibility, wait).await?;
        messages.into_iter().map(message::delivery).collect()
    }

    async fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<()> {
        store::check_visibility(visibility)?;
        self.hide(Held::of(receipt)?.handle, visibility).await
    }

    async fn delete(&self, receipt: &Receipt) -> Result<()> {
        self.deletes.call(ToDelete { handle: Held::of(receipt)?.handle }).await
    }

    async fn bury(&self, receipt: &Receipt, reason: &str) -> Result<()> {
        self.put_aside(Held::of(receipt)?, reason).await
    }

    async fn dead_letters(&self, cursor: Option<String>, limit: usize) -> Result<DeadPage> {
        store::check_page(limit)?;
        self.page(cursor.as_deref(), limit).await
    }

    async fn redrive(&self, ids: &[DeadId]) -> Result<Vec<DeadId>> {
        store::check_named(ids)?;
        self.find(ids).await?.redrive().await
    }

    async fn discard(&self, ids: &[DeadId]) -> Result<Vec<DeadId>> {
        store::check_named(ids)?;
        self.find(ids).await?.discard().await
    }

    async fn depth(&self) -> Result<Depth> {
        let (waiting, delayed, in_flight) = self.count(&self.jobs).await?;
        let (dead, coming, looked_at) = self.count(&self.dead).await?;
        Ok(Depth { waiting, delayed, in_flight, dead: dead + coming + looked_at })
    }
}

impl fmt::Debug for SqsQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A client prints all of AWS's regions.
        f.debug_struct("SqsQueue").field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

/// The address of a queue, of this account or another.
async fn address(client: &Client, name: &str, account: Option<&str>) -> Result<String> {
    let call = client.get_queue_url().queue_name(name);
    let call = call.set_queue_owner_aws_account_id(account.map(str::to_owned));
    let answer = call.send().await.map_err(|error| {
        if error::is_missing(&error) {
            let sentence = format!("there is no queue {name}: make it, or correct HASHREEL_QUEUE");
            return Error::with_source(ErrorKind::Internal, sentence, error);
        }
        refused(error)
    })?;
    answer.queue_url.ok_or_else(|| {
        Error::internal("what answers in the place of SQS gives no address of a queue")
    })
}

/// All that a queue says of itself.
async fn attributes(client: &Client, url: &str) -> Result<shape::Attributes> {
    let call = client.get_queue_attributes().queue_url(url);
    let answer = call.attribute_names(QueueAttributeName::All).send().await.map_err(refused)?;
    Ok(answer.attributes.unwrap_or_default())
}

/// SQS knows whole seconds. What is asked for is within its bounds.
fn seconds(time: Duration) -> i32 {
    let whole = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    i32::try_from(whole).unwrap_or(i32::MAX)
}
