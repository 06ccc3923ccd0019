-- learning: The learning store and the review queue.
-- Written from the models by `manage.py schema`; load the files of a folder in the order of their numbers.

-- A city or edge site that sends samples; it has one machine user.
CREATE TABLE "cities" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "slug" varchar(64) NOT NULL UNIQUE,
    "name" varchar(120) NOT NULL,
    "organization_id" bigint NULL REFERENCES "organizations" ("id") DEFERRABLE INITIALLY DEFERRED,
    "user_id" bigint NULL UNIQUE REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "timezone" varchar(64) NOT NULL,
    "expected_every" bigint NULL,
    "created_at" datetime NOT NULL
);

-- A camera, made on first sight; `camera_id` is what its city calls it.
CREATE TABLE "cameras" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "city_id" bigint NOT NULL REFERENCES "cities" ("id") DEFERRABLE INITIALLY DEFERRED,
    "camera_id" varchar(120) NOT NULL,
    "last_sample_at" datetime NULL,
    "created_at" datetime NOT NULL,
    CONSTRAINT "camera_once_per_city" UNIQUE ("city_id", "camera_id")
);

-- `batch_<city>_<YYYYMMDD>`, then `-2`, `-3` … ; the day is the city's.
CREATE TABLE "upload_batches" (
    "id" varchar(120) NOT NULL PRIMARY KEY,
    "city_id" bigint NOT NULL REFERENCES "cities" ("id") DEFERRABLE INITIALLY DEFERRED,
    "day" date NOT NULL,
    "number" integer unsigned NOT NULL CHECK ("number" >= 0),
    "client_batch_id" varchar(120) NULL,
    "state" varchar(12) NOT NULL,
    "opened_at" datetime NOT NULL,
    "sealed_at" datetime NULL,
    "finished_at" datetime NULL,
    "item_count" integer unsigned NOT NULL CHECK ("item_count" >= 0),
    "verified_count" integer unsigned NOT NULL CHECK ("verified_count" >= 0),
    "sha256" varchar(64) NOT NULL,
    CONSTRAINT "batch_number_once_per_day" UNIQUE ("city_id", "day", "number"),
    CONSTRAINT "batch_client_id_once" UNIQUE ("city_id", "client_batch_id"),
    CONSTRAINT "batch_state_known" CHECK ("state" IN ('open', 'sealed', 'registered', 'rejected', 'expired'))
);

-- A part of a sealed batch, by the keys of its samples, that one worker verifies; it goes when that is done.
CREATE TABLE "verification_chunks" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "batch_id" varchar(120) NOT NULL REFERENCES "upload_batches" ("id") DEFERRABLE INITIALLY DEFERRED,
    "first" bigint NOT NULL,
    "last" bigint NOT NULL,
    "claimed_until" datetime NULL,
    CONSTRAINT "chunk_once" UNIQUE ("batch_id", "first")
);

-- An item that was not taken, and why; the reason DUPLICATE says that the hub has it already.
CREATE TABLE "upload_rejections" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "batch_id" varchar(120) NOT NULL REFERENCES "upload_batches" ("id") DEFERRABLE INITIALLY DEFERRED,
    "event_id" varchar(200) NOT NULL,
    "reason" varchar(60) NOT NULL,
    "detail" varchar(500) NOT NULL,
    "created_at" datetime NOT NULL,
    CONSTRAINT "rejection_once" UNIQUE ("batch_id", "event_id", "reason")
);

-- An object that nothing holds any more: removed at once, and once more when its upload's address has expired.
CREATE TABLE "discarded_objects" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "name" varchar(64) NOT NULL,
    "alias" varchar(40) NOT NULL,
    "created_at" datetime NOT NULL,
    "removed_at" datetime NULL
);

-- An object under a flat name; references are computed from the store's alias.
CREATE TABLE "stored_objects" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "name" varchar(64) NOT NULL,
    "alias" varchar(40) NOT NULL,
    "kind" varchar(20) NOT NULL,
    "sha256" varchar(64) NOT NULL,
    "md5" varchar(32) NOT NULL,
    "size" bigint NOT NULL,
    "media_type" varchar(80) NOT NULL,
    "width" integer unsigned NULL CHECK ("width" >= 0),
    "height" integer unsigned NULL CHECK ("height" >= 0),
    "encoding" varchar(80) NOT NULL,
    "shape" text NULL CHECK ((JSON_VALID("shape") OR "shape" IS NULL)),
    "dtype" varchar(20) NOT NULL,
    "owner_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "thumbnail_id" char(32) NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "metadata" text NOT NULL CHECK ((JSON_VALID("metadata") OR "metadata" IS NULL)),
    "storage_class" varchar(40) NOT NULL,
    "etag" varchar(80) NOT NULL,
    "phash" bigint NULL,
    "created_at" datetime NOT NULL,
    "verified_at" datetime NULL,
    "archive_at" datetime NULL,
    "delete_at" datetime NULL,
    "marked_for_deletion_at" datetime NULL,
    "deleted_at" datetime NULL,
    "purged_at" datetime NULL,
    CONSTRAINT "object_name_once" UNIQUE ("name"),
    CONSTRAINT "object_kind_known" CHECK ("kind" IN ('image', 'video', 'features', 'bundle', 'config', 'manifest', 'truth', 'checkpoint', 'thumbnail', 'export'))
);

-- One version of a module's review policy; append-only. The module carries the newest one's terms.
CREATE TABLE "review_policies" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "version" integer unsigned NOT NULL CHECK ("version" >= 0),
    "terms" text NOT NULL CHECK ((JSON_VALID("terms") OR "terms" IS NULL)),
    "reason" varchar(300) NOT NULL,
    "made_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "made_at" datetime NOT NULL,
    CONSTRAINT "policy_version_once" UNIQUE ("module_id", "version")
);

