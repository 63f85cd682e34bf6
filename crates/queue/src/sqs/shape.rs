//! Whether a queue of SQS's is one that this program can work with: by what it says of itself, not by its
//! name, which whoever speaks SQS's protocol may give to any kind.

use aws_sdk_sqs::types::QueueAttributeName as Name;
use model::{Error, Result, without_secret};
use std::collections::HashMap;

/// The fewest deliveries before SQS may put a job aside: a worker begins it anew, or buries it with a reason,
/// at an earlier one. With fewer, crashes alone would end a video without a word.
pub const MIN_RECEIVES: u32 = 5;

/// What a queue says of itself.
pub(super) type Attributes = HashMap<Name, String>;

/// Where the jobs' queue puts dead letters, and after how many deliveries.
///
/// # Errors
/// `Invalid` for a queue of another kind, saying what to change.
pub(super) fn of_jobs(name: &str, attributes: &Attributes) -> Result<(Target, u32)> {
    refuse_fifo(name, attributes)?;
    let policy = attributes.get(&Name::RedrivePolicy).and_then(|text| redrive_policy(text));
    let (target, max_receives) = policy.ok_or_else(|| {
        Error::invalid(format!(
            "the queue {name} puts no dead letters aside: give it a redrive policy, or make it from \
             localstack/template.yaml, or correct HASHREEL_QUEUE"
        ))
    })?;
    if max_receives < MIN_RECEIVES {
        return Err(Error::invalid(format!(
            "the queue {name} puts jobs aside after {max_receives} deliveries: set maxReceiveCount of its \
             redrive policy to {MIN_RECEIVES} or more, or correct HASHREEL_QUEUE"
        )));
    }
    Ok((target, max_receives))
}

/// Whether the queue of dead letters keeps them.
///
/// # Errors
/// As [`of_jobs`].
pub(super) fn of_dead(name: &str, attributes: &Attributes) -> Result<()> {
    refuse_fifo(name, attributes)?;
    // Each look at a letter is a delivery.
    if attributes.get(&Name::RedrivePolicy).is_some_and(|policy| redrive_policy(policy).is_some()) {
        return Err(Error::invalid(format!(
            "the queue {name} of dead letters has a redrive policy of its own, by which letters that are \
             looked at get lost: take it away, or correct HASHREEL_QUEUE"
        )));
    }
    Ok(())
}

fn refuse_fifo(name: &str, attributes: &Attributes) -> Result<()> {
    match attributes.get(&Name::FifoQueue) {
        Some(fifo) if fifo == "true" => Err(is_fifo(name)),
        _ => Ok(()),
    }
}

fn is_fifo(name: &str) -> Error {
    Error::invalid(format!(
        "the queue {name} is a FIFO queue, whose groups would hold jobs up: make a standard queue, and \
         correct HASHREEL_QUEUE"
    ))
}

/// # Errors
/// `Invalid` for what cannot be the name of a queue of ours.
pub(super) fn check_name(name: &str) -> Result<()> {
    let told = without_secret(name);
    // The name of quick jobs goes on behind it.
    if name.contains(".fifo") {
        return Err(is_fifo(&told));
    }
    let is_usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if (1..=80).contains(&name.len()) && name.chars().all(is_usual) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{told:?} is not the name of an SQS queue, 1 to 80 letters, digits, - and _: correct HASHREEL_QUEUE"
    )))
}

/// A queue by its ARN.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) account: String,
    pub(super) name: String,
}

/// The queue of dead letters, and how often a job is delivered before it goes there.
pub(super) fn redrive_policy(text: &str) -> Option<(Target, u32)> {
    let policy: serde_json::Value = serde_json::from_str(text).ok()?;
    let parts: Vec<&str> = policy.get("deadLetterTargetArn")?.as_str()?.split(':').collect();
    let [_, _, _, _, account, name] = parts.as_slice() else { return None };
    let count = policy.get("maxReceiveCount")?;
    // A number or text, as it was set.
    let count = match count.as_str() {
        Some(text) => text.parse().ok()?,
        None => u32::try_from(count.as_u64()?).ok()?,
    };
    Some((Target { account: (*account).to_owned(), name: (*name).to_owned() }, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEAD: &str = "arn:aws:sqs:eu-west-1:123456789012:dead";

    fn policy(count: &str) -> String {
        format!(r#"{{"deadLetterTargetArn":"{DEAD}","maxReceiveCount":{count}}}"#)
    }

    fn attributes<const N: usize>(said: [(Name, &str); N]) -> Attributes {
        said.map(|(name, value)| (name, value.to_owned())).into()
    }

    #[test]
    fn a_queue_that_cannot_be_worked_with_is_refused_with_what_to_change() {
        let (enough, few) = (policy("5"), policy("4"));
        let good = attributes([(Name::RedrivePolicy, &enough), (Name::FifoQueue, "false")]);
        assert_eq!(of_jobs("jobs", &good).unwrap().1, MIN_RECEIVES);
        for (said, says) in [
            (attributes([(Name::RedrivePolicy, &enough), (Name::FifoQueue, "true")]), "standard"),
            (attributes([]), "redrive policy"),
            (attributes([(Name::RedrivePolicy, "{}")]), "redrive policy"),
            (attributes([(Name::RedrivePolicy, &few)]), "5 or more"),
        ] {
            let error = of_jobs("jobs", &said).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("HASHREEL_QUEUE"), "{error}");
        }
    }

    #[test]
    fn a_queue_of_dead_letters_that_loses_them_is_refused() {
        of_dead("dead", &attributes([(Name::DelaySeconds, "0")])).unwrap();
        let own = policy("3");
        for (said, says) in [
            (attributes([(Name::FifoQueue, "true")]), "standard"),
            (attributes([(Name::RedrivePolicy, &own)]), "policy of its own"),
        ] {
            let error = of_dead("dead", &said).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("HASHREEL_QUEUE"), "{error}");
        }
    }

    #[test]
    fn a_redrive_policy_names_the_dead_letters_and_the_count() {
        let arn = "arn:aws:sqs:eu-west-1:123456789012:dead";
        let target = || Target { account: "123456789012".into(), name: "dead".into() };
        for count in ["5", "\"5\""] {
            let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{count}}}"#);
            assert_eq!(redrive_policy(&policy), Some((target(), 5)));
        }
        for odd in ["", "{}", r#"{"deadLetterTargetArn":"dead","maxReceiveCount":5}"#] {
            assert_eq!(redrive_policy(odd), None, "{odd}");
        }
    }

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
}
