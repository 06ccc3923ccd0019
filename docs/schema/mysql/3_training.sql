-- training: Datasets, jobs and the model registry.
-- Written from the models by `manage.py schema`; load the files of a folder in the order of their numbers.
-- For MySQL 8 and MariaDB 10.6 or newer, as utf8mb4. What these databases do not keep, whoever writes must see to:
--   the audit log (events) is append-only by triggers elsewhere; here nothing refuses a change;
--   indexes with a condition are left out: they make reading faster and keep no rule;
--   texts compare by the collation of the database; the hub means them byte by byte (utf8mb4_bin).

-- A named, growing set of samples of one module.
CREATE TABLE `training_datasets` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `organization_id` bigint NULL,
    `name` varchar(120) NOT NULL,
    `description` longtext NOT NULL,
    `module_id` bigint NOT NULL,
    `label_schema` json NOT NULL,
    `environment` varchar(12) NOT NULL,
    `version` varchar(40) NOT NULL,
    `status` varchar(10) NOT NULL,
    `rule` json NOT NULL,
    `verdicts_required` smallint UNSIGNED NOT NULL CHECK (`verdicts_required` >= 0),
    `created_by_id` bigint NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `updated_at` datetime(6) NOT NULL,
    CONSTRAINT `dataset_status_known` CHECK (`status` IN ('draft', 'active', 'archived')),
    CONSTRAINT `dataset_verdicts_in_range` CHECK ((`verdicts_required` >= 1 AND `verdicts_required` <= 5)),
    CONSTRAINT `dataset_environment_known` CHECK (`environment` IN ('dev', 'staging', 'production'))
);

ALTER TABLE `training_datasets` ADD COLUMN `dataset_name_once_per_organization_1` bigint GENERATED ALWAYS AS (COALESCE(`organization_id`, 0)) VIRTUAL;

CREATE UNIQUE INDEX `dataset_name_once_per_organization` ON `training_datasets` (`dataset_name_once_per_organization_1`, `name`, `version`);

-- A change of a dataset's counts, written in the verb's transaction; a task folds many into one.
CREATE TABLE `training_dataset_deltas` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `dataset_id` char(32) NOT NULL,
    `samples` integer NOT NULL,
    `labeled` integer NOT NULL,
    `verified` integer NOT NULL,
    `bytes` bigint NOT NULL
);

-- A learning sample's place in a dataset; what the seed calls file and labels is the sample's own.
CREATE TABLE `training_samples` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `dataset_id` char(32) NOT NULL,
    `sample_id` bigint NOT NULL,
    `metadata` json NOT NULL,
    `is_labeled` bool NOT NULL,
    `is_verified` bool NOT NULL,
    `labeled_by_id` bigint NULL,
    `verified_by_id` bigint NULL,
    `quality_score` numeric(4, 3) NULL,
    `rejection_reason` varchar(200) NOT NULL,
    `claimed_by_id` bigint NULL,
    `claimed_until` datetime(6) NULL,
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `training_sample_once_per_dataset` UNIQUE (`dataset_id`, `sample_id`)
);

-- What one person said of a sample's label: it counts for the truth it was said of, and stays when that changes.
CREATE TABLE `training_sample_verdicts` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `place_id` char(32) NOT NULL,
    `by_id` bigint NOT NULL,
    `truth_sha256` varchar(64) NOT NULL,
    `is_approval` bool NOT NULL,
    `reason` varchar(200) NOT NULL,
    `quality_score` numeric(4, 3) NULL,
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `verdict_once_a_person` UNIQUE (`place_id`, `by_id`),
    CONSTRAINT `verdict_quality_in_range` CHECK ((`quality_score` IS NULL OR (`quality_score` >= 0 AND `quality_score` <= 1)))
);

-- What is in a dataset by class, city and split, as a task counted it: rows of [class, city, split, count].
CREATE TABLE `training_dataset_summaries` (
    `dataset_id` char(32) NOT NULL PRIMARY KEY,
    `cells` json NOT NULL,
    `bytes` bigint NOT NULL,
    `counted` integer UNSIGNED NOT NULL CHECK (`counted` >= 0),
    `split_of` varchar(40) NOT NULL,
    `mark` varchar(80) NOT NULL,
    `counted_at` datetime(6) NULL,
    `claimed_until` datetime(6) NULL
);

-- `<dataset>@<semver>`; the fingerprint is over sorted member lines and holds no database id.
CREATE TABLE `dataset_versions` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `dataset_id` char(32) NOT NULL,
    `version` varchar(40) NOT NULL,
    `state` varchar(10) NOT NULL,
    `seed` bigint NOT NULL,
    `split` json NOT NULL,
    `dataset_query` json NOT NULL,
    `label_schema` json NOT NULL,
    `release_notes` longtext NOT NULL,
    `fingerprint` varchar(80) NOT NULL,
    `sample_count` integer UNSIGNED NOT NULL CHECK (`sample_count` >= 0),
    `statistics` json NOT NULL,
    `manifest_id` char(32) NULL,
    `truth_id` char(32) NULL,
    `is_production` bool NOT NULL,
    `freeze_token` varchar(32) NOT NULL,
    `freeze_beat_at` datetime(6) NULL,
    `error_message` longtext NOT NULL,
    `created_by_id` bigint NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `frozen_at` datetime(6) NULL,
    `erased_count` integer UNSIGNED NOT NULL CHECK (`erased_count` >= 0),
    `truth_outdated` bool NOT NULL,
    `rewrite_until` datetime(6) NULL,
    `verify_asked_at` datetime(6) NULL,
    `verify_objects` bool NOT NULL,
    `verify_token` varchar(32) NOT NULL,
    `verify_beat_at` datetime(6) NULL,
    `verify_done` integer UNSIGNED NOT NULL CHECK (`verify_done` >= 0),
    `verified_at` datetime(6) NULL,
    `verification` json NOT NULL,
    CONSTRAINT `version_once_per_dataset` UNIQUE (`dataset_id`, `version`),
    CONSTRAINT `version_state_known` CHECK (`state` IN ('draft', 'freezing', 'frozen', 'archived')),
    CONSTRAINT `version_frozen_has_fingerprint` CHECK ((NOT (`state` = 'frozen') OR NOT (`fingerprint` = '')))
);