-- What `ai_module` and `modality` text means everywhere; one of task features names their encoding and numbers a row.
CREATE TABLE "ai_modules" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "slug" varchar(64) NOT NULL UNIQUE,
    "name" varchar(120) NOT NULL,
    "task" varchar(20) NOT NULL,
    "review_policy" text NOT NULL CHECK ((JSON_VALID("review_policy") OR "review_policy" IS NULL)),
    "policy_version" integer unsigned NOT NULL CHECK ("policy_version" >= 0),
    "retention" text NOT NULL CHECK ((JSON_VALID("retention") OR "retention" IS NULL)),
    "release_gate" text NOT NULL CHECK ((JSON_VALID("release_gate") OR "release_gate" IS NULL)),
    "accepts_unlabelled" bool NOT NULL,
    "min_quality" real NOT NULL,
    "encoding" varchar(80) NOT NULL,
    "dims" integer unsigned NULL CHECK ("dims" >= 0),
    "created_at" datetime NOT NULL,
    CONSTRAINT "module_task_known" CHECK ("task" IN ('classification', 'text', 'detection', 'features'))
);

-- One revision of a module's answers; append-only, with stable label ids.
CREATE TABLE "label_schemas" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "revision" integer unsigned NOT NULL CHECK ("revision" >= 0),
    "labels" text NOT NULL CHECK ((JSON_VALID("labels") OR "labels" IS NULL)),
    "attributes" text NOT NULL CHECK ((JSON_VALID("attributes") OR "attributes" IS NULL)),
    "text" text NOT NULL CHECK ((JSON_VALID("text") OR "text" IS NULL)),
    "reasons" text NOT NULL CHECK ((JSON_VALID("reasons") OR "reasons" IS NULL)),
    "reject_reasons" text NOT NULL CHECK ((JSON_VALID("reject_reasons") OR "reject_reasons" IS NULL)),
    "guide" text NOT NULL,
    "note" varchar(300) NOT NULL,
    "created_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "created_at" datetime NOT NULL,
    CONSTRAINT "label_schema_revision_once" UNIQUE ("module_id", "revision")
);

-- One detection: `prediction` is the edge's, `truth` the people's; both are annotation values (docs/wire).
CREATE TABLE "learning_samples" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "sample_id" varchar(200) NOT NULL,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "city_id" bigint NOT NULL REFERENCES "cities" ("id") DEFERRABLE INITIALLY DEFERRED,
    "camera_id" char(32) NOT NULL REFERENCES "cameras" ("id") DEFERRABLE INITIALLY DEFERRED,
    "event_id" varchar(200) NOT NULL,
    "batch_id" varchar(120) NULL REFERENCES "upload_batches" ("id") DEFERRABLE INITIALLY DEFERRED,
    "object_id" char(32) NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "by_reference" bool NOT NULL,
    "source_name" varchar(255) NOT NULL,
    "captured_at" datetime NOT NULL,
    "received_at" datetime NOT NULL,
    "sample_type" varchar(10) NOT NULL,
    "prediction" text NULL CHECK ((JSON_VALID("prediction") OR "prediction" IS NULL)),
    "predicted_by" text NULL CHECK ((JSON_VALID("predicted_by") OR "predicted_by" IS NULL)),
    "confidence" real NULL,
    "image_quality_score" real NULL,
    "context_notes" text NOT NULL,
    "source_label_status" varchar(10) NOT NULL,
    "state" varchar(10) NOT NULL,
    "truth" text NULL CHECK ((JSON_VALID("truth") OR "truth" IS NULL)),
    "truth_sha256" varchar(64) NOT NULL,
    "label_status" varchar(10) NOT NULL,
    "group_key" varchar(280) NOT NULL,
    "priority" integer NOT NULL,
    "is_gold" bool NOT NULL,
    "erased_at" datetime NULL,
    "reopened_at" datetime NULL,
    CONSTRAINT "sample_event_once_per_city" UNIQUE ("city_id", "event_id"),
    CONSTRAINT "sample_state_known" CHECK ("state" IN ('received', 'pending', 'settled', 'disputed', 'excluded')),
    CONSTRAINT "sample_type_known" CHECK ("sample_type" IN ('automatic', 'manual', 'synthetic')),
    CONSTRAINT "sample_confidence_in_range" CHECK (("confidence" IS NULL OR ("confidence" >= 0.0 AND "confidence" <= 1.0))),
    CONSTRAINT "sample_quality_in_range" CHECK (("image_quality_score" IS NULL OR ("image_quality_score" >= 0.0 AND "image_quality_score" <= 1.0)))
);

-- A request that samples be erased; once it is done it names nobody: `subject` is emptied, its hash stays.
CREATE TABLE "erasures" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "kind" varchar(10) NOT NULL,
    "subject" text NOT NULL CHECK ((JSON_VALID("subject") OR "subject" IS NULL)),
    "subject_sha256" varchar(64) NOT NULL,
    "reference" varchar(120) NOT NULL,
    "state" varchar(10) NOT NULL,
    "requested_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "requested_at" datetime NOT NULL,
    "due_at" datetime NOT NULL,
    "gathered_at" datetime NULL,
    "confirmed_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "confirmed_at" datetime NULL,
    "claimed_until" datetime NULL,
    "finished_at" datetime NULL,
    "waits_for" varchar(300) NOT NULL,
    "counts" text NOT NULL CHECK ((JSON_VALID("counts") OR "counts" IS NULL)),
    "receipt_id" char(32) NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT "erasure_state_known" CHECK ("state" IN ('draft', 'confirmed', 'running', 'done')),
    CONSTRAINT "erasure_kind_known" CHECK ("kind" IN ('plate', 'samples', 'event', 'camera', 'city', 'person', 'user', 'ledger'))
);

