-- learning: The learning store and the review queue.
-- Written from the models by `manage.py schema`; load the files of a folder in the order of their numbers.
-- For MySQL 8 and MariaDB 10.6 or newer, as utf8mb4. What these databases do not keep, whoever writes must see to:
--   the audit log (events) is append-only by triggers elsewhere; here nothing refuses a change;
--   indexes with a condition are left out: they make reading faster and keep no rule;
--   texts compare by the collation of the database; the hub means them byte by byte (utf8mb4_bin).

-- A city or edge site that sends samples; it has one machine user.
CREATE TABLE `cities` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `slug` varchar(64) NOT NULL UNIQUE,
    `name` varchar(120) NOT NULL,
    `organization_id` bigint NULL,
    `user_id` bigint NULL UNIQUE,
    `timezone` varchar(64) NOT NULL,
    `expected_every` bigint NULL,
    `created_at` datetime(6) NOT NULL
);

-- A camera, made on first sight; `camera_id` is what its city calls it.
CREATE TABLE `cameras` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `city_id` bigint NOT NULL,
    `camera_id` varchar(120) NOT NULL,
    `last_sample_at` datetime(6) NULL,
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `camera_once_per_city` UNIQUE (`city_id`, `camera_id`)
);

-- `batch_<city>_<YYYYMMDD>`, then `-2`, `-3` … ; the day is the city's.
CREATE TABLE `upload_batches` (
    `id` varchar(120) NOT NULL PRIMARY KEY,
    `city_id` bigint NOT NULL,
    `day` date NOT NULL,
    `number` integer UNSIGNED NOT NULL CHECK (`number` >= 0),
    `client_batch_id` varchar(120) NULL,
    `state` varchar(12) NOT NULL,
    `opened_at` datetime(6) NOT NULL,
    `sealed_at` datetime(6) NULL,
    `finished_at` datetime(6) NULL,
    `item_count` integer UNSIGNED NOT NULL CHECK (`item_count` >= 0),
    `verified_count` integer UNSIGNED NOT NULL CHECK (`verified_count` >= 0),
    `sha256` varchar(64) NOT NULL,
    CONSTRAINT `batch_number_once_per_day` UNIQUE (`city_id`, `day`, `number`),
    CONSTRAINT `batch_client_id_once` UNIQUE (`city_id`, `client_batch_id`),
    CONSTRAINT `batch_state_known` CHECK (`state` IN ('open', 'sealed', 'registered', 'rejected', 'expired'))
);

ALTER TABLE `upload_batches` ADD COLUMN `batch_one_open_per_day` tinyint GENERATED ALWAYS AS (CASE WHEN (`client_batch_id` IS NULL AND `state` = 'open') THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `batch_one_open_per_day` ON `upload_batches` (`city_id`, `day`, `batch_one_open_per_day`);

-- A part of a sealed batch, by the keys of its samples, that one worker verifies; it goes when that is done.
CREATE TABLE `verification_chunks` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `batch_id` varchar(120) NOT NULL,
    `first` bigint NOT NULL,
    `last` bigint NOT NULL,
    `claimed_until` datetime(6) NULL,
    CONSTRAINT `chunk_once` UNIQUE (`batch_id`, `first`)
);

-- An item that was not taken, and why; the reason DUPLICATE says that the hub has it already.
CREATE TABLE `upload_rejections` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `batch_id` varchar(120) NOT NULL,
    `event_id` varchar(200) NOT NULL,
    `reason` varchar(60) NOT NULL,
    `detail` varchar(500) NOT NULL,
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `rejection_once` UNIQUE (`batch_id`, `event_id`, `reason`)
);

-- An object that nothing holds any more: removed at once, and once more when its upload's address has expired.
CREATE TABLE `discarded_objects` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `name` varchar(64) NOT NULL,
    `alias` varchar(40) NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `removed_at` datetime(6) NULL
);

-- An object under a flat name; references are computed from the store's alias.
CREATE TABLE `stored_objects` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `name` varchar(64) NOT NULL,
    `alias` varchar(40) NOT NULL,
    `kind` varchar(20) NOT NULL,
    `sha256` varchar(64) NOT NULL,
    `md5` varchar(32) NOT NULL,
    `size` bigint NOT NULL,
    `media_type` varchar(80) NOT NULL,
    `width` integer UNSIGNED NULL CHECK (`width` >= 0),
    `height` integer UNSIGNED NULL CHECK (`height` >= 0),
    `encoding` varchar(80) NOT NULL,
    `shape` json NULL,
    `dtype` varchar(20) NOT NULL,
    `owner_id` bigint NULL,
    `thumbnail_id` char(32) NULL,
    `metadata` json NOT NULL,
    `storage_class` varchar(40) NOT NULL,
    `etag` varchar(80) NOT NULL,
    `phash` bigint NULL,
    `created_at` datetime(6) NOT NULL,
    `verified_at` datetime(6) NULL,
    `archive_at` datetime(6) NULL,
    `delete_at` datetime(6) NULL,
    `marked_for_deletion_at` datetime(6) NULL,
    `deleted_at` datetime(6) NULL,
    `purged_at` datetime(6) NULL,
    CONSTRAINT `object_name_once` UNIQUE (`name`),
    CONSTRAINT `object_kind_known` CHECK (`kind` IN ('image', 'video', 'features', 'bundle', 'config', 'manifest', 'truth', 'checkpoint', 'thumbnail', 'export'))
);

ALTER TABLE `stored_objects` ADD CONSTRAINT `object_thumbnail_once` UNIQUE (`thumbnail_id`);

-- One version of a module's review policy; append-only. The module carries the newest one's terms.
CREATE TABLE `review_policies` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `module_id` bigint NOT NULL,
    `version` integer UNSIGNED NOT NULL CHECK (`version` >= 0),
    `terms` json NOT NULL,
    `reason` varchar(300) NOT NULL,
    `made_by_id` bigint NULL,
    `made_at` datetime(6) NOT NULL,
    CONSTRAINT `policy_version_once` UNIQUE (`module_id`, `version`)
);

-- What `ai_module` and `modality` text means everywhere; one of task features names their encoding and numbers a row.
CREATE TABLE `ai_modules` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `slug` varchar(64) NOT NULL UNIQUE,
    `name` varchar(120) NOT NULL,
    `task` varchar(20) NOT NULL,
    `review_policy` json NOT NULL,
    `policy_version` integer UNSIGNED NOT NULL CHECK (`policy_version` >= 0),
    `retention` json NOT NULL,
    `release_gate` json NOT NULL,
    `accepts_unlabelled` bool NOT NULL,
    `min_quality` double precision NOT NULL,
    `encoding` varchar(80) NOT NULL,
    `dims` integer UNSIGNED NULL CHECK (`dims` >= 0),
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `module_task_known` CHECK (`task` IN ('classification', 'text', 'detection', 'features'))
);

