//! What DynamoDB says its answers have cost.

use aws::bill::{self, Units};
use aws_sdk_dynamodb::types::ConsumedCapacity;

/// Notes what one answer has cost, over all the tables and items that it names. A table that does not
/// tell costs what nobody knows; DynamoDB always tells.
pub(super) fn spent<'a>(units: Units, said: impl IntoIterator<Item = &'a ConsumedCapacity>) {
    let capacity = said.into_iter().filter_map(|said| said.capacity_units).sum();
    bill::spent(units, capacity);
}