-- One candidate of an erasure: found, chosen or not, and done once it is erased. Keeps no text of what was found.
CREATE TABLE "erasure_items" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "erasure_id" char(32) NOT NULL REFERENCES "erasures" ("id") DEFERRABLE INITIALLY DEFERRED,
    "sample_id" bigint NULL REFERENCES "learning_samples" ("id") DEFERRABLE INITIALLY DEFERRED,
    "match" varchar(6) NOT NULL,
    "found_in" varchar(20) NOT NULL,
    "is_chosen" bool NOT NULL,
    "done_at" datetime NULL,
    CONSTRAINT "erasure_item_once" UNIQUE ("erasure_id", "sample_id")
);

-- One thing above the store that an erasure touches (a core.hooks.Impact); a model version asks for a decision.
CREATE TABLE "erasure_touches" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "erasure_id" char(32) NOT NULL REFERENCES "erasures" ("id") DEFERRABLE INITIALLY DEFERRED,
    "kind" varchar(40) NOT NULL,
    "object_id" varchar(200) NOT NULL,
    "consequence" varchar(500) NOT NULL,
    "decision" varchar(10) NOT NULL,
    "why" varchar(300) NOT NULL,
    "decided_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "decided_at" datetime NULL,
    CONSTRAINT "erasure_touch_once" UNIQUE ("erasure_id", "kind", "object_id")
);

-- The hash of one erased event of a city: it says of an id that is shown to it that it was erased, and names none.
CREATE TABLE "erasure_ledger" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "city_id" bigint NOT NULL REFERENCES "cities" ("id") DEFERRABLE INITIALLY DEFERRED,
    "identity_sha256" varchar(64) NOT NULL,
    "erasure_id" char(32) NULL REFERENCES "erasures" ("id") DEFERRABLE INITIALLY DEFERRED,
    "at" datetime NOT NULL,
    CONSTRAINT "ledger_entry_once" UNIQUE ("city_id", "identity_sha256")
);

-- A part of the ledger as it lies in the store, under a name that follows from its number.
CREATE TABLE "erasure_ledger_pages" (
    "number" integer unsigned NOT NULL PRIMARY KEY CHECK ("number" >= 0),
    "erasure_id" char(32) NULL REFERENCES "erasures" ("id") DEFERRABLE INITIALLY DEFERRED,
    "object_id" char(32) NOT NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "entries" integer unsigned NOT NULL CHECK ("entries" >= 0)
);

-- Everything the hub holds of somebody or something, as a ZIP that lies in the store for a few days.
CREATE TABLE "access_exports" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "kind" varchar(10) NOT NULL,
    "subject" text NOT NULL CHECK ((JSON_VALID("subject") OR "subject" IS NULL)),
    "erasure_id" char(32) NULL REFERENCES "erasures" ("id") DEFERRABLE INITIALLY DEFERRED,
    "reference" varchar(120) NOT NULL,
    "requested_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "requested_at" datetime NOT NULL,
    "claimed_until" datetime NULL,
    "finished_at" datetime NULL,
    "expires_at" datetime NULL,
    "samples" integer unsigned NOT NULL CHECK ("samples" >= 0),
    "error_message" varchar(300) NOT NULL,
    "object_id" char(32) NULL REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED
);

-- A judgement, by a user of the hub or a city's own person; one that was taken back stays, and makes no truth.
CREATE TABLE "hitl_labels" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "label_id" varchar(64) NOT NULL,
    "sample_id" bigint NOT NULL REFERENCES "learning_samples" ("id") DEFERRABLE INITIALLY DEFERRED,
    "city_id" bigint NOT NULL REFERENCES "cities" ("id") DEFERRABLE INITIALLY DEFERRED,
    "schema_id" bigint NULL REFERENCES "label_schemas" ("id") DEFERRABLE INITIALLY DEFERRED,
    "label_status" varchar(10) NOT NULL,
    "decision" varchar(10) NOT NULL,
    "prediction" text NULL CHECK ((JSON_VALID("prediction") OR "prediction" IS NULL)),
    "correction" text NULL CHECK ((JSON_VALID("correction") OR "correction" IS NULL)),
    "labeled_at" datetime NOT NULL,
    "annotator_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "operator_id" varchar(120) NOT NULL,
    "label_source" varchar(12) NOT NULL,
    "review_time_seconds" real NULL,
    "confidence_override" real NULL,
    "correction_notes" text NOT NULL,
    "reason" varchar(60) NOT NULL,
    "is_disputed" bool NOT NULL,
    "dispute_resolution" varchar(60) NOT NULL,
    "client_uuid" char(32) NULL,
    "request_sha256" varchar(64) NOT NULL,
    "supersedes_id" bigint NULL REFERENCES "hitl_labels" ("id") DEFERRABLE INITIALLY DEFERRED,
    "withdrawn_at" datetime NULL,
    "created_at" datetime NOT NULL,
    CONSTRAINT "label_id_once" UNIQUE ("label_id"),
    CONSTRAINT "label_status_known" CHECK ("label_status" IN ('correct', 'changed', 'unsure')),
    CONSTRAINT "label_decision_known" CHECK ("decision" IN ('correct', 'change', 'nothing', 'unsure', 'reject')),
    CONSTRAINT "label_correction_only_with_changed" CHECK (("correction" IS NULL OR "label_status" = 'changed'))
);

