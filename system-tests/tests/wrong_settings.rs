//! A program of a deployment whose settings are wrong finds that out at its start, by a real call, says
//! which setting it is and what to do, and ends. What answers here are endpoints that say what AWS says.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use system_tests::{
    fake::{
        Says::{self, Bytes, Http, Nothing},
        endpoint,
    },
    process::Process,
    program::sibling,
    site::free_address,
};

/// Within which it must have ended, whatever answers: the longest deadline of a call is 30 s.
const BOUND: Duration = Duration::from_secs(90);

const PROGRAMS: [&str; 3] = ["upload-svc", "meta-svc", "transcode-worker"];

/// A back end, as the settings name it.
#[derive(Debug, Clone, Copy)]
enum BackEnd {
    Objects,
    Records,
    Queue,
}
use BackEnd::{Objects, Queue, Records};

impl BackEnd {
    fn setting(self) -> &'static str {
        match self {
            Objects => "HASHREEL_OBJECTS",
            Records => "HASHREEL_RECORDS",
            Queue => "HASHREEL_QUEUE",
        }
    }

    /// The variable that says where AWS's service is.
    fn endpoint(self) -> &'static str {
        match self {
            Objects => "AWS_ENDPOINT_URL_S3",
            Records => "AWS_ENDPOINT_URL_DYNAMODB",
            Queue => "AWS_ENDPOINT_URL_SQS",
        }
    }

    fn url(self) -> &'static str {
        match self {
            Objects => "s3://reels",
            Records => "dynamodb://reels",
            Queue => "sqs://reels",
        }
    }
}

/// `program` with everything right and at hand, on this machine.
fn command(program: &str, dir: &Path) -> Command {
    let dir = dir.display();
    let mut command = Command::new(sibling(program));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
        .env("HASHREEL_OBJECTS", format!("file://{dir}/objects"))
        .env("HASHREEL_RECORDS", format!("sqlite://{dir}/records.db"))
        .env("HASHREEL_QUEUE", format!("sqlite://{dir}/queue.db"))
        .env("HASHREEL_LISTEN", free_address().to_string())
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        // Nobody asks the machine's own cloud, nor the files of whoever runs this.
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command
}

/// Runs a program that must refuse to start, naming all of `words`.
fn refuses(mut command: Command, words: &[&str]) {
    let said = format!("{command:?}");
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut process = Process::start(command);
    let status = process.wait_for(BOUND);
    let mut text = String::new();
    process.child().stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(status.code().is_some_and(|code| code != 0), "{said}: {status}: {text}");
    for word in words {
        assert!(text.contains(word), "{said}: {word:?} is not in: {text}");
    }
}

/// Every program refuses to start with what answers in its place.
fn refuses_each(back_end: BackEnd, says: Says, words: &[&str]) {
    let address = endpoint(says);
    std::thread::scope(|scope| {
        for program in PROGRAMS {
            scope.spawn(move || {
                let dir = tempfile::tempdir().unwrap();
                let mut command = command(program, dir.path());
                command
                    .env(back_end.setting(), back_end.url())
                    .env(back_end.endpoint(), format!("http://{address}"));
                // Whatever it is, the setting's name is there.
                refuses(command, &[words, &[program, back_end.setting()]].concat());
            });
        }
    });
}

const XML: &str = "application/xml";
const JSON: &str = "application/x-amz-json-1.0";
const CREDENTIALS: &[&str] =
    &["credentials", "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"];
const CLOCK: &[&str] = &["set the clock"];