ALTER TABLE `dataset_versions` ADD COLUMN `version_one_production_per_dataset` tinyint GENERATED ALWAYS AS (CASE WHEN `is_production` = 1 THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `version_one_production_per_dataset` ON `dataset_versions` (`dataset_id`, `version_one_production_per_dataset`);

-- One sample in one version: lean, without its truth, which travels in the version's own object.
CREATE TABLE `dataset_members` (
    `version_id` char(32) NOT NULL,
    `sample_id` bigint NOT NULL,
    `split` varchar(10) NOT NULL,
    `erased_at` datetime(6) NULL,
    PRIMARY KEY (`version_id`, `sample_id`)
);

-- Groups (an event, near-duplicates, a person) that one version met first, and their split there; later versions inherit it.
CREATE TABLE `dataset_groups` (
    `version_id` char(32) NOT NULL,
    `bucket` smallint UNSIGNED NOT NULL CHECK (`bucket` >= 0),
    `split` varchar(10) NOT NULL,
    `hashes` longblob NOT NULL,
    PRIMARY KEY (`version_id`, `bucket`, `split`)
);

-- What differs between an earlier version and a later one of a dataset, worked out by a worker: the row is the job.
CREATE TABLE `version_comparisons` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `before_id` char(32) NOT NULL,
    `after_id` char(32) NOT NULL,
    `token` varchar(32) NOT NULL,
    `beat_at` datetime(6) NULL,
    `done` integer UNSIGNED NOT NULL CHECK (`done` >= 0),
    `result` json NULL,
    `error_message` longtext NOT NULL,
    `asked_at` datetime(6) NOT NULL,
    `finished_at` datetime(6) NULL,
    CONSTRAINT `version_comparison_once` UNIQUE (`before_id`, `after_id`)
);

-- That a sample had the truth `before` (its hash) and has it no more; only of samples that datasets or versions hold.
CREATE TABLE `truth_changes` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `sample_id` bigint NOT NULL,
    `before` varchar(64) NOT NULL,
    `at` datetime(6) NOT NULL
);

-- Trains a model on a frozen version (kind train), or scores one on a frozen split (kind evaluate).
CREATE TABLE `training_jobs` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `kind` varchar(10) NOT NULL,
    `organization_id` bigint NULL,
    `user_id` varchar(120) NOT NULL,
    `name` varchar(120) NOT NULL,
    `description` longtext NOT NULL,
    `module_id` bigint NOT NULL,
    `dataset_id` char(32) NOT NULL,
    `dataset_version_id` char(32) NOT NULL,
    `base_model_version_id` char(32) NULL,
    `evaluated_version_id` char(32) NULL,
    `evaluated_split` varchar(10) NOT NULL,
    `trainer` varchar(60) NOT NULL,
    `training_config` json NOT NULL,
    `hyperparameters` json NOT NULL,
    `seed` bigint NOT NULL,
    `grid` char(32) NULL,
    `queue` varchar(40) NOT NULL,
    `status` varchar(10) NOT NULL,
    `progress_percent` smallint UNSIGNED NOT NULL CHECK (`progress_percent` >= 0),
    `current_epoch` integer UNSIGNED NOT NULL CHECK (`current_epoch` >= 0),
    `total_epochs` integer UNSIGNED NOT NULL CHECK (`total_epochs` >= 0),
    `metrics` json NOT NULL,
    `output_model_version_id` char(32) NULL UNIQUE,
    `max_attempts` smallint UNSIGNED NOT NULL CHECK (`max_attempts` >= 0),
    `cancel_requested_at` datetime(6) NULL,
    `created_at` datetime(6) NOT NULL,
    `started_at` datetime(6) NULL,
    `completed_at` datetime(6) NULL,
    `estimated_completion` datetime(6) NULL,
    `error_message` longtext NOT NULL,
    `created_by_id` bigint NOT NULL,
    CONSTRAINT `job_status_known` CHECK (`status` IN ('pending', 'queued', 'running', 'completed', 'failed', 'cancelled')),
    CONSTRAINT `job_progress_in_range` CHECK (`progress_percent` <= 100)
);

-- Semver per (organization, module, user_id). The bundle, its hash and the lineage never change.
CREATE TABLE `ai_model_versions` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `organization_id` bigint NULL,
    `user_id` varchar(120) NOT NULL,
    `module_id` bigint NOT NULL,
    `version` varchar(40) NOT NULL,
    `name` varchar(120) NOT NULL,
    `description` longtext NOT NULL,
    `notes` longtext NOT NULL,
    `training_job_id` char(32) NULL,
    `dataset_version_id` char(32) NULL,
    `base_version_id` char(32) NULL,
    `trainer_name` varchar(60) NOT NULL,
    `encoding` varchar(80) NOT NULL,
    `bundle_id` char(32) NOT NULL,
    `config_id` char(32) NULL,
    `card` longtext NOT NULL,
    `trained_at` datetime(6) NOT NULL,
    `accuracy` double precision NULL,
    `precision_score` double precision NULL,
    `recall_score` double precision NULL,
    `f1_score` double precision NULL,
    `inference_time_ms` double precision NULL,
    `evaluation` json NOT NULL,
    `min_edge_version` varchar(40) NOT NULL,
    `supported_platforms` json NOT NULL,
    `status` varchar(10) NOT NULL,
    `four_eyes` bool NOT NULL,
    `gate` json NOT NULL,
    `requested_by_id` bigint NOT NULL,
    `approved_by_id` bigint NULL,
    `approved_at` datetime(6) NULL,
    `approval_notes` longtext NOT NULL,
    `release_requested_by_id` bigint NULL,
    `release_requested_at` datetime(6) NULL,
    `released_at` datetime(6) NULL,
    `release_notes` longtext NOT NULL,
    `deprecated_at` datetime(6) NULL,
    `deprecation_reason` longtext NOT NULL,
    `withdrawal_asked_by_id` bigint NULL,
    `withdrawal_asked_at` datetime(6) NULL,
    `withdrawn_at` datetime(6) NULL,
    `is_active` bool NOT NULL,
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `model_status_known` CHECK (`status` IN ('draft', 'testing', 'approved', 'released', 'deprecated')),
    CONSTRAINT `model_approver_is_not_requester` CHECK ((`four_eyes` = 0 OR `approved_by_id` IS NULL OR NOT (`approved_by_id` = (`requested_by_id`) AND `approved_by_id` IS NOT NULL))),
    CONSTRAINT `model_approved_by_a_person` CHECK ((NOT (`status` IN ('approved', 'released')) OR (`approved_at` IS NOT NULL AND `approved_by_id` IS NOT NULL))),
    CONSTRAINT `model_active_is_released` CHECK ((`is_active` = 0 OR `status` = 'released'))
);

