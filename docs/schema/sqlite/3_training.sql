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
    "verdicts_required" smallint unsigned NOT NULL CHECK ("verdicts_required" >= 0),
    "created_by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_at" datetime NOT NULL,
    "updated_at" datetime NOT NULL,
    CONSTRAINT "dataset_status_known" CHECK ("status" IN ('draft', 'active', 'archived')),
    CONSTRAINT "dataset_verdicts_in_range" CHECK (("verdicts_required" >= 1 AND "verdicts_required" <= 5)),
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
    "claimed_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "claimed_until" datetime NULL,
    "created_at" datetime NOT NULL,
    CONSTRAINT "training_sample_once_per_dataset" UNIQUE ("dataset_id", "sample_id")
);

-- What one person said of a sample's label: it counts for the truth it was said of, and stays when that changes.
CREATE TABLE "training_sample_verdicts" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "place_id" char(32) NOT NULL REFERENCES "training_samples" ("id") DEFERRABLE INITIALLY DEFERRED,
    "by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "truth_sha256" varchar(64) NOT NULL,
    "is_approval" bool NOT NULL,
    "reason" varchar(200) NOT NULL,
    "quality_score" decimal NULL,
    "created_at" datetime NOT NULL,
    CONSTRAINT "verdict_once_a_person" UNIQUE ("place_id", "by_id"),
    CONSTRAINT "verdict_quality_in_range" CHECK (("quality_score" IS NULL OR ("quality_score" >= '0' AND "quality_score" <= '1')))
);

-- What is in a dataset by class, city and split, as a task counted it: rows of [class, city, split, count].
CREATE TABLE "training_dataset_summaries" (
    "dataset_id" char(32) NOT NULL PRIMARY KEY REFERENCES "training_datasets" ("id") DEFERRABLE INITIALLY DEFERRED,
    "cells" text NOT NULL CHECK ((JSON_VALID("cells") OR "cells" IS NULL)),
    "bytes" bigint NOT NULL,
    "counted" integer unsigned NOT NULL CHECK ("counted" >= 0),
    "split_of" varchar(40) NOT NULL,
    "mark" varchar(80) NOT NULL,
    "counted_at" datetime NULL,
    "claimed_until" datetime NULL
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
    "verify_asked_at" datetime NULL,
    "verify_objects" bool NOT NULL,
    "verify_token" varchar(32) NOT NULL,
    "verify_beat_at" datetime NULL,
    "verify_done" integer unsigned NOT NULL CHECK ("verify_done" >= 0),
    "verified_at" datetime NULL,
    "verification" text NOT NULL CHECK ((JSON_VALID("verification") OR "verification" IS NULL)),
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

-- Groups (an event, near-duplicates, a person) that one version met first, and their split there; later versions inherit it.
CREATE TABLE "dataset_groups" (
    "version_id" char(32) NOT NULL REFERENCES "dataset_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "bucket" smallint unsigned NOT NULL CHECK ("bucket" >= 0),
    "split" varchar(10) NOT NULL,
    "hashes" BLOB NOT NULL,
    PRIMARY KEY ("version_id", "bucket", "split")
);

-- What differs between an earlier version and a later one of a dataset, worked out by a worker: the row is the job.
CREATE TABLE "version_comparisons" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "before_id" char(32) NOT NULL REFERENCES "dataset_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "after_id" char(32) NOT NULL REFERENCES "dataset_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "token" varchar(32) NOT NULL,
    "beat_at" datetime NULL,
    "done" integer unsigned NOT NULL CHECK ("done" >= 0),
    "result" text NULL CHECK ((JSON_VALID("result") OR "result" IS NULL)),
    "error_message" text NOT NULL,
    "asked_at" datetime NOT NULL,
    "finished_at" datetime NULL,
    CONSTRAINT "version_comparison_once" UNIQUE ("before_id", "after_id")
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
    "grid" char(32) NULL,
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
    "gate" text NOT NULL CHECK ((JSON_VALID("gate") OR "gate" IS NULL)),
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
    "withdrawal_asked_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "withdrawal_asked_at" datetime NULL,
    "withdrawn_at" datetime NULL,
    "is_active" bool NOT NULL,
    "created_at" datetime NOT NULL,
    CONSTRAINT "model_status_known" CHECK ("status" IN ('draft', 'testing', 'approved', 'released', 'deprecated')),
    CONSTRAINT "model_approver_is_not_requester" CHECK ((NOT "four_eyes" OR "approved_by_id" IS NULL OR NOT ("approved_by_id" = ("requested_by_id") AND "approved_by_id" IS NOT NULL))),
    CONSTRAINT "model_approved_by_a_person" CHECK ((NOT ("status" IN ('approved', 'released')) OR ("approved_at" IS NOT NULL AND "approved_by_id" IS NOT NULL))),
    CONSTRAINT "model_active_is_released" CHECK ((NOT "is_active" OR "status" = 'released'))
);