-- One revision of a module's answers; append-only, with stable label ids.
CREATE TABLE `label_schemas` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `module_id` bigint NOT NULL,
    `revision` integer UNSIGNED NOT NULL CHECK (`revision` >= 0),
    `labels` json NOT NULL,
    `attributes` json NOT NULL,
    `text` json NOT NULL,
    `reasons` json NOT NULL,
    `reject_reasons` json NOT NULL,
    `guide` longtext NOT NULL,
    `note` varchar(300) NOT NULL,
    `created_by_id` bigint NULL,
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `label_schema_revision_once` UNIQUE (`module_id`, `revision`)
);

-- One detection: `prediction` is the edge's, `truth` the people's; both are annotation values (docs/wire).
CREATE TABLE `learning_samples` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `sample_id` varchar(200) NOT NULL,
    `module_id` bigint NOT NULL,
    `city_id` bigint NOT NULL,
    `camera_id` char(32) NOT NULL,
    `event_id` varchar(200) NOT NULL,
    `batch_id` varchar(120) NULL,
    `object_id` char(32) NULL,
    `by_reference` bool NOT NULL,
    `source_name` varchar(255) NOT NULL,
    `captured_at` datetime(6) NOT NULL,
    `received_at` datetime(6) NOT NULL,
    `sample_type` varchar(10) NOT NULL,
    `prediction` json NULL,
    `predicted_by` json NULL,
    `confidence` double precision NULL,
    `image_quality_score` double precision NULL,
    `context_notes` longtext NOT NULL,
    `source_label_status` varchar(10) NOT NULL,
    `state` varchar(10) NOT NULL,
    `truth` json NULL,
    `truth_sha256` varchar(64) NOT NULL,
    `label_status` varchar(10) NOT NULL,
    `group_key` varchar(280) NOT NULL,
    `priority` integer NOT NULL,
    `is_gold` bool NOT NULL,
    `erased_at` datetime(6) NULL,
    `reopened_at` datetime(6) NULL,
    CONSTRAINT `sample_event_once_per_city` UNIQUE (`city_id`, `event_id`),
    CONSTRAINT `sample_state_known` CHECK (`state` IN ('received', 'pending', 'settled', 'disputed', 'excluded')),
    CONSTRAINT `sample_type_known` CHECK (`sample_type` IN ('automatic', 'manual', 'synthetic')),
    CONSTRAINT `sample_confidence_in_range` CHECK ((`confidence` IS NULL OR (`confidence` >= 0.0e0 AND `confidence` <= 1.0e0))),
    CONSTRAINT `sample_quality_in_range` CHECK ((`image_quality_score` IS NULL OR (`image_quality_score` >= 0.0e0 AND `image_quality_score` <= 1.0e0)))
);

-- A request that samples be erased; once it is done it names nobody: `subject` is emptied, its hash stays.
CREATE TABLE `erasures` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `kind` varchar(10) NOT NULL,
    `subject` json NOT NULL,
    `subject_sha256` varchar(64) NOT NULL,
    `reference` varchar(120) NOT NULL,
    `state` varchar(10) NOT NULL,
    `requested_by_id` bigint NULL,
    `requested_at` datetime(6) NOT NULL,
    `due_at` datetime(6) NOT NULL,
    `gathered_at` datetime(6) NULL,
    `confirmed_by_id` bigint NULL,
    `confirmed_at` datetime(6) NULL,
    `claimed_until` datetime(6) NULL,
    `finished_at` datetime(6) NULL,
    `waits_for` varchar(300) NOT NULL,
    `counts` json NOT NULL,
    `receipt_id` char(32) NULL,
    CONSTRAINT `erasure_state_known` CHECK (`state` IN ('draft', 'confirmed', 'running', 'done')),
    CONSTRAINT `erasure_kind_known` CHECK (`kind` IN ('plate', 'samples', 'event', 'camera', 'city', 'person', 'user', 'ledger'))
);

-- One candidate of an erasure: found, chosen or not, and done once it is erased. Keeps no text of what was found.
CREATE TABLE `erasure_items` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `erasure_id` char(32) NOT NULL,
    `sample_id` bigint NULL,
    `match` varchar(6) NOT NULL,
    `found_in` varchar(20) NOT NULL,
    `is_chosen` bool NOT NULL,
    `done_at` datetime(6) NULL,
    CONSTRAINT `erasure_item_once` UNIQUE (`erasure_id`, `sample_id`)
);

-- One thing above the store that an erasure touches (a core.hooks.Impact); a model version asks for a decision.
CREATE TABLE `erasure_touches` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `erasure_id` char(32) NOT NULL,
    `kind` varchar(40) NOT NULL,
    `object_id` varchar(200) NOT NULL,
    `consequence` varchar(500) NOT NULL,
    `decision` varchar(10) NOT NULL,
    `why` varchar(300) NOT NULL,
    `decided_by_id` bigint NULL,
    `decided_at` datetime(6) NULL,
    CONSTRAINT `erasure_touch_once` UNIQUE (`erasure_id`, `kind`, `object_id`)
);

-- The hash of one erased event of a city: it says of an id that is shown to it that it was erased, and names none.
CREATE TABLE `erasure_ledger` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `city_id` bigint NOT NULL,
    `identity_sha256` varchar(64) NOT NULL,
    `erasure_id` char(32) NULL,
    `at` datetime(6) NOT NULL,
    CONSTRAINT `ledger_entry_once` UNIQUE (`city_id`, `identity_sha256`)
);

-- A part of the ledger as it lies in the store, under a name that follows from its number.
CREATE TABLE `erasure_ledger_pages` (
    `number` integer UNSIGNED NOT NULL PRIMARY KEY CHECK (`number` >= 0),
    `erasure_id` char(32) NULL,
    `object_id` char(32) NOT NULL,
    `entries` integer UNSIGNED NOT NULL CHECK (`entries` >= 0)
);

-- Everything the hub holds of somebody or something, as a ZIP that lies in the store for a few days.
CREATE TABLE `access_exports` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `kind` varchar(10) NOT NULL,
    `subject` json NOT NULL,
    `erasure_id` char(32) NULL,
    `reference` varchar(120) NOT NULL,
    `requested_by_id` bigint NULL,
    `requested_at` datetime(6) NOT NULL,
    `claimed_until` datetime(6) NULL,
    `finished_at` datetime(6) NULL,
    `expires_at` datetime(6) NULL,
    `samples` integer UNSIGNED NOT NULL CHECK (`samples` >= 0),
    `error_message` varchar(300) NOT NULL,
    `object_id` char(32) NULL
);

