# The three services and the program `hashreel` in one image; the command says which of them runs.
# localstack/compose.yaml uses it.

FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
      libavcodec-dev libavformat-dev libavfilter-dev libavutil-dev libswscale-dev libswresample-dev \
      libclang-dev pkg-config nodejs npm && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN npm --prefix web ci --no-audit --no-fund && npm --prefix web run build
RUN cargo build --locked --release -p upload-svc -p meta-svc -p transcode-worker -p cli \
    && mkdir /programs \
    && cp target/release/upload-svc target/release/meta-svc target/release/transcode-worker \
          target/release/hashreel /programs/

FROM debian:12.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
      ca-certificates libavcodec59 libavformat59 libavfilter8 libavutil57 libswscale6 libswresample4 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --no-create-home hashreel
COPY --from=build /programs/ /usr/local/bin/
ENV HASHREEL_LISTEN=0.0.0.0:8080
USER hashreel
EXPOSE 8080
ENTRYPOINT ["/usr/bin/env", "--"]
CMD ["meta-svc"]
