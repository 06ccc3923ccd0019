-- accounts: People, machines, keys, permissions and the audit log.
-- Written from the models by `manage.py schema`; load the files of a folder in the order of their numbers.
-- For MySQL 8 and MariaDB 10.6 or newer, as utf8mb4. What these databases do not keep, whoever writes must see to:
--   the audit log (events) is append-only by triggers elsewhere; here nothing refuses a change;
--   indexes with a condition are left out: they make reading faster and keep no rule;
--   texts compare by the collation of the database; the hub means them byte by byte (utf8mb4_bin).

-- `cc_<prefix>_<secret>`: the prefix finds the row, `sha256` is over the whole text; `name` says what it is for.
CREATE TABLE `access_keys` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `user_id` bigint NOT NULL,
    `name` varchar(100) NOT NULL,
    `prefix` varchar(16) NOT NULL UNIQUE,
    `sha256` varchar(64) NOT NULL UNIQUE,
    `scopes` json NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `expires_at` datetime(6) NULL,
    `revoked_at` datetime(6) NULL,
    `last_used_at` datetime(6) NULL
);

-- Who did what to which thing, and when; facts hold ids, never plates or personal text.
CREATE TABLE `events` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `at` datetime(6) NOT NULL,
    `actor_id` bigint NULL,
    `actor_name` varchar(150) NOT NULL,
    `organization_id` bigint NULL,
    `verb` varchar(60) NOT NULL,
    `object_type` varchar(60) NOT NULL,
    `object_id` varchar(200) NOT NULL,
    `facts` json NOT NULL,
    `request_id` varchar(64) NOT NULL
);

-- What a user's `key` made: the hash of the request, and the object that came of it.
CREATE TABLE `idempotency_records` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `user_id` bigint NOT NULL,
    `key` varchar(200) NOT NULL,
    `request_sha256` varchar(64) NOT NULL,
    `object_type` varchar(60) NOT NULL,
    `object_id` varchar(200) NOT NULL,
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `idempotency_key_once_per_user` UNIQUE (`user_id`, `key`)
);

-- Whom a link lets in and where it leads; the link itself is shown once, `sha256` is over its secret.
CREATE TABLE `invitations` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `user_id` bigint NOT NULL,
    `sha256` varchar(64) NOT NULL UNIQUE,
    `leads_to` varchar(500) NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `expires_at` datetime(6) NOT NULL,
    `used_at` datetime(6) NULL,
    `revoked_at` datetime(6) NULL
);

-- One event that nobody was told of yet: written in the event's own transaction, gone with those who are told.
CREATE TABLE `outbox` (
    `event_id` bigint NOT NULL PRIMARY KEY,
    `topic` varchar(40) NOT NULL
);

-- That one person was told of one event, once.
CREATE TABLE `notifications` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `user_id` bigint NOT NULL,
    `event_id` bigint NOT NULL,
    `topic` varchar(40) NOT NULL,
    `read_at` datetime(6) NULL,
    CONSTRAINT `notification_once` UNIQUE (`event_id`, `user_id`)
);

-- A kind of news that one person does not want to be told.
CREATE TABLE `muted_topics` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `user_id` bigint NOT NULL,
    `topic` varchar(40) NOT NULL,
    CONSTRAINT `muted_topic_once` UNIQUE (`user_id`, `topic`)
);

-- A customer of the hub; `callback_nets` are the private networks (CIDR) in which the hub may call its edge servers.
CREATE TABLE `organizations` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `name` varchar(200) NOT NULL,
    `slug` varchar(64) NOT NULL UNIQUE,
    `plan` varchar(20) NOT NULL,
    `may_view_images` bool NOT NULL,
    `callback_nets` json NOT NULL,
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `organization_plan_known` CHECK (`plan` IN ('professional', 'enterprise'))
);

-- The events up to `last_event` that no earlier seal holds.
CREATE TABLE `event_seals` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `last_event` bigint NOT NULL UNIQUE,
    `horizon` bigint NOT NULL,
    `events` integer UNSIGNED NOT NULL CHECK (`events` >= 0),
    `sha256` varchar(64) NOT NULL,
    `opened_at` datetime(6) NOT NULL,
    `sealed_at` datetime(6) NULL
);

ALTER TABLE `event_seals` ADD COLUMN `event_seal_one_open_1` integer GENERATED ALWAYS AS (1) VIRTUAL;

ALTER TABLE `event_seals` ADD COLUMN `event_seal_one_open` tinyint GENERATED ALWAYS AS (CASE WHEN `sha256` = '' THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `event_seal_one_open` ON `event_seals` (`event_seal_one_open_1`, `event_seal_one_open`);

-- A person (logs in by e-mail) or a machine (by key), with one role.
CREATE TABLE `users` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `password` varchar(128) NOT NULL,
    `last_login` datetime(6) NULL,
    `name` varchar(150) NOT NULL UNIQUE,
    `email` varchar(254) NULL UNIQUE,
    `role` varchar(20) NOT NULL,
    `organization_id` bigint NULL,
    `is_active` bool NOT NULL,
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `user_role_known` CHECK (`role` IN ('super_admin', 'reviewer', 'annotator', 'organization_admin', 'member', 'city', 'edge', 'pipeline')),
    CONSTRAINT `user_person_has_email` CHECK ((`role` IN ('city', 'edge', 'pipeline') OR `email` IS NOT NULL))
);