-- A judgement, by a user of the hub or a city's own person; one that was taken back stays, and makes no truth.
CREATE TABLE `hitl_labels` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `label_id` varchar(64) NOT NULL,
    `sample_id` bigint NOT NULL,
    `city_id` bigint NOT NULL,
    `schema_id` bigint NULL,
    `label_status` varchar(10) NOT NULL,
    `decision` varchar(10) NOT NULL,
    `prediction` json NULL,
    `correction` json NULL,
    `labeled_at` datetime(6) NOT NULL,
    `annotator_id` bigint NULL,
    `operator_id` varchar(120) NOT NULL,
    `label_source` varchar(12) NOT NULL,
    `review_time_seconds` double precision NULL,
    `confidence_override` double precision NULL,
    `correction_notes` longtext NOT NULL,
    `reason` varchar(60) NOT NULL,
    `is_disputed` bool NOT NULL,
    `dispute_resolution` varchar(60) NOT NULL,
    `client_uuid` char(32) NULL,
    `request_sha256` varchar(64) NOT NULL,
    `supersedes_id` bigint NULL,
    `withdrawn_at` datetime(6) NULL,
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `label_id_once` UNIQUE (`label_id`),
    CONSTRAINT `label_status_known` CHECK (`label_status` IN ('correct', 'changed', 'unsure')),
    CONSTRAINT `label_decision_known` CHECK (`decision` IN ('correct', 'change', 'nothing', 'unsure', 'reject')),
    CONSTRAINT `label_correction_only_with_changed` CHECK ((JSON_UNQUOTE(`correction`) IS NULL OR `label_status` = 'changed'))
);

ALTER TABLE `hitl_labels` ADD CONSTRAINT `label_client_uuid_once` UNIQUE (`client_uuid`);

ALTER TABLE `hitl_labels` ADD CONSTRAINT `label_superseded_once` UNIQUE (`supersedes_id`);

-- One labelled example of one user (seed: training_examples); label, modality and time are copies of its sample's.
CREATE TABLE `training_examples` (
    `example_id` char(32) NOT NULL PRIMARY KEY,
    `sample_id` bigint NOT NULL UNIQUE,
    `user_id` varchar(120) NOT NULL,
    `session_id` varchar(120) NULL,
    `record_id` char(32) NULL,
    `modality` varchar(64) NOT NULL,
    `label` varchar(60) NOT NULL,
    `performer_id` varchar(120) NULL,
    `timestamp` datetime(6) NOT NULL,
    `features_hash` varchar(71) NOT NULL,
    `features_format` varchar(10) NOT NULL,
    `encoding` varchar(80) NOT NULL,
    `dims` integer UNSIGNED NULL CHECK (`dims` >= 0),
    `consent_given` bool NOT NULL,
    `is_demo` bool NOT NULL,
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `example_record_once` UNIQUE (`record_id`),
    CONSTRAINT `example_features_once_per_user` UNIQUE (`user_id`, `features_hash`)
);

-- The look of one verified image of a city: its hash's bands, the finer hash (32 bytes), width over height.
CREATE TABLE `image_fingerprints` (
    `object_id` char(32) NOT NULL PRIMARY KEY,
    `city_id` bigint NOT NULL,
    `band_0` integer UNSIGNED NOT NULL CHECK (`band_0` >= 0),
    `band_1` integer UNSIGNED NOT NULL CHECK (`band_1` >= 0),
    `band_2` integer UNSIGNED NOT NULL CHECK (`band_2` >= 0),
    `band_3` integer UNSIGNED NOT NULL CHECK (`band_3` >= 0),
    `fine` longblob NOT NULL,
    `aspect` double precision NOT NULL,
    `root` char(32) NOT NULL
);

-- That one group of samples went on as another (their hashes, see learning.groups): what was told of the former still holds.
CREATE TABLE `group_merges` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `former` bigint NOT NULL,
    `into` bigint NOT NULL,
    `merged_at` datetime(6) NOT NULL,
    CONSTRAINT `group_merge_once` UNIQUE (`into`, `former`)
);

-- The known answer of a sample; `version` counts how often the sample became gold. What it was is never changed.
CREATE TABLE `gold_answers` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `sample_id` bigint NOT NULL,
    `module_id` bigint NOT NULL,
    `version` integer UNSIGNED NOT NULL CHECK (`version` >= 0),
    `truth` json NOT NULL,
    `truth_sha256` varchar(64) NOT NULL,
    `category` varchar(120) NOT NULL,
    `showings` integer UNSIGNED NOT NULL CHECK (`showings` >= 0),
    `right_answers` integer UNSIGNED NOT NULL CHECK (`right_answers` >= 0),
    `promoted_by_id` bigint NOT NULL,
    `promoted_at` datetime(6) NOT NULL,
    `retired_by_id` bigint NULL,
    `retired_at` datetime(6) NULL,
    `retired_because` varchar(300) NOT NULL,
    CONSTRAINT `gold_version_once` UNIQUE (`sample_id`, `version`),
    CONSTRAINT `gold_right_answers_were_shown` CHECK (`right_answers` <= (`showings`))
);

ALTER TABLE `gold_answers` ADD COLUMN `gold_one_answer_per_sample` tinyint GENERATED ALWAYS AS (CASE WHEN `retired_at` IS NULL THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `gold_one_answer_per_sample` ON `gold_answers` (`sample_id`, `gold_one_answer_per_sample`);

-- One judgement of a gold sample: who gave it, and whether it was right. Nobody but reviewers ever sees which it was.
CREATE TABLE `gold_showings` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `gold_id` bigint NOT NULL,
    `module_id` bigint NOT NULL,
    `user_id` bigint NOT NULL,
    `label_id` bigint NOT NULL UNIQUE,
    `is_right` bool NOT NULL,
    `answered_at` datetime(6) NOT NULL
);

-- How many samples of a module a person has been given: by that number it is drawn whether the next one is gold.
CREATE TABLE `gold_turns` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `module_id` bigint NOT NULL,
    `user_id` bigint NOT NULL,
    `number` bigint UNSIGNED NOT NULL CHECK (`number` >= 0),
    CONSTRAINT `gold_turn_once` UNIQUE (`user_id`, `module_id`)
);

