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
mod message;

use crate::{DeadId, DeadPage, Delivery, Depth, JobQueue, Outgoing, Receipt, store};
use async_trait::async_trait;
use aws_sdk_sqs::{
    Client, config,
    config::{
        retry::{RetryConfig, RetryPartition, TokenBucket},
        timeout::TimeoutConfig,
    },
    types::{
        BatchResultErrorEntry, MessageSystemAttributeName as Attribute, QueueAttributeName,
        SendMessageBatchRequestEntry,
    },
};
use error::{SERVICE, refused};
use message::Held;
use model::{Error, ErrorKind, Result, without_secret};
use std::{fmt, time::Duration};

/// The longest wait of a receive, and time for the answer to come.
const POLL: Duration = crate::MAX_WAIT.saturating_add(aws::ATTEMPT);

/// The fewest deliveries before SQS may put a job aside: a worker begins it anew, or buries it with a reason,
/// at an earlier one. With fewer, crashes alone would end a video without a word.
pub const MIN_RECEIVES: u32 = 5;

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
        check_name(name)?;
        let config = aws::config().await?;
        let time_outs = TimeoutConfig::builder()
            .operation_attempt_timeout(POLL)
            .operation_timeout(POLL)
            .build();
        let no_quota = RetryPartition::custom("jobs").token_bucket(TokenBucket::unlimited());
        let usual = config::Builder::from(&config)
            .interceptor(aws::bill::counting())
            .retry_partition(no_quota.build());
        let waits = usual.clone().timeout_config(time_outs).build();
        let (calls, polls) = (Client::from_conf(usual.build()), Client::from_conf(waits));
        let jobs = address(&calls, name, None).await?;
        let policy = calls
            .get_queue_attributes()
            .queue_url(&jobs)
            .attribute_names(QueueAttributeName::RedrivePolicy)
            .send()
            .await
            .map_err(refused)?;
        let policy = policy.attributes().and_then(|a| a.get(&QueueAttributeName::RedrivePolicy));
        let (target, max_receives) =
            policy.and_then(|text| message::redrive_policy(text)).ok_or_else(|| {
                Error::invalid(format!(
                    "the queue {name} puts no dead letters aside: give it a redrive policy, or make \
                     it from localstack/template.yaml, or correct HASHREEL_QUEUE"
                ))
            })?;
        if max_receives < MIN_RECEIVES {
            return Err(Error::invalid(format!(
                "the queue {name} puts jobs aside after {max_receives} deliveries: set maxReceiveCount of \
                 its redrive policy to {MIN_RECEIVES} or more, or correct HASHREEL_QUEUE"
            )));
        }
        let dead = address(&calls, &target.name, Some(&target.account)).await?;
        Ok(Self { calls, polls, jobs, dead, max_receives })
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

    /// One try to send `entries`; those that were refused for a time are what is left of them.
    async fn send_once(
        &self,
        entries: &mut Vec<SendMessageBatchRequestEntry>,
        tries: &aws::Tries,
    ) -> Result<()> {
        let call = self.calls.send_message_batch().queue_url(&self.jobs);
        let call = call.set_entries(Some(entries.clone())).customize();
        let once = config::Builder::new()
            .retry_config(RetryConfig::disabled())
            .timeout_config(tries.time_outs(aws::ATTEMPT));
        let answer = call.config_override(once).send().await.map_err(refused)?;
        if let Some(failed) = answer.failed.iter().find(|failed| failed.sender_fault) {
            return Err(refused_entry(failed));
        }
        entries.retain(|entry| answer.failed.iter().any(|failed| failed.id == entry.id));
        answer.failed.first().map_or(Ok(()), |failed| Err(refused_entry(failed)))
    }

    async fn hide(&self, handle: &str, visibility: Duration) -> Result<()> {
        let call = self
            .calls
            .change_message_visibility()
            .queue_url(&self.jobs)
            .receipt_handle(handle)
            .visibility_timeout(seconds(visibility));
        call.send().await.map(drop).map_err(|error| match error.as_service_error() {
            Some(said) if said.is_receipt_handle_is_invalid() => error::of_another_queue(),
            Some(said) if said.is_message_not_inflight() => error::lost(error),
            _ if error::is_stale(&error) => error::lost(error),
            _ => refused(error),
        })
    }

    async fn remove(&self, url: &str, handle: &str) -> Result<()> {
        let call = self.calls.delete_message().queue_url(url).receipt_handle(handle);
        call.send().await.map(drop).or_else(|error| match error.as_service_error() {
            Some(said) if said.is_receipt_handle_is_invalid() => Err(error::of_another_queue()),
            // Somebody else finished it, or holds it now.
            _ if error::is_stale(&error) => Ok(()),
            _ => Err(refused(error)),
        })
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
        let entries = jobs.into_iter().enumerate().map(|(n, job)| {
            SendMessageBatchRequestEntry::builder()
                .id(n.to_string())
                .message_body(job.body)
                .delay_seconds(seconds(job.delay))
                .build()
        });
        let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(error::unsendable)?;
        let mut tries = aws::Tries::within(aws::DEADLINE);
        loop {
            match self.send_once(&mut entries, &tries).await {
                Ok(()) => return Ok(()),
                Err(error) if error.kind().is_retryable() => tries.again(error).await?,
                Err(error) => return Err(error),
            }
        }
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
        self.hide(&Held::of(receipt)?.handle, visibility).await
    }

    async fn delete(&self, receipt: &Receipt) -> Result<()> {
        self.remove(&self.jobs, &Held::of(receipt)?.handle).await
    }

    async fn bury(&self, receipt: &Receipt, reason: &str) -> Result<()> {
        self.put_aside(Held::of(receipt)?, reason).await
    }

    async fn dead_letters(&self, cursor: Option<String>, limit: usize) -> Result<DeadPage> {
        store::check_page(limit)?;
        self.page(cursor.as_deref(), limit).await
    }

    async fn redrive(&self, id: &DeadId) -> Result<()> {
        let Some((letter, handle)) = self.find(id).await? else {
            return Err(Error::not_found("there is no such dead letter any more"));
        };
        // In this order a crash between the two leaves both: twice, never none.
        self.send(vec![Outgoing::now(letter.body)]).await?;
        self.remove(&self.dead, &handle).await
    }

    async fn discard(&self, id: &DeadId) -> Result<()> {
        match self.find(id).await? {
            Some((_, handle)) => self.remove(&self.dead, &handle).await,
            None => Ok(()),
        }
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

/// # Errors
/// `Invalid` for what cannot be the name of a queue of ours.
fn check_name(name: &str) -> Result<()> {
    let told = without_secret(name);
    // The name of quick jobs goes on behind it.
    if name.contains(".fifo") {
        return Err(Error::invalid(format!(
            "the queue {told} is a FIFO queue, whose groups would hold jobs up: make a standard queue, \
             and correct HASHREEL_QUEUE"
        )));
    }
    let is_usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if (1..=80).contains(&name.len()) && name.chars().all(is_usual) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{told:?} is not the name of an SQS queue, 1 to 80 letters, digits, - and _: correct HASHREEL_QUEUE"
    )))
}