#[test]
fn objects_that_cannot_be_used_are_named() {
    let code = |status, body| Http(status, XML, body);
    for (says, words) in [
        (code(403, "<Error><Code>InvalidAccessKeyId</Code></Error>"), CREDENTIALS),
        (code(403, "<Error><Code>SignatureDoesNotMatch</Code></Error>"), CREDENTIALS),
        (code(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>"), CLOCK),
        (
            code(403, "<Error><Code>AccessDenied</Code></Error>"),
            &["somebody else's", "correct HASHREEL_OBJECTS"],
        ),
        (code(404, "<Error><Code>NoSuchBucket</Code></Error>"), &["no bucket reels", "make it"]),
        (
            code(301, "<Error><Code>PermanentRedirect</Code></Error>"),
            &["another region", "AWS_REGION"],
        ),
    ] {
        refuses_each(Objects, says, words);
    }
}

#[test]
fn records_that_cannot_be_used_are_named() {
    let code = |body| Http(400, JSON, body);
    for (says, words) in [
        (code(r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException"}"#), CREDENTIALS),
        (
            code(
                r#"{"__type":"InvalidSignatureException","message":"Signature expired: 1 is now earlier than 2"}"#,
            ),
            CLOCK,
        ),
        (
            code(r#"{"__type":"AccessDeniedException"}"#),
            &["somebody else's", "correct HASHREEL_RECORDS"],
        ),
        (code(r#"{"__type":"ResourceNotFoundException"}"#), &["no table reels", "make it"]),
        (
            Http(
                200,
                JSON,
                r#"{"Table":{"TableName":"reels","KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],
                    "AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}]}}"#,
            ),
            &["other keys", "localstack/template.yaml"],
        ),
    ] {
        refuses_each(Records, says, words);
    }
}

#[test]
fn a_queue_that_cannot_be_used_is_named() {
    for (says, words) in [
        (Http(403, JSON, r#"{"__type":"InvalidClientTokenId"}"#), CREDENTIALS),
        (
            Http(
                403,
                JSON,
                r#"{"__type":"SignatureDoesNotMatch","message":"Signature expired: 1"}"#,
            ),
            CLOCK,
        ),
        (
            Http(403, JSON, r#"{"__type":"AccessDenied"}"#),
            &["somebody else's", "correct HASHREEL_QUEUE"][..],
        ),
        (
            Http(400, JSON, r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}"#),
            &["no queue reels", "make it"],
        ),
        // An answer to both questions: it is there, and puts no dead letters aside.
        (
            Http(200, JSON, r#"{"QueueUrl":"http://127.0.0.1:1/1/reels","Attributes":{}}"#),
            &["no dead letters", "redrive policy"],
        ),
    ] {
        refuses_each(Queue, says, words);
    }
}

#[test]
fn a_fifo_queue_is_named() {
    for program in PROGRAMS {
        let dir = tempfile::tempdir().unwrap();
        let mut command = command(program, dir.path());
        command.env("HASHREEL_QUEUE", "sqs://reels.fifo");
        refuses(command, &["FIFO", "make a standard queue", "HASHREEL_QUEUE"]);
    }
}

#[test]
fn an_endpoint_that_speaks_something_else_is_named() {
    for back_end in [Objects, Records, Queue] {
        let words: &[&str] = &["correct", "AWS_ENDPOINT_URL", back_end.endpoint()];
        let page = "<html><body>Welcome</body></html>";
        for says in [
            Http(200, "text/html", page),
            Http(404, "text/html", page),
            Bytes(b"SSH-2.0-OpenSSH_9.2\r\n"),
        ] {
            refuses_each(back_end, says, words);
        }
    }
}

#[test]
fn an_endpoint_that_never_answers_is_given_up_and_named() {
    std::thread::scope(|scope| {
        for back_end in [Objects, Records, Queue] {
            scope.spawn(move || {
                refuses_each(back_end, Nothing, &["does not answer", back_end.endpoint()]);
            });
        }
    });
}

#[test]
fn what_the_environment_lacks_is_named() {
    for program in PROGRAMS {
        let dir = tempfile::tempdir().unwrap();
        let mut none = command(program, dir.path());
        none.env("HASHREEL_RECORDS", "dynamodb://reels").env_remove("AWS_ACCESS_KEY_ID");
        refuses(none, &["no AWS credentials", "set AWS_ACCESS_KEY_ID"]);
        let mut nowhere = command(program, dir.path());
        nowhere.env("HASHREEL_RECORDS", "dynamodb://reels").env_remove("AWS_REGION");
        refuses(nowhere, &["region", "set AWS_REGION"]);
        let mut unknown = command(program, dir.path());
        unknown.env("HASHREEL_OBJECTS", "ftp://reels");
        refuses(unknown, &["--objects (HASHREEL_OBJECTS)", "s3://BUCKET"]);
        let mut unset = command(program, dir.path());
        unset.env_remove("HASHREEL_RECORDS");
        refuses(unset, &["--records"]);
    }
}

/// A server that says to each put that it was the first.
#[test]
fn what_lets_an_object_be_put_twice_is_none_to_write_to() {
    let address = endpoint(Http(200, "application/xml", "<ListBucketResult/>"));
    for program in ["upload-svc", "transcode-worker"] {
        let dir = tempfile::tempdir().unwrap();
        let mut command = command(program, dir.path());
        command
            .env(Objects.setting(), Objects.url())
            .env(Objects.endpoint(), format!("http://{address}"));
        let words = [program, "HASHREEL_OBJECTS", "does not heed If-None-Match", "docs/deploy.md"];
        refuses(command, &words);
    }
}