-- One scoring of one version on one frozen split, by the job that trained it or one of kind evaluate; it never changes.
CREATE TABLE "model_evaluations" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "job_id" char(32) NOT NULL REFERENCES "training_jobs" ("id") DEFERRABLE INITIALLY DEFERRED,
    "method" varchar(10) NOT NULL,
    "model_version_id" char(32) NULL REFERENCES "ai_model_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "dataset_version_id" char(32) NOT NULL REFERENCES "dataset_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "split" varchar(10) NOT NULL,
    "scores" text NOT NULL CHECK ((JSON_VALID("scores") OR "scores" IS NULL)),
    "outcome_count" integer unsigned NOT NULL CHECK ("outcome_count" >= 0),
    "created_at" datetime NOT NULL,
    "finished_at" datetime NULL,
    CONSTRAINT "evaluation_once_per_job" UNIQUE ("job_id", "method"),
    CONSTRAINT "evaluation_done_is_of_a_version" CHECK (("finished_at" IS NULL OR "model_version_id" IS NOT NULL))
);

-- What one evaluation made of one sample (see training.scoring.outcomes); goes with the sample when that is erased.
CREATE TABLE "sample_outcomes" (
    "evaluation_id" char(32) NOT NULL REFERENCES "model_evaluations" ("id") DEFERRABLE INITIALLY DEFERRED,
    "sample_id" bigint NOT NULL REFERENCES "learning_samples" ("id") DEFERRABLE INITIALLY DEFERRED,
    "is_right" bool NOT NULL,
    "score" real NOT NULL,
    "truth" varchar(120) NOT NULL,
    "said" varchar(120) NOT NULL,
    "confidence" real NULL,
    "doubt" real NULL,
    "answer" text NULL CHECK ((JSON_VALID("answer") OR "answer" IS NULL)),
    PRIMARY KEY ("evaluation_id", "sample_id")
);

-- `source` is the file that was brought, until the import has ended; `report` the CSV of what was not taken.
CREATE TABLE "dataset_imports" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "dataset_id" char(32) NOT NULL REFERENCES "training_datasets" ("id") DEFERRABLE INITIALLY DEFERRED,
    "city_id" bigint NULL REFERENCES "cities" ("id") DEFERRABLE INITIALLY DEFERRED,
    "source_id" char(32) NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "report_id" char(32) NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "file_name" varchar(255) NOT NULL,
    "format" varchar(20) NOT NULL,
    "taken_as" varchar(10) NOT NULL,
    "empty" varchar(14) NOT NULL,
    "mapping" text NOT NULL CHECK ((JSON_VALID("mapping") OR "mapping" IS NULL)),
    "categories" text NOT NULL CHECK ((JSON_VALID("categories") OR "categories" IS NULL)),
    "counts" text NOT NULL CHECK ((JSON_VALID("counts") OR "counts" IS NULL)),
    "drawn" text NOT NULL CHECK ((JSON_VALID("drawn") OR "drawn" IS NULL)),
    "state" varchar(10) NOT NULL,
    "phase" varchar(10) NOT NULL,
    "phase_began_at" datetime NULL,
    "records" integer unsigned NULL CHECK ("records" >= 0),
    "handled" integer unsigned NOT NULL CHECK ("handled" >= 0),
    "token" varchar(32) NOT NULL,
    "beat_at" datetime NULL,
    "faults" smallint unsigned NOT NULL CHECK ("faults" >= 0),
    "must_clear" bool NOT NULL,
    "error_message" text NOT NULL,
    "created_by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_at" datetime NOT NULL,
    "confirmed_at" datetime NULL,
    "finished_at" datetime NULL,
    CONSTRAINT "import_state_known" CHECK ("state" IN ('checking', 'checked', 'importing', 'done', 'failed', 'cancelled')),
    CONSTRAINT "import_taken_as_known" CHECK ("taken_as" IN ('truth', 'judgement', 'prediction')),
    CONSTRAINT "import_empty_known" CHECK ("empty" IN ('verified_empty', 'unlabelled'))
);

