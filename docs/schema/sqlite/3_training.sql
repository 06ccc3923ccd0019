-- training: Datasets, jobs and the model registry.
-- Written from the models by `manage.py schema`; load the files of a folder in the order of their numbers.

-- A named, growing set of samples of one module.
CREATE TABLE "training_datasets" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "organization_id" bigint NULL REFERENCES "organizations" ("id") DEFERRABLE INITIALLY DEFERRED,
    "name" varchar(120) NOT NULL,
    "description" text NOT NULL,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "label_schema" text NOT NULL CHECK ((JSON_VALID("label_schema") OR "label_schema" IS NULL)),
    "environment" varchar(12) NOT NULL,
    "version" varchar(40) NOT NULL,
    "status" varchar(10) NOT NULL,
    "rule" text NOT NULL CHECK ((JSON_VALID("rule") OR "rule" IS NULL)),
    "created_by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_at" datetime NOT NULL,
    "updated_at" datetime NOT NULL,
    CONSTRAINT "dataset_status_known" CHECK ("status" IN ('draft', 'active', 'archived')),
    CONSTRAINT "dataset_environment_known" CHECK ("environment" IN ('dev', 'staging', 'production'))
);

-- A change of a dataset's counts, written in the verb's transaction; a task folds many into one.
CREATE TABLE "training_dataset_deltas" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "dataset_id" char(32) NOT NULL REFERENCES "training_datasets" ("id") DEFERRABLE INITIALLY DEFERRED,
    "samples" integer NOT NULL,
    "labeled" integer NOT NULL,
    "verified" integer NOT NULL,
    "bytes" bigint NOT NULL
);

-- A learning sample's place in a dataset; what the seed calls file and labels is the sample's own.
CREATE TABLE "training_samples" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "dataset_id" char(32) NOT NULL REFERENCES "training_datasets" ("id") DEFERRABLE INITIALLY DEFERRED,
    "sample_id" bigint NOT NULL REFERENCES "learning_samples" ("id") DEFERRABLE INITIALLY DEFERRED,
    "metadata" text NOT NULL CHECK ((JSON_VALID("metadata") OR "metadata" IS NULL)),
    "is_labeled" bool NOT NULL,
    "is_verified" bool NOT NULL,
    "labeled_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "verified_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "quality_score" decimal NULL,
    "rejection_reason" varchar(200) NOT NULL,
    "created_at" datetime NOT NULL,
    CONSTRAINT "training_sample_once_per_dataset" UNIQUE ("dataset_id", "sample_id")
);

-- `<dataset>@<semver>`; the fingerprint is over sorted member lines and holds no database id.
CREATE TABLE "dataset_versions" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "dataset_id" char(32) NOT NULL REFERENCES "training_datasets" ("id") DEFERRABLE INITIALLY DEFERRED,
    "version" varchar(40) NOT NULL,
    "state" varchar(10) NOT NULL,
    "seed" bigint NOT NULL,
    "split" text NOT NULL CHECK ((JSON_VALID("split") OR "split" IS NULL)),
    "dataset_query" text NOT NULL CHECK ((JSON_VALID("dataset_query") OR "dataset_query" IS NULL)),
    "label_schema" text NOT NULL CHECK ((JSON_VALID("label_schema") OR "label_schema" IS NULL)),
    "release_notes" text NOT NULL,
    "fingerprint" varchar(80) NOT NULL,
    "sample_count" integer unsigned NOT NULL CHECK ("sample_count" >= 0),
    "statistics" text NOT NULL CHECK ((JSON_VALID("statistics") OR "statistics" IS NULL)),
    "manifest_id" char(32) NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "truth_id" char(32) NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "is_production" bool NOT NULL,
    "freeze_token" varchar(32) NOT NULL,
    "freeze_beat_at" datetime NULL,
    "error_message" text NOT NULL,
    "created_by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_at" datetime NOT NULL,
    "frozen_at" datetime NULL,
    "erased_count" integer unsigned NOT NULL CHECK ("erased_count" >= 0),
    "truth_outdated" bool NOT NULL,
    "rewrite_until" datetime NULL,
    CONSTRAINT "version_once_per_dataset" UNIQUE ("dataset_id", "version"),
    CONSTRAINT "version_state_known" CHECK ("state" IN ('draft', 'freezing', 'frozen', 'archived')),
    CONSTRAINT "version_frozen_has_fingerprint" CHECK ((NOT ("state" = 'frozen') OR NOT ("fingerprint" = '')))
);

-- One sample in one version: lean, without its truth, which travels in the version's own object.
CREATE TABLE "dataset_members" (
    "version_id" char(32) NOT NULL REFERENCES "dataset_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "sample_id" bigint NOT NULL REFERENCES "learning_samples" ("id") DEFERRABLE INITIALLY DEFERRED,
    "split" varchar(10) NOT NULL,
    "erased_at" datetime NULL,
    PRIMARY KEY ("version_id", "sample_id")
);