-- One labelled example of one user (seed: training_examples); label, modality and time are copies of its sample's.
CREATE TABLE "training_examples" (
    "example_id" char(32) NOT NULL PRIMARY KEY,
    "sample_id" bigint NOT NULL UNIQUE REFERENCES "learning_samples" ("id") DEFERRABLE INITIALLY DEFERRED,
    "user_id" varchar(120) NOT NULL,
    "session_id" varchar(120) NULL,
    "record_id" char(32) NULL,
    "modality" varchar(64) NOT NULL,
    "label" varchar(60) NOT NULL,
    "performer_id" varchar(120) NULL,
    "timestamp" datetime NOT NULL,
    "features_hash" varchar(71) NOT NULL,
    "features_format" varchar(10) NOT NULL,
    "encoding" varchar(80) NOT NULL,
    "dims" integer unsigned NULL CHECK ("dims" >= 0),
    "consent_given" bool NOT NULL,
    "is_demo" bool NOT NULL,
    "created_at" datetime NOT NULL,
    CONSTRAINT "example_record_once" UNIQUE ("record_id"),
    CONSTRAINT "example_features_once_per_user" UNIQUE ("user_id", "features_hash")
);

-- The look of one verified image of a city: its hash's bands, the finer hash (32 bytes), width over height.
CREATE TABLE "image_fingerprints" (
    "object_id" char(32) NOT NULL PRIMARY KEY REFERENCES "stored_objects" ("id") DEFERRABLE INITIALLY DEFERRED,
    "city_id" bigint NOT NULL REFERENCES "cities" ("id") DEFERRABLE INITIALLY DEFERRED,
    "band_0" integer unsigned NOT NULL CHECK ("band_0" >= 0),
    "band_1" integer unsigned NOT NULL CHECK ("band_1" >= 0),
    "band_2" integer unsigned NOT NULL CHECK ("band_2" >= 0),
    "band_3" integer unsigned NOT NULL CHECK ("band_3" >= 0),
    "fine" BLOB NOT NULL,
    "aspect" real NOT NULL,
    "root" char(32) NOT NULL
);

-- That one group of samples went on as another (their hashes, see learning.groups): what was told of the former still holds.
CREATE TABLE "group_merges" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "former" bigint NOT NULL,
    "into" bigint NOT NULL,
    "merged_at" datetime NOT NULL,
    CONSTRAINT "group_merge_once" UNIQUE ("into", "former")
);

-- The known answer of a sample; `version` counts how often the sample became gold. What it was is never changed.
CREATE TABLE "gold_answers" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "sample_id" bigint NOT NULL REFERENCES "learning_samples" ("id") DEFERRABLE INITIALLY DEFERRED,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "version" integer unsigned NOT NULL CHECK ("version" >= 0),
    "truth" text NOT NULL CHECK ((JSON_VALID("truth") OR "truth" IS NULL)),
    "truth_sha256" varchar(64) NOT NULL,
    "category" varchar(120) NOT NULL,
    "showings" integer unsigned NOT NULL CHECK ("showings" >= 0),
    "right_answers" integer unsigned NOT NULL CHECK ("right_answers" >= 0),
    "promoted_by_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "promoted_at" datetime NOT NULL,
    "retired_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "retired_at" datetime NULL,
    "retired_because" varchar(300) NOT NULL,
    CONSTRAINT "gold_version_once" UNIQUE ("sample_id", "version"),
    CONSTRAINT "gold_right_answers_were_shown" CHECK ("right_answers" <= ("showings"))
);

-- One judgement of a gold sample: who gave it, and whether it was right. Nobody but reviewers ever sees which it was.
CREATE TABLE "gold_showings" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "gold_id" bigint NOT NULL REFERENCES "gold_answers" ("id") DEFERRABLE INITIALLY DEFERRED,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "user_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "label_id" bigint NOT NULL UNIQUE REFERENCES "hitl_labels" ("id") DEFERRABLE INITIALLY DEFERRED,
    "is_right" bool NOT NULL,
    "answered_at" datetime NOT NULL
);

-- How many samples of a module a person has been given: by that number it is drawn whether the next one is gold.
CREATE TABLE "gold_turns" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "user_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "number" bigint unsigned NOT NULL CHECK ("number" >= 0),
    CONSTRAINT "gold_turn_once" UNIQUE ("user_id", "module_id")
);

-- Somebody judges nothing in a module until a reviewer lifts it; `by` is null where the gold score did it.
CREATE TABLE "annotator_pauses" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "user_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "why" varchar(300) NOT NULL,
    "score" real NULL,
    "answers" integer unsigned NOT NULL CHECK ("answers" >= 0),
    "since" datetime NOT NULL,
    "by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "lifted_at" datetime NULL,
    "lifted_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "lifted_because" varchar(300) NOT NULL
);

-- What a worker found of one label or attribute (by its id) among samples and judgements up to two keys.
CREATE TABLE "label_uses" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "part" varchar(10) NOT NULL,
    "number" integer unsigned NOT NULL CHECK ("number" >= 0),
    "samples_until" bigint NOT NULL,
    "labels_until" bigint NOT NULL,
    "is_said" bool NOT NULL,
    CONSTRAINT "label_use_once" UNIQUE ("module_id", "part", "number")
);

-- One batch of collecting (seed: training_sessions). The row is the job: a worker holds it by `token` until `claimed_until`.
CREATE TABLE "training_sessions" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "session_id" varchar(50) NOT NULL UNIQUE,
    "country" varchar(50) NOT NULL,
    "occupation" varchar(100) NOT NULL,
    "domain" varchar(100) NOT NULL,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "plan" text NOT NULL CHECK ((JSON_VALID("plan") OR "plan" IS NULL)),
    "status" varchar(12) NOT NULL,
    "total_people" integer unsigned NOT NULL CHECK ("total_people" >= 0),
    "people_completed" integer unsigned NOT NULL CHECK ("people_completed" >= 0),
    "people_failed" integer unsigned NOT NULL CHECK ("people_failed" >= 0),
    "total_images_downloaded" integer unsigned NOT NULL CHECK ("total_images_downloaded" >= 0),
    "images_from_wikimedia" integer unsigned NOT NULL CHECK ("images_from_wikimedia" >= 0),
    "images_from_serp" integer unsigned NOT NULL CHECK ("images_from_serp" >= 0),
    "images_refused" integer unsigned NOT NULL CHECK ("images_refused" >= 0),
    "searches" integer unsigned NOT NULL CHECK ("searches" >= 0),
    "estimated_serp_cost" decimal NOT NULL,
    "started_at" datetime NOT NULL,
    "discovered_at" datetime NULL,
    "completed_at" datetime NULL,
    "error_message" text NOT NULL,
    "token" varchar(32) NOT NULL,
    "claimed_until" datetime NULL,
    "created_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT "session_status_known" CHECK ("status" IN ('processing', 'completed', 'failed', 'cancelled'))
);