-- A part of the pictures that one person was shown on one day (UTC); a task makes one row of a day's parts.
CREATE TABLE `image_views` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `user_id` bigint NOT NULL,
    `day` date NOT NULL,
    `n` integer UNSIGNED NOT NULL CHECK (`n` >= 0)
);

-- An address that is told of events of one organization (null: of the hub, and of all).
CREATE TABLE `webhooks` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `organization_id` bigint NULL,
    `name` varchar(80) NOT NULL,
    `url` varchar(500) NOT NULL,
    `topics` json NOT NULL,
    `salt` varchar(32) NOT NULL,
    `is_active` bool NOT NULL,
    `created_by_id` bigint NULL,
    `created_at` datetime(6) NOT NULL,
    `retired_at` datetime(6) NULL,
    `rests_until` datetime(6) NULL,
    `token` varchar(32) NOT NULL,
    `beat_at` datetime(6) NULL
);

-- One event on its way to one webhook; `due_at` is null once it was taken, or given up after too many tries.
CREATE TABLE `webhook_deliveries` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `webhook_id` char(32) NOT NULL,
    `event_id` bigint NOT NULL,
    `topic` varchar(40) NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `tries` integer UNSIGNED NOT NULL CHECK (`tries` >= 0),
    `due_at` datetime(6) NULL,
    `tried_at` datetime(6) NULL,
    `delivered_at` datetime(6) NULL,
    `status` integer UNSIGNED NULL CHECK (`status` >= 0),
    `error` varchar(300) NOT NULL,
    CONSTRAINT `webhook_delivery_once` UNIQUE (`event_id`, `webhook_id`)
);

ALTER TABLE `access_keys` ADD CONSTRAINT `access_keys_user_id_ce5632ee_fk_users_id` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`);

CREATE INDEX `event_object` ON `events` (`object_type`, `object_id`, `id`);

CREATE INDEX `event_actor` ON `events` (`actor_id`, `id`);

CREATE INDEX `event_organization` ON `events` (`organization_id`, `id`);

ALTER TABLE `idempotency_records` ADD CONSTRAINT `idempotency_records_user_id_a1f45b27_fk_users_id` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`);

ALTER TABLE `invitations` ADD CONSTRAINT `invitations_user_id_c198eaeb_fk_users_id` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`);

ALTER TABLE `outbox` ADD CONSTRAINT `outbox_event_id_7f3e6afe_fk_events_id` FOREIGN KEY (`event_id`) REFERENCES `events` (`id`);

ALTER TABLE `notifications` ADD CONSTRAINT `notifications_user_id_468e288d_fk_users_id` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`);

ALTER TABLE `notifications` ADD CONSTRAINT `notifications_event_id_b023b11d_fk_events_id` FOREIGN KEY (`event_id`) REFERENCES `events` (`id`);

CREATE INDEX `notification_of_user` ON `notifications` (`user_id`, `id`);

CREATE INDEX `notification_unread` ON `notifications` (`user_id`);

ALTER TABLE `muted_topics` ADD CONSTRAINT `muted_topics_user_id_4089e8af_fk_users_id` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`);

ALTER TABLE `users` ADD CONSTRAINT `users_organization_id_abe5d649_fk_organizations_id` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`);

ALTER TABLE `image_views` ADD CONSTRAINT `image_views_user_id_1aa46898_fk_users_id` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`);

CREATE INDEX `image_views_of_day` ON `image_views` (`day`, `user_id`);

ALTER TABLE `webhooks` ADD CONSTRAINT `webhooks_organization_id_a6faa223_fk_organizations_id` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`);

ALTER TABLE `webhooks` ADD CONSTRAINT `webhooks_created_by_id_25aca1b0_fk_users_id` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `webhook_deliveries` ADD CONSTRAINT `webhook_deliveries_webhook_id_484e7f8a_fk_webhooks_id` FOREIGN KEY (`webhook_id`) REFERENCES `webhooks` (`id`);

ALTER TABLE `webhook_deliveries` ADD CONSTRAINT `webhook_deliveries_event_id_85317bd1_fk_events_id` FOREIGN KEY (`event_id`) REFERENCES `events` (`id`);

CREATE INDEX `webhook_delivery_due` ON `webhook_deliveries` (`webhook_id`, `due_at`);

CREATE INDEX `webhook_delivery_of` ON `webhook_deliveries` (`webhook_id`, `id`);