-- The split of a group (an event, near-duplicates, a person) in the version that met it first; later ones inherit it.
CREATE TABLE "dataset_group_splits" (
    "version_id" char(32) NOT NULL REFERENCES "dataset_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "group_hash" bigint NOT NULL,
    "split" varchar(10) NOT NULL,
    PRIMARY KEY ("version_id", "group_hash")
);

-- That a sample had the truth `before` (its hash) and has it no more; only of samples that datasets or versions hold.
CREATE TABLE "truth_changes" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "sample_id" bigint NOT NULL REFERENCES "learning_samples" ("id") DEFERRABLE INITIALLY DEFERRED,
    "before" varchar(64) NOT NULL,
    "at" datetime NOT NULL
);

-- Trains a model on a frozen version (kind train), or scores one on a frozen split (kind evaluate).
CREATE TABLE "training_jobs" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "kind" varchar(10) NOT NULL,
    "organization_id" bigint NULL REFERENCES "organizations" ("id") DEFERRABLE INITIALLY DEFERRED,
    "user_id" varchar(120) NOT NULL,
    "name" varchar(120) NOT NULL,
    "description" text NOT NULL,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "dataset_id" char(32) NOT NULL REFERENCES "training_datasets" ("id") DEFERRABLE INITIALLY DEFERRED,
    "dataset_version_id" char(32) NOT NULL REFERENCES "dataset_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "base_model_version_id" char(32) NULL REFERENCES "ai_model_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "evaluated_version_id" char(32) NULL REFERENCES "ai_model_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "evaluated_split" varchar(10) NOT NULL,
    "trainer" varchar(60) NOT NULL,
    "training_config" text NOT NULL CHECK ((JSON_VALID("training_config") OR "training_config" IS NULL)),
    "hyperparameters" text NOT NULL CHECK ((JSON_VALID("hyperparameters") OR "hyperparameters" IS NULL)),
    "seed" bigint NOT NULL,
    "queue" varchar(40) NOT NULL,
    "status" varchar(10) NOT NULL,
    "progress_percent" smallint unsigned NOT NULL CHECK ("progress_percent" >= 0),
    "current_epoch" integer unsigned NOT NULL CHECK ("current_epoch" >= 0),
    "total_epochs" integer unsigned NOT NULL CHECK ("total_epochs" >= 0),
    "metrics" text NOT NULL CHECK ((JSON_VALID("metrics") OR "metrics" IS NULL)),
    "output_model_version_id" char(32) NULL UNIQUE REFERENCES "ai_model_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "max_attempts" smallint unsigned NOT NULL CHECK ("max_attempts" >= 0),
    "cancel_requested_at" datetime NULL,
    "created_at" datetime NOT NULL,
    "started_at" datetime NULL,
    "completed_at" datetime NULL,
    "estimated_completion" datetime NULL,
    "error_message" text NOT NULL,
    "created_by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT "job_status_known" CHECK ("status" IN ('pending', 'queued', 'running', 'completed', 'failed', 'cancelled')),
    CONSTRAINT "job_progress_in_range" CHECK ("progress_percent" <= 100)
);

-- Semver per (organization, module, user_id). The bundle, its hash and the lineage never change.
CREATE TABLE "ai_model_versions" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "organization_id" bigint NULL REFERENCES "organizations" ("id") DEFERRABLE INITIALLY DEFERRED,
    "user_id" varchar(120) NOT NULL,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "version" varchar(40) NOT NULL,
    "name" varchar(120) NOT NULL,
    "description" text NOT NULL,
    "notes" text NOT NULL,
    "training_job_id" char(32) NULL REFERENCES "training_jobs" ("id") DEFERRABLE INITIALLY DEFERRED,
    "dataset_version_id" char(32) NULL REFERENCES "dataset_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "base_version_id" char(32) NULL REFERENCES "ai_model_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "trainer_name" varchar(60) NOT NULL,
    "encoding" varchar(80) NOT NULL,
    "bundle_id" char(32) NOT NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "config_id" char(32) NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "card" text NOT NULL,
    "trained_at" datetime NOT NULL,
    "accuracy" real NULL,
    "precision_score" real NULL,
    "recall_score" real NULL,
    "f1_score" real NULL,
    "inference_time_ms" real NULL,
    "evaluation" text NOT NULL CHECK ((JSON_VALID("evaluation") OR "evaluation" IS NULL)),
    "min_edge_version" varchar(40) NOT NULL,
    "supported_platforms" text NOT NULL CHECK ((JSON_VALID("supported_platforms") OR "supported_platforms" IS NULL)),
    "status" varchar(10) NOT NULL,
    "four_eyes" bool NOT NULL,
    "requested_by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "approved_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "approved_at" datetime NULL,
    "approval_notes" text NOT NULL,
    "release_requested_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "release_requested_at" datetime NULL,
    "released_at" datetime NULL,
    "release_notes" text NOT NULL,
    "deprecated_at" datetime NULL,
    "deprecation_reason" text NOT NULL,
    "is_active" bool NOT NULL,
    "created_at" datetime NOT NULL,
    CONSTRAINT "model_status_known" CHECK ("status" IN ('draft', 'testing', 'approved', 'released', 'deprecated')),
    CONSTRAINT "model_approver_is_not_requester" CHECK ((NOT "four_eyes" OR "approved_by_id" IS NULL OR NOT ("approved_by_id" = ("requested_by_id") AND "approved_by_id" IS NOT NULL))),
    CONSTRAINT "model_approved_by_a_person" CHECK ((NOT ("status" IN ('approved', 'released')) OR ("approved_at" IS NOT NULL AND "approved_by_id" IS NOT NULL))),
    CONSTRAINT "model_active_is_released" CHECK ((NOT "is_active" OR "status" = 'released'))
);