-- Somebody judges nothing in a module until a reviewer lifts it; `by` is null where the gold score did it.
CREATE TABLE `annotator_pauses` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `module_id` bigint NOT NULL,
    `user_id` bigint NOT NULL,
    `why` varchar(300) NOT NULL,
    `score` double precision NULL,
    `answers` integer UNSIGNED NOT NULL CHECK (`answers` >= 0),
    `since` datetime(6) NOT NULL,
    `by_id` bigint NULL,
    `lifted_at` datetime(6) NULL,
    `lifted_by_id` bigint NULL,
    `lifted_because` varchar(300) NOT NULL
);

ALTER TABLE `annotator_pauses` ADD COLUMN `pause_one_at_a_time` tinyint GENERATED ALWAYS AS (CASE WHEN `lifted_at` IS NULL THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `pause_one_at_a_time` ON `annotator_pauses` (`user_id`, `module_id`, `pause_one_at_a_time`);

-- What a worker found of one label or attribute (by its id) among samples and judgements up to two keys.
CREATE TABLE `label_uses` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `module_id` bigint NOT NULL,
    `part` varchar(10) NOT NULL,
    `number` integer UNSIGNED NOT NULL CHECK (`number` >= 0),
    `samples_until` bigint NOT NULL,
    `labels_until` bigint NOT NULL,
    `is_said` bool NOT NULL,
    CONSTRAINT `label_use_once` UNIQUE (`module_id`, `part`, `number`)
);

-- One batch of collecting (seed: training_sessions). The row is the job: a worker holds it by `token` until `claimed_until`.
CREATE TABLE `training_sessions` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `session_id` varchar(50) NOT NULL UNIQUE,
    `country` varchar(50) NOT NULL,
    `occupation` varchar(100) NOT NULL,
    `domain` varchar(100) NOT NULL,
    `module_id` bigint NOT NULL,
    `plan` json NOT NULL,
    `status` varchar(12) NOT NULL,
    `total_people` integer UNSIGNED NOT NULL CHECK (`total_people` >= 0),
    `people_completed` integer UNSIGNED NOT NULL CHECK (`people_completed` >= 0),
    `people_failed` integer UNSIGNED NOT NULL CHECK (`people_failed` >= 0),
    `total_images_downloaded` integer UNSIGNED NOT NULL CHECK (`total_images_downloaded` >= 0),
    `images_from_wikimedia` integer UNSIGNED NOT NULL CHECK (`images_from_wikimedia` >= 0),
    `images_from_serp` integer UNSIGNED NOT NULL CHECK (`images_from_serp` >= 0),
    `images_refused` integer UNSIGNED NOT NULL CHECK (`images_refused` >= 0),
    `searches` integer UNSIGNED NOT NULL CHECK (`searches` >= 0),
    `estimated_serp_cost` numeric(10, 2) NOT NULL,
    `started_at` datetime(6) NOT NULL,
    `discovered_at` datetime(6) NULL,
    `completed_at` datetime(6) NULL,
    `error_message` longtext NOT NULL,
    `token` varchar(32) NOT NULL,
    `claimed_until` datetime(6) NULL,
    `created_by_id` bigint NULL,
    CONSTRAINT `session_status_known` CHECK (`status` IN ('processing', 'completed', 'failed', 'cancelled'))
);

-- One person to be recognised (seed: people), named like the folder of their images within a domain.
CREATE TABLE `people` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `session_id` bigint NULL,
    `domain` varchar(100) NOT NULL,
    `full_name` varchar(255) NOT NULL,
    `normalized_name` varchar(255) NOT NULL,
    `wikidata_id` varchar(50) NULL,
    `primary_image_url` longtext NOT NULL,
    `commons_category` varchar(255) NOT NULL,
    `sitelinks` integer UNSIGNED NOT NULL CHECK (`sitelinks` >= 0),
    `occupation` varchar(100) NOT NULL,
    `country` varchar(50) NOT NULL,
    `description` longtext NOT NULL,
    `status` varchar(50) NOT NULL,
    `folder_path` varchar(500) NOT NULL,
    `total_images` integer UNSIGNED NOT NULL CHECK (`total_images` >= 0),
    `images_from_wikimedia` integer UNSIGNED NOT NULL CHECK (`images_from_wikimedia` >= 0),
    `images_from_serp` integer UNSIGNED NOT NULL CHECK (`images_from_serp` >= 0),
    `trainable` bool NOT NULL,
    `consent` bool NOT NULL,
    `consent_at` datetime(6) NULL,
    `collected_at` datetime(6) NULL,
    `collection_error` longtext NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `trained_at` datetime(6) NULL,
    `deployed_at` datetime(6) NULL,
    CONSTRAINT `person_name_once_per_domain` UNIQUE (`domain`, `normalized_name`),
    CONSTRAINT `person_folder_once_per_domain` UNIQUE (`domain`, `folder_path`),
    CONSTRAINT `person_status_known` CHECK (`status` IN ('pending', 'in_training', 'completed', 'deployed'))
);

-- One image of a person (seed: images); what can be decoded is a sample too, what cannot is kept with its reason.
CREATE TABLE `images` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `person_id` bigint NOT NULL,
    `sample_id` bigint NULL UNIQUE,
    `filename` varchar(255) NOT NULL,
    `file_path` varchar(500) NOT NULL,
    `file_size` bigint NULL,
    `sha256` varchar(64) NOT NULL,
    `source` varchar(50) NOT NULL,
    `source_url` longtext NOT NULL,
    `licence` varchar(200) NOT NULL,
    `author` longtext NOT NULL,
    `attribution` longtext NOT NULL,
    `is_validated` bool NOT NULL,
    `width` integer UNSIGNED NULL CHECK (`width` >= 0),
    `height` integer UNSIGNED NULL CHECK (`height` >= 0),
    `validation_error` longtext NOT NULL,
    `downloaded_at` datetime(6) NOT NULL,
    `validated_at` datetime(6) NULL,
    CONSTRAINT `image_file_once_per_person` UNIQUE (`person_id`, `filename`),
    CONSTRAINT `image_content_once_per_person` UNIQUE (`person_id`, `sha256`),
    CONSTRAINT `image_source_known` CHECK (`source` IN ('wikimedia_p18', 'wikimedia_category', 'serp', 'import'))
);

-- The judgements from number × STRETCH on, and when they were counted last; null: they are to be counted again.
CREATE TABLE `quality_stretches` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `number` bigint NOT NULL UNIQUE,
    `counted_at` datetime(6) NULL
);

