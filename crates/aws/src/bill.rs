//! What AWS bills this process for: its requests, and the capacity that DynamoDB spent on them.
//!
//! A request is counted where it goes out, so that each try counts, as it does on the bill. Of capacity only
//! that of the calls that succeeded is known: DynamoDB bills writes whose condition failed and transactions
//! that were cancelled, too, and does not say in its refusal what they cost. The figures
//! are the process's, as its memory is: the clients of three back ends add to them.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept, SharedInterceptor, context::BeforeTransmitInterceptorContextRef,
        },
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use std::sync::{LazyLock, atomic::AtomicU64};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    service: String,
    operation: String,
}

/// The two prices of a capacity unit of DynamoDB's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Units {
    /// Of reading.
    Read,
    /// Of writing.
    Write,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Spent {
    units: Units,
}

static REQUESTS: LazyLock<Family<Request, Counter>> = LazyLock::new(Family::default);
static CAPACITY: LazyLock<Family<Spent, Counter<f64, AtomicU64>>> = LazyLock::new(Family::default);

/// For the configuration of a client whose requests are to be counted: of every one.
#[must_use]
pub fn counting() -> SharedInterceptor {
    SharedInterceptor::new(Counting)
}

/// Adds capacity that DynamoDB says a request has cost, which it does where the request succeeded.
pub fn spent(units: Units, capacity: f64) {
    CAPACITY.get_or_create(&Spent { units }).inc_by(capacity);
}

/// Adds the figures to those that a process shows.
pub fn register(registry: &mut Registry) {
    registry.register("aws_requests", "Requests to AWS, each try", REQUESTS.clone());
    registry.register(
        "dynamodb_capacity_units",
        "Units that DynamoDB spent on the calls that succeeded",
        CAPACITY.clone(),
    );
}

#[derive(Debug)]
struct Counting;

impl Intercept for Counting {
    fn name(&self) -> &'static str {
        "counting requests"
    }

    fn read_before_transmit(
        &self,
        _request: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let call = config.load::<Metadata>().ok_or("a request of the SDK has no name")?;
        let request =
            Request { service: call.service().to_owned(), operation: call.name().to_owned() };
        REQUESTS.get_or_create(&request).inc();
        Ok(())
    }
}