-- An attempt; every write of its worker is conditional on `token`, so a worker given up for lost changes nothing.
CREATE TABLE "training_runs" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "job_id" char(32) NOT NULL REFERENCES "training_jobs" ("id") DEFERRABLE INITIALLY DEFERRED,
    "attempt" smallint unsigned NOT NULL CHECK ("attempt" >= 0),
    "state" varchar(10) NOT NULL,
    "token" varchar(64) NOT NULL,
    "worker" varchar(120) NOT NULL,
    "heartbeat_at" datetime NOT NULL,
    "user_id" varchar(120) NOT NULL,
    "modality" varchar(64) NOT NULL,
    "model_id" char(32) NULL REFERENCES "ai_model_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "dataset_query" text NOT NULL CHECK ((JSON_VALID("dataset_query") OR "dataset_query" IS NULL)),
    "example_count" integer unsigned NOT NULL CHECK ("example_count" >= 0),
    "examples_hash" varchar(80) NOT NULL,
    "seed" bigint NOT NULL,
    "code_version" varchar(80) NOT NULL,
    "lock_hash" varchar(80) NOT NULL,
    "hardware" text NOT NULL CHECK ((JSON_VALID("hardware") OR "hardware" IS NULL)),
    "metrics" text NULL CHECK ((JSON_VALID("metrics") OR "metrics" IS NULL)),
    "exit_reason" varchar(20) NOT NULL,
    "error_message" text NOT NULL,
    "started_at" datetime NOT NULL,
    "finished_at" datetime NULL,
    CONSTRAINT "run_attempt_once" UNIQUE ("job_id", "attempt"),
    CONSTRAINT "run_state_known" CHECK ("state" IN ('claimed', 'running', 'succeeded', 'failed', 'lost', 'cancelled'))
);

-- One line of a run's log.
CREATE TABLE "training_run_logs" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "run_id" char(32) NOT NULL REFERENCES "training_runs" ("id") DEFERRABLE INITIALLY DEFERRED,
    "seq" integer unsigned NOT NULL CHECK ("seq" >= 0),
    "at" datetime NOT NULL,
    "level" varchar(10) NOT NULL,
    "text" text NOT NULL,
    CONSTRAINT "run_log_seq_once" UNIQUE ("run_id", "seq")
);

-- One measured value of a run at one step (an epoch).
CREATE TABLE "training_metric_points" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "run_id" char(32) NOT NULL REFERENCES "training_runs" ("id") DEFERRABLE INITIALLY DEFERRED,
    "name" varchar(60) NOT NULL,
    "step" integer unsigned NOT NULL CHECK ("step" >= 0),
    "value" real NOT NULL,
    CONSTRAINT "metric_point_once" UNIQUE ("run_id", "name", "step")
);

-- One version of one role's TUF metadata, byte for byte as it is served; kept in the database for every web host.
CREATE TABLE "trust_documents" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "role" varchar(20) NOT NULL,
    "version" integer unsigned NOT NULL CHECK ("version" >= 0),
    "body" BLOB NOT NULL,
    "expires_at" datetime NOT NULL,
    "published_at" datetime NULL,
    "created_at" datetime NOT NULL,
    CONSTRAINT "trust_version_once" UNIQUE ("role", "version"),
    CONSTRAINT "trust_role_known" CHECK ("role" IN ('root', 'targets', 'snapshot', 'timestamp', 'assignments'))
);

CREATE UNIQUE INDEX "dataset_name_once_per_organization" ON "training_datasets" ((COALESCE("organization_id", 0)), "name", "version");