ALTER TABLE `ai_model_versions` ADD COLUMN `model_version_once_1` bigint GENERATED ALWAYS AS (COALESCE(`organization_id`, 0)) VIRTUAL;

CREATE UNIQUE INDEX `model_version_once` ON `ai_model_versions` (`model_version_once_1`, `module_id`, `user_id`, `version`);

ALTER TABLE `ai_model_versions` ADD COLUMN `model_one_active_1` bigint GENERATED ALWAYS AS (COALESCE(`organization_id`, 0)) VIRTUAL;

ALTER TABLE `ai_model_versions` ADD COLUMN `model_one_active` tinyint GENERATED ALWAYS AS (CASE WHEN `is_active` = 1 THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `model_one_active` ON `ai_model_versions` (`model_one_active_1`, `user_id`, `module_id`, `model_one_active`);

-- One scoring of one version on one frozen split, by the job that trained it or one of kind evaluate; it never changes.
CREATE TABLE `model_evaluations` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `job_id` char(32) NOT NULL,
    `method` varchar(10) NOT NULL,
    `model_version_id` char(32) NULL,
    `dataset_version_id` char(32) NOT NULL,
    `split` varchar(10) NOT NULL,
    `scores` json NOT NULL,
    `outcome_count` integer UNSIGNED NOT NULL CHECK (`outcome_count` >= 0),
    `created_at` datetime(6) NOT NULL,
    `finished_at` datetime(6) NULL,
    CONSTRAINT `evaluation_once_per_job` UNIQUE (`job_id`, `method`),
    CONSTRAINT `evaluation_done_is_of_a_version` CHECK ((`finished_at` IS NULL OR `model_version_id` IS NOT NULL))
);

-- What one evaluation made of one sample (see training.scoring.outcomes); goes with the sample when that is erased.
CREATE TABLE `sample_outcomes` (
    `evaluation_id` char(32) NOT NULL,
    `sample_id` bigint NOT NULL,
    `is_right` bool NOT NULL,
    `score` double precision NOT NULL,
    `truth` varchar(120) NOT NULL,
    `said` varchar(120) NOT NULL,
    `confidence` double precision NULL,
    `doubt` double precision NULL,
    `answer` json NULL,
    PRIMARY KEY (`evaluation_id`, `sample_id`)
);

-- `source` is the file that was brought, until the import has ended; `report` the CSV of what was not taken.
CREATE TABLE `dataset_imports` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `dataset_id` char(32) NOT NULL,
    `city_id` bigint NULL,
    `source_id` char(32) NULL,
    `report_id` char(32) NULL,
    `file_name` varchar(255) NOT NULL,
    `format` varchar(20) NOT NULL,
    `taken_as` varchar(10) NOT NULL,
    `empty` varchar(14) NOT NULL,
    `mapping` json NOT NULL,
    `categories` json NOT NULL,
    `counts` json NOT NULL,
    `drawn` json NOT NULL,
    `state` varchar(10) NOT NULL,
    `phase` varchar(10) NOT NULL,
    `phase_began_at` datetime(6) NULL,
    `records` integer UNSIGNED NULL CHECK (`records` >= 0),
    `handled` integer UNSIGNED NOT NULL CHECK (`handled` >= 0),
    `token` varchar(32) NOT NULL,
    `beat_at` datetime(6) NULL,
    `faults` smallint UNSIGNED NOT NULL CHECK (`faults` >= 0),
    `must_clear` bool NOT NULL,
    `error_message` longtext NOT NULL,
    `created_by_id` bigint NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `confirmed_at` datetime(6) NULL,
    `finished_at` datetime(6) NULL,
    CONSTRAINT `import_state_known` CHECK (`state` IN ('checking', 'checked', 'importing', 'done', 'failed', 'cancelled')),
    CONSTRAINT `import_taken_as_known` CHECK (`taken_as` IN ('truth', 'judgement', 'prediction')),
    CONSTRAINT `import_empty_known` CHECK (`empty` IN ('verified_empty', 'unlabelled'))
);

