-- deployments: Edge servers and rollouts.
-- Written from the models by `manage.py schema`; load the files of a folder in the order of their numbers.

-- A machine at a site that does all inference itself; `attempt` grows when its hardware is replaced.
CREATE TABLE "edge_servers" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "organization_id" bigint NULL REFERENCES "organizations" ("id") DEFERRABLE INITIALLY DEFERRED,
    "city_id" bigint NULL REFERENCES "cities" ("id") DEFERRABLE INITIALLY DEFERRED,
    "user_id" bigint NOT NULL UNIQUE REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "name" varchar(120) NOT NULL UNIQUE,
    "platform" text NOT NULL CHECK ((JSON_VALID("platform") OR "platform" IS NULL)),
    "edge_version" varchar(40) NOT NULL,
    "runtime" text NOT NULL CHECK ((JSON_VALID("runtime") OR "runtime" IS NULL)),
    "group" varchar(60) NOT NULL,
    "labels" text NOT NULL CHECK ((JSON_VALID("labels") OR "labels" IS NULL)),
    "window" text NOT NULL CHECK ((JSON_VALID("window") OR "window" IS NULL)),
    "callback_url" varchar(200) NOT NULL,
    "telemetry" text NOT NULL CHECK ((JSON_VALID("telemetry") OR "telemetry" IS NULL)),
    "attempt" integer unsigned NOT NULL CHECK ("attempt" >= 0),
    "assignment_version" bigint NOT NULL,
    "assignment" BLOB NULL,
    "assignment_etag" varchar(64) NOT NULL,
    "assignment_expires_at" datetime NULL,
    "enrolled_at" datetime NULL,
    "last_seen_at" datetime NULL,
    "heard_sha256" varchar(64) NOT NULL,
    "retired_at" datetime NULL,
    "created_at" datetime NOT NULL
);

-- A module's place on an edge: desired by the hub, active and previous as reported.
CREATE TABLE "edge_slots" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "edge_server_id" bigint NOT NULL REFERENCES "edge_servers" ("id") DEFERRABLE INITIALLY DEFERRED,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "desired_id" char(32) NULL REFERENCES "ai_model_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "desired_deployment_id" char(32) NULL REFERENCES "model_deployments" ("id") DEFERRABLE INITIALLY DEFERRED,
    "desired_at" datetime NULL,
    "active_version" varchar(40) NOT NULL,
    "previous_version" varchar(40) NOT NULL,
    "reported_counter" bigint NULL,
    "reported_at" datetime NULL,
    "held" bool NOT NULL,
    "held_reason" varchar(200) NOT NULL,
    "telemetry" text NOT NULL CHECK ((JSON_VALID("telemetry") OR "telemetry" IS NULL)),
    "telemetry_at" datetime NULL,
    CONSTRAINT "edge_slot_once_per_module" UNIQUE ("edge_server_id", "module_id")
);

-- What an edge measured of one version in one hour, summed (deployments/health.py); `last` is the newest note that is in it.
CREATE TABLE "edge_telemetry" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "edge_server_id" bigint NOT NULL REFERENCES "edge_servers" ("id") DEFERRABLE INITIALLY DEFERRED,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "version" varchar(40) NOT NULL,
    "hour" datetime NOT NULL,
    "measured" text NOT NULL CHECK ((JSON_VALID("measured") OR "measured" IS NULL)),
    "last" varchar(40) NOT NULL,
    CONSTRAINT "telemetry_once_an_hour" UNIQUE ("edge_server_id", "module_id", "hour", "version")
);

-- A person's word that no edge of an organization (none: of anybody) is offered anything, until it is lifted.
CREATE TABLE "fleet_freezes" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "organization_id" bigint NULL REFERENCES "organizations" ("id") DEFERRABLE INITIALLY DEFERRED,
    "reason" varchar(200) NOT NULL,
    "created_by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_at" datetime NOT NULL,
    "lifted_at" datetime NULL
);

-- A one-time word with which a new machine becomes an edge server; only its hash is kept.
CREATE TABLE "enrolment_codes" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "edge_server_id" bigint NOT NULL REFERENCES "edge_servers" ("id") DEFERRABLE INITIALLY DEFERRED,
    "sha256" varchar(64) NOT NULL UNIQUE,
    "expires_at" datetime NOT NULL,
    "used_at" datetime NULL,
    "key_sha256" varchar(64) NOT NULL,
    "created_at" datetime NOT NULL
);

-- `plan` holds the rules (deployments/plan.py) and `edges`: [ids], or null for all with the slot.
CREATE TABLE "rollouts" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "organization_id" bigint NULL REFERENCES "organizations" ("id") DEFERRABLE INITIALLY DEFERRED,
    "model_version_id" char(32) NOT NULL REFERENCES "ai_model_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "state" varchar(14) NOT NULL,
    "plan" text NOT NULL CHECK ((JSON_VALID("plan") OR "plan" IS NULL)),
    "scheduled_at" datetime NULL,
    "created_by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_at" datetime NOT NULL,
    "started_at" datetime NULL,
    "finished_at" datetime NULL,
    "stopped_because" text NOT NULL,
    "failures_accepted" integer unsigned NOT NULL CHECK ("failures_accepted" >= 0),
    "before" text NOT NULL CHECK ((JSON_VALID("before") OR "before" IS NULL)),
    "measured" text NOT NULL CHECK ((JSON_VALID("measured") OR "measured" IS NULL)),
    CONSTRAINT "rollout_state_known" CHECK ("state" IN ('draft', 'scheduled', 'running', 'paused', 'completed', 'aborted', 'rolling_back', 'rolled_back'))
);

