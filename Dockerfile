# syntax=docker/dockerfile:1
# One static binary on an empty image, run by nobody in particular.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/registrar ./cmd/registrar
# Only a directory that exists in the image can get its owner there.
RUN mkdir -p /out/data /out/files /out/etc/registrar

FROM scratch
LABEL org.opencontainers.image.title="registrar" \
      org.opencontainers.image.description="The Registrar gateway between a school's systems and Open edX"
# For https to the LMS, to Discovery and to the collector of traces.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65532:65532 /out/data /data
# Where a volume for the files of jobs is mounted; a new one takes on this owner.
COPY --from=build --chown=65532:65532 /out/files /var/lib/registrar/files
COPY --from=build /out/etc/registrar /etc/registrar
COPY --from=build /out/registrar /registrar
# The default address, loopback, would be out of reach from outside the container.
ENV REGISTRAR_CONFIG=/etc/registrar/registrar.yaml \
    REGISTRAR_SERVER_LISTEN=:8080
# By number: an orchestrator can check that it is not root.
USER 65532:65532
WORKDIR /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["/registrar", "health"]
ENTRYPOINT ["/registrar"]
CMD ["serve"]