ALTER TABLE `dataset_imports` ADD COLUMN `import_one_writes_to_a_dataset` tinyint GENERATED ALWAYS AS (CASE WHEN `state` = 'importing' THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `import_one_writes_to_a_dataset` ON `dataset_imports` (`dataset_id`, `import_one_writes_to_a_dataset`);

-- A record of an import that is ready: which sample it is about, and what it says. Gone once it is published.
CREATE TABLE `dataset_import_records` (
    `job_id` char(32) NOT NULL,
    `number` integer UNSIGNED NOT NULL CHECK (`number` >= 0),
    `sample_id` bigint NOT NULL,
    `is_new` bool NOT NULL,
    `fate` varchar(10) NOT NULL,
    `said` json NULL,
    `said_sha256` varchar(64) NOT NULL,
    `is_as_predicted` bool NOT NULL,
    `confidence` double precision NULL,
    `earlier` json NULL,
    `look` json NULL,
    `split` varchar(10) NOT NULL,
    PRIMARY KEY (`job_id`, `number`)
);

-- What of a dataset is written (`version`, or its settled members as they are now), how, and how far it is.
CREATE TABLE `dataset_exports` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `dataset_id` char(32) NOT NULL,
    `version_id` char(32) NULL,
    `format` varchar(20) NOT NULL,
    `with_images` bool NOT NULL,
    `by_split` bool NOT NULL,
    `state` varchar(10) NOT NULL,
    `token` varchar(32) NOT NULL,
    `beat_at` datetime(6) NULL,
    `tries` smallint UNSIGNED NOT NULL CHECK (`tries` >= 0),
    `total` integer UNSIGNED NOT NULL CHECK (`total` >= 0),
    `done` integer UNSIGNED NOT NULL CHECK (`done` >= 0),
    `bytes` bigint NOT NULL,
    `notes` json NOT NULL,
    `object_id` char(32) NULL,
    `error_message` varchar(500) NOT NULL,
    `created_by_id` bigint NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `started_at` datetime(6) NULL,
    `finished_at` datetime(6) NULL,
    `expires_at` datetime(6) NULL,
    CONSTRAINT `export_state_known` CHECK (`state` IN ('pending', 'running', 'done', 'failed', 'cancelled'))
);

-- `position` is how far it came: a sample's key, or a number of files or frames; it moves with what is written.
CREATE TABLE `dataset_growths` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `dataset_id` char(32) NOT NULL,
    `kind` varchar(10) NOT NULL,
    `source_id` char(32) NULL,
    `source_name` varchar(255) NOT NULL,
    `city_id` bigint NULL,
    `options` json NOT NULL,
    `state` varchar(10) NOT NULL,
    `total` integer UNSIGNED NULL CHECK (`total` >= 0),
    `position` bigint NOT NULL,
    `seen` integer UNSIGNED NOT NULL CHECK (`seen` >= 0),
    `added` integer UNSIGNED NOT NULL CHECK (`added` >= 0),
    `known` integer UNSIGNED NOT NULL CHECK (`known` >= 0),
    `refused` json NOT NULL,
    `refusals` json NOT NULL,
    `unseen` json NOT NULL,
    `token` varchar(32) NOT NULL,
    `beat_at` datetime(6) NULL,
    `faults` smallint UNSIGNED NOT NULL CHECK (`faults` >= 0),
    `error_message` varchar(500) NOT NULL,
    `created_by_id` bigint NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `finished_at` datetime(6) NULL,
    CONSTRAINT `growth_state_known` CHECK (`state` IN ('running', 'done', 'failed', 'cancelled')),
    CONSTRAINT `growth_kind_known` CHECK (`kind` IN ('rule', 'archive', 'video'))
);

ALTER TABLE `dataset_growths` ADD COLUMN `growth_by_rule_once` tinyint GENERATED ALWAYS AS (CASE WHEN (`kind` = 'rule' AND `state` = 'running') THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `growth_by_rule_once` ON `dataset_growths` (`dataset_id`, `growth_by_rule_once`);

-- A sample made of a frame of a video, and where the frame stands in it; erased with the sample, and the video with it.
CREATE TABLE `dataset_video_frames` (
    `sample_id` bigint NOT NULL PRIMARY KEY,
    `video_id` char(32) NOT NULL,
    `second` double precision NOT NULL
);

-- A file that was, or is to be, sent to `object_name`; of the checks that it passed comes `model_version`.
CREATE TABLE `model_registrations` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `organization_id` bigint NULL,
    `user_id` varchar(120) NOT NULL,
    `module_id` bigint NOT NULL,
    `version` varchar(40) NOT NULL,
    `name` varchar(120) NOT NULL,
    `description` longtext NOT NULL,
    `source` varchar(500) NOT NULL,
    `licence` longtext NOT NULL,
    `notes` longtext NOT NULL,
    `config` json NOT NULL,
    `file_name` varchar(255) NOT NULL,
    `size` bigint NOT NULL,
    `md5` varchar(32) NOT NULL,
    `sha256` varchar(64) NOT NULL,
    `alias` varchar(40) NOT NULL,
    `object_name` varchar(64) NOT NULL,
    `state` varchar(10) NOT NULL,
    `token` varchar(32) NOT NULL,
    `beat_at` datetime(6) NULL,
    `faults` smallint UNSIGNED NOT NULL CHECK (`faults` >= 0),
    `error_message` longtext NOT NULL,
    `answers` json NOT NULL,
    `model_version_id` char(32) NULL UNIQUE,
    `created_by_id` bigint NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `expires_at` datetime(6) NOT NULL,
    `finished_at` datetime(6) NULL,
    CONSTRAINT `registration_state_known` CHECK (`state` IN ('open', 'checking', 'registered', 'failed', 'cancelled', 'expired')),
    CONSTRAINT `registration_has_its_version` CHECK (((`model_version_id` IS NOT NULL AND `state` = 'registered') OR (NOT (`state` = 'registered') AND `model_version_id` IS NULL)))
);

