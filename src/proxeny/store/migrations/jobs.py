"""What provisioning remembers: see store/links.py, runs.py, outcomes.py, held.py and marks.py."""

from proxeny.database import Migration, Statement

JOBS = Migration(
    "links, runs, lanes, outcomes, held deletions and marks",
    tuple(
        map(
            Statement.ddl,
            (
                "CREATE TABLE job_links (source {TEXT} NOT NULL, target {TEXT} NOT NULL, source_id {TEXT} NOT NULL, "
                "entity_type {TEXT} NOT NULL, target_id {TEXT}, native_id {TEXT}, fingerprint {TEXT}, "
                "existed_before SMALLINT NOT NULL, pending {TEXT}, since DOUBLE PRECISION, "
                "PRIMARY KEY (source, target, source_id, entity_type)) {CLUSTERED}",
                "CREATE INDEX job_links_target ON job_links (target, entity_type, target_id)",
                "CREATE INDEX job_links_pending ON job_links (source, target, entity_type, source_id) "
                "WHERE pending IS NOT NULL",
                "CREATE TABLE job_runs (id BIGINT PRIMARY KEY, source {TEXT} NOT NULL, kind {TEXT} NOT NULL, "
                "mode {TEXT} NOT NULL, trigger_type {TEXT} NOT NULL, triggered_by {TEXT} NOT NULL, "
                "status {TEXT} NOT NULL, created DOUBLE PRECISION NOT NULL, started DOUBLE PRECISION, "
                "ended DOUBLE PRECISION, plan {TEXT} NOT NULL, notes {TEXT} NOT NULL, statistics {TEXT} NOT NULL, "
                "lease_owner {TEXT} NOT NULL, lease_until DOUBLE PRECISION NOT NULL, fence BIGINT NOT NULL, "
                "stop SMALLINT NOT NULL)",
                "CREATE INDEX job_runs_source ON job_runs (source, id)",
                "CREATE INDEX job_runs_open ON job_runs (status, lease_until)",
                "CREATE TABLE job_lanes (run BIGINT NOT NULL, target {TEXT} NOT NULL, checkpoint {TEXT} NOT NULL, "
                "PRIMARY KEY (run, target)) {CLUSTERED}",
                "CREATE TABLE job_outcomes (run BIGINT NOT NULL, system {TEXT} NOT NULL, entity_type {TEXT} NOT NULL, "
                "entity_id {TEXT} NOT NULL, action {TEXT} NOT NULL, outcome {TEXT} NOT NULL, reason {TEXT}, "
                "message {TEXT}, target_id {TEXT}, changed {TEXT}, attempts INTEGER NOT NULL, versions {TEXT}, "
                "at DOUBLE PRECISION NOT NULL, PRIMARY KEY (run, system, entity_type, entity_id)) {CLUSTERED}",
                "CREATE INDEX job_outcomes_open ON job_outcomes (run, system, outcome, entity_type, entity_id) "
                "WHERE outcome IN ('planned', 'failed', 'held')",
                "CREATE TABLE job_held (source {TEXT} NOT NULL, target {TEXT} NOT NULL, entity_type {TEXT} NOT NULL, "
                "source_id {TEXT} NOT NULL, target_id {TEXT}, reason {TEXT} NOT NULL, run BIGINT NOT NULL, "
                "status {TEXT} NOT NULL, created DOUBLE PRECISION NOT NULL, decided_by {TEXT}, "
                "decided DOUBLE PRECISION, until DOUBLE PRECISION, "
                "PRIMARY KEY (source, target, entity_type, source_id)) {CLUSTERED}",
                "CREATE TABLE job_marks (source {TEXT} PRIMARY KEY, cursors {TEXT} NOT NULL, targets {TEXT} NOT NULL, "
                "deltas INTEGER NOT NULL, force_full SMALLINT NOT NULL)",
            ),
        )
    ),
)
