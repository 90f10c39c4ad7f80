-- Type tokens in double braces are replaced per engine; see dialect.go. Ids and
-- times are made by the service. A link's organization is its program's own: the
-- composite foreign keys keep the wall between schools inside the database.

-- +goose Up
CREATE TABLE organizations (
    id             TEXT PRIMARY KEY,
    key            TEXT NOT NULL UNIQUE CHECK (key <> ''),
    name           TEXT NOT NULL,
    discovery_uuid TEXT UNIQUE,
    sso_slug       TEXT,
    created_at     {{timestamp}} NOT NULL
);

CREATE TABLE programs (
    id              TEXT PRIMARY KEY,
    key             TEXT NOT NULL UNIQUE CHECK (key <> ''),
    uuid            TEXT UNIQUE,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    created_at      {{timestamp}} NOT NULL,
    UNIQUE (id, organization_id)
);
CREATE INDEX programs_organization ON programs (organization_id);

CREATE TABLE users (
    id           TEXT PRIMARY KEY,
    username     TEXT NOT NULL UNIQUE CHECK (username <> ''),
    email        TEXT NOT NULL,
    is_active    BOOLEAN NOT NULL,
    is_staff     BOOLEAN NOT NULL,
    is_superuser BOOLEAN NOT NULL,
    created_at   {{timestamp}} NOT NULL
);

CREATE TABLE user_groups (
    id              TEXT PRIMARY KEY,
    name            TEXT NOT NULL UNIQUE CHECK (name <> ''),
    scope           TEXT NOT NULL,
    organization_id TEXT REFERENCES organizations (id) ON DELETE CASCADE,
    program_id      TEXT REFERENCES programs (id) ON DELETE CASCADE,
    role            TEXT NOT NULL,
    created_at      {{timestamp}} NOT NULL,
    CHECK (
        (scope = 'global' AND organization_id IS NULL AND program_id IS NULL AND role = '')
        OR (scope = 'organization' AND organization_id IS NOT NULL AND program_id IS NULL AND role <> '')
        OR (scope = 'program' AND organization_id IS NULL AND program_id IS NOT NULL AND role <> '')
    )
);
CREATE INDEX user_groups_organization ON user_groups (organization_id);
CREATE INDEX user_groups_program ON user_groups (program_id);

-- What a global group allows; the other groups' roles say it themselves.
CREATE TABLE group_permissions (
    group_id   TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    permission TEXT NOT NULL CHECK (permission <> ''),
    PRIMARY KEY (group_id, permission)
);

CREATE TABLE group_members (
    user_id   TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_id  TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    joined_at {{timestamp}} NOT NULL,
    PRIMARY KEY (user_id, group_id)
);
CREATE INDEX group_members_group ON group_members (group_id);

CREATE TABLE pending_members (
    email      TEXT NOT NULL CHECK (email <> ''),
    group_id   TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    created_at {{timestamp}} NOT NULL,
    PRIMARY KEY (email, group_id)
);
CREATE INDEX pending_members_group ON pending_members (group_id);

CREATE TABLE grants (
    id              TEXT PRIMARY KEY,
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    permission      TEXT NOT NULL CHECK (permission <> ''),
    scope           TEXT NOT NULL,
    organization_id TEXT REFERENCES organizations (id) ON DELETE CASCADE,
    program_id      TEXT REFERENCES programs (id) ON DELETE CASCADE,
    created_at      {{timestamp}} NOT NULL,
    CHECK (
        (scope = 'global' AND organization_id IS NULL AND program_id IS NULL)
        OR (scope = 'organization' AND organization_id IS NOT NULL AND program_id IS NULL)
        OR (scope = 'program' AND organization_id IS NULL AND program_id IS NOT NULL)
    )
);
-- NULLs never equal each other, so they are replaced for the uniqueness.
CREATE UNIQUE INDEX grants_once ON grants (user_id, permission, COALESCE(organization_id, ''), COALESCE(program_id, ''));
CREATE INDEX grants_organization ON grants (organization_id);
CREATE INDEX grants_program ON grants (program_id);

CREATE TABLE learners (
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    folded_key      TEXT NOT NULL CHECK (folded_key <> ''),
    student_key     TEXT NOT NULL,
    username        TEXT NOT NULL,
    lms_user_id     BIGINT,
    linked_at       {{timestamp}},
    created_at      {{timestamp}} NOT NULL,
    PRIMARY KEY (organization_id, folded_key)
);

CREATE TABLE program_links (
    program_id      TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    folded_key      TEXT NOT NULL,
    status          TEXT NOT NULL,
    curriculum      TEXT NOT NULL,
    account_exists  BOOLEAN NOT NULL,
    seen_at         {{timestamp}} NOT NULL,
    PRIMARY KEY (program_id, folded_key),
    FOREIGN KEY (program_id, organization_id) REFERENCES programs (id, organization_id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, folded_key) REFERENCES learners (organization_id, folded_key) ON DELETE CASCADE
);
-- Finds a learner's links in every organization, and those of one organization.
CREATE INDEX program_links_learner ON program_links (folded_key, organization_id);

CREATE TABLE program_snapshots (
    program_id      TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    seen_at         {{timestamp}} NOT NULL,
    row_count       BIGINT NOT NULL CHECK (row_count >= 0),
    digest          TEXT NOT NULL,
    FOREIGN KEY (program_id, organization_id) REFERENCES programs (id, organization_id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE program_snapshots;
DROP TABLE program_links;
DROP TABLE learners;
DROP TABLE grants;
DROP TABLE pending_members;
DROP TABLE group_members;
DROP TABLE group_permissions;
DROP TABLE user_groups;
DROP TABLE users;
DROP TABLE programs;
DROP TABLE organizations;
