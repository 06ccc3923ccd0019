-- accounts: People, machines, keys, permissions and the audit log.
-- Written from the models by `manage.py schema`; load the files of a folder in the order of their numbers.

-- `cc_<prefix>_<secret>`: the prefix finds the row, `sha256` is over the whole text.
CREATE TABLE "access_keys" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "user_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "prefix" varchar(16) NOT NULL UNIQUE,
    "sha256" varchar(64) NOT NULL UNIQUE,
    "scopes" text NOT NULL CHECK ((JSON_VALID("scopes") OR "scopes" IS NULL)),
    "created_at" datetime NOT NULL,
    "expires_at" datetime NULL,
    "revoked_at" datetime NULL,
    "last_used_at" datetime NULL
);

-- Who did what to which thing, and when; facts hold ids, never plates or personal text.
CREATE TABLE "events" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "at" datetime NOT NULL,
    "actor_id" bigint NULL,
    "actor_name" varchar(150) NOT NULL,
    "organization_id" bigint NULL,
    "verb" varchar(60) NOT NULL,
    "object_type" varchar(60) NOT NULL,
    "object_id" varchar(200) NOT NULL,
    "facts" text NOT NULL CHECK ((JSON_VALID("facts") OR "facts" IS NULL)),
    "request_id" varchar(64) NOT NULL
);

-- What a user's `key` made: the hash of the request, and the object that came of it.
CREATE TABLE "idempotency_records" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "user_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "key" varchar(200) NOT NULL,
    "request_sha256" varchar(64) NOT NULL,
    "object_type" varchar(60) NOT NULL,
    "object_id" varchar(200) NOT NULL,
    "created_at" datetime NOT NULL,
    CONSTRAINT "idempotency_key_once_per_user" UNIQUE ("user_id", "key")
);

-- A customer of the hub; `callback_nets` are the private networks (CIDR) in which the hub may call its edge servers.
CREATE TABLE "organizations" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "name" varchar(200) NOT NULL,
    "slug" varchar(64) NOT NULL UNIQUE,
    "plan" varchar(20) NOT NULL,
    "may_view_images" bool NOT NULL,
    "callback_nets" text NOT NULL CHECK ((JSON_VALID("callback_nets") OR "callback_nets" IS NULL)),
    "created_at" datetime NOT NULL,
    CONSTRAINT "organization_plan_known" CHECK ("plan" IN ('professional', 'enterprise'))
);

-- A person (logs in by e-mail) or a machine (by key), with one role.
CREATE TABLE "users" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "password" varchar(128) NOT NULL,
    "last_login" datetime NULL,
    "name" varchar(150) NOT NULL UNIQUE,
    "email" varchar(254) NULL UNIQUE,
    "role" varchar(20) NOT NULL,
    "organization_id" bigint NULL REFERENCES "organizations" ("id") DEFERRABLE INITIALLY DEFERRED,
    "is_active" bool NOT NULL,
    "created_at" datetime NOT NULL,
    CONSTRAINT "user_role_known" CHECK ("role" IN ('super_admin', 'reviewer', 'annotator', 'organization_admin', 'member', 'city', 'edge', 'pipeline')),
    CONSTRAINT "user_person_has_email" CHECK (("role" IN ('city', 'edge', 'pipeline') OR "email" IS NOT NULL))
);

CREATE INDEX "access_keys_user_id_ce5632ee" ON "access_keys" ("user_id");

CREATE INDEX "event_object" ON "events" ("object_type", "object_id", "id");

CREATE INDEX "event_actor" ON "events" ("actor_id", "id");

CREATE INDEX "event_organization" ON "events" ("organization_id", "id");

CREATE INDEX "idempotency_records_user_id_a1f45b27" ON "idempotency_records" ("user_id");

CREATE INDEX "users_organization_id_abe5d649" ON "users" ("organization_id");

CREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only: UPDATE refused'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only: DELETE refused'); END;