-- An attempt; every write of its worker is conditional on `token`, so a worker given up for lost changes nothing.
CREATE TABLE `training_runs` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `job_id` char(32) NOT NULL,
    `attempt` smallint UNSIGNED NOT NULL CHECK (`attempt` >= 0),
    `state` varchar(10) NOT NULL,
    `token` varchar(64) NOT NULL,
    `worker` varchar(120) NOT NULL,
    `heartbeat_at` datetime(6) NOT NULL,
    `user_id` varchar(120) NOT NULL,
    `modality` varchar(64) NOT NULL,
    `model_id` char(32) NULL,
    `dataset_query` json NOT NULL,
    `example_count` integer UNSIGNED NOT NULL CHECK (`example_count` >= 0),
    `examples_hash` varchar(80) NOT NULL,
    `seed` bigint NOT NULL,
    `code_version` varchar(80) NOT NULL,
    `lock_hash` varchar(80) NOT NULL,
    `hardware` json NOT NULL,
    `metrics` json NULL,
    `is_counted` bool NOT NULL,
    `exit_reason` varchar(20) NOT NULL,
    `error_message` longtext NOT NULL,
    `started_at` datetime(6) NOT NULL,
    `finished_at` datetime(6) NULL,
    CONSTRAINT `run_attempt_once` UNIQUE (`job_id`, `attempt`),
    CONSTRAINT `run_state_known` CHECK (`state` IN ('claimed', 'running', 'succeeded', 'failed', 'lost', 'cancelled'))
);

ALTER TABLE `training_runs` ADD COLUMN `run_one_alive_per_job` tinyint GENERATED ALWAYS AS (CASE WHEN `state` IN ('claimed', 'running') THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `run_one_alive_per_job` ON `training_runs` (`job_id`, `run_one_alive_per_job`);

-- What another attempt goes on from, after the epoch `step`; the last two of a job are kept until it has ended.
CREATE TABLE `training_checkpoints` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `job_id` char(32) NOT NULL,
    `run_id` char(32) NOT NULL,
    `object_id` char(32) NOT NULL UNIQUE,
    `step` integer UNSIGNED NOT NULL CHECK (`step` >= 0),
    `created_at` datetime(6) NOT NULL
);

-- One line of a run's log.
CREATE TABLE `training_run_logs` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `run_id` char(32) NOT NULL,
    `seq` integer UNSIGNED NOT NULL CHECK (`seq` >= 0),
    `at` datetime(6) NOT NULL,
    `level` varchar(10) NOT NULL,
    `text` longtext NOT NULL,
    CONSTRAINT `run_log_seq_once` UNIQUE (`run_id`, `seq`)
);

-- One measured value of a run at one step (an epoch).
CREATE TABLE `training_metric_points` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `run_id` char(32) NOT NULL,
    `name` varchar(60) NOT NULL,
    `step` integer UNSIGNED NOT NULL CHECK (`step` >= 0),
    `value` double precision NOT NULL,
    CONSTRAINT `metric_point_once` UNIQUE (`run_id`, `name`, `step`)
);

-- Documents that key holders are asked to sign together; they take effect together, with the last signature that is needed.
CREATE TABLE `trust_signing_requests` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `state` varchar(10) NOT NULL,
    `asks` json NOT NULL,
    `signed` json NOT NULL,
    `asked_by_id` bigint NULL,
    `opened_at` datetime(6) NOT NULL,
    `closed_at` datetime(6) NULL,
    CONSTRAINT `signing_state_known` CHECK (`state` IN ('open', 'published', 'superseded'))
);

ALTER TABLE `trust_signing_requests` ADD COLUMN `signing_one_open` tinyint GENERATED ALWAYS AS (CASE WHEN `state` = 'open' THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `signing_one_open` ON `trust_signing_requests` (`state`, `signing_one_open`);

-- One version of one role's TUF metadata, byte for byte as it is served; kept in the database for every web host.
CREATE TABLE `trust_documents` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `role` varchar(20) NOT NULL,
    `version` bigint UNSIGNED NOT NULL CHECK (`version` >= 0),
    `body` longblob NOT NULL,
    `expires_at` datetime(6) NOT NULL,
    `published_at` datetime(6) NULL,
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `trust_version_once` UNIQUE (`role`, `version`),
    CONSTRAINT `trust_role_known` CHECK ((`role` IN ('root', 'targets', 'snapshot', 'timestamp', 'assignments') OR `role` LIKE BINARY 'org-%'))
);

ALTER TABLE `trust_documents` ADD COLUMN `trust_one_awaiting_signatures` tinyint GENERATED ALWAYS AS (CASE WHEN `published_at` IS NULL THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `trust_one_awaiting_signatures` ON `trust_documents` (`role`, `trust_one_awaiting_signatures`);

-- `size` bytes of one file, in parts of `part_size` (the last one is the rest), to become `object`.
CREATE TABLE `dataset_uploads` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `dataset_id` char(32) NOT NULL,
    `purpose` varchar(10) NOT NULL,
    `file_name` varchar(255) NOT NULL,
    `media_type` varchar(80) NOT NULL,
    `size` bigint NOT NULL,
    `part_size` integer UNSIGNED NOT NULL CHECK (`part_size` >= 0),
    `client_key` varchar(200) NOT NULL,
    `options` json NOT NULL,
    `alias` varchar(40) NOT NULL,
    `object_name` varchar(64) NOT NULL,
    `store_upload` varchar(1024) NOT NULL,
    `state` varchar(12) NOT NULL,
    `object_id` char(32) NULL,
    `sha256` varchar(64) NOT NULL,
    `token` varchar(32) NOT NULL,
    `beat_at` datetime(6) NULL,
    `faults` smallint UNSIGNED NOT NULL CHECK (`faults` >= 0),
    `error_message` varchar(500) NOT NULL,
    `created_by_id` bigint NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `expires_at` datetime(6) NOT NULL,
    `finished_at` datetime(6) NULL,
    CONSTRAINT `upload_state_known` CHECK (`state` IN ('open', 'assembling', 'stored', 'failed', 'aborted', 'expired')),
    CONSTRAINT `upload_purpose_known` CHECK (`purpose` IN ('import', 'images', 'video'))
);