-- One person to be recognised (seed: people), named like the folder of their images within a domain.
CREATE TABLE "people" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "session_id" bigint NULL REFERENCES "training_sessions" ("id") DEFERRABLE INITIALLY DEFERRED,
    "domain" varchar(100) NOT NULL,
    "full_name" varchar(255) NOT NULL,
    "normalized_name" varchar(255) NOT NULL,
    "wikidata_id" varchar(50) NULL,
    "primary_image_url" text NOT NULL,
    "commons_category" varchar(255) NOT NULL,
    "sitelinks" integer unsigned NOT NULL CHECK ("sitelinks" >= 0),
    "occupation" varchar(100) NOT NULL,
    "country" varchar(50) NOT NULL,
    "description" text NOT NULL,
    "status" varchar(50) NOT NULL,
    "folder_path" varchar(500) NOT NULL,
    "total_images" integer unsigned NOT NULL CHECK ("total_images" >= 0),
    "images_from_wikimedia" integer unsigned NOT NULL CHECK ("images_from_wikimedia" >= 0),
    "images_from_serp" integer unsigned NOT NULL CHECK ("images_from_serp" >= 0),
    "trainable" bool NOT NULL,
    "consent" bool NOT NULL,
    "consent_at" datetime NULL,
    "collected_at" datetime NULL,
    "collection_error" text NOT NULL,
    "created_at" datetime NOT NULL,
    "trained_at" datetime NULL,
    "deployed_at" datetime NULL,
    CONSTRAINT "person_name_once_per_domain" UNIQUE ("domain", "normalized_name"),
    CONSTRAINT "person_folder_once_per_domain" UNIQUE ("domain", "folder_path"),
    CONSTRAINT "person_status_known" CHECK ("status" IN ('pending', 'in_training', 'completed', 'deployed'))
);

-- One image of a person (seed: images); what can be decoded is a sample too, what cannot is kept with its reason.
CREATE TABLE "images" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "person_id" bigint NOT NULL REFERENCES "people" ("id") DEFERRABLE INITIALLY DEFERRED,
    "sample_id" bigint NULL UNIQUE REFERENCES "learning_samples" ("id") DEFERRABLE INITIALLY DEFERRED,
    "filename" varchar(255) NOT NULL,
    "file_path" varchar(500) NOT NULL,
    "file_size" bigint NULL,
    "sha256" varchar(64) NOT NULL,
    "source" varchar(50) NOT NULL,
    "source_url" text NOT NULL,
    "licence" varchar(200) NOT NULL,
    "author" text NOT NULL,
    "attribution" text NOT NULL,
    "is_validated" bool NOT NULL,
    "width" integer unsigned NULL CHECK ("width" >= 0),
    "height" integer unsigned NULL CHECK ("height" >= 0),
    "validation_error" text NOT NULL,
    "downloaded_at" datetime NOT NULL,
    "validated_at" datetime NULL,
    CONSTRAINT "image_file_once_per_person" UNIQUE ("person_id", "filename"),
    CONSTRAINT "image_content_once_per_person" UNIQUE ("person_id", "sha256"),
    CONSTRAINT "image_source_known" CHECK ("source" IN ('wikimedia_p18', 'wikimedia_category', 'serp', 'import'))
);

-- The judgements from number × STRETCH on, and when they were counted last; null: they are to be counted again.
CREATE TABLE "quality_stretches" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "number" bigint NOT NULL UNIQUE,
    "counted_at" datetime NULL
);

-- How often something was so in a week (its Monday, UTC) of a module; person, city and model where it is theirs.
CREATE TABLE "quality_counts" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "stretch_id" bigint NOT NULL REFERENCES "quality_stretches" ("id") DEFERRABLE INITIALLY DEFERRED,
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "week" date NOT NULL,
    "measure" varchar(14) NOT NULL,
    "person_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "other_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "city_id" bigint NULL REFERENCES "cities" ("id") DEFERRABLE INITIALLY DEFERRED,
    "model" varchar(120) NOT NULL,
    "version" varchar(40) NOT NULL,
    "said" varchar(120) NOT NULL,
    "meant" varchar(120) NOT NULL,
    "judges" smallint unsigned NOT NULL CHECK ("judges" >= 0),
    "n" integer unsigned NOT NULL CHECK ("n" >= 0),
    "hits" integer unsigned NOT NULL CHECK ("hits" >= 0),
    "amount" real NOT NULL
);

-- A sample, a camera or a city of which nothing is deleted until somebody lifts the hold; times bound the capture.
CREATE TABLE "legal_holds" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "city_id" bigint NOT NULL REFERENCES "cities" ("id") DEFERRABLE INITIALLY DEFERRED,
    "camera_id" char(32) NULL REFERENCES "cameras" ("id") DEFERRABLE INITIALLY DEFERRED,
    "sample_id" bigint NULL REFERENCES "learning_samples" ("id") DEFERRABLE INITIALLY DEFERRED,
    "since" datetime NULL,
    "until" datetime NULL,
    "reason" varchar(300) NOT NULL,
    "put_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "put_at" datetime NOT NULL,
    "lift_reason" varchar(300) NOT NULL,
    "lifted_by_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "lifted_at" datetime NULL
);