-- A record of an import that is ready: which sample it is about, and what it says. Gone once it is published.
CREATE TABLE "dataset_import_records" (
    "job_id" char(32) NOT NULL REFERENCES "dataset_imports" ("id") DEFERRABLE INITIALLY DEFERRED,
    "number" integer unsigned NOT NULL CHECK ("number" >= 0),
    "sample_id" bigint NOT NULL REFERENCES "learning_samples" ("id") DEFERRABLE INITIALLY DEFERRED,
    "is_new" bool NOT NULL,
    "fate" varchar(10) NOT NULL,
    "said" text NULL CHECK ((JSON_VALID("said") OR "said" IS NULL)),
    "said_sha256" varchar(64) NOT NULL,
    "is_as_predicted" bool NOT NULL,
    "confidence" real NULL,
    "earlier" text NULL CHECK ((JSON_VALID("earlier") OR "earlier" IS NULL)),
    "look" text NULL CHECK ((JSON_VALID("look") OR "look" IS NULL)),
    "split" varchar(10) NOT NULL,
    PRIMARY KEY ("job_id", "number")
);

-- What of a dataset is written (`version`, or its settled members as they are now), how, and how far it is.
CREATE TABLE "dataset_exports" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "dataset_id" char(32) NOT NULL REFERENCES "training_datasets" ("id") DEFERRABLE INITIALLY DEFERRED,
    "version_id" char(32) NULL REFERENCES "dataset_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "format" varchar(20) NOT NULL,
    "with_images" bool NOT NULL,
    "by_split" bool NOT NULL,
    "state" varchar(10) NOT NULL,
    "token" varchar(32) NOT NULL,
    "beat_at" datetime NULL,
    "tries" smallint unsigned NOT NULL CHECK ("tries" >= 0),
    "total" integer unsigned NOT NULL CHECK ("total" >= 0),
    "done" integer unsigned NOT NULL CHECK ("done" >= 0),
    "bytes" bigint NOT NULL,
    "notes" text NOT NULL CHECK ((JSON_VALID("notes") OR "notes" IS NULL)),
    "object_id" char(32) NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "error_message" varchar(500) NOT NULL,
    "created_by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_at" datetime NOT NULL,
    "started_at" datetime NULL,
    "finished_at" datetime NULL,
    "expires_at" datetime NULL,
    CONSTRAINT "export_state_known" CHECK ("state" IN ('pending', 'running', 'done', 'failed', 'cancelled'))
);