/// SQS knows whole seconds. What is asked for is within its bounds.
fn seconds(time: Duration) -> i32 {
    let whole = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    i32::try_from(whole).unwrap_or(i32::MAX)
}

fn refused_entry(failed: &BatchResultErrorEntry) -> Error {
    // The status that would have come had it been alone.
    let status = if failed.sender_fault { 400 } else { 503 };
    let message = failed.message().unwrap_or("");
    let (kind, sentence) = SERVICE.meaning(aws::Answer { status, code: failed.code(), message });
    Error::new(kind, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_has_a_name_that_sqs_allows_and_is_no_fifo_queue() {
        let longest = "q".repeat(80);
        for name in ["hashreel-jobs", "A_1", &longest] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        let longer = "q".repeat(81);
        for (name, says) in [
            ("jobs.fifo", "standard queue"),
            ("jobs.fifo-quick", "standard queue"),
            ("", "1 to 80"),
            ("a/b", "1 to 80"),
            ("http://q", "1 to 80"),
            ("user:secret@jobs", "1 to 80"),
            ("user:secret@jobs.fifo", "standard queue"),
            (longer.as_str(), "1 to 80"),
        ] {
            let error = check_name(name).unwrap_err();
            assert!(error.to_string().contains(says), "{name}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_template_makes_no_queue_that_is_refused() {
        let template = include_str!("../../../../localstack/template.yaml");
        let (_, parameter) = template.split_once("  MaxReceives:\n").unwrap();
        for value in ["Default", "MinValue"] {
            let line = format!("    {value}: {MIN_RECEIVES}\n");
            assert!(parameter.contains(&line), "{value} of MaxReceives");
        }
    }

    #[test]
    fn times_are_rounded_up_to_whole_seconds() {
        let cases = [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (43_200_000, 43_200)];
        for (millis, expected) in cases {
            assert_eq!(seconds(Duration::from_millis(millis)), expected);
        }
    }
}