-- How often something was so in a week (its Monday, UTC) of a module; person, city and model where it is theirs.
CREATE TABLE `quality_counts` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `stretch_id` bigint NOT NULL,
    `module_id` bigint NOT NULL,
    `week` date NOT NULL,
    `measure` varchar(14) NOT NULL,
    `person_id` bigint NULL,
    `other_id` bigint NULL,
    `city_id` bigint NULL,
    `model` varchar(120) NOT NULL,
    `version` varchar(40) NOT NULL,
    `said` varchar(120) NOT NULL,
    `meant` varchar(120) NOT NULL,
    `judges` smallint UNSIGNED NOT NULL CHECK (`judges` >= 0),
    `n` integer UNSIGNED NOT NULL CHECK (`n` >= 0),
    `hits` integer UNSIGNED NOT NULL CHECK (`hits` >= 0),
    `amount` double precision NOT NULL
);

-- A sample, a camera or a city of which nothing is deleted until somebody lifts the hold; times bound the capture.
CREATE TABLE `legal_holds` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `city_id` bigint NOT NULL,
    `camera_id` char(32) NULL,
    `sample_id` bigint NULL,
    `since` datetime(6) NULL,
    `until` datetime(6) NULL,
    `reason` varchar(300) NOT NULL,
    `put_by_id` bigint NULL,
    `put_at` datetime(6) NOT NULL,
    `lift_reason` varchar(300) NOT NULL,
    `lifted_by_id` bigint NULL,
    `lifted_at` datetime(6) NULL
);

-- One daily walk over what is due; `counts` says per step how many objects and bytes, and how many were kept back.
CREATE TABLE `lifecycle_runs` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `started_at` datetime(6) NOT NULL,
    `finished_at` datetime(6) NULL,
    `counts` json NOT NULL
);

-- A needed judgement; `judged_by` is the sorted ids of who judged the sample before, as "3,17" (empty: nobody).
CREATE TABLE `review_slots` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `sample_id` bigint NOT NULL,
    `slot_no` smallint UNSIGNED NOT NULL CHECK (`slot_no` >= 0),
    `module_id` bigint NOT NULL,
    `queue_key` varchar(80) NOT NULL,
    `kind` varchar(10) NOT NULL,
    `judged_by` varchar(200) NOT NULL,
    `only_user_id` bigint NULL,
    `priority` integer NOT NULL,
    `state` varchar(8) NOT NULL,
    `lease_user_id` bigint NULL,
    `lease_until` datetime(6) NULL,
    `leased_at` datetime(6) NULL,
    `label_id` bigint NULL UNIQUE,
    `place` smallint UNSIGNED NOT NULL CHECK (`place` >= 0),
    `in_full` bool NOT NULL,
    `skipped_by` varchar(200) NOT NULL,
    `about_id` bigint NULL,
    `outcome` varchar(10) NOT NULL,
    `reason` varchar(60) NOT NULL,
    `note` varchar(500) NOT NULL,
    `policy_version` integer UNSIGNED NOT NULL CHECK (`policy_version` >= 0),
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `slot_number_once` UNIQUE (`sample_id`, `slot_no`),
    CONSTRAINT `slot_place_held` CHECK ((`place` >= 1 AND `place` <= 51)),
    CONSTRAINT `slot_outcome_of_a_check` CHECK ((`outcome` = '' OR (`kind` = 'check' AND `outcome` IN ('accepted', 'fixed', 'returned')))),
    CONSTRAINT `slot_state_known` CHECK (`state` IN ('held', 'open', 'leased', 'done', 'void')),
    CONSTRAINT `slot_lease_has_a_person` CHECK ((NOT (`state` = 'leased') OR (`lease_until` IS NOT NULL AND `lease_user_id` IS NOT NULL)))
);

ALTER TABLE `review_slots` ADD COLUMN `slot_one_judgement_per_person` tinyint GENERATED ALWAYS AS (CASE WHEN (`kind` IN ('normal', 'gold') AND `state` IN ('leased', 'done')) THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `slot_one_judgement_per_person` ON `review_slots` (`sample_id`, `lease_user_id`, `slot_one_judgement_per_person`);

ALTER TABLE `review_slots` ADD COLUMN `slot_held` tinyint GENERATED ALWAYS AS (CASE WHEN `state` = 'leased' THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `slot_held` ON `review_slots` (`lease_user_id`, `queue_key`, `place`, `slot_held`);

-- The filters of a page as they stand in its URL, by name; never a searched text, which may be somebody's plate.
CREATE TABLE `saved_filters` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `owner_id` bigint NOT NULL,
    `name` varchar(80) NOT NULL,
    `is_shared` bool NOT NULL,
    `page` varchar(40) NOT NULL,
    `query` varchar(2000) NOT NULL,
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `saved_filter_name_once` UNIQUE (`owner_id`, `page`, `name`)
);

-- An act over samples: `keys` where they were ticked, else all that `query` (the page's filters) finds up to `newest`.
CREATE TABLE `selections` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `owner_id` bigint NOT NULL,
    `act` varchar(40) NOT NULL,
    `query` json NOT NULL,
    `keys` json NULL,
    `newest` bigint NOT NULL,
    `total` integer UNSIGNED NULL CHECK (`total` >= 0),
    `facts` json NOT NULL,
    `state` varchar(10) NOT NULL,
    `last_key` bigint NOT NULL,
    `seen` integer UNSIGNED NOT NULL CHECK (`seen` >= 0),
    `changed` integer UNSIGNED NOT NULL CHECK (`changed` >= 0),
    `skipped` json NOT NULL,
    `error` varchar(500) NOT NULL,
    `faults` smallint UNSIGNED NOT NULL CHECK (`faults` >= 0),
    `is_forgotten` bool NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `started_at` datetime(6) NULL,
    `finished_at` datetime(6) NULL,
    CONSTRAINT `selection_state_known` CHECK (`state` IN ('draft', 'running', 'done', 'failed', 'cancelled'))
);

-- One look at one store; rows are only added. `identity` names the store itself, so a new bucket is a new store.
CREATE TABLE `store_reports` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `kind` varchar(20) NOT NULL,
    `alias` varchar(40) NOT NULL,
    `identity` varchar(400) NOT NULL,
    `passed` bool NOT NULL,
    `facts` json NOT NULL,
    `began_at` datetime(6) NOT NULL,
    `finished_at` datetime(6) NOT NULL,
    CONSTRAINT `store_report_kind_known` CHECK (`kind` IN ('check', 'reconcile'))
);

-- The keys from number × STRETCH on, and when they were counted last.
CREATE TABLE `summary_stretches` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `source` varchar(10) NOT NULL,
    `number` bigint NOT NULL,
    `refreshed_at` datetime(6) NULL,
    CONSTRAINT `stretch_once` UNIQUE (`source`, `number`)
);