-- `position` is how far it came: a sample's key, or a number of files or frames; it moves with what is written.
CREATE TABLE "dataset_growths" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "dataset_id" char(32) NOT NULL REFERENCES "training_datasets" ("id") DEFERRABLE INITIALLY DEFERRED,
    "kind" varchar(10) NOT NULL,
    "source_id" char(32) NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "source_name" varchar(255) NOT NULL,
    "city_id" bigint NULL REFERENCES "cities" ("id") DEFERRABLE INITIALLY DEFERRED,
    "options" text NOT NULL CHECK ((JSON_VALID("options") OR "options" IS NULL)),
    "state" varchar(10) NOT NULL,
    "total" integer unsigned NULL CHECK ("total" >= 0),
    "position" bigint NOT NULL,
    "seen" integer unsigned NOT NULL CHECK ("seen" >= 0),
    "added" integer unsigned NOT NULL CHECK ("added" >= 0),
    "known" integer unsigned NOT NULL CHECK ("known" >= 0),
    "refused" text NOT NULL CHECK ((JSON_VALID("refused") OR "refused" IS NULL)),
    "refusals" text NOT NULL CHECK ((JSON_VALID("refusals") OR "refusals" IS NULL)),
    "unseen" text NOT NULL CHECK ((JSON_VALID("unseen") OR "unseen" IS NULL)),
    "token" varchar(32) NOT NULL,
    "beat_at" datetime NULL,
    "faults" smallint unsigned NOT NULL CHECK ("faults" >= 0),
    "error_message" varchar(500) NOT NULL,
    "created_by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_at" datetime NOT NULL,
    "finished_at" datetime NULL,
    CONSTRAINT "growth_state_known" CHECK ("state" IN ('running', 'done', 'failed', 'cancelled')),
    CONSTRAINT "growth_kind_known" CHECK ("kind" IN ('rule', 'archive', 'video'))
);

-- A sample made of a frame of a video, and where the frame stands in it; erased with the sample, and the video with it.
CREATE TABLE "dataset_video_frames" (
    "sample_id" bigint NOT NULL PRIMARY KEY REFERENCES "learning_samples" ("id") DEFERRABLE INITIALLY DEFERRED,
    "video_id" char(32) NOT NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "second" real NOT NULL
);

-- A file that was, or is to be, sent to `object_name`; of the checks that it passed comes `model_version`.
CREATE TABLE "model_registrations" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "organization_id" bigint NULL REFERENCES "organizations" ("id") DEFERRABLE INITIALLY DEFERRED,
    "user_id" varchar(120) NOT NULL,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "version" varchar(40) NOT NULL,
    "name" varchar(120) NOT NULL,
    "description" text NOT NULL,
    "source" varchar(500) NOT NULL,
    "licence" text NOT NULL,
    "notes" text NOT NULL,
    "config" text NOT NULL CHECK ((JSON_VALID("config") OR "config" IS NULL)),
    "file_name" varchar(255) NOT NULL,
    "size" bigint NOT NULL,
    "md5" varchar(32) NOT NULL,
    "sha256" varchar(64) NOT NULL,
    "alias" varchar(40) NOT NULL,
    "object_name" varchar(64) NOT NULL,
    "state" varchar(10) NOT NULL,
    "token" varchar(32) NOT NULL,
    "beat_at" datetime NULL,
    "faults" smallint unsigned NOT NULL CHECK ("faults" >= 0),
    "error_message" text NOT NULL,
    "answers" text NOT NULL CHECK ((JSON_VALID("answers") OR "answers" IS NULL)),
    "model_version_id" char(32) NULL UNIQUE REFERENCES "ai_model_versions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_at" datetime NOT NULL,
    "expires_at" datetime NOT NULL,
    "finished_at" datetime NULL,
    CONSTRAINT "registration_state_known" CHECK ("state" IN ('open', 'checking', 'registered', 'failed', 'cancelled', 'expired')),
    CONSTRAINT "registration_has_its_version" CHECK ((("model_version_id" IS NOT NULL AND "state" = 'registered') OR (NOT ("state" = 'registered') AND "model_version_id" IS NULL)))
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
    "is_counted" bool NOT NULL,
    "exit_reason" varchar(20) NOT NULL,
    "error_message" text NOT NULL,
    "started_at" datetime NOT NULL,
    "finished_at" datetime NULL,
    CONSTRAINT "run_attempt_once" UNIQUE ("job_id", "attempt"),
    CONSTRAINT "run_state_known" CHECK ("state" IN ('claimed', 'running', 'succeeded', 'failed', 'lost', 'cancelled'))
);

