"""Contents of entities in the logs of runs, and who was told what ends soon: see store/contents.py and endings.py."""

from proxeny.database import Migration, Statement

CONTENTS = Migration(
    "contents of entities, sources that had theirs kept, and told ends",
    tuple(
        map(
            Statement.ddl,
            (
                "CREATE TABLE job_contents (run BIGINT NOT NULL, system {TEXT} NOT NULL, entity_type {TEXT} NOT NULL, "
                "entity_id {TEXT} NOT NULL, content {TEXT} NOT NULL, "
                "PRIMARY KEY (run, system, entity_type, entity_id)) {CLUSTERED}",
                "CREATE TABLE job_contents_spent (source {TEXT} NOT NULL, name {TEXT} NOT NULL, run BIGINT NOT NULL, "
                "PRIMARY KEY (source, name)) {CLUSTERED}",
                "CREATE TABLE store_endings_told (problem {TEXT} NOT NULL, channel {TEXT} NOT NULL, "
                "address {TEXT} NOT NULL, told DOUBLE PRECISION NOT NULL, "
                "PRIMARY KEY (problem, channel, address)) {CLUSTERED}",
            ),
        )
    ),
)
