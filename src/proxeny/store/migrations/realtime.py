"""Real-time events, schedules, notices and the history of transformations: see the modules of those names."""

from proxeny.database import Migration, Statement

REALTIME = Migration(
    "events, schedules, subscriptions, notices and versions of transformations",
    tuple(
        map(
            Statement.ddl,
            (
                "CREATE TABLE job_events (id BIGINT PRIMARY KEY, source {TEXT} NOT NULL, entity_type {TEXT} NOT NULL, "
                "entity_id {TEXT} NOT NULL, operation {TEXT} NOT NULL, document {BYTES}, stamp BIGINT, "
                "sent_by {TEXT} NOT NULL, received DOUBLE PRECISION NOT NULL, status {TEXT} NOT NULL, "
                "ended DOUBLE PRECISION, attempts INTEGER NOT NULL, states {TEXT} NOT NULL)",
                "CREATE INDEX job_events_entity ON job_events (source, entity_type, entity_id, id)",
                "CREATE TABLE job_event_heads (source {TEXT} NOT NULL, entity_type {TEXT} NOT NULL, "
                "entity_id {TEXT} NOT NULL, newest BIGINT NOT NULL, stamp BIGINT, pending BIGINT, "
                "due DOUBLE PRECISION NOT NULL, tries INTEGER NOT NULL, lease_owner {TEXT} NOT NULL, "
                "lease_until DOUBLE PRECISION NOT NULL, fence BIGINT NOT NULL, "
                "PRIMARY KEY (source, entity_type, entity_id)) {CLUSTERED}",
                "CREATE INDEX job_event_due ON job_event_heads (due) WHERE pending IS NOT NULL",
                "CREATE TABLE job_schedules (source {TEXT} NOT NULL, kind {TEXT} NOT NULL, enabled SMALLINT NOT NULL, "
                "minutes INTEGER, weekdays {TEXT} NOT NULL, at {TEXT} NOT NULL, zone {TEXT} NOT NULL, "
                "anchor DOUBLE PRECISION NOT NULL, next DOUBLE PRECISION, PRIMARY KEY (source, kind)) {CLUSTERED}",
                "CREATE TABLE job_subscriptions (source {TEXT} NOT NULL, channel {TEXT} NOT NULL, "
                "address {TEXT} NOT NULL, PRIMARY KEY (source, channel, address)) {CLUSTERED}",
                "CREATE TABLE job_notice_states (source {TEXT} PRIMARY KEY, failures INTEGER NOT NULL, "
                "told SMALLINT NOT NULL, told_running SMALLINT NOT NULL, last_run BIGINT NOT NULL)",
                "CREATE TABLE job_notices (id BIGINT PRIMARY KEY, problem {TEXT} NOT NULL, channel {TEXT} NOT NULL, "
                "address {TEXT} NOT NULL, subject {TEXT} NOT NULL, body {TEXT} NOT NULL, "
                "created DOUBLE PRECISION NOT NULL, due DOUBLE PRECISION NOT NULL, attempts INTEGER NOT NULL, "
                "sent DOUBLE PRECISION, failure {TEXT} NOT NULL)",
                "CREATE INDEX job_notices_due ON job_notices (due) WHERE sent IS NULL",
                "CREATE INDEX job_notices_problem ON job_notices (problem, channel, address, created)",
                "CREATE TABLE store_transformations (system {TEXT} NOT NULL, direction {TEXT} NOT NULL, "
                "version INTEGER NOT NULL, text {TEXT} NOT NULL, description {TEXT} NOT NULL, "
                "changed_by {TEXT} NOT NULL, changed DOUBLE PRECISION NOT NULL, "
                "PRIMARY KEY (system, direction, version)) {CLUSTERED}",
            ),
        )
    ),
)

NATIVE = Migration(
    "links by the id under which the source itself knows an entity",
    (Statement.ddl("CREATE INDEX job_links_native ON job_links (source, native_id) WHERE native_id IS NOT NULL"),),
)