-- What another attempt goes on from, after the epoch `step`; the last two of a job are kept until it has ended.
CREATE TABLE "training_checkpoints" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "job_id" char(32) NOT NULL REFERENCES "training_jobs" ("id") DEFERRABLE INITIALLY DEFERRED,
    "run_id" char(32) NOT NULL REFERENCES "training_runs" ("id") DEFERRABLE INITIALLY DEFERRED,
    "object_id" char(32) NOT NULL UNIQUE REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "step" integer unsigned NOT NULL CHECK ("step" >= 0),
    "created_at" datetime NOT NULL
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

-- Documents that key holders are asked to sign together; they take effect together, with the last signature that is needed.
CREATE TABLE "trust_signing_requests" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "state" varchar(10) NOT NULL,
    "asks" text NOT NULL CHECK ((JSON_VALID("asks") OR "asks" IS NULL)),
    "signed" text NOT NULL CHECK ((JSON_VALID("signed") OR "signed" IS NULL)),
    "asked_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "opened_at" datetime NOT NULL,
    "closed_at" datetime NULL,
    CONSTRAINT "signing_state_known" CHECK ("state" IN ('open', 'published', 'superseded'))
);

-- One version of one role's TUF metadata, byte for byte as it is served; kept in the database for every web host.
CREATE TABLE "trust_documents" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "role" varchar(20) NOT NULL,
    "version" bigint unsigned NOT NULL CHECK ("version" >= 0),
    "body" BLOB NOT NULL,
    "expires_at" datetime NOT NULL,
    "published_at" datetime NULL,
    "created_at" datetime NOT NULL,
    CONSTRAINT "trust_version_once" UNIQUE ("role", "version"),
    CONSTRAINT "trust_role_known" CHECK (("role" IN ('root', 'targets', 'snapshot', 'timestamp', 'assignments') OR "role" LIKE 'org-%' ESCAPE '\'))
);

-- `size` bytes of one file, in parts of `part_size` (the last one is the rest), to become `object`.
CREATE TABLE "dataset_uploads" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "dataset_id" char(32) NOT NULL REFERENCES "training_datasets" ("id") DEFERRABLE INITIALLY DEFERRED,
    "purpose" varchar(10) NOT NULL,
    "file_name" varchar(255) NOT NULL,
    "media_type" varchar(80) NOT NULL,
    "size" bigint NOT NULL,
    "part_size" integer unsigned NOT NULL CHECK ("part_size" >= 0),
    "client_key" varchar(200) NOT NULL,
    "options" text NOT NULL CHECK ((JSON_VALID("options") OR "options" IS NULL)),
    "alias" varchar(40) NOT NULL,
    "object_name" varchar(64) NOT NULL,
    "store_upload" varchar(1024) NOT NULL,
    "state" varchar(12) NOT NULL,
    "object_id" char(32) NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "sha256" varchar(64) NOT NULL,
    "token" varchar(32) NOT NULL,
    "beat_at" datetime NULL,
    "faults" smallint unsigned NOT NULL CHECK ("faults" >= 0),
    "error_message" varchar(500) NOT NULL,
    "created_by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_at" datetime NOT NULL,
    "expires_at" datetime NOT NULL,
    "finished_at" datetime NULL,
    CONSTRAINT "upload_state_known" CHECK ("state" IN ('open', 'assembling', 'stored', 'failed', 'aborted', 'expired')),
    CONSTRAINT "upload_purpose_known" CHECK ("purpose" IN ('import', 'images', 'video'))
);

CREATE UNIQUE INDEX "dataset_name_once_per_organization" ON "training_datasets" ((COALESCE("organization_id", 0)), "name", "version");

CREATE INDEX "training_datasets_organization_id_63c40456" ON "training_datasets" ("organization_id");

CREATE INDEX "training_datasets_module_id_39c192b2" ON "training_datasets" ("module_id");