-- How many rows of a stretch are of this day (the city's own), city, module and kind; `reason` where they were rejected.
CREATE TABLE `daily_counts` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `stretch_id` bigint NOT NULL,
    `day` date NOT NULL,
    `city_id` bigint NOT NULL,
    `module_id` bigint NULL,
    `measure` varchar(10) NOT NULL,
    `reason` varchar(60) NOT NULL,
    `n` integer UNSIGNED NOT NULL CHECK (`n` >= 0)
);

-- What the store held on a day (UTC): objects and bytes of one kind in one storage class.
CREATE TABLE `storage_counts` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `day` date NOT NULL,
    `storage_class` varchar(40) NOT NULL,
    `kind` varchar(20) NOT NULL,
    `objects_held` bigint NOT NULL,
    `bytes_held` bigint NOT NULL,
    CONSTRAINT `storage_count_once` UNIQUE (`day`, `storage_class`, `kind`)
);

ALTER TABLE `cities` ADD CONSTRAINT `cities_organization_id_a7ea96b2_fk_organizations_id` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`);

ALTER TABLE `cities` ADD CONSTRAINT `cities_user_id_8bf0aae3_fk_users_id` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`);

ALTER TABLE `cameras` ADD CONSTRAINT `cameras_city_id_9dfdf0ec_fk_cities_id` FOREIGN KEY (`city_id`) REFERENCES `cities` (`id`);

ALTER TABLE `upload_batches` ADD CONSTRAINT `upload_batches_city_id_72515edd_fk_cities_id` FOREIGN KEY (`city_id`) REFERENCES `cities` (`id`);

ALTER TABLE `verification_chunks` ADD CONSTRAINT `verification_chunks_batch_id_4403067a_fk_upload_batches_id` FOREIGN KEY (`batch_id`) REFERENCES `upload_batches` (`id`);

ALTER TABLE `upload_rejections` ADD CONSTRAINT `upload_rejections_batch_id_b27834c3_fk_upload_batches_id` FOREIGN KEY (`batch_id`) REFERENCES `upload_batches` (`id`);

CREATE INDEX `discarded_since` ON `discarded_objects` (`created_at`);

ALTER TABLE `stored_objects` ADD CONSTRAINT `stored_objects_owner_id_6efb33fd_fk_users_id` FOREIGN KEY (`owner_id`) REFERENCES `users` (`id`);

ALTER TABLE `stored_objects` ADD CONSTRAINT `stored_objects_thumbnail_id_9bc31991_fk_stored_objects_id` FOREIGN KEY (`thumbnail_id`) REFERENCES `stored_objects` (`id`);

CREATE INDEX `object_sha256` ON `stored_objects` (`sha256`);

CREATE INDEX `object_delete_at` ON `stored_objects` (`delete_at`);

CREATE INDEX `object_marked` ON `stored_objects` (`marked_for_deletion_at`);

CREATE INDEX `object_archive_at` ON `stored_objects` (`archive_at`);

CREATE INDEX `object_to_purge` ON `stored_objects` (`deleted_at`);

ALTER TABLE `review_policies` ADD CONSTRAINT `review_policies_module_id_520db21e_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `review_policies` ADD CONSTRAINT `review_policies_made_by_id_eb940515_fk_users_id` FOREIGN KEY (`made_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `label_schemas` ADD CONSTRAINT `label_schemas_module_id_727ee723_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `label_schemas` ADD CONSTRAINT `label_schemas_created_by_id_39727aec_fk_users_id` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `learning_samples` ADD CONSTRAINT `learning_samples_module_id_ec6c7438_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `learning_samples` ADD CONSTRAINT `learning_samples_city_id_85396ce5_fk_cities_id` FOREIGN KEY (`city_id`) REFERENCES `cities` (`id`);

ALTER TABLE `learning_samples` ADD CONSTRAINT `learning_samples_camera_id_cb1a6fdc_fk_cameras_id` FOREIGN KEY (`camera_id`) REFERENCES `cameras` (`id`);

ALTER TABLE `learning_samples` ADD CONSTRAINT `learning_samples_batch_id_7706b7bb_fk_upload_batches_id` FOREIGN KEY (`batch_id`) REFERENCES `upload_batches` (`id`);

ALTER TABLE `learning_samples` ADD CONSTRAINT `learning_samples_object_id_53271521_fk_stored_objects_id` FOREIGN KEY (`object_id`) REFERENCES `stored_objects` (`id`);

CREATE UNIQUE INDEX `sample_id_once` ON `learning_samples` (`sample_id`);

CREATE INDEX `sample_module_state` ON `learning_samples` (`module_id`, `state`, `id`);

CREATE INDEX `sample_captured` ON `learning_samples` (`captured_at`, `city_id`);

CREATE INDEX `sample_city` ON `learning_samples` (`id`, `city_id`);

CREATE INDEX `sample_batch` ON `learning_samples` (`batch_id`, `id`);

CREATE INDEX `sample_disputed` ON `learning_samples` (`received_at`);

CREATE INDEX `sample_reopened` ON `learning_samples` (`reopened_at`);

CREATE INDEX `sample_source_name` ON `learning_samples` (`source_name`);