-- One daily walk over what is due; `counts` says per step how many objects and bytes, and how many were kept back.
CREATE TABLE "lifecycle_runs" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "started_at" datetime NOT NULL,
    "finished_at" datetime NULL,
    "counts" text NOT NULL CHECK ((JSON_VALID("counts") OR "counts" IS NULL))
);

-- A needed judgement; `judged_by` is the sorted ids of who judged the sample before, as "3,17" (empty: nobody).
CREATE TABLE "review_slots" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "sample_id" bigint NOT NULL REFERENCES "learning_samples" ("id") DEFERRABLE INITIALLY DEFERRED,
    "slot_no" smallint unsigned NOT NULL CHECK ("slot_no" >= 0),
    "module_id" bigint NOT NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "queue_key" varchar(80) NOT NULL,
    "kind" varchar(10) NOT NULL,
    "judged_by" varchar(200) NOT NULL,
    "only_user_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "priority" integer NOT NULL,
    "state" varchar(8) NOT NULL,
    "lease_user_id" bigint NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "lease_until" datetime NULL,
    "leased_at" datetime NULL,
    "label_id" bigint NULL UNIQUE REFERENCES "hitl_labels" ("id") DEFERRABLE INITIALLY DEFERRED,
    "place" smallint unsigned NOT NULL CHECK ("place" >= 0),
    "in_full" bool NOT NULL,
    "skipped_by" varchar(200) NOT NULL,
    "about_id" bigint NULL REFERENCES "hitl_labels" ("id") DEFERRABLE INITIALLY DEFERRED,
    "outcome" varchar(10) NOT NULL,
    "reason" varchar(60) NOT NULL,
    "note" varchar(500) NOT NULL,
    "policy_version" integer unsigned NOT NULL CHECK ("policy_version" >= 0),
    "created_at" datetime NOT NULL,
    CONSTRAINT "slot_number_once" UNIQUE ("sample_id", "slot_no"),
    CONSTRAINT "slot_place_held" CHECK (("place" >= 1 AND "place" <= 51)),
    CONSTRAINT "slot_outcome_of_a_check" CHECK (("outcome" = '' OR ("kind" = 'check' AND "outcome" IN ('accepted', 'fixed', 'returned')))),
    CONSTRAINT "slot_state_known" CHECK ("state" IN ('held', 'open', 'leased', 'done', 'void')),
    CONSTRAINT "slot_lease_has_a_person" CHECK ((NOT ("state" = 'leased') OR ("lease_until" IS NOT NULL AND "lease_user_id" IS NOT NULL)))
);

-- The filters of a page as they stand in its URL, by name; never a searched text, which may be somebody's plate.
CREATE TABLE "saved_filters" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "owner_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "name" varchar(80) NOT NULL,
    "is_shared" bool NOT NULL,
    "page" varchar(40) NOT NULL,
    "query" varchar(2000) NOT NULL,
    "created_at" datetime NOT NULL,
    CONSTRAINT "saved_filter_name_once" UNIQUE ("owner_id", "page", "name")
);

-- An act over samples: `keys` where they were ticked, else all that `query` (the page's filters) finds up to `newest`.
CREATE TABLE "selections" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "owner_id" bigint NOT NULL REFERENCES "users" ("id") DEFERRABLE INITIALLY DEFERRED,
    "act" varchar(40) NOT NULL,
    "query" text NOT NULL CHECK ((JSON_VALID("query") OR "query" IS NULL)),
    "keys" text NULL CHECK ((JSON_VALID("keys") OR "keys" IS NULL)),
    "newest" bigint NOT NULL,
    "total" integer unsigned NULL CHECK ("total" >= 0),
    "facts" text NOT NULL CHECK ((JSON_VALID("facts") OR "facts" IS NULL)),
    "state" varchar(10) NOT NULL,
    "last_key" bigint NOT NULL,
    "seen" integer unsigned NOT NULL CHECK ("seen" >= 0),
    "changed" integer unsigned NOT NULL CHECK ("changed" >= 0),
    "skipped" text NOT NULL CHECK ((JSON_VALID("skipped") OR "skipped" IS NULL)),
    "error" varchar(500) NOT NULL,
    "faults" smallint unsigned NOT NULL CHECK ("faults" >= 0),
    "is_forgotten" bool NOT NULL,
    "created_at" datetime NOT NULL,
    "started_at" datetime NULL,
    "finished_at" datetime NULL,
    CONSTRAINT "selection_state_known" CHECK ("state" IN ('draft', 'running', 'done', 'failed', 'cancelled'))
);

-- One look at one store; rows are only added. `identity` names the store itself, so a new bucket is a new store.
CREATE TABLE "store_reports" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "kind" varchar(20) NOT NULL,
    "alias" varchar(40) NOT NULL,
    "identity" varchar(400) NOT NULL,
    "passed" bool NOT NULL,
    "facts" text NOT NULL CHECK ((JSON_VALID("facts") OR "facts" IS NULL)),
    "began_at" datetime NOT NULL,
    "finished_at" datetime NOT NULL,
    CONSTRAINT "store_report_kind_known" CHECK ("kind" IN ('check', 'reconcile'))
);

-- The keys from number × STRETCH on, and when they were counted last.
CREATE TABLE "summary_stretches" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "source" varchar(10) NOT NULL,
    "number" bigint NOT NULL,
    "refreshed_at" datetime NULL,
    CONSTRAINT "stretch_once" UNIQUE ("source", "number")
);