CREATE INDEX "training_datasets_created_by_id_6dbbf84d" ON "training_datasets" ("created_by_id");

CREATE INDEX "training_dataset_deltas_dataset_id_80786d0e" ON "training_dataset_deltas" ("dataset_id");

CREATE INDEX "training_samples_sample_id_83c27a0c" ON "training_samples" ("sample_id");

CREATE INDEX "training_samples_labeled_by_id_92e4984b" ON "training_samples" ("labeled_by_id");

CREATE INDEX "training_samples_verified_by_id_85586a0c" ON "training_samples" ("verified_by_id");

CREATE INDEX "training_sample_to_verify" ON "training_samples" ("dataset_id", "sample_id") WHERE ("is_labeled" AND NOT "is_verified" AND "rejection_reason" = '');

CREATE INDEX "verdict_of_person" ON "training_sample_verdicts" ("by_id", "id" DESC);

CREATE UNIQUE INDEX "version_one_production_per_dataset" ON "dataset_versions" ("dataset_id") WHERE "is_production";

CREATE INDEX "dataset_versions_dataset_id_f2815962" ON "dataset_versions" ("dataset_id");

CREATE INDEX "dataset_versions_manifest_id_e7a8d77b" ON "dataset_versions" ("manifest_id");

CREATE INDEX "dataset_versions_truth_id_9d114510" ON "dataset_versions" ("truth_id");

CREATE INDEX "dataset_versions_created_by_id_4c759a31" ON "dataset_versions" ("created_by_id");

CREATE INDEX "dataset_members_sample_id_faa27455" ON "dataset_members" ("sample_id");

CREATE INDEX "version_comparisons_after_id_afc7386c" ON "version_comparisons" ("after_id");

CREATE INDEX "truth_change_sample" ON "truth_changes" ("sample_id", "id");

CREATE INDEX "truth_change_at" ON "truth_changes" ("at");

CREATE INDEX "training_jobs_organization_id_49d47cce" ON "training_jobs" ("organization_id");

CREATE INDEX "training_jobs_module_id_8a47dfb3" ON "training_jobs" ("module_id");

CREATE INDEX "training_jobs_dataset_id_b976df45" ON "training_jobs" ("dataset_id");

CREATE INDEX "training_jobs_dataset_version_id_93a680df" ON "training_jobs" ("dataset_version_id");

CREATE INDEX "training_jobs_base_model_version_id_46c8b539" ON "training_jobs" ("base_model_version_id");

CREATE INDEX "training_jobs_evaluated_version_id_bc218b83" ON "training_jobs" ("evaluated_version_id");

CREATE INDEX "training_jobs_grid_8149965d" ON "training_jobs" ("grid");

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

CREATE INDEX "ai_model_versions_withdrawal_asked_by_id_f1ff8554" ON "ai_model_versions" ("withdrawal_asked_by_id");

CREATE INDEX "evaluation_of_version" ON "model_evaluations" ("model_version_id", "dataset_version_id", "split");

CREATE INDEX "evaluation_on_split" ON "model_evaluations" ("dataset_version_id", "split");

CREATE INDEX "sample_outcomes_sample_id_c2357137" ON "sample_outcomes" ("sample_id");

CREATE INDEX "outcome_wrong" ON "sample_outcomes" ("evaluation_id", "sample_id") WHERE NOT "is_right";

CREATE INDEX "outcome_suspected" ON "sample_outcomes" ("evaluation_id", "doubt" DESC) WHERE "doubt" IS NOT NULL;

CREATE UNIQUE INDEX "import_one_writes_to_a_dataset" ON "dataset_imports" ("dataset_id") WHERE "state" = 'importing';

CREATE INDEX "dataset_imports_dataset_id_556744af" ON "dataset_imports" ("dataset_id");

CREATE INDEX "dataset_imports_city_id_25e1157b" ON "dataset_imports" ("city_id");

CREATE INDEX "dataset_imports_source_id_6fbadfca" ON "dataset_imports" ("source_id");