ALTER TABLE `dataset_uploads` ADD COLUMN `upload_of_a_file_once` tinyint GENERATED ALWAYS AS (CASE WHEN (`state` = 'open' AND NOT (`client_key` = '')) THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `upload_of_a_file_once` ON `dataset_uploads` (`dataset_id`, `created_by_id`, `client_key`, `upload_of_a_file_once`);

ALTER TABLE `training_datasets` ADD CONSTRAINT `training_datasets_organization_id_63c40456_fk_organizations_id` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`);

ALTER TABLE `training_datasets` ADD CONSTRAINT `training_datasets_module_id_39c192b2_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `training_datasets` ADD CONSTRAINT `training_datasets_created_by_id_6dbbf84d_fk_users_id` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `training_dataset_deltas` ADD CONSTRAINT `training_dataset_del_dataset_id_80786d0e_fk_training_` FOREIGN KEY (`dataset_id`) REFERENCES `training_datasets` (`id`);

ALTER TABLE `training_samples` ADD CONSTRAINT `training_samples_dataset_id_9b608dfa_fk_training_datasets_id` FOREIGN KEY (`dataset_id`) REFERENCES `training_datasets` (`id`);

ALTER TABLE `training_samples` ADD CONSTRAINT `training_samples_sample_id_83c27a0c_fk_learning_samples_id` FOREIGN KEY (`sample_id`) REFERENCES `learning_samples` (`id`);

ALTER TABLE `training_samples` ADD CONSTRAINT `training_samples_labeled_by_id_92e4984b_fk_users_id` FOREIGN KEY (`labeled_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `training_samples` ADD CONSTRAINT `training_samples_verified_by_id_85586a0c_fk_users_id` FOREIGN KEY (`verified_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `training_samples` ADD CONSTRAINT `training_samples_claimed_by_id_c32c6a6d_fk_users_id` FOREIGN KEY (`claimed_by_id`) REFERENCES `users` (`id`);

CREATE INDEX `training_sample_to_verify` ON `training_samples` (`dataset_id`, `sample_id`);

ALTER TABLE `training_sample_verdicts` ADD CONSTRAINT `training_sample_verd_place_id_d280f87e_fk_training_` FOREIGN KEY (`place_id`) REFERENCES `training_samples` (`id`);

ALTER TABLE `training_sample_verdicts` ADD CONSTRAINT `training_sample_verdicts_by_id_93782f00_fk_users_id` FOREIGN KEY (`by_id`) REFERENCES `users` (`id`);

CREATE INDEX `verdict_of_person` ON `training_sample_verdicts` (`by_id`, `id`);

ALTER TABLE `training_dataset_summaries` ADD CONSTRAINT `training_dataset_sum_dataset_id_8371b2d5_fk_training_` FOREIGN KEY (`dataset_id`) REFERENCES `training_datasets` (`id`);

ALTER TABLE `dataset_versions` ADD CONSTRAINT `dataset_versions_dataset_id_f2815962_fk_training_datasets_id` FOREIGN KEY (`dataset_id`) REFERENCES `training_datasets` (`id`);

ALTER TABLE `dataset_versions` ADD CONSTRAINT `dataset_versions_manifest_id_e7a8d77b_fk_stored_objects_id` FOREIGN KEY (`manifest_id`) REFERENCES `stored_objects` (`id`);

ALTER TABLE `dataset_versions` ADD CONSTRAINT `dataset_versions_truth_id_9d114510_fk_stored_objects_id` FOREIGN KEY (`truth_id`) REFERENCES `stored_objects` (`id`);

ALTER TABLE `dataset_versions` ADD CONSTRAINT `dataset_versions_created_by_id_4c759a31_fk_users_id` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `dataset_members` ADD CONSTRAINT `dataset_members_version_id_aa24e7f0_fk_dataset_versions_id` FOREIGN KEY (`version_id`) REFERENCES `dataset_versions` (`id`);

ALTER TABLE `dataset_members` ADD CONSTRAINT `dataset_members_sample_id_faa27455_fk_learning_samples_id` FOREIGN KEY (`sample_id`) REFERENCES `learning_samples` (`id`);

ALTER TABLE `dataset_groups` ADD CONSTRAINT `dataset_groups_version_id_a5687fc3_fk_dataset_versions_id` FOREIGN KEY (`version_id`) REFERENCES `dataset_versions` (`id`);

ALTER TABLE `version_comparisons` ADD CONSTRAINT `version_comparisons_before_id_4e721073_fk_dataset_versions_id` FOREIGN KEY (`before_id`) REFERENCES `dataset_versions` (`id`);

ALTER TABLE `version_comparisons` ADD CONSTRAINT `version_comparisons_after_id_afc7386c_fk_dataset_versions_id` FOREIGN KEY (`after_id`) REFERENCES `dataset_versions` (`id`);

ALTER TABLE `truth_changes` ADD CONSTRAINT `truth_changes_sample_id_90573016_fk_learning_samples_id` FOREIGN KEY (`sample_id`) REFERENCES `learning_samples` (`id`);

CREATE INDEX `truth_change_sample` ON `truth_changes` (`sample_id`, `id`);

CREATE INDEX `truth_change_at` ON `truth_changes` (`at`);

ALTER TABLE `training_jobs` ADD CONSTRAINT `training_jobs_organization_id_49d47cce_fk_organizations_id` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`);

ALTER TABLE `training_jobs` ADD CONSTRAINT `training_jobs_module_id_8a47dfb3_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `training_jobs` ADD CONSTRAINT `training_jobs_dataset_id_b976df45_fk_training_datasets_id` FOREIGN KEY (`dataset_id`) REFERENCES `training_datasets` (`id`);

ALTER TABLE `training_jobs` ADD CONSTRAINT `training_jobs_dataset_version_id_93a680df_fk_dataset_versions_id` FOREIGN KEY (`dataset_version_id`) REFERENCES `dataset_versions` (`id`);

ALTER TABLE `training_jobs` ADD CONSTRAINT `training_jobs_base_model_version_i_46c8b539_fk_ai_model_` FOREIGN KEY (`base_model_version_id`) REFERENCES `ai_model_versions` (`id`);

ALTER TABLE `training_jobs` ADD CONSTRAINT `training_jobs_evaluated_version_id_bc218b83_fk_ai_model_` FOREIGN KEY (`evaluated_version_id`) REFERENCES `ai_model_versions` (`id`);

ALTER TABLE `training_jobs` ADD CONSTRAINT `training_jobs_output_model_version_687cb875_fk_ai_model_` FOREIGN KEY (`output_model_version_id`) REFERENCES `ai_model_versions` (`id`);

ALTER TABLE `training_jobs` ADD CONSTRAINT `training_jobs_created_by_id_ce9abe3e_fk_users_id` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`);

CREATE INDEX `training_jobs_grid_8149965d` ON `training_jobs` (`grid`);

CREATE INDEX `job_claim` ON `training_jobs` (`queue`, `status`, `created_at`, `id`);

ALTER TABLE `ai_model_versions` ADD CONSTRAINT `ai_model_versions_organization_id_0ec66d75_fk_organizations_id` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`);

ALTER TABLE `ai_model_versions` ADD CONSTRAINT `ai_model_versions_module_id_f5cdd459_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `ai_model_versions` ADD CONSTRAINT `ai_model_versions_training_job_id_2298c0eb_fk_training_jobs_id` FOREIGN KEY (`training_job_id`) REFERENCES `training_jobs` (`id`);

ALTER TABLE `ai_model_versions` ADD CONSTRAINT `ai_model_versions_dataset_version_id_25c60598_fk_dataset_v` FOREIGN KEY (`dataset_version_id`) REFERENCES `dataset_versions` (`id`);

ALTER TABLE `ai_model_versions` ADD CONSTRAINT `ai_model_versions_base_version_id_9c6e0f4d_fk_ai_model_` FOREIGN KEY (`base_version_id`) REFERENCES `ai_model_versions` (`id`);

ALTER TABLE `ai_model_versions` ADD CONSTRAINT `ai_model_versions_bundle_id_85b3f017_fk_stored_objects_id` FOREIGN KEY (`bundle_id`) REFERENCES `stored_objects` (`id`);

ALTER TABLE `ai_model_versions` ADD CONSTRAINT `ai_model_versions_config_id_26ec4653_fk_stored_objects_id` FOREIGN KEY (`config_id`) REFERENCES `stored_objects` (`id`);

ALTER TABLE `ai_model_versions` ADD CONSTRAINT `ai_model_versions_requested_by_id_72f0854a_fk_users_id` FOREIGN KEY (`requested_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `ai_model_versions` ADD CONSTRAINT `ai_model_versions_approved_by_id_2a54841c_fk_users_id` FOREIGN KEY (`approved_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `ai_model_versions` ADD CONSTRAINT `ai_model_versions_release_requested_by_id_a805b54c_fk_users_id` FOREIGN KEY (`release_requested_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `ai_model_versions` ADD CONSTRAINT `ai_model_versions_withdrawal_asked_by_id_f1ff8554_fk_users_id` FOREIGN KEY (`withdrawal_asked_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `model_evaluations` ADD CONSTRAINT `model_evaluations_job_id_d4cc8963_fk_training_jobs_id` FOREIGN KEY (`job_id`) REFERENCES `training_jobs` (`id`);

ALTER TABLE `model_evaluations` ADD CONSTRAINT `model_evaluations_model_version_id_bce95add_fk_ai_model_` FOREIGN KEY (`model_version_id`) REFERENCES `ai_model_versions` (`id`);

ALTER TABLE `model_evaluations` ADD CONSTRAINT `model_evaluations_dataset_version_id_1da5dca0_fk_dataset_v` FOREIGN KEY (`dataset_version_id`) REFERENCES `dataset_versions` (`id`);

CREATE INDEX `evaluation_of_version` ON `model_evaluations` (`model_version_id`, `dataset_version_id`, `split`);

CREATE INDEX `evaluation_on_split` ON `model_evaluations` (`dataset_version_id`, `split`);

ALTER TABLE `sample_outcomes` ADD CONSTRAINT `sample_outcomes_evaluation_id_057a7f72_fk_model_evaluations_id` FOREIGN KEY (`evaluation_id`) REFERENCES `model_evaluations` (`id`);

ALTER TABLE `sample_outcomes` ADD CONSTRAINT `sample_outcomes_sample_id_c2357137_fk_learning_samples_id` FOREIGN KEY (`sample_id`) REFERENCES `learning_samples` (`id`);

ALTER TABLE `dataset_imports` ADD CONSTRAINT `dataset_imports_dataset_id_556744af_fk_training_datasets_id` FOREIGN KEY (`dataset_id`) REFERENCES `training_datasets` (`id`);

ALTER TABLE `dataset_imports` ADD CONSTRAINT `dataset_imports_city_id_25e1157b_fk_cities_id` FOREIGN KEY (`city_id`) REFERENCES `cities` (`id`);

ALTER TABLE `dataset_imports` ADD CONSTRAINT `dataset_imports_source_id_6fbadfca_fk_stored_objects_id` FOREIGN KEY (`source_id`) REFERENCES `stored_objects` (`id`);

ALTER TABLE `dataset_imports` ADD CONSTRAINT `dataset_imports_report_id_3fae7136_fk_stored_objects_id` FOREIGN KEY (`report_id`) REFERENCES `stored_objects` (`id`);

ALTER TABLE `dataset_imports` ADD CONSTRAINT `dataset_imports_created_by_id_a90f4c05_fk_users_id` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `dataset_import_records` ADD CONSTRAINT `dataset_import_records_job_id_3d174b8a_fk_dataset_imports_id` FOREIGN KEY (`job_id`) REFERENCES `dataset_imports` (`id`);

ALTER TABLE `dataset_import_records` ADD CONSTRAINT `dataset_import_records_sample_id_a03a7bb7_fk_learning_samples_id` FOREIGN KEY (`sample_id`) REFERENCES `learning_samples` (`id`);

ALTER TABLE `dataset_exports` ADD CONSTRAINT `dataset_exports_dataset_id_ada52eff_fk_training_datasets_id` FOREIGN KEY (`dataset_id`) REFERENCES `training_datasets` (`id`);

ALTER TABLE `dataset_exports` ADD CONSTRAINT `dataset_exports_version_id_e68fc4c8_fk_dataset_versions_id` FOREIGN KEY (`version_id`) REFERENCES `dataset_versions` (`id`);

ALTER TABLE `dataset_exports` ADD CONSTRAINT `dataset_exports_object_id_02be056b_fk_stored_objects_id` FOREIGN KEY (`object_id`) REFERENCES `stored_objects` (`id`);

ALTER TABLE `dataset_exports` ADD CONSTRAINT `dataset_exports_created_by_id_4eab6301_fk_users_id` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`);

CREATE INDEX `export_unfinished` ON `dataset_exports` (`beat_at`);

ALTER TABLE `dataset_growths` ADD CONSTRAINT `dataset_growths_dataset_id_188dfca6_fk_training_datasets_id` FOREIGN KEY (`dataset_id`) REFERENCES `training_datasets` (`id`);

ALTER TABLE `dataset_growths` ADD CONSTRAINT `dataset_growths_source_id_286070ef_fk_stored_objects_id` FOREIGN KEY (`source_id`) REFERENCES `stored_objects` (`id`);

ALTER TABLE `dataset_growths` ADD CONSTRAINT `dataset_growths_city_id_7db6b9ed_fk_cities_id` FOREIGN KEY (`city_id`) REFERENCES `cities` (`id`);

ALTER TABLE `dataset_growths` ADD CONSTRAINT `dataset_growths_created_by_id_720a0773_fk_users_id` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`);

CREATE INDEX `growth_of_dataset` ON `dataset_growths` (`dataset_id`, `created_at`);

CREATE INDEX `growth_running` ON `dataset_growths` (`created_at`);

ALTER TABLE `dataset_video_frames` ADD CONSTRAINT `dataset_video_frames_sample_id_2f62b86b_fk_learning_samples_id` FOREIGN KEY (`sample_id`) REFERENCES `learning_samples` (`id`);

ALTER TABLE `dataset_video_frames` ADD CONSTRAINT `dataset_video_frames_video_id_6831a988_fk_stored_objects_id` FOREIGN KEY (`video_id`) REFERENCES `stored_objects` (`id`);

ALTER TABLE `model_registrations` ADD CONSTRAINT `model_registrations_organization_id_b383f6c4_fk_organizations_id` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`);

ALTER TABLE `model_registrations` ADD CONSTRAINT `model_registrations_module_id_5a245a75_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `model_registrations` ADD CONSTRAINT `model_registrations_model_version_id_085deaa5_fk_ai_model_` FOREIGN KEY (`model_version_id`) REFERENCES `ai_model_versions` (`id`);

ALTER TABLE `model_registrations` ADD CONSTRAINT `model_registrations_created_by_id_608f58c7_fk_users_id` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`);