ALTER TABLE `erasures` ADD CONSTRAINT `erasures_requested_by_id_a684070e_fk_users_id` FOREIGN KEY (`requested_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `erasures` ADD CONSTRAINT `erasures_confirmed_by_id_844601b0_fk_users_id` FOREIGN KEY (`confirmed_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `erasures` ADD CONSTRAINT `erasures_receipt_id_06087014_fk_stored_objects_id` FOREIGN KEY (`receipt_id`) REFERENCES `stored_objects` (`id`);

CREATE INDEX `erasure_waiting` ON `erasures` (`due_at`);

ALTER TABLE `erasure_items` ADD CONSTRAINT `erasure_items_erasure_id_e3b1a650_fk_erasures_id` FOREIGN KEY (`erasure_id`) REFERENCES `erasures` (`id`);

ALTER TABLE `erasure_items` ADD CONSTRAINT `erasure_items_sample_id_b5e44c5e_fk_learning_samples_id` FOREIGN KEY (`sample_id`) REFERENCES `learning_samples` (`id`);

CREATE INDEX `erasure_item_open` ON `erasure_items` (`erasure_id`, `id`);

ALTER TABLE `erasure_touches` ADD CONSTRAINT `erasure_touches_erasure_id_6a98c6ed_fk_erasures_id` FOREIGN KEY (`erasure_id`) REFERENCES `erasures` (`id`);

ALTER TABLE `erasure_touches` ADD CONSTRAINT `erasure_touches_decided_by_id_2f236f3d_fk_users_id` FOREIGN KEY (`decided_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `erasure_ledger` ADD CONSTRAINT `erasure_ledger_city_id_3bfac686_fk_cities_id` FOREIGN KEY (`city_id`) REFERENCES `cities` (`id`);

ALTER TABLE `erasure_ledger` ADD CONSTRAINT `erasure_ledger_erasure_id_40b65965_fk_erasures_id` FOREIGN KEY (`erasure_id`) REFERENCES `erasures` (`id`);

ALTER TABLE `erasure_ledger_pages` ADD CONSTRAINT `erasure_ledger_pages_erasure_id_9e6fe69b_fk_erasures_id` FOREIGN KEY (`erasure_id`) REFERENCES `erasures` (`id`);

ALTER TABLE `erasure_ledger_pages` ADD CONSTRAINT `erasure_ledger_pages_object_id_621dea82_fk_stored_objects_id` FOREIGN KEY (`object_id`) REFERENCES `stored_objects` (`id`);

ALTER TABLE `access_exports` ADD CONSTRAINT `access_exports_erasure_id_dd295cda_fk_erasures_id` FOREIGN KEY (`erasure_id`) REFERENCES `erasures` (`id`);

ALTER TABLE `access_exports` ADD CONSTRAINT `access_exports_requested_by_id_37e81e7f_fk_users_id` FOREIGN KEY (`requested_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `access_exports` ADD CONSTRAINT `access_exports_object_id_868519cf_fk_stored_objects_id` FOREIGN KEY (`object_id`) REFERENCES `stored_objects` (`id`);

ALTER TABLE `hitl_labels` ADD CONSTRAINT `hitl_labels_sample_id_8ee10f81_fk_learning_samples_id` FOREIGN KEY (`sample_id`) REFERENCES `learning_samples` (`id`);

ALTER TABLE `hitl_labels` ADD CONSTRAINT `hitl_labels_city_id_4551113f_fk_cities_id` FOREIGN KEY (`city_id`) REFERENCES `cities` (`id`);

ALTER TABLE `hitl_labels` ADD CONSTRAINT `hitl_labels_schema_id_d7b82538_fk_label_schemas_id` FOREIGN KEY (`schema_id`) REFERENCES `label_schemas` (`id`);

ALTER TABLE `hitl_labels` ADD CONSTRAINT `hitl_labels_annotator_id_0d84a428_fk_users_id` FOREIGN KEY (`annotator_id`) REFERENCES `users` (`id`);

ALTER TABLE `hitl_labels` ADD CONSTRAINT `hitl_labels_supersedes_id_dd6cd72c_fk_hitl_labels_id` FOREIGN KEY (`supersedes_id`) REFERENCES `hitl_labels` (`id`);

CREATE INDEX `label_annotator` ON `hitl_labels` (`annotator_id`, `id`);

CREATE INDEX `label_guide_unclear` ON `hitl_labels` (`reason`, `id`);

CREATE INDEX `label_weight` ON `hitl_labels` (`sample_id`, `id`);

ALTER TABLE `training_examples` ADD CONSTRAINT `training_examples_sample_id_cdc722a7_fk_learning_samples_id` FOREIGN KEY (`sample_id`) REFERENCES `learning_samples` (`id`);

CREATE INDEX `example_user_label` ON `training_examples` (`user_id`, `modality`, `label`);

CREATE INDEX `example_user_time` ON `training_examples` (`user_id`, `timestamp`);

CREATE INDEX `example_session` ON `training_examples` (`session_id`);

CREATE INDEX `example_time` ON `training_examples` (`timestamp`);

ALTER TABLE `image_fingerprints` ADD CONSTRAINT `image_fingerprints_object_id_32751196_fk_stored_objects_id` FOREIGN KEY (`object_id`) REFERENCES `stored_objects` (`id`);

ALTER TABLE `image_fingerprints` ADD CONSTRAINT `image_fingerprints_city_id_5f0e915a_fk_cities_id` FOREIGN KEY (`city_id`) REFERENCES `cities` (`id`);

CREATE INDEX `fingerprint_band_0` ON `image_fingerprints` (`band_0`, `city_id`);

CREATE INDEX `fingerprint_band_1` ON `image_fingerprints` (`band_1`, `city_id`);

CREATE INDEX `fingerprint_band_2` ON `image_fingerprints` (`band_2`, `city_id`);

CREATE INDEX `fingerprint_band_3` ON `image_fingerprints` (`band_3`, `city_id`);

CREATE INDEX `fingerprint_root` ON `image_fingerprints` (`root`);

ALTER TABLE `gold_answers` ADD CONSTRAINT `gold_answers_sample_id_3d3945b9_fk_learning_samples_id` FOREIGN KEY (`sample_id`) REFERENCES `learning_samples` (`id`);

ALTER TABLE `gold_answers` ADD CONSTRAINT `gold_answers_module_id_8319e3cb_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `gold_answers` ADD CONSTRAINT `gold_answers_promoted_by_id_e25e3cda_fk_users_id` FOREIGN KEY (`promoted_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `gold_answers` ADD CONSTRAINT `gold_answers_retired_by_id_16257c93_fk_users_id` FOREIGN KEY (`retired_by_id`) REFERENCES `users` (`id`);

CREATE INDEX `gold_least_shown` ON `gold_answers` (`module_id`, `showings`, `id`);

ALTER TABLE `gold_showings` ADD CONSTRAINT `gold_showings_gold_id_09347e7b_fk_gold_answers_id` FOREIGN KEY (`gold_id`) REFERENCES `gold_answers` (`id`);

ALTER TABLE `gold_showings` ADD CONSTRAINT `gold_showings_module_id_87810368_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `gold_showings` ADD CONSTRAINT `gold_showings_user_id_e61ba3a9_fk_users_id` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`);

ALTER TABLE `gold_showings` ADD CONSTRAINT `gold_showings_label_id_f1a2e27f_fk_hitl_labels_id` FOREIGN KEY (`label_id`) REFERENCES `hitl_labels` (`id`);

CREATE INDEX `gold_showing_of_person` ON `gold_showings` (`user_id`, `module_id`, `id`);

ALTER TABLE `gold_turns` ADD CONSTRAINT `gold_turns_module_id_aa55942f_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `gold_turns` ADD CONSTRAINT `gold_turns_user_id_facd7439_fk_users_id` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`);

ALTER TABLE `annotator_pauses` ADD CONSTRAINT `annotator_pauses_module_id_89669296_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `annotator_pauses` ADD CONSTRAINT `annotator_pauses_user_id_a98fc911_fk_users_id` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`);

ALTER TABLE `annotator_pauses` ADD CONSTRAINT `annotator_pauses_by_id_d3dad4f8_fk_users_id` FOREIGN KEY (`by_id`) REFERENCES `users` (`id`);