CREATE INDEX "dataset_imports_report_id_3fae7136" ON "dataset_imports" ("report_id");

CREATE INDEX "dataset_imports_created_by_id_a90f4c05" ON "dataset_imports" ("created_by_id");

CREATE INDEX "dataset_import_records_sample_id_a03a7bb7" ON "dataset_import_records" ("sample_id");

CREATE INDEX "dataset_exports_dataset_id_ada52eff" ON "dataset_exports" ("dataset_id");

CREATE INDEX "dataset_exports_version_id_e68fc4c8" ON "dataset_exports" ("version_id");

CREATE INDEX "dataset_exports_object_id_02be056b" ON "dataset_exports" ("object_id");

CREATE INDEX "dataset_exports_created_by_id_4eab6301" ON "dataset_exports" ("created_by_id");

CREATE INDEX "export_unfinished" ON "dataset_exports" ("beat_at") WHERE "state" IN ('pending', 'running');

CREATE UNIQUE INDEX "growth_by_rule_once" ON "dataset_growths" ("dataset_id") WHERE ("kind" = 'rule' AND "state" = 'running');

CREATE INDEX "dataset_growths_dataset_id_188dfca6" ON "dataset_growths" ("dataset_id");

CREATE INDEX "dataset_growths_source_id_286070ef" ON "dataset_growths" ("source_id");

CREATE INDEX "dataset_growths_city_id_7db6b9ed" ON "dataset_growths" ("city_id");

CREATE INDEX "dataset_growths_created_by_id_720a0773" ON "dataset_growths" ("created_by_id");

CREATE INDEX "growth_of_dataset" ON "dataset_growths" ("dataset_id", "created_at" DESC);

CREATE INDEX "growth_running" ON "dataset_growths" ("created_at") WHERE "state" = 'running';

CREATE INDEX "dataset_video_frames_video_id_6831a988" ON "dataset_video_frames" ("video_id");

CREATE INDEX "model_registrations_organization_id_b383f6c4" ON "model_registrations" ("organization_id");

CREATE INDEX "model_registrations_module_id_5a245a75" ON "model_registrations" ("module_id");

CREATE INDEX "model_registrations_created_by_id_608f58c7" ON "model_registrations" ("created_by_id");

CREATE INDEX "registration_unfinished" ON "model_registrations" ("expires_at") WHERE "state" IN ('open', 'checking');

CREATE UNIQUE INDEX "run_one_alive_per_job" ON "training_runs" ("job_id") WHERE "state" IN ('claimed', 'running');

CREATE INDEX "training_runs_job_id_178959eb" ON "training_runs" ("job_id");

CREATE INDEX "training_runs_model_id_7bb3924e" ON "training_runs" ("model_id");

CREATE INDEX "training_checkpoints_job_id_9c7f1099" ON "training_checkpoints" ("job_id");

CREATE UNIQUE INDEX "signing_one_open" ON "trust_signing_requests" ("state") WHERE "state" = 'open';

CREATE INDEX "trust_signing_requests_asked_by_id_cfdb42a7" ON "trust_signing_requests" ("asked_by_id");

CREATE UNIQUE INDEX "trust_one_awaiting_signatures" ON "trust_documents" ("role") WHERE "published_at" IS NULL;

CREATE UNIQUE INDEX "upload_of_a_file_once" ON "dataset_uploads" ("dataset_id", "created_by_id", "client_key") WHERE ("state" = 'open' AND NOT ("client_key" = ''));

CREATE INDEX "dataset_uploads_dataset_id_3b71dda9" ON "dataset_uploads" ("dataset_id");

CREATE INDEX "dataset_uploads_object_id_bd5e59e1" ON "dataset_uploads" ("object_id");

CREATE INDEX "dataset_uploads_created_by_id_03375587" ON "dataset_uploads" ("created_by_id");

CREATE INDEX "upload_unfinished" ON "dataset_uploads" ("expires_at") WHERE "state" IN ('open', 'assembling');