CREATE INDEX `registration_unfinished` ON `model_registrations` (`expires_at`);

ALTER TABLE `training_runs` ADD CONSTRAINT `training_runs_job_id_178959eb_fk_training_jobs_id` FOREIGN KEY (`job_id`) REFERENCES `training_jobs` (`id`);

ALTER TABLE `training_runs` ADD CONSTRAINT `training_runs_model_id_7bb3924e_fk_ai_model_versions_id` FOREIGN KEY (`model_id`) REFERENCES `ai_model_versions` (`id`);

ALTER TABLE `training_checkpoints` ADD CONSTRAINT `training_checkpoints_job_id_9c7f1099_fk_training_jobs_id` FOREIGN KEY (`job_id`) REFERENCES `training_jobs` (`id`);

ALTER TABLE `training_checkpoints` ADD CONSTRAINT `training_checkpoints_run_id_fe3619ed_fk_training_runs_id` FOREIGN KEY (`run_id`) REFERENCES `training_runs` (`id`);

ALTER TABLE `training_checkpoints` ADD CONSTRAINT `training_checkpoints_object_id_b7b6c5c0_fk_stored_objects_id` FOREIGN KEY (`object_id`) REFERENCES `stored_objects` (`id`);

ALTER TABLE `training_run_logs` ADD CONSTRAINT `training_run_logs_run_id_c85f8c9e_fk_training_runs_id` FOREIGN KEY (`run_id`) REFERENCES `training_runs` (`id`);

ALTER TABLE `training_metric_points` ADD CONSTRAINT `training_metric_points_run_id_0612202c_fk_training_runs_id` FOREIGN KEY (`run_id`) REFERENCES `training_runs` (`id`);

ALTER TABLE `trust_signing_requests` ADD CONSTRAINT `trust_signing_requests_asked_by_id_cfdb42a7_fk_users_id` FOREIGN KEY (`asked_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `dataset_uploads` ADD CONSTRAINT `dataset_uploads_dataset_id_3b71dda9_fk_training_datasets_id` FOREIGN KEY (`dataset_id`) REFERENCES `training_datasets` (`id`);

ALTER TABLE `dataset_uploads` ADD CONSTRAINT `dataset_uploads_object_id_bd5e59e1_fk_stored_objects_id` FOREIGN KEY (`object_id`) REFERENCES `stored_objects` (`id`);

ALTER TABLE `dataset_uploads` ADD CONSTRAINT `dataset_uploads_created_by_id_03375587_fk_users_id` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`);

CREATE INDEX `upload_unfinished` ON `dataset_uploads` (`expires_at`);
