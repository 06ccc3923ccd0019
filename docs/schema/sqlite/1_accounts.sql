-- accounts: People, machines, keys, permissions and the audit log.
-- Written from the models by `manage.py schema`; load the files of a folder in the order of their numbers.

-- `cc_<prefix>_<secret>`: the prefix finds the row, `sha256` is over the whole text; `name` says what it is for.
CREATE TABLE "access_keys" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "user_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "name" varchar(100) NOT NULL,
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

-- Whom a link lets in and where it leads; the link itself is shown once, `sha256` is over its secret.
CREATE TABLE "invitations" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "user_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "sha256" varchar(64) NOT NULL UNIQUE,
    "leads_to" varchar(500) NOT NULL,
    "created_at" datetime NOT NULL,
    "expires_at" datetime NOT NULL,
    "used_at" datetime NULL,
    "revoked_at" datetime NULL
);

-- One event that nobody was told of yet: written in the event's own transaction, gone with those who are told.
CREATE TABLE "outbox" (
    "event_id" bigint NOT NULL PRIMARY KEY REFERENCES "events" ("id") DEFERRABLE INITIALLY DEFERRED,
    "topic" varchar(40) NOT NULL
);

-- That one person was told of one event, once.
CREATE TABLE "notifications" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "user_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "event_id" bigint NOT NULL REFERENCES "events" ("id") DEFERRABLE INITIALLY DEFERRED,
    "topic" varchar(40) NOT NULL,
    "read_at" datetime NULL,
    CONSTRAINT "notification_once" UNIQUE ("event_id", "user_id")
);

-- A kind of news that one person does not want to be told.
CREATE TABLE "muted_topics" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "user_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "topic" varchar(40) NOT NULL,
    CONSTRAINT "muted_topic_once" UNIQUE ("user_id", "topic")
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

-- The events up to `last_event` that no earlier seal holds.
CREATE TABLE "event_seals" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "last_event" bigint NOT NULL UNIQUE,
    "horizon" bigint NOT NULL,
    "events" integer unsigned NOT NULL CHECK ("events" >= 0),
    "sha256" varchar(64) NOT NULL,
    "opened_at" datetime NOT NULL,
    "sealed_at" datetime NULL
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

-- A part of the pictures that one person was shown on one day (UTC); a task makes one row of a day's parts.
CREATE TABLE "image_views" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "user_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "day" date NOT NULL,
    "n" integer unsigned NOT NULL CHECK ("n" >= 0)
);

-- An address that is told of events of one organization (null: of the hub, and of all).
CREATE TABLE "webhooks" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "organization_id" bigint NULL REFERENCES "organizations" ("id") DEFERRABLE INITIALLY DEFERRED,
    "name" varchar(80) NOT NULL,
    "url" varchar(500) NOT NULL,
    "topics" text NOT NULL CHECK ((JSON_VALID("topics") OR "topics" IS NULL)),
    "salt" varchar(32) NOT NULL,
    "is_active" bool NOT NULL,
    "created_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_at" datetime NOT NULL,
    "retired_at" datetime NULL,
    "rests_until" datetime NULL,
    "token" varchar(32) NOT NULL,
    "beat_at" datetime NULL
);

-- One event on its way to one webhook; `due_at` is null once it was taken, or given up after too many tries.
CREATE TABLE "webhook_deliveries" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "webhook_id" char(32) NOT NULL REFERENCES "webhooks" ("id") DEFERRABLE INITIALLY DEFERRED,
    "event_id" bigint NOT NULL REFERENCES "events" ("id") DEFERRABLE INITIALLY DEFERRED,
    "topic" varchar(40) NOT NULL,
    "created_at" datetime NOT NULL,
    "tries" integer unsigned NOT NULL CHECK ("tries" >= 0),
    "due_at" datetime NULL,
    "tried_at" datetime NULL,
    "delivered_at" datetime NULL,
    "status" integer unsigned NULL CHECK ("status" >= 0),
    "error" varchar(300) NOT NULL,
    CONSTRAINT "webhook_delivery_once" UNIQUE ("event_id", "webhook_id")
);

CREATE INDEX "access_keys_user_id_ce5632ee" ON "access_keys" ("user_id");

CREATE INDEX "event_object" ON "events" ("object_type", "object_id", "id");

CREATE INDEX "event_actor" ON "events" ("actor_id", "id");

CREATE INDEX "event_organization" ON "events" ("organization_id", "id");

CREATE INDEX "idempotency_records_user_id_a1f45b27" ON "idempotency_records" ("user_id");

CREATE INDEX "invitations_user_id_c198eaeb" ON "invitations" ("user_id");

CREATE INDEX "notification_of_user" ON "notifications" ("user_id", "id");

CREATE INDEX "notification_unread" ON "notifications" ("user_id") WHERE "read_at" IS NULL;

CREATE UNIQUE INDEX "event_seal_one_open" ON "event_seals" ((1)) WHERE "sha256" = '';

CREATE INDEX "users_organization_id_abe5d649" ON "users" ("organization_id");

CREATE INDEX "image_views_of_day" ON "image_views" ("day", "user_id");

CREATE INDEX "webhooks_organization_id_a6faa223" ON "webhooks" ("organization_id");

CREATE INDEX "webhooks_created_by_id_25aca1b0" ON "webhooks" ("created_by_id");

CREATE INDEX "webhook_delivery_due" ON "webhook_deliveries" ("webhook_id", "due_at") WHERE "due_at" IS NOT NULL;

CREATE INDEX "webhook_delivery_of" ON "webhook_deliveries" ("webhook_id", "id");

CREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only: UPDATE refused'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only: DELETE refused'); END;