-- Base tables have singular names and are private; users read the views, whose names and columns are promised
-- (docs/sql.md). Times are RFC 3339 in UTC to the second, days YYYY-MM-DD. '' stands for absent where a column
-- belongs to a key; the views turn it into NULL where docs/sql.md says so.

-- A cursor: how far an IMAP folder was read. A Maildir has one row too, and its names in maildir_known.
CREATE TABLE folder (
    id             INTEGER PRIMARY KEY,
    server         TEXT    NOT NULL, -- host:port; '' for a Maildir
    user           TEXT    NOT NULL,
    name           TEXT    NOT NULL, -- UTF-8; a Maildir's path
    uid_validity   INTEGER NOT NULL,
    last_uid       INTEGER NOT NULL, -- everything up to it was received
    backfill_below INTEGER NOT NULL, -- UIDNEXT when the folder was first seen
    old_below      INTEGER NOT NULL, -- below this UID, mails received before not_before are passed over
    not_before     TEXT    NOT NULL, -- '' for ever
    UNIQUE (server, user, name)
) STRICT;

CREATE TABLE maildir_known (
    folder    INTEGER NOT NULL REFERENCES folder (id) ON DELETE CASCADE,
    base_name TEXT    NOT NULL,
    PRIMARY KEY (folder, base_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE mail (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    source       TEXT    NOT NULL, -- the mailbox's name, or 'import'
    folder       INTEGER REFERENCES folder (id),
    uid_validity INTEGER,
    uid          INTEGER,
    locator      TEXT    NOT NULL,
    message_id   TEXT,
    received_at  TEXT,
    processed_at TEXT    NOT NULL,
    size_bytes   INTEGER NOT NULL,
    outcome      TEXT    NOT NULL,
    reason       TEXT,
    backfill     INTEGER NOT NULL,
    raw_hash     BLOB,             -- of a mail that was rejected at least in part: it is told once, not at each rescan
    settled      INTEGER NOT NULL, -- every report in it is stored, duplicate or too old
    left_at      TEXT               -- when it was found gone from the folder, or was moved or deleted by us
) STRICT;
-- What `after` may still move or delete.
CREATE INDEX mail_pending ON mail (folder, uid) WHERE settled = 1 AND left_at IS NULL AND uid IS NOT NULL;
-- Retention.
CREATE INDEX mail_processed ON mail (processed_at);
CREATE INDEX mail_raw_hash ON mail (raw_hash) WHERE raw_hash IS NOT NULL;
-- Newly rejected mails in a digest, and `SELECT ... WHERE outcome = 'rejected'`.
CREATE INDEX mail_rejected ON mail (id) WHERE outcome = 'rejected';

CREATE TABLE raw_mail (
    mail  INTEGER PRIMARY KEY REFERENCES mail (id) ON DELETE CASCADE,
    bytes BLOB NOT NULL -- gzip
) STRICT;

-- Mails whose origin no name server has told yet: they are judged again.
CREATE TABLE waiting (
    mail     INTEGER PRIMARY KEY REFERENCES mail (id) ON DELETE CASCADE,
    reporter TEXT    NOT NULL, -- the organisation whose key is asked for
    tries    INTEGER NOT NULL
) STRICT;

CREATE TABLE sender (
    id                INTEGER PRIMARY KEY,
    submitter         TEXT NOT NULL,
    organization_name TEXT NOT NULL,
    contact_info      TEXT NOT NULL,
    -- The organisation that it belongs to: names below one domain are one reporter; organization_name if none is known.
    reporter          TEXT NOT NULL,
    UNIQUE (submitter, organization_name, contact_info)
) STRICT;

CREATE TABLE report (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    mail           INTEGER REFERENCES mail (id) ON DELETE SET NULL,
    sender         INTEGER NOT NULL REFERENCES sender (id),
    report_id      TEXT    NOT NULL,
    start_datetime TEXT    NOT NULL,
    end_datetime   TEXT    NOT NULL,
    day            TEXT    NOT NULL, -- UTC day of start_datetime
    stored_at      TEXT    NOT NULL,
    authentication TEXT    NOT NULL, -- unchecked, dkim, trusted-mx, none, failed, temporary
    signing_domain TEXT,             -- the domain that is proven
    authentication_reason TEXT,      -- why none is
    deviations     TEXT    NOT NULL, -- JSON array
    -- Not IN: at each insertion SQLite would make a table of the words, as in the index report_unproven.
    status         TEXT    NOT NULL CHECK (status = 'counted' OR status = 'conflict' OR status = 'set-aside'
                                           OR status = 'replaced'),
    aside          TEXT    NOT NULL, -- why it is set aside: origin, foreign, flood; '' where it isn't
    backfill       INTEGER NOT NULL,
    set_free       INTEGER NOT NULL DEFAULT 0, -- it isn't proven and counts, for its reporter used to be
    sessions       INTEGER NOT NULL, -- decides between reports of one identity
    identity       BLOB    NOT NULL, -- 16 bytes of the hash, with who reports
    content        BLOB    NOT NULL  -- 16 bytes of the hash
) STRICT;
-- How many reports came a day, of each organisation, in proven and in other mails; '' is who doesn't say.
CREATE TABLE arrival (
    reporter  TEXT    NOT NULL,
    is_proven INTEGER NOT NULL,
    day       TEXT    NOT NULL, -- UTC day on which the mails came
    reports   INTEGER NOT NULL, -- without those that were cut off
    PRIMARY KEY (reporter, is_proven, day)
) STRICT, WITHOUT ROWID;

-- At most one report of an identity counts. Hashes come in no order, so that each index over all of them costs a page a
-- report: whoever looks for an identity asks this one and, for the few that don't count, the next.
CREATE UNIQUE INDEX report_counted ON report (identity) WHERE status = 'counted';
CREATE UNIQUE INDEX report_uncounted ON report (identity, content) WHERE status <> 'counted';
-- Days: retention, domain_days, sessions_by_day.
CREATE INDEX report_day ON report (day);
CREATE INDEX report_mail ON report (mail);
-- What is set aside: told, accepted, judged again.
CREATE INDEX report_set_aside ON report (aside, authentication) WHERE status = 'set-aside';
-- Whether something on the way breaks signatures.
CREATE INDEX report_set_free ON report (day) WHERE set_free;
-- Reports that count, but alone make nothing urgent, resolved or ready.
CREATE INDEX report_unproven ON report (id)
    WHERE status = 'counted' AND (authentication = 'failed' OR authentication = 'none' OR authentication = 'temporary')
          AND NOT set_free;
-- Retention: which senders have no report left.
CREATE INDEX report_sender ON report (sender);
-- The documented query for reports that contradict each other.
CREATE INDEX report_conflict ON report (identity) WHERE status = 'conflict';

-- Reports as sent of which others differ in few places.
CREATE TABLE json_template (
    id    INTEGER PRIMARY KEY,
    shape INTEGER NOT NULL UNIQUE, -- hash of sender, policies and everything but the values
    text  TEXT    NOT NULL
) STRICT;

-- A report as sent. With a template: a JSON array of texts and of [start, characters] of the template.
CREATE TABLE report_json (
    report   INTEGER PRIMARY KEY REFERENCES report (id) ON DELETE CASCADE,
    template INTEGER REFERENCES json_template (id),
    shape    INTEGER, -- of a text that may become a template
    text     TEXT NOT NULL
) STRICT;
CREATE INDEX report_json_template ON report_json (template) WHERE template IS NOT NULL;
CREATE INDEX report_json_shape ON report_json (shape) WHERE shape IS NOT NULL;

CREATE TABLE mail_report (
    mail    INTEGER NOT NULL REFERENCES mail (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    report  INTEGER REFERENCES report (id) ON DELETE SET NULL,
    outcome TEXT    NOT NULL, -- when it was read; a report stored then may be in conflict now
    reason  TEXT,
    PRIMARY KEY (mail, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_report_report ON mail_report (report) WHERE report IS NOT NULL;

CREATE TABLE policy (
    id            INTEGER PRIMARY KEY,
    policy_type   TEXT NOT NULL,
    policy_domain TEXT NOT NULL, -- '' where absent
    sts_mode      TEXT NOT NULL, -- '' where absent
    policy_string TEXT NOT NULL, -- JSON array
    mx_host       TEXT NOT NULL, -- JSON array
    UNIQUE (policy_domain, policy_type, policy_string, mx_host)
) STRICT;

CREATE TABLE policy_result (
    id         INTEGER PRIMARY KEY,
    report     INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
    policy     INTEGER NOT NULL REFERENCES policy (id),
    successful INTEGER, -- NULL: unreadable
    failed     INTEGER, -- NULL: unreadable
    -- What all entries of the report on this domain say together, as report_domains tells it: in the first of them, NULL
    -- in the others.
    domain_ok         INTEGER,
    domain_failed     INTEGER,
    domain_unreadable INTEGER
) STRICT;
CREATE INDEX policy_result_report ON policy_result (report);
CREATE INDEX policy_result_policy ON policy_result (policy);

-- Months in which reports begin, YYYY-MM, and whether the three tables below hold their sums. What changes a report or an
-- entry sets is_summed to 0, and from then on the views add up that month's reports themselves, until `Store::sum_up`.
CREATE TABLE month (
    month     TEXT    PRIMARY KEY,
    is_summed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE domain_day_sum (
    day           TEXT    NOT NULL,
    policy_domain TEXT    NOT NULL,
    reports       INTEGER NOT NULL,
    ok            INTEGER NOT NULL,
    failed        INTEGER NOT NULL,
    unreadable    INTEGER NOT NULL,
    PRIMARY KEY (day, policy_domain)
) STRICT, WITHOUT ROWID;

-- Sums are those of the domains, in the first entry of a report on each.
CREATE TABLE policy_month_sum (
    month      TEXT    NOT NULL,
    policy     INTEGER NOT NULL,
    sender     INTEGER NOT NULL,
    first_day  TEXT    NOT NULL,
    last_day   TEXT    NOT NULL,
    reports    INTEGER NOT NULL,
    ok         INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    unreadable INTEGER NOT NULL,
    PRIMARY KEY (month, policy, sender)
) STRICT, WITHOUT ROWID;

CREATE TABLE sender_month_sum (
    month          TEXT    NOT NULL,
    sender         INTEGER NOT NULL,
    first_day      TEXT    NOT NULL,
    last_day       TEXT    NOT NULL,
    last_stored_at TEXT    NOT NULL,
    reports        INTEGER NOT NULL,
    PRIMARY KEY (month, sender)
) STRICT, WITHOUT ROWID;

-- What the reports of a day say, packed (`store/packed.rs`), by days on which reports begin. NULL once something in them
-- has changed; then the rows are read.
CREATE TABLE packed_day (
    day     TEXT PRIMARY KEY,
    entries BLOB
) STRICT, WITHOUT ROWID;

-- Reports with a larger id are in no pack yet, whatever is packed of their day.
CREATE TABLE packed_to (
    id     INTEGER PRIMARY KEY CHECK (id = 0),
    report INTEGER NOT NULL
) STRICT;
INSERT INTO packed_to VALUES (0, 0);

-- Recording a report does the same to its month itself: a trigger there would make SQLite copy each page before it
-- changes it. Its day's pack is known to be old by the report's id.
CREATE TRIGGER report_deleted AFTER DELETE ON report BEGIN
    INSERT INTO month (month, is_summed) VALUES (substr(OLD.day, 1, 7), 0)
    ON CONFLICT DO UPDATE SET is_summed = 0 WHERE is_summed;
    UPDATE packed_day SET entries = NULL WHERE day = OLD.day AND entries IS NOT NULL;
END;
CREATE TRIGGER report_updated AFTER UPDATE OF id, sender, day, stored_at, status, authentication, set_free ON report BEGIN
    INSERT INTO month (month, is_summed) VALUES (substr(OLD.day, 1, 7), 0), (substr(NEW.day, 1, 7), 0)
    ON CONFLICT DO UPDATE SET is_summed = 0 WHERE is_summed;
    INSERT INTO packed_day (day, entries) VALUES (OLD.day, NULL), (NEW.day, NULL)
    ON CONFLICT DO UPDATE SET entries = NULL WHERE entries IS NOT NULL;
END;
CREATE TRIGGER policy_result_deleted AFTER DELETE ON policy_result BEGIN
    INSERT INTO month (month, is_summed) SELECT substr(day, 1, 7), 0 FROM report WHERE id = OLD.report
    ON CONFLICT DO UPDATE SET is_summed = 0 WHERE is_summed;
    UPDATE packed_day SET entries = NULL
    WHERE day = (SELECT day FROM report WHERE id = OLD.report) AND entries IS NOT NULL;
END;
CREATE TRIGGER policy_result_updated AFTER UPDATE ON policy_result BEGIN
    UPDATE packed_day SET entries = NULL
    WHERE day IN (SELECT day FROM report WHERE id IN (OLD.report, NEW.report)) AND entries IS NOT NULL;
END;

CREATE TABLE failure_type (
    id                    INTEGER PRIMARY KEY AUTOINCREMENT,
    policy_domain         TEXT NOT NULL,
    policy_type           TEXT NOT NULL,
    result_type           TEXT NOT NULL,
    receiving_mx_hostname TEXT NOT NULL,
    first_day             TEXT NOT NULL, -- '' while only reports in conflict show it
    last_day              TEXT NOT NULL,
    first_stored_at       TEXT NOT NULL,
    announced             INTEGER REFERENCES digest (id) ON DELETE SET NULL,
    announced_at          TEXT, -- stays when retention removes the digest
    expired_first_day     TEXT, -- days of reports that retention has removed
    expired_last_day      TEXT,
    UNIQUE (policy_domain, policy_type, result_type, receiving_mx_hostname)
) STRICT;
-- Retention: which of them a digest announced that goes.
CREATE INDEX failure_type_announced ON failure_type (announced) WHERE announced IS NOT NULL;

-- What broke and where: a row for each pair that a report ever showed. From `state` on, derived from all reports anew at
-- each assessment; first_day is '' while none that counts shows it as a problem of its own.
CREATE TABLE problem (
    number             INTEGER PRIMARY KEY AUTOINCREMENT,
    id                 TEXT    NOT NULL UNIQUE, -- never another problem's, whatever becomes of this one
    cause              TEXT    NOT NULL,
    place_kind         TEXT    NOT NULL,
    place              TEXT    NOT NULL,
    state              TEXT    NOT NULL DEFAULT '',
    impact             TEXT    NOT NULL DEFAULT '',
    policy             TEXT    NOT NULL DEFAULT '',
    whose              TEXT    NOT NULL DEFAULT '',
    named              TEXT    NOT NULL DEFAULT '',
    first_day          TEXT    NOT NULL DEFAULT '', -- of the present or last episode, as is all that follows
    last_day           TEXT    NOT NULL DEFAULT '',
    visible_from       TEXT    NOT NULL DEFAULT '', -- '' while below the noise gate
    failed             INTEGER NOT NULL DEFAULT 0,
    total              INTEGER NOT NULL DEFAULT 0,
    at_least           INTEGER NOT NULL DEFAULT 0,
    reporters          INTEGER NOT NULL DEFAULT 0,
    domains            INTEGER NOT NULL DEFAULT 0,
    acknowledged_until TEXT    NOT NULL DEFAULT '',
    is_retired         INTEGER NOT NULL DEFAULT 0,
    is_foreign         INTEGER NOT NULL DEFAULT 0,
    UNIQUE (place, cause, place_kind)
) STRICT;

-- Ids by which a problem was known before it took over another's.
CREATE TABLE problem_alias (
    id      TEXT    PRIMARY KEY,
    problem INTEGER NOT NULL REFERENCES problem (number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX problem_alias_problem ON problem_alias (problem);

CREATE TABLE problem_episode (
    problem      INTEGER NOT NULL REFERENCES problem (number) ON DELETE CASCADE,
    first_day    TEXT    NOT NULL,
    last_day     TEXT    NOT NULL,
    visible_from TEXT    NOT NULL, -- '' for never
    failed       INTEGER NOT NULL,
    at_least     INTEGER NOT NULL,
    ended        TEXT    NOT NULL, -- '' while it goes on, as ended_day
    ended_day    TEXT    NOT NULL,
    by_note      TEXT    NOT NULL, -- the day of the note that shortened the proof
    PRIMARY KEY (problem, first_day)
) STRICT, WITHOUT ROWID;

-- What was in the reports that retention has removed: episodes, whole or in part.
CREATE TABLE expired_episode (
    problem      INTEGER NOT NULL REFERENCES problem (number) ON DELETE CASCADE,
    first_day    TEXT    NOT NULL,
    last_day     TEXT    NOT NULL, -- of the whole episode, as were visible_from, ended and ended_day
    removed_to   TEXT    NOT NULL, -- the last failing day of it that was removed
    visible_from TEXT    NOT NULL,
    failed       INTEGER NOT NULL, -- in the removed reports
    at_least     INTEGER NOT NULL,
    ended        TEXT    NOT NULL,
    ended_day    TEXT    NOT NULL,
    by_note      TEXT    NOT NULL,
    PRIMARY KEY (problem, first_day)
) STRICT, WITHOUT ROWID;

CREATE TABLE problem_domain (
    problem INTEGER NOT NULL REFERENCES problem (number) ON DELETE CASCADE,
    domain  TEXT    NOT NULL,
    PRIMARY KEY (problem, domain)
) STRICT, WITHOUT ROWID;

CREATE TABLE problem_reporter (
    problem   INTEGER NOT NULL REFERENCES problem (number) ON DELETE CASCADE,
    reporter  TEXT    NOT NULL,
    first_day TEXT    NOT NULL,
    last_day  TEXT    NOT NULL,
    failed    INTEGER NOT NULL,
    total     INTEGER NOT NULL,
    at_least  INTEGER NOT NULL,
    PRIMARY KEY (problem, reporter)
) STRICT, WITHOUT ROWID;

CREATE TABLE problem_failure_type (
    problem      INTEGER NOT NULL REFERENCES problem (number) ON DELETE CASCADE,
    failure_type INTEGER NOT NULL REFERENCES failure_type (id) ON DELETE CASCADE,
    PRIMARY KEY (problem, failure_type)
) STRICT, WITHOUT ROWID;
CREATE INDEX problem_failure_type_failure_type ON problem_failure_type (failure_type);

-- What people said of a problem (then `about` is '') or of a domain or MX.
CREATE TABLE remark (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    problem INTEGER REFERENCES problem (number) ON DELETE CASCADE,
    said_as INTEGER REFERENCES problem (number) ON DELETE SET NULL, -- where its id was handed over to `problem` since
    about   TEXT    NOT NULL,
    day     TEXT    NOT NULL,
    said_by TEXT    NOT NULL,
    kind    TEXT    NOT NULL CHECK (kind IN ('note', 'fixed', 'acknowledged', 'retired', 'withdrawn')),
    text    TEXT    NOT NULL, -- of a note; of others why; of 'withdrawn' the kind that no longer holds
    until   TEXT    NOT NULL  -- of `acknowledged`
) STRICT;
CREATE INDEX remark_problem ON remark (problem) WHERE problem IS NOT NULL;
CREATE INDEX remark_said_as ON remark (said_as) WHERE said_as IS NOT NULL;

-- A row a failure detail, and one for a failing policy result whose details account for nothing.
CREATE TABLE failure (
    id                     INTEGER PRIMARY KEY,
    policy_result          INTEGER NOT NULL REFERENCES policy_result (id) ON DELETE CASCADE,
    failure_type           INTEGER REFERENCES failure_type (id), -- NULL for a detail that counts no session
    problem                INTEGER REFERENCES problem (number),  -- by this row alone; NULL until the next assessment where it is read anew
    detail                 INTEGER NOT NULL, -- 0: not in the report, its type is 'unspecified'
    result_type            TEXT,
    sending_mta_ip         TEXT,
    receiving_mx_hostname  TEXT,
    receiving_mx_helo      TEXT,
    receiving_ip           TEXT,
    failed_session_count   INTEGER, -- NULL: unreadable
    failure_reason_code    TEXT,
    additional_information TEXT
) STRICT;
CREATE INDEX failure_policy_result ON failure (policy_result);
CREATE INDEX failure_failure_type ON failure (failure_type) WHERE failure_type IS NOT NULL;
CREATE INDEX failure_problem ON failure (problem) WHERE problem IS NOT NULL;
CREATE INDEX failure_unassessed ON failure (id) WHERE problem IS NULL AND failure_type IS NOT NULL;

-- Failures of `problem` in this policy result that belong to another problem, as the reports around them tell; or to none
-- (NULL), since their domain is retired or isn't ours.
CREATE TABLE joined (
    policy_result INTEGER NOT NULL REFERENCES policy_result (id) ON DELETE CASCADE,
    problem       INTEGER NOT NULL REFERENCES problem (number) ON DELETE CASCADE,
    into_problem  INTEGER REFERENCES problem (number) ON DELETE CASCADE,
    PRIMARY KEY (policy_result, problem)
) STRICT, WITHOUT ROWID;
CREATE INDEX joined_problem ON joined (problem);
CREATE INDEX joined_into_problem ON joined (into_problem) WHERE into_problem IS NOT NULL;

-- Entries that show an old policy beyond its time: connections of a problem, though nothing failed.
CREATE TABLE stale_policy_result (
    policy_result INTEGER PRIMARY KEY REFERENCES policy_result (id) ON DELETE CASCADE,
    problem       INTEGER NOT NULL REFERENCES problem (number) ON DELETE CASCADE
) STRICT;
CREATE INDEX stale_policy_result_problem ON stale_policy_result (problem);

CREATE TABLE digest (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    audience     TEXT    NOT NULL, -- 'default', or its name in the configuration
    kind         TEXT    NOT NULL, -- first-look, daily, weekly or urgent
    due_at       TEXT    NOT NULL,
    after_report INTEGER NOT NULL, -- the range is after_report < id <= last_report
    last_report  INTEGER NOT NULL,
    after_mail   INTEGER NOT NULL,
    last_mail    INTEGER NOT NULL,
    message_id   TEXT    NOT NULL UNIQUE,
    subject      TEXT    NOT NULL,
    mail         BLOB    NOT NULL, -- the mail as it is sent, so that a retry sends the same bytes
    sent_at      TEXT
) STRICT;

CREATE TABLE delivery (
    digest      INTEGER NOT NULL REFERENCES digest (id) ON DELETE CASCADE,
    recipient   TEXT    NOT NULL,
    accepted_at TEXT,
    refused_at  TEXT,    -- refused for good
    failing_since TEXT,  -- the first attempt that failed
    error       TEXT,    -- the newest one
    attempts    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (digest, recipient)
) STRICT, WITHOUT ROWID;

-- Recipients whom the server refused in their newest digest.
CREATE TABLE refused_recipient (
    recipient TEXT PRIMARY KEY,
    since     TEXT NOT NULL,
    error     TEXT NOT NULL,
    told      INTEGER REFERENCES digest (id) ON DELETE SET NULL,
    told_at   TEXT
) STRICT, WITHOUT ROWID;

-- What digests told of problems, in the order in which they did.
CREATE TABLE telling (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    digest    INTEGER REFERENCES digest (id) ON DELETE SET NULL,
    audience  TEXT    NOT NULL,
    problem   INTEGER NOT NULL REFERENCES problem (number) ON DELETE CASCADE,
    told_as   INTEGER REFERENCES problem (number) ON DELETE SET NULL, -- where its id was handed over to `problem` since
    day       TEXT    NOT NULL,
    event     TEXT    NOT NULL,
    reminder  INTEGER NOT NULL, -- the day of a reminder, else 0
    impact    TEXT    NOT NULL,
    reporters INTEGER NOT NULL,
    episode   TEXT    NOT NULL,
    last_day  TEXT    NOT NULL,
    is_urgent INTEGER NOT NULL
) STRICT;
CREATE INDEX telling_problem ON telling (problem);
CREATE INDEX telling_told_as ON telling (told_as) WHERE told_as IS NOT NULL;
CREATE INDEX telling_digest ON telling (digest) WHERE digest IS NOT NULL;

-- Events of policies and TLSA records, each told once.
CREATE TABLE told_event (
    audience TEXT NOT NULL,
    key      TEXT NOT NULL,
    digest   INTEGER REFERENCES digest (id) ON DELETE SET NULL,
    day      TEXT NOT NULL,
    PRIMARY KEY (audience, key)
) STRICT, WITHOUT ROWID;

-- What the last assessment came to (`store/outcome.rs`), and the state of everything that it stands for.
CREATE TABLE outcome (
    what  TEXT PRIMARY KEY, -- problems, survey
    state TEXT NOT NULL,
    value BLOB NOT NULL     -- of problems the ids, in their order
) STRICT, WITHOUT ROWID;
CREATE TABLE outcome_problem (
    id    TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- Another number after each change of what an assessment reads beside the reports.
CREATE TABLE change (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    n  INTEGER NOT NULL
) STRICT;
INSERT INTO change VALUES (0, 0);

CREATE TRIGGER change_remark_insert AFTER INSERT ON remark BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_remark_update AFTER UPDATE ON remark BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_remark_delete AFTER DELETE ON remark BEGIN UPDATE change SET n = n + 1; END;
-- To tell of a problem that stands changes nothing: ids are handed over only by problems that were told and are gone.
CREATE TRIGGER change_telling_insert AFTER INSERT ON telling WHEN NOT EXISTS (
    SELECT 1 FROM problem JOIN outcome_problem ON outcome_problem.id = problem.id WHERE problem.number = NEW.problem
) BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_telling_update AFTER UPDATE ON telling BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_telling_delete AFTER DELETE ON telling BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_expired_episode_insert AFTER INSERT ON expired_episode BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_expired_episode_update AFTER UPDATE ON expired_episode BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_expired_episode_delete AFTER DELETE ON expired_episode BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_problem_alias_insert AFTER INSERT ON problem_alias BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_problem_alias_update AFTER UPDATE ON problem_alias BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_problem_alias_delete AFTER DELETE ON problem_alias BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_problem_insert AFTER INSERT ON problem BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_problem_update AFTER UPDATE OF id, cause, place_kind, place ON problem BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_problem_delete AFTER DELETE ON problem BEGIN UPDATE change SET n = n + 1; END;
-- Rows of these two come and go with reports.
CREATE TRIGGER change_policy_update AFTER UPDATE ON policy BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_sender_update AFTER UPDATE ON sender BEGIN UPDATE change SET n = n + 1; END;
CREATE INDEX told_event_digest ON told_event (digest) WHERE digest IS NOT NULL;

CREATE TABLE mailbox_state (
    name          TEXT PRIMARY KEY,
    polled_at     TEXT NOT NULL,
    succeeded_at  TEXT,
    failing_since TEXT,
    error         TEXT,
    told_at       TEXT -- when a digest told this failing
) STRICT, WITHOUT ROWID;

-- MX hosts as MTA-STS policies name them (RFC 8461, Section 4.1) that are ours, for several reporters say so.
CREATE TABLE learnt_mx (
    pattern TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TRIGGER change_learnt_mx_insert AFTER INSERT ON learnt_mx BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_learnt_mx_update AFTER UPDATE ON learnt_mx BEGIN UPDATE change SET n = n + 1; END;
CREATE TRIGGER change_learnt_mx_delete AFTER DELETE ON learnt_mx BEGIN UPDATE change SET n = n + 1; END;

-- last_due: the last digest time that was acted upon; last_retention: the day retention last ran.
-- ours: a hash of the names that are ours, by which reports about others were last looked through. learnt: a hash of what
-- learnt_mx was last derived from.
CREATE TABLE state (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIEW mails AS
SELECT mail.id, mail.source, folder.name AS folder, mail.uid_validity, mail.uid, mail.locator, mail.message_id,
       mail.received_at, mail.processed_at, mail.size_bytes, mail.outcome, mail.reason, mail.backfill
FROM mail LEFT JOIN folder ON folder.id = mail.folder;

CREATE VIEW mail_reports AS
SELECT mail_report.mail, mail_report.report,
       CASE WHEN mail_report.outcome <> 'stored' OR report.status IS NULL OR report.status = 'counted'
                THEN mail_report.outcome
            WHEN report.status = 'replaced' THEN 'conflict'
            ELSE report.status END AS outcome,
       coalesce(mail_report.reason,
                CASE report.aside
                     WHEN 'origin' THEN report.authentication_reason
                     WHEN 'flood' THEN 'far more reports came from this sender that day than usual'
                     WHEN 'foreign' THEN (
                         SELECT 'it is about ' || min(policy.policy_domain)
                                || iif(min(policy.policy_domain) < max(policy.policy_domain), ' and others', '')
                                || ', not about your domains.mail'
                         FROM policy_result JOIN policy ON policy.id = policy_result.policy
                         WHERE policy_result.report = report.id)
                END) AS reason
FROM mail_report LEFT JOIN report ON report.id = mail_report.report;

-- The text as sent is put together only where it is asked for. The window gives the pieces their order: in an aggregate
-- that is promised only from SQLite 3.44 on.
CREATE VIEW reports_all AS
SELECT report.id, report.mail, nullif(sender.organization_name, '') AS organization_name, report.report_id,
       nullif(sender.contact_info, '') AS contact_info, sender.submitter, sender.reporter, report.start_datetime,
       report.end_datetime, report.day, report.stored_at, report.authentication, report.signing_domain,
       report.authentication_reason, report.deviations,
       (SELECT iif(report_json.template IS NULL, report_json.text,
                   (SELECT group_concat(iif(piece.type = 'array',
                                            substr(json_template.text, 1 + json_extract(piece.value, '$[0]'),
                                                   json_extract(piece.value, '$[1]')),
                                            piece.value), '')
                           OVER (ORDER BY piece.key ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
                    FROM json_template, json_each(report_json.text) AS piece
                    WHERE json_template.id = report_json.template LIMIT 1))
        FROM report_json WHERE report_json.report = report.id) AS json, report.status,
       nullif(report.aside, '') AS set_aside_for,
       (SELECT rival.id FROM report AS rival WHERE rival.identity = report.identity AND rival.status = 'counted'
        AND report.status = 'conflict') AS rival
FROM report JOIN sender ON sender.id = report.sender;

CREATE VIEW reports AS
SELECT id, mail, organization_name, report_id, contact_info, submitter, reporter, start_datetime, end_datetime, day,
       stored_at, authentication, signing_domain, authentication_reason, deviations, json
FROM reports_all WHERE status = 'counted';

CREATE VIEW policy_results AS
SELECT policy_result.id, policy_result.report, policy.policy_type, nullif(policy.policy_domain, '') AS policy_domain,
       nullif(policy.sts_mode, '') AS sts_mode, policy.policy_string, policy.mx_host,
       policy_result.successful AS total_successful_session_count,
       policy_result.failed AS total_failure_session_count
FROM policy_result JOIN policy ON policy.id = policy_result.policy JOIN report ON report.id = policy_result.report
WHERE report.status = 'counted';

CREATE VIEW failure_details AS
SELECT failure.id, failure.policy_result, failure.failure_type, failure.result_type, failure.sending_mta_ip,
       failure.receiving_mx_hostname, failure.receiving_mx_helo, failure.receiving_ip,
       failure.failed_session_count, failure.failure_reason_code, failure.additional_information
FROM failure JOIN policy_result ON policy_result.id = failure.policy_result
     JOIN report ON report.id = policy_result.report
WHERE failure.detail = 1 AND report.status = 'counted';

CREATE VIEW failure_types AS
SELECT id, policy_domain, policy_type, result_type, receiving_mx_hostname, first_day, last_day, first_stored_at,
       announced_at
FROM failure_type WHERE first_day <> '';

CREATE VIEW failures AS
SELECT failure.id, report.id AS report, failure.failure_type, problem.id AS problem, report.day,
       nullif(sender.organization_name, '') AS organization_name, sender.submitter, failure_type.policy_domain,
       failure_type.policy_type, nullif(policy.sts_mode, '') AS sts_mode, failure_type.result_type,
       failure_type.receiving_mx_hostname, failure.failed_session_count, failure.failure_reason_code,
       failure.sending_mta_ip, failure.receiving_ip, failure.additional_information
FROM failure JOIN failure_type ON failure_type.id = failure.failure_type
     JOIN policy_result ON policy_result.id = failure.policy_result
     JOIN policy ON policy.id = policy_result.policy
     JOIN report ON report.id = policy_result.report JOIN sender ON sender.id = report.sender
     LEFT JOIN joined ON joined.policy_result = failure.policy_result AND joined.problem = failure.problem
     LEFT JOIN problem ON problem.number = iif(joined.problem IS NULL, failure.problem, joined.into_problem)
WHERE report.status = 'counted';

-- sts and tlsa entries of one report and domain are the same sessions: of the two the larger counts (store/sums.rs).
CREATE VIEW report_domains AS
SELECT report.id AS report, report.day, policy.policy_domain, policy_result.domain_ok AS ok,
       policy_result.domain_failed AS failed, policy_result.domain_unreadable AS unreadable
FROM report JOIN policy_result ON policy_result.report = report.id JOIN policy ON policy.id = policy_result.policy
WHERE report.status = 'counted' AND policy_result.domain_ok IS NOT NULL;

-- Of months that are added up the sums, of others what `Store::sum_up` would make of them. total() and the cast keep a
-- hostile count from overflowing a sum, which would fail the query; sums below 2^53 are exact.
CREATE VIEW domain_days AS
SELECT sums.day, nullif(sums.policy_domain, '') AS policy_domain, sums.ok, sums.failed, sums.unreadable, sums.reports
FROM month CROSS JOIN domain_day_sum AS sums ON sums.day BETWEEN month.month || '-01' AND month.month || '-31'
WHERE month.is_summed
UNION ALL
SELECT report.day, nullif(policy.policy_domain, ''), CAST(total(policy_result.domain_ok) AS INTEGER),
       CAST(total(policy_result.domain_failed) AS INTEGER), sum(policy_result.domain_unreadable), count(*)
FROM month CROSS JOIN report ON report.day BETWEEN month.month || '-01' AND month.month || '-31'
     CROSS JOIN policy_result ON policy_result.report = report.id
     CROSS JOIN policy ON policy.id = policy_result.policy
WHERE NOT month.is_summed AND +report.status = 'counted' AND policy_result.domain_ok IS NOT NULL
GROUP BY report.day, policy.policy_domain;

CREATE VIEW sessions_by_day AS
SELECT report.day, nullif(policy.policy_domain, '') AS policy_domain, policy.policy_type, sender.submitter,
       CAST(total(policy_result.successful) AS INTEGER) AS ok,
       CAST(total(policy_result.failed) AS INTEGER) AS failed,
       sum(policy_result.successful IS NULL OR policy_result.failed IS NULL) AS unreadable
FROM report JOIN sender ON sender.id = report.sender JOIN policy_result ON policy_result.report = report.id
     JOIN policy ON policy.id = policy_result.policy
WHERE report.status = 'counted'
GROUP BY report.day, policy.policy_domain, policy.policy_type, sender.submitter;

CREATE VIEW reporters AS
SELECT sender.submitter, max(nullif(sender.organization_name, '')) AS organization_name, sum(sums.reports) AS reports,
       min(sums.first_day) AS first_day, max(sums.last_day) AS last_day, max(sums.last_stored_at) AS last_stored_at
FROM (
    SELECT sums.sender, sums.first_day, sums.last_day, sums.last_stored_at, sums.reports
    FROM month CROSS JOIN sender_month_sum AS sums ON sums.month = month.month
    WHERE month.is_summed
    UNION ALL
    SELECT report.sender, min(report.day), max(report.day), max(report.stored_at), count(*)
    FROM month CROSS JOIN report ON report.day BETWEEN month.month || '-01' AND month.month || '-31'
    WHERE NOT month.is_summed AND +report.status = 'counted'
    GROUP BY report.sender
) AS sums CROSS JOIN sender ON sender.id = sums.sender
GROUP BY sender.submitter;

CREATE VIEW domains AS
SELECT policy_domain, sum(reports) AS reports, min(day) AS first_day, max(day) AS last_day,
       CAST(total(ok) AS INTEGER) AS ok, CAST(total(failed) AS INTEGER) AS failed, sum(unreadable) AS unreadable
FROM domain_days GROUP BY policy_domain;

CREATE VIEW policies AS
SELECT policy.policy_type, nullif(policy.policy_domain, '') AS policy_domain, nullif(policy.sts_mode, '') AS sts_mode,
       policy.policy_string, policy.mx_host, sender.submitter, sums.month, sums.first_day, sums.last_day
FROM (
    SELECT sums.policy, sums.sender, sums.month, sums.first_day, sums.last_day
    FROM month CROSS JOIN policy_month_sum AS sums ON sums.month = month.month
    WHERE month.is_summed
    UNION ALL
    SELECT policy_result.policy, report.sender, month.month, min(report.day), max(report.day)
    FROM month CROSS JOIN report ON report.day BETWEEN month.month || '-01' AND month.month || '-31'
         CROSS JOIN policy_result ON policy_result.report = report.id
    WHERE NOT month.is_summed AND +report.status = 'counted'
    GROUP BY month.month, policy_result.policy, report.sender
) AS sums CROSS JOIN policy ON policy.id = sums.policy CROSS JOIN sender ON sender.id = sums.sender;

CREATE VIEW domain_reporters AS
SELECT nullif(policy.policy_domain, '') AS policy_domain, sender.submitter,
       max(nullif(sender.organization_name, '')) AS organization_name, sum(sums.reports) AS reports,
       min(sums.first_day) AS first_day, max(sums.last_day) AS last_day, CAST(total(sums.ok) AS INTEGER) AS ok,
       CAST(total(sums.failed) AS INTEGER) AS failed, sum(sums.unreadable) AS unreadable
FROM (
    SELECT sums.policy, sums.sender, sums.first_day, sums.last_day, sums.reports, sums.ok, sums.failed, sums.unreadable
    FROM month CROSS JOIN policy_month_sum AS sums ON sums.month = month.month
    WHERE month.is_summed
    UNION ALL
    SELECT policy_result.policy, report.sender, min(report.day), max(report.day), count(policy_result.domain_ok),
           CAST(total(policy_result.domain_ok) AS INTEGER), CAST(total(policy_result.domain_failed) AS INTEGER),
           coalesce(sum(policy_result.domain_unreadable), 0)
    FROM month CROSS JOIN report ON report.day BETWEEN month.month || '-01' AND month.month || '-31'
         CROSS JOIN policy_result ON policy_result.report = report.id
    WHERE NOT month.is_summed AND +report.status = 'counted'
    GROUP BY policy_result.policy, report.sender
) AS sums CROSS JOIN policy ON policy.id = sums.policy CROSS JOIN sender ON sender.id = sums.sender
GROUP BY policy.policy_domain, sender.submitter;

CREATE VIEW digests AS
SELECT id, audience, kind, due_at, after_report + 1 AS first_report, last_report, message_id, subject, sent_at
FROM digest;

CREATE VIEW deliveries AS
SELECT digest, recipient, accepted_at, refused_at, error, attempts FROM delivery;

CREATE VIEW problems AS
SELECT id, cause, place, place_kind, state, impact, policy, whose, nullif(named, '') AS named, first_day, last_day,
       nullif(visible_from, '') AS visible_from, failed, total, at_least, reporters, domains,
       nullif(acknowledged_until, '') AS acknowledged_until, is_retired, is_foreign
FROM problem WHERE first_day <> '';

-- A session may stand in several details, so the summary bounds them; a clean or unreadable summary beside details says
-- nothing. Of sts and tlsa in one report the larger counts, and the other is 0, so that sums are right.
CREATE VIEW problem_days AS
SELECT problem.id AS problem, report.day, sender.reporter, sender.submitter,
       nullif(counts.policy_domain, '') AS policy_domain, counts.policy_type,
       CAST(CASE counts.policy_type WHEN 'sts' THEN iif(sts >= tlsa, counts.failed, 0)
                                    WHEN 'tlsa' THEN iif(tlsa > sts, counts.failed, 0)
                                    ELSE counts.failed END AS INTEGER) AS failed,
       counts.unreadable, counts.delivered_in_spite, counts.report
FROM (
    SELECT number, report, policy_domain, policy_type, total(failed) AS failed, sum(unreadable) AS unreadable,
           min(in_spite) AS delivered_in_spite,
           total(CASE WHEN policy_type = 'sts' THEN total(failed) END) OVER entries AS sts,
           total(CASE WHEN policy_type = 'tlsa' THEN total(failed) END) OVER entries AS tlsa
    FROM (
        SELECT number, report, policy_domain, policy_type, in_spite,
               iif(summary > 0, min(details, summary), details) AS failed,
               iif(summary > 0 AND details >= summary, 0, unreadable) AS unreadable
        FROM (
            SELECT iif(joined.problem IS NULL, failure.problem, joined.into_problem) AS number, policy_result.report,
                   policy.policy_domain, policy.policy_type, policy_result.failed AS summary,
                   total(failure.failed_session_count) AS details,
                   count(*) - count(failure.failed_session_count) AS unreadable,
                   coalesce(policy_result.failed = 0 AND policy_result.successful > 0, 0) AS in_spite
            FROM failure JOIN policy_result ON policy_result.id = failure.policy_result
                 JOIN policy ON policy.id = policy_result.policy
                 LEFT JOIN joined ON joined.policy_result = failure.policy_result
                                 AND joined.problem = failure.problem
            WHERE failure.problem IS NOT NULL
            GROUP BY policy_result.report, number, policy_result.id
            UNION ALL
            SELECT stale_policy_result.problem, policy_result.report, policy.policy_domain, policy.policy_type, NULL,
                   coalesce(successful, 0.0) + coalesce(failed, 0.0), (successful IS NULL) + (failed IS NULL), 0
            FROM stale_policy_result JOIN policy_result ON policy_result.id = stale_policy_result.policy_result
                 JOIN policy ON policy.id = policy_result.policy
        )
    )
    GROUP BY number, report, policy_domain, policy_type
    WINDOW entries AS (PARTITION BY number, report)
) AS counts
JOIN problem ON problem.number = counts.number JOIN report ON report.id = counts.report
JOIN sender ON sender.id = report.sender
WHERE report.status = 'counted' AND problem.first_day <> '';

CREATE VIEW problem_episodes AS
SELECT problem.id AS problem, episode.first_day, episode.last_day, nullif(episode.visible_from, '') AS visible_from,
       episode.failed, episode.at_least, nullif(ended, '') AS ended, nullif(ended_day, '') AS ended_day,
       nullif(by_note, '') AS by_note
FROM problem_episode AS episode JOIN problem ON problem.number = episode.problem;

CREATE VIEW problem_failure_types AS
SELECT problem.id AS problem, failure_type
FROM problem_failure_type JOIN problem ON problem.number = problem_failure_type.problem;

CREATE VIEW problem_domains AS
SELECT problem.id AS problem, nullif(domain, '') AS policy_domain
FROM problem_domain JOIN problem ON problem.number = problem_domain.problem;

CREATE VIEW problem_reporters AS
SELECT problem.id AS problem, reporter, problem_reporter.first_day, problem_reporter.last_day,
       problem_reporter.failed, problem_reporter.total, problem_reporter.at_least
FROM problem_reporter JOIN problem ON problem.number = problem_reporter.problem;

CREATE VIEW remarks AS
SELECT remark.id, problem.id AS problem, nullif(remark.about, '') AS about, day, said_by, kind,
       nullif(text, '') AS text, nullif(until, '') AS until
FROM remark LEFT JOIN problem ON problem.number = remark.problem;

CREATE VIEW tellings AS
SELECT telling.id, digest, problem.id AS problem, day, event, nullif(reminder, 0) AS reminder, telling.impact,
       telling.reporters, episode, telling.last_day, is_urgent
FROM telling JOIN problem ON problem.number = telling.problem;
