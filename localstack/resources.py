"""What ./dev localstack does with AWS's own API: wait for each service by a real call, make what
template.yaml describes, say what is there, print the environment for Hashreel, and take it away again.

usage: resources.py make | status | environment | remove

HASHREEL_STACK names another stack than `hashreel`: tests have resources of their own.
"""

import os
import sys
import time
from pathlib import Path

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

STACK = os.environ.get("HASHREEL_STACK", "hashreel")
TEMPLATE = Path(__file__).with_name("template.yaml")
WAIT_SECONDS = 60

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": os.environ["LOCALSTACK_URL"],
    "AWS_ENDPOINT_URL_DYNAMODB": os.environ["DYNAMODB_URL"],
}

# Which output of the template is which setting of Hashreel.
SETTINGS = {
    "Objects": "HASHREEL_OBJECTS",
    "Records": "HASHREEL_RECORDS",
    "Queue": "HASHREEL_QUEUE",
}

# A stack that is as its template says.
WELL = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}

# What a reader of the template's definition has to do by a call of its own.
TABLE_AFTERWARDS = {"TimeToLiveSpecification", "PointInTimeRecoverySpecification"}


def client(service):
    name = "AWS_ENDPOINT_URL_DYNAMODB" if service == "dynamodb" else "AWS_ENDPOINT_URL"
    return boto3.client(
        service,
        endpoint_url=ENVIRONMENT[name],
        region_name=ENVIRONMENT["AWS_REGION"],
        aws_access_key_id=ENVIRONMENT["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
        config=Config(connect_timeout=2, read_timeout=30, retries={"total_max_attempts": 1}),
    )


# One real call each: LocalStack says "running" of a service before it works.
CALLS = {
    "s3": lambda: client("s3").list_buckets(),
    "sqs": lambda: client("sqs").list_queues(),
    "cloudformation": lambda: client("cloudformation").list_stacks(),
    "dynamodb": lambda: client("dynamodb").list_tables(),
}


def wait(service):
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return CALLS[service]()
        except (BotoCoreError, ClientError) as error:
            if time.monotonic() > deadline:
                sys.exit(f"{service} does not answer after {WAIT_SECONDS} s: {error}")
            time.sleep(0.2)


def stack():
    """The stack as it is, or None."""
    try:
        return client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def make_stack():
    found = stack()
    if found is not None:
        if found["StackStatus"] not in WELL:
            sys.exit(
                f"stack {STACK} is {found['StackStatus']}, so what it should have made may not be there: "
                "say ./dev localstack down, then up"
            )
        print(f"stack {STACK} is there")
        return
    formation = client("cloudformation")
    formation.create_stack(
        StackName=STACK,
        TemplateBody=TEMPLATE.read_text(),
        Parameters=[
            {"ParameterKey": "Name", "ParameterValue": STACK},
            {"ParameterKey": "TableHere", "ParameterValue": "no"},
        ],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    waiter = formation.get_waiter("stack_create_complete")
    waiter.wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": WAIT_SECONDS})
    print(f"made the stack {STACK} of {TEMPLATE.name}")


def template():
    class Loader(yaml.SafeLoader):
        pass

    # !Ref Name is all that is looked at of what definitions refer to.
    Loader.add_multi_constructor("!", lambda loader, tag, node: {tag: node.value})
    return yaml.load(TEMPLATE.read_text(), Loader)


def complete_bucket():
    """LocalStack makes the bucket without its lifecycle and its block of public access, and does not
    change what other origins may do when the template does."""
    s3 = client("s3")
    bucket = outputs()["Objects"].removeprefix("s3://")
    properties = template()["Resources"]["Objects"]["Properties"]
    rules = [
        {"ID": rule["Id"], "Filter": {}} | {key: rule[key] for key in rule.keys() - {"Id"}}
        for rule in properties["LifecycleConfiguration"]["Rules"]
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    # CloudFormation and the API have names of their own for the same.
    names = {"Id": "ID", "ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds"}
    rules = [
        {names.get(key, key): value for key, value in rule.items()}
        for rule in properties["CorsConfiguration"]["CorsRules"]
    ]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"],
    )


def table():
    """The table's definition in the template, with its name for this stack."""
    properties = template()["Resources"]["Records"]["Properties"]
    if properties["TableName"] != {"Ref": "Name"}:
        sys.exit(f"{TEMPLATE.name}: the table's name is no longer !Ref Name; resources.py must follow")
    properties["TableName"] = STACK
    return properties


def make_table():
    properties = table()
    dynamodb = client("dynamodb")
    name = properties["TableName"]
    try:
        dynamodb.create_table(
            **{key: value for key, value in properties.items() if key not in TABLE_AFTERWARDS}
        )
    except dynamodb.exceptions.ResourceInUseException:
        print(f"table {name} is there")
        return
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"]
    )
    print(f"made the table {name} of {TEMPLATE.name}")


def make():
    for service in CALLS:
        wait(service)
    make_stack()
    complete_bucket()
    make_table()


def status():
    """One line a service and resource; fails when anything is missing or is not as it should be."""
    well = True

    def tell(what, call, is_well=lambda said: True):
        nonlocal well
        try:
            said = call()
            good = is_well(said)
        except (BotoCoreError, ClientError) as error:
            said, good = error, False
        well &= good
        print(f"{what:<15} {said if good else f'NOT well: {said}'}")

    for service, call in CALLS.items():
        tell(service, lambda call=call: call() and "answers")
    tell("stack", lambda: (stack() or {}).get("StackStatus", "missing"), WELL.__contains__)
    # By a call of their own: a stack does not notice what others take away.
    made = lambda output: outputs().get(output, "missing").split("://")[-1]
    s3, sqs, dynamodb = client("s3"), client("sqs"), client("dynamodb")
    tell("bucket", lambda: s3.head_bucket(Bucket=made("Objects")) and "is there")
    tell("queue", lambda: sqs.get_queue_url(QueueName=made("Queue")) and "is there")
    name = table()["TableName"]
    status = lambda: dynamodb.describe_table(TableName=name)["Table"]["TableStatus"]
    tell("table", status, lambda said: said == "ACTIVE")
    sys.exit(0 if well else 1)


def empty(bucket):
    s3 = client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        names = [{"Key": found["Key"]} for found in page.get("Contents", [])]
        if names:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": names, "Quiet": True})


def remove():
    """The stack with all that is in it. Its bucket and its table would outlive it by themselves."""
    formation, s3 = client("cloudformation"), client("s3")
    bucket = outputs()["Objects"].removeprefix("s3://")
    empty(bucket)
    formation.delete_stack(StackName=STACK)
    waiter = formation.get_waiter("stack_delete_complete")
    waiter.wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": WAIT_SECONDS})
    # LocalStack retains nothing.
    if bucket in [found["Name"] for found in s3.list_buckets()["Buckets"]]:
        empty(bucket)
        s3.delete_bucket(Bucket=bucket)
    client("dynamodb").delete_table(TableName=STACK)


def outputs():
    found = (stack() or {}).get("Outputs", [])
    return {output["OutputKey"]: output["OutputValue"] for output in found}


def environment():
    found = outputs()
    for name, value in ENVIRONMENT.items():
        print(f"export {name}={value}")
    for output, name in SETTINGS.items():
        print(f"export {name}={found[output]}")


if __name__ == "__main__":
    {"make": make, "status": status, "environment": environment, "remove": remove}[sys.argv[1]]()