-- One step of a rollout; its edges are the deployments that name it.
CREATE TABLE "rollout_waves" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "rollout_id" char(32) NOT NULL REFERENCES "rollouts" ("id") DEFERRABLE INITIALLY DEFERRED,
    "number" smallint unsigned NOT NULL CHECK ("number" >= 0),
    "name" varchar(60) NOT NULL,
    "opened_at" datetime NULL,
    "settled_at" datetime NULL,
    "finished_at" datetime NULL,
    CONSTRAINT "wave_number_once" UNIQUE ("rollout_id", "number")
);

-- At most one is open per (edge, module); a newer one supersedes it.
CREATE TABLE "model_deployments" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "model_version_id" char(32) NOT NULL REFERENCES "ai_model_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "edge_server_id" bigint NOT NULL REFERENCES "edge_servers" ("id") DEFERRABLE INITIALLY DEFERRED,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "rollout_id" char(32) NULL REFERENCES "rollouts" ("id") DEFERRABLE INITIALLY DEFERRED,
    "wave_id" bigint NULL REFERENCES "rollout_waves" ("id") DEFERRABLE INITIALLY DEFERRED,
    "action" varchar(10) NOT NULL,
    "status" varchar(12) NOT NULL,
    "attempt" integer unsigned NOT NULL CHECK ("attempt" >= 0),
    "progress_percent" smallint unsigned NOT NULL CHECK ("progress_percent" >= 0),
    "scheduled_at" datetime NULL,
    "offered_at" datetime NULL,
    "started_at" datetime NULL,
    "completed_at" datetime NULL,
    "error_message" text NOT NULL,
    "retry_count" integer unsigned NOT NULL CHECK ("retry_count" >= 0),
    "replaces_id" char(32) NULL REFERENCES "ai_model_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_at" datetime NOT NULL,
    CONSTRAINT "deployment_status_known" CHECK ("status" IN ('pending', 'downloading', 'installing', 'completed', 'failed', 'superseded', 'rolled_back')),
    CONSTRAINT "deployment_progress_in_range" CHECK ("progress_percent" <= 100)
);

-- What an edge said, kept as said; the state is a function of the set of reports.
CREATE TABLE "deployment_reports" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "deployment_id" char(32) NOT NULL REFERENCES "model_deployments" ("id") DEFERRABLE INITIALLY DEFERRED,
    "attempt" integer unsigned NOT NULL CHECK ("attempt" >= 0),
    "seq" integer unsigned NOT NULL CHECK ("seq" >= 0),
    "status" varchar(12) NOT NULL,
    "progress_percent" smallint unsigned NOT NULL CHECK ("progress_percent" >= 0),
    "error_message" text NOT NULL,
    "at" datetime NOT NULL,
    "received_at" datetime NOT NULL,
    CONSTRAINT "report_once" UNIQUE ("deployment_id", "attempt", "seq")
);

CREATE INDEX "edge_servers_organization_id_aa4c70cb" ON "edge_servers" ("organization_id");

CREATE INDEX "edge_servers_city_id_244a870c" ON "edge_servers" ("city_id");

CREATE INDEX "edge_slots_edge_server_id_a83283d3" ON "edge_slots" ("edge_server_id");

CREATE INDEX "edge_slots_module_id_0c578a8f" ON "edge_slots" ("module_id");

CREATE INDEX "edge_slots_desired_id_e9b5b17a" ON "edge_slots" ("desired_id");

CREATE INDEX "edge_slots_desired_deployment_id_d77a264b" ON "edge_slots" ("desired_deployment_id");

CREATE INDEX "telemetry_hour" ON "edge_telemetry" ("hour");

CREATE UNIQUE INDEX "fleet_frozen_once" ON "fleet_freezes" ((COALESCE("organization_id", 0))) WHERE "lifted_at" IS NULL;

CREATE INDEX "fleet_freezes_organization_id_6ac3b5f3" ON "fleet_freezes" ("organization_id");

CREATE INDEX "fleet_freezes_created_by_id_120dd3ed" ON "fleet_freezes" ("created_by_id");

CREATE INDEX "enrolment_codes_edge_server_id_609fd042" ON "enrolment_codes" ("edge_server_id");

CREATE INDEX "rollouts_organization_id_ee00fc3b" ON "rollouts" ("organization_id");

CREATE INDEX "rollouts_model_version_id_926eccb3" ON "rollouts" ("model_version_id");

CREATE INDEX "rollouts_created_by_id_213cd421" ON "rollouts" ("created_by_id");

CREATE INDEX "rollout_waves_rollout_id_808c6179" ON "rollout_waves" ("rollout_id");

CREATE UNIQUE INDEX "deployment_one_open" ON "model_deployments" ("edge_server_id", "module_id") WHERE "status" IN ('downloading', 'installing', 'pending');

CREATE INDEX "model_deployments_model_version_id_bb923d8e" ON "model_deployments" ("model_version_id");

CREATE INDEX "model_deployments_module_id_59f42311" ON "model_deployments" ("module_id");

CREATE INDEX "model_deployments_wave_id_99e64c89" ON "model_deployments" ("wave_id");

CREATE INDEX "model_deployments_replaces_id_edd5487b" ON "model_deployments" ("replaces_id");

CREATE INDEX "model_deployments_created_by_id_1901447d" ON "model_deployments" ("created_by_id");

CREATE INDEX "deployment_edge" ON "model_deployments" ("edge_server_id", "module_id", "created_at" DESC);

CREATE INDEX "deployment_rollout" ON "model_deployments" ("rollout_id", "status");