CREATE INDEX "training_datasets_organization_id_63c40456" ON "training_datasets" ("organization_id");

CREATE INDEX "training_datasets_module_id_39c192b2" ON "training_datasets" ("module_id");

CREATE INDEX "training_datasets_created_by_id_6dbbf84d" ON "training_datasets" ("created_by_id");

CREATE INDEX "training_dataset_deltas_dataset_id_80786d0e" ON "training_dataset_deltas" ("dataset_id");

CREATE INDEX "training_samples_sample_id_83c27a0c" ON "training_samples" ("sample_id");

CREATE INDEX "training_samples_labeled_by_id_92e4984b" ON "training_samples" ("labeled_by_id");

CREATE INDEX "training_samples_verified_by_id_85586a0c" ON "training_samples" ("verified_by_id");

CREATE UNIQUE INDEX "version_one_production_per_dataset" ON "dataset_versions" ("dataset_id") WHERE "is_production";

CREATE INDEX "dataset_versions_dataset_id_f2815962" ON "dataset_versions" ("dataset_id");

CREATE INDEX "dataset_versions_manifest_id_e7a8d77b" ON "dataset_versions" ("manifest_id");

CREATE INDEX "dataset_versions_truth_id_9d114510" ON "dataset_versions" ("truth_id");

CREATE INDEX "dataset_versions_created_by_id_4c759a31" ON "dataset_versions" ("created_by_id");

CREATE INDEX "dataset_members_sample_id_faa27455" ON "dataset_members" ("sample_id");

CREATE INDEX "truth_change_sample" ON "truth_changes" ("sample_id", "id");

CREATE INDEX "truth_change_at" ON "truth_changes" ("at");

CREATE INDEX "training_jobs_organization_id_49d47cce" ON "training_jobs" ("organization_id");

CREATE INDEX "training_jobs_module_id_8a47dfb3" ON "training_jobs" ("module_id");

CREATE INDEX "training_jobs_dataset_id_b976df45" ON "training_jobs" ("dataset_id");

CREATE INDEX "training_jobs_dataset_version_id_93a680df" ON "training_jobs" ("dataset_version_id");

CREATE INDEX "training_jobs_base_model_version_id_46c8b539" ON "training_jobs" ("base_model_version_id");

CREATE INDEX "training_jobs_evaluated_version_id_bc218b83" ON "training_jobs" ("evaluated_version_id");

CREATE INDEX "training_jobs_created_by_id_ce9abe3e" ON "training_jobs" ("created_by_id");

CREATE INDEX "job_claim" ON "training_jobs" ("queue", "status", "created_at", "id");

CREATE UNIQUE INDEX "model_version_once" ON "ai_model_versions" ((COALESCE("organization_id", 0)), "module_id", "user_id", "version");

CREATE UNIQUE INDEX "model_one_active" ON "ai_model_versions" ((COALESCE("organization_id", 0)), "user_id", "module_id") WHERE "is_active";

CREATE INDEX "ai_model_versions_organization_id_0ec66d75" ON "ai_model_versions" ("organization_id");

CREATE INDEX "ai_model_versions_module_id_f5cdd459" ON "ai_model_versions" ("module_id");

CREATE INDEX "ai_model_versions_training_job_id_2298c0eb" ON "ai_model_versions" ("training_job_id");

CREATE INDEX "ai_model_versions_dataset_version_id_25c60598" ON "ai_model_versions" ("dataset_version_id");

CREATE INDEX "ai_model_versions_base_version_id_9c6e0f4d" ON "ai_model_versions" ("base_version_id");

CREATE INDEX "ai_model_versions_bundle_id_85b3f017" ON "ai_model_versions" ("bundle_id");

CREATE INDEX "ai_model_versions_config_id_26ec4653" ON "ai_model_versions" ("config_id");

CREATE INDEX "ai_model_versions_requested_by_id_72f0854a" ON "ai_model_versions" ("requested_by_id");

CREATE INDEX "ai_model_versions_approved_by_id_2a54841c" ON "ai_model_versions" ("approved_by_id");

CREATE INDEX "ai_model_versions_release_requested_by_id_a805b54c" ON "ai_model_versions" ("release_requested_by_id");

CREATE UNIQUE INDEX "run_one_alive_per_job" ON "training_runs" ("job_id") WHERE "state" IN ('claimed', 'running');

CREATE INDEX "training_runs_job_id_178959eb" ON "training_runs" ("job_id");

CREATE INDEX "training_runs_model_id_7bb3924e" ON "training_runs" ("model_id");

CREATE UNIQUE INDEX "trust_one_awaiting_signatures" ON "trust_documents" ("role") WHERE "published_at" IS NULL;
