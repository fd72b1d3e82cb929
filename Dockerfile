# The gateway as a container: built in one stage, run as an unprivileged user in another.
#   docker build -t proxeny .
#   docker run -p 8080:8080 -v ./config:/etc/proxeny:ro -v proxeny:/var/lib/proxeny proxeny
# The configuration is /etc/proxeny/proxeny.toml; it should name host = "0.0.0.0", certificates and paths below
# /var/lib/proxeny.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /build
# The LDAP library has no wheel. Versions are those of the base image's release.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends build-essential libldap2-dev libsasl2-dev \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/proxeny
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/proxeny/bin/pip install --no-cache-dir --no-compile '.[postgresql,mariadb,ldap]'

FROM ${BASE_IMAGE}
# ldap-utils brings the LDAP library under whatever name the release has for it.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends ldap-utils \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /var/lib/proxeny --create-home --shell /usr/sbin/nologin proxeny
COPY --from=build /opt/proxeny /opt/proxeny
COPY --chmod=0755 deploy/healthcheck.py /opt/proxeny/bin/healthcheck.py
ENV PATH=/opt/proxeny/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PROXENY_CONFIG=/etc/proxeny/proxeny.toml
WORKDIR /var/lib/proxeny
USER 10001
EXPOSE 8080
VOLUME ["/var/lib/proxeny"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s CMD ["python", "/opt/proxeny/bin/healthcheck.py"]
ENTRYPOINT ["proxeny"]
CMD ["serve"]
