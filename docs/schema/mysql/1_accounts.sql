-- accounts: People, machines, keys, permissions and the audit log.
-- Written from the models by `manage.py schema`; load the files of a folder in the order of their numbers.
-- For MySQL 8 and MariaDB 10.6 or newer, as utf8mb4. What these databases do not keep, whoever writes must see to:
--   the audit log (events) is append-only by triggers elsewhere; here nothing refuses a change;
--   indexes with a condition are left out: they make reading faster and keep no rule;
--   texts compare by the collation of the database; the hub means them byte by byte (utf8mb4_bin).

-- `cc_<prefix>_<secret>`: the prefix finds the row, `sha256` is over the whole text.
CREATE TABLE `access_keys` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `user_id` bigint NOT NULL,
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

ALTER TABLE `access_keys` ADD CONSTRAINT `access_keys_user_id_ce5632ee_fk_users_id` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`);

CREATE INDEX `event_object` ON `events` (`object_type`, `object_id`, `id`);

CREATE INDEX `event_actor` ON `events` (`actor_id`, `id`);

CREATE INDEX `event_organization` ON `events` (`organization_id`, `id`);

ALTER TABLE `idempotency_records` ADD CONSTRAINT `idempotency_records_user_id_a1f45b27_fk_users_id` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`);

ALTER TABLE `users` ADD CONSTRAINT `users_organization_id_abe5d649_fk_organizations_id` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`);