-- How many rows of a stretch are of this day (the city's own), city, module and kind; `reason` where they were rejected.
CREATE TABLE "daily_counts" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "stretch_id" bigint NOT NULL REFERENCES "summary_stretches" ("id") DEFERRABLE INITIALLY DEFERRED,
    "day" date NOT NULL,
    "city_id" bigint NOT NULL REFERENCES "cities" ("id") DEFERRABLE INITIALLY DEFERRED,
    "module_id" bigint NULL REFERENCES "ai_modules" ("id") DEFERRABLE INITIALLY DEFERRED,
    "measure" varchar(10) NOT NULL,
    "reason" varchar(60) NOT NULL,
    "n" integer unsigned NOT NULL CHECK ("n" >= 0)
);

-- What the store held on a day (UTC): objects and bytes of one kind in one storage class.
CREATE TABLE "storage_counts" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "day" date NOT NULL,
    "storage_class" varchar(40) NOT NULL,
    "kind" varchar(20) NOT NULL,
    "objects_held" bigint NOT NULL,
    "bytes_held" bigint NOT NULL,
    CONSTRAINT "storage_count_once" UNIQUE ("day", "storage_class", "kind")
);

CREATE INDEX "cities_organization_id_a7ea96b2" ON "cities" ("organization_id");

CREATE INDEX "cameras_city_id_9dfdf0ec" ON "cameras" ("city_id");

CREATE UNIQUE INDEX "batch_one_open_per_day" ON "upload_batches" ("city_id", "day") WHERE ("client_batch_id" IS NULL AND "state" = 'open');

CREATE INDEX "upload_batches_city_id_72515edd" ON "upload_batches" ("city_id");

CREATE INDEX "verification_chunks_batch_id_4403067a" ON "verification_chunks" ("batch_id");

CREATE INDEX "upload_rejections_batch_id_b27834c3" ON "upload_rejections" ("batch_id");

CREATE INDEX "discarded_since" ON "discarded_objects" ("created_at");

CREATE UNIQUE INDEX "object_thumbnail_once" ON "stored_objects" ("thumbnail_id") WHERE "thumbnail_id" IS NOT NULL;

CREATE INDEX "object_sha256" ON "stored_objects" ("sha256") WHERE "sha256" > '';

CREATE INDEX "object_delete_at" ON "stored_objects" ("delete_at") WHERE ("delete_at" IS NOT NULL AND "deleted_at" IS NULL AND "marked_for_deletion_at" IS NULL);

CREATE INDEX "object_marked" ON "stored_objects" ("marked_for_deletion_at") WHERE ("deleted_at" IS NULL AND "marked_for_deletion_at" IS NOT NULL);

CREATE INDEX "object_archive_at" ON "stored_objects" ("archive_at") WHERE ("archive_at" IS NOT NULL AND "deleted_at" IS NULL AND "storage_class" = '');

CREATE INDEX "object_to_purge" ON "stored_objects" ("deleted_at") WHERE ("deleted_at" IS NOT NULL AND "purged_at" IS NULL);

CREATE INDEX "review_policies_module_id_520db21e" ON "review_policies" ("module_id");

CREATE INDEX "label_schemas_module_id_727ee723" ON "label_schemas" ("module_id");

CREATE UNIQUE INDEX "sample_id_once" ON "learning_samples" ("sample_id");

CREATE INDEX "learning_samples_camera_id_cb1a6fdc" ON "learning_samples" ("camera_id");

CREATE INDEX "learning_samples_object_id_53271521" ON "learning_samples" ("object_id");

CREATE INDEX "sample_module_state" ON "learning_samples" ("module_id", "state", "id");

CREATE INDEX "sample_captured" ON "learning_samples" ("captured_at", "city_id");

CREATE INDEX "sample_city" ON "learning_samples" ("id", "city_id");

CREATE INDEX "sample_batch" ON "learning_samples" ("batch_id", "id");

CREATE INDEX "sample_disputed" ON "learning_samples" ("received_at") WHERE "state" = 'disputed';

CREATE INDEX "sample_reopened" ON "learning_samples" ("reopened_at") WHERE "reopened_at" IS NOT NULL;

CREATE INDEX "sample_source_name" ON "learning_samples" ("source_name") WHERE NOT ("source_name" = '');

CREATE INDEX "erasures_requested_by_id_a684070e" ON "erasures" ("requested_by_id");

CREATE INDEX "erasures_confirmed_by_id_844601b0" ON "erasures" ("confirmed_by_id");

CREATE INDEX "erasures_receipt_id_06087014" ON "erasures" ("receipt_id");

CREATE INDEX "erasure_waiting" ON "erasures" ("due_at") WHERE NOT ("state" = 'done');

CREATE INDEX "erasure_items_sample_id_b5e44c5e" ON "erasure_items" ("sample_id");

CREATE INDEX "erasure_item_open" ON "erasure_items" ("erasure_id", "id") WHERE ("done_at" IS NULL AND "is_chosen");

CREATE INDEX "erasure_touches_decided_by_id_2f236f3d" ON "erasure_touches" ("decided_by_id");

CREATE INDEX "erasure_ledger_erasure_id_40b65965" ON "erasure_ledger" ("erasure_id");

CREATE INDEX "erasure_ledger_pages_erasure_id_9e6fe69b" ON "erasure_ledger_pages" ("erasure_id");

CREATE INDEX "erasure_ledger_pages_object_id_621dea82" ON "erasure_ledger_pages" ("object_id");

CREATE INDEX "access_exports_erasure_id_dd295cda" ON "access_exports" ("erasure_id");

CREATE INDEX "access_exports_requested_by_id_37e81e7f" ON "access_exports" ("requested_by_id");

CREATE INDEX "access_exports_object_id_868519cf" ON "access_exports" ("object_id");