ALTER TABLE `annotator_pauses` ADD CONSTRAINT `annotator_pauses_lifted_by_id_b3838ba9_fk_users_id` FOREIGN KEY (`lifted_by_id`) REFERENCES `users` (`id`);

CREATE INDEX `pause_of_person` ON `annotator_pauses` (`user_id`, `module_id`, `lifted_at`);

ALTER TABLE `label_uses` ADD CONSTRAINT `label_uses_module_id_83e52fdc_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `training_sessions` ADD CONSTRAINT `training_sessions_module_id_de49f412_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `training_sessions` ADD CONSTRAINT `training_sessions_created_by_id_0d350ae8_fk_users_id` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`);

CREATE INDEX `session_status` ON `training_sessions` (`status`);

CREATE INDEX `session_started` ON `training_sessions` (`started_at`);

ALTER TABLE `people` ADD CONSTRAINT `people_session_id_b33d69e5_fk_training_sessions_id` FOREIGN KEY (`session_id`) REFERENCES `training_sessions` (`id`);

CREATE INDEX `person_name` ON `people` (`normalized_name`);

CREATE INDEX `person_wikidata` ON `people` (`wikidata_id`);

CREATE INDEX `person_status` ON `people` (`status`);

ALTER TABLE `images` ADD CONSTRAINT `images_person_id_39e96f77_fk_people_id` FOREIGN KEY (`person_id`) REFERENCES `people` (`id`);

ALTER TABLE `images` ADD CONSTRAINT `images_sample_id_0695cdd5_fk_learning_samples_id` FOREIGN KEY (`sample_id`) REFERENCES `learning_samples` (`id`);

CREATE INDEX `image_person` ON `images` (`person_id`, `id`);

CREATE INDEX `image_source` ON `images` (`source`);

CREATE INDEX `image_validated` ON `images` (`is_validated`);

ALTER TABLE `quality_counts` ADD CONSTRAINT `quality_counts_stretch_id_ecb7aef8_fk_quality_stretches_id` FOREIGN KEY (`stretch_id`) REFERENCES `quality_stretches` (`id`);

ALTER TABLE `quality_counts` ADD CONSTRAINT `quality_counts_module_id_dcf4c27c_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `quality_counts` ADD CONSTRAINT `quality_counts_person_id_99662dd6_fk_users_id` FOREIGN KEY (`person_id`) REFERENCES `users` (`id`);

ALTER TABLE `quality_counts` ADD CONSTRAINT `quality_counts_other_id_3852af67_fk_users_id` FOREIGN KEY (`other_id`) REFERENCES `users` (`id`);

ALTER TABLE `quality_counts` ADD CONSTRAINT `quality_counts_city_id_6ddf761b_fk_cities_id` FOREIGN KEY (`city_id`) REFERENCES `cities` (`id`);

CREATE INDEX `quality_count_cut` ON `quality_counts` (`module_id`, `measure`, `week`);

ALTER TABLE `legal_holds` ADD CONSTRAINT `legal_holds_city_id_2d03ae70_fk_cities_id` FOREIGN KEY (`city_id`) REFERENCES `cities` (`id`);

ALTER TABLE `legal_holds` ADD CONSTRAINT `legal_holds_camera_id_c903f526_fk_cameras_id` FOREIGN KEY (`camera_id`) REFERENCES `cameras` (`id`);

ALTER TABLE `legal_holds` ADD CONSTRAINT `legal_holds_sample_id_919f04ee_fk_learning_samples_id` FOREIGN KEY (`sample_id`) REFERENCES `learning_samples` (`id`);

ALTER TABLE `legal_holds` ADD CONSTRAINT `legal_holds_put_by_id_4c34f08e_fk_users_id` FOREIGN KEY (`put_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `legal_holds` ADD CONSTRAINT `legal_holds_lifted_by_id_a627f87a_fk_users_id` FOREIGN KEY (`lifted_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `review_slots` ADD CONSTRAINT `review_slots_sample_id_53a5a397_fk_learning_samples_id` FOREIGN KEY (`sample_id`) REFERENCES `learning_samples` (`id`);

ALTER TABLE `review_slots` ADD CONSTRAINT `review_slots_module_id_07033821_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `review_slots` ADD CONSTRAINT `review_slots_only_user_id_b8e76e28_fk_users_id` FOREIGN KEY (`only_user_id`) REFERENCES `users` (`id`);

ALTER TABLE `review_slots` ADD CONSTRAINT `review_slots_lease_user_id_841d217f_fk_users_id` FOREIGN KEY (`lease_user_id`) REFERENCES `users` (`id`);

ALTER TABLE `review_slots` ADD CONSTRAINT `review_slots_label_id_a2086f51_fk_hitl_labels_id` FOREIGN KEY (`label_id`) REFERENCES `hitl_labels` (`id`);

ALTER TABLE `review_slots` ADD CONSTRAINT `review_slots_about_id_4e326b5b_fk_hitl_labels_id` FOREIGN KEY (`about_id`) REFERENCES `hitl_labels` (`id`);

CREATE INDEX `slot_done_by` ON `review_slots` (`module_id`, `lease_user_id`, `kind`);

CREATE INDEX `slot_waiting` ON `review_slots` (`queue_key`, `created_at`);

CREATE INDEX `slot_about` ON `review_slots` (`about_id`);

ALTER TABLE `saved_filters` ADD CONSTRAINT `saved_filters_owner_id_833b42cd_fk_users_id` FOREIGN KEY (`owner_id`) REFERENCES `users` (`id`);

ALTER TABLE `selections` ADD CONSTRAINT `selections_owner_id_29a09935_fk_users_id` FOREIGN KEY (`owner_id`) REFERENCES `users` (`id`);

CREATE INDEX `selection_waiting` ON `selections` (`created_at`);

CREATE INDEX `store_report_newest` ON `store_reports` (`kind`, `identity`, `id`);

ALTER TABLE `daily_counts` ADD CONSTRAINT `daily_counts_stretch_id_61239a50_fk_summary_stretches_id` FOREIGN KEY (`stretch_id`) REFERENCES `summary_stretches` (`id`);

ALTER TABLE `daily_counts` ADD CONSTRAINT `daily_counts_city_id_33620356_fk_cities_id` FOREIGN KEY (`city_id`) REFERENCES `cities` (`id`);

ALTER TABLE `daily_counts` ADD CONSTRAINT `daily_counts_module_id_124f0cb7_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

CREATE INDEX `daily_count_city` ON `daily_counts` (`city_id`, `day`);

CREATE INDEX `daily_count_day` ON `daily_counts` (`day`);