CREATE UNIQUE INDEX "label_client_uuid_once" ON "hitl_labels" ("client_uuid") WHERE "client_uuid" IS NOT NULL;

CREATE UNIQUE INDEX "label_superseded_once" ON "hitl_labels" ("supersedes_id") WHERE "supersedes_id" IS NOT NULL;

CREATE INDEX "hitl_labels_sample_id_8ee10f81" ON "hitl_labels" ("sample_id");

CREATE INDEX "label_annotator" ON "hitl_labels" ("annotator_id", "id") WHERE "annotator_id" IS NOT NULL;

CREATE INDEX "label_guide_unclear" ON "hitl_labels" ("reason", "id") WHERE "reason" = 'guide_unclear';

CREATE INDEX "label_weight" ON "hitl_labels" ("sample_id", "id") WHERE "confidence_override" IS NOT NULL;

CREATE INDEX "example_user_label" ON "training_examples" ("user_id", "modality", "label");

CREATE INDEX "example_user_time" ON "training_examples" ("user_id", "timestamp");

CREATE INDEX "example_session" ON "training_examples" ("session_id");

CREATE INDEX "example_time" ON "training_examples" ("timestamp");

CREATE INDEX "fingerprint_band_0" ON "image_fingerprints" ("band_0", "city_id");

CREATE INDEX "fingerprint_band_1" ON "image_fingerprints" ("band_1", "city_id");

CREATE INDEX "fingerprint_band_2" ON "image_fingerprints" ("band_2", "city_id");

CREATE INDEX "fingerprint_band_3" ON "image_fingerprints" ("band_3", "city_id");

CREATE INDEX "fingerprint_root" ON "image_fingerprints" ("root");

CREATE UNIQUE INDEX "gold_one_answer_per_sample" ON "gold_answers" ("sample_id") WHERE "retired_at" IS NULL;

CREATE INDEX "gold_least_shown" ON "gold_answers" ("module_id", "showings", "id") WHERE "retired_at" IS NULL;

CREATE INDEX "gold_showings_gold_id_09347e7b" ON "gold_showings" ("gold_id");

CREATE INDEX "gold_showing_of_person" ON "gold_showings" ("user_id", "module_id", "id");

CREATE UNIQUE INDEX "pause_one_at_a_time" ON "annotator_pauses" ("user_id", "module_id") WHERE "lifted_at" IS NULL;

CREATE INDEX "pause_of_person" ON "annotator_pauses" ("user_id", "module_id", "lifted_at");

CREATE INDEX "training_sessions_module_id_de49f412" ON "training_sessions" ("module_id");

CREATE INDEX "training_sessions_created_by_id_0d350ae8" ON "training_sessions" ("created_by_id");

CREATE INDEX "session_status" ON "training_sessions" ("status");

CREATE INDEX "session_started" ON "training_sessions" ("started_at");

CREATE INDEX "people_session_id_b33d69e5" ON "people" ("session_id");

CREATE INDEX "person_name" ON "people" ("normalized_name");

CREATE INDEX "person_wikidata" ON "people" ("wikidata_id");

CREATE INDEX "person_status" ON "people" ("status");

CREATE INDEX "image_person" ON "images" ("person_id", "id");

CREATE INDEX "image_source" ON "images" ("source");

CREATE INDEX "image_validated" ON "images" ("is_validated");

CREATE INDEX "quality_counts_stretch_id_ecb7aef8" ON "quality_counts" ("stretch_id");

CREATE INDEX "quality_count_cut" ON "quality_counts" ("module_id", "measure", "week");

CREATE INDEX "legal_holds_city_id_2d03ae70" ON "legal_holds" ("city_id");

CREATE INDEX "legal_holds_camera_id_c903f526" ON "legal_holds" ("camera_id");

CREATE INDEX "legal_holds_sample_id_919f04ee" ON "legal_holds" ("sample_id");

CREATE INDEX "legal_holds_put_by_id_4c34f08e" ON "legal_holds" ("put_by_id");

CREATE INDEX "legal_holds_lifted_by_id_a627f87a" ON "legal_holds" ("lifted_by_id");

CREATE UNIQUE INDEX "slot_one_judgement_per_person" ON "review_slots" ("sample_id", "lease_user_id") WHERE ("kind" IN ('normal', 'gold') AND "state" IN ('leased', 'done'));

CREATE UNIQUE INDEX "slot_held" ON "review_slots" ("lease_user_id", "queue_key", "place") WHERE "state" = 'leased';

CREATE INDEX "review_slots_only_user_id_b8e76e28" ON "review_slots" ("only_user_id");

CREATE INDEX "slot_claim" ON "review_slots" ("queue_key", "judged_by", "priority" DESC, "id") WHERE "state" IN ('open', 'leased');

CREATE INDEX "slot_done_by" ON "review_slots" ("module_id", "lease_user_id", "kind") WHERE "state" = 'done';

CREATE INDEX "slot_waiting" ON "review_slots" ("queue_key", "created_at") WHERE "state" IN ('open', 'leased');

CREATE INDEX "slot_about" ON "review_slots" ("about_id") WHERE "about_id" IS NOT NULL;

CREATE INDEX "saved_filters_owner_id_833b42cd" ON "saved_filters" ("owner_id");

CREATE INDEX "selections_owner_id_29a09935" ON "selections" ("owner_id");

CREATE INDEX "selection_waiting" ON "selections" ("created_at") WHERE "state" IN ('draft', 'running');

CREATE INDEX "store_report_newest" ON "store_reports" ("kind", "identity", "id" DESC);

CREATE INDEX "daily_counts_stretch_id_61239a50" ON "daily_counts" ("stretch_id");

CREATE INDEX "daily_count_city" ON "daily_counts" ("city_id", "day");

CREATE INDEX "daily_count_day" ON "daily_counts" ("day");
