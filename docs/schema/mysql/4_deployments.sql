-- deployments: Edge servers and rollouts.
-- Written from the models by `manage.py schema`; load the files of a folder in the order of their numbers.
-- For MySQL 8 and MariaDB 10.6 or newer, as utf8mb4. What these databases do not keep, whoever writes must see to:
--   the audit log (events) is append-only by triggers elsewhere; here nothing refuses a change;
--   indexes with a condition are left out: they make reading faster and keep no rule;
--   texts compare by the collation of the database; the hub means them byte by byte (utf8mb4_bin).

-- A machine at a site that does all inference itself; `attempt` grows when its hardware is replaced.
CREATE TABLE `edge_servers` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `organization_id` bigint NULL,
    `city_id` bigint NULL,
    `user_id` bigint NOT NULL UNIQUE,
    `name` varchar(120) NOT NULL UNIQUE,
    `platform` json NOT NULL,
    `edge_version` varchar(40) NOT NULL,
    `runtime` json NOT NULL,
    `group` varchar(60) NOT NULL,
    `labels` json NOT NULL,
    `window` json NOT NULL,
    `callback_url` varchar(200) NOT NULL,
    `telemetry` json NOT NULL,
    `attempt` integer UNSIGNED NOT NULL CHECK (`attempt` >= 0),
    `assignment_version` bigint NOT NULL,
    `assignment` longblob NULL,
    `assignment_etag` varchar(64) NOT NULL,
    `assignment_expires_at` datetime(6) NULL,
    `enrolled_at` datetime(6) NULL,
    `last_seen_at` datetime(6) NULL,
    `heard_sha256` varchar(64) NOT NULL,
    `retired_at` datetime(6) NULL,
    `created_at` datetime(6) NOT NULL
);

-- A module's place on an edge: desired by the hub, active and previous as reported.
CREATE TABLE `edge_slots` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `edge_server_id` bigint NOT NULL,
    `module_id` bigint NOT NULL,
    `desired_id` char(32) NULL,
    `desired_deployment_id` char(32) NULL,
    `desired_at` datetime(6) NULL,
    `active_version` varchar(40) NOT NULL,
    `previous_version` varchar(40) NOT NULL,
    `reported_counter` bigint NULL,
    `reported_at` datetime(6) NULL,
    `held` bool NOT NULL,
    `held_reason` varchar(200) NOT NULL,
    `telemetry` json NOT NULL,
    `telemetry_at` datetime(6) NULL,
    CONSTRAINT `edge_slot_once_per_module` UNIQUE (`edge_server_id`, `module_id`)
);

-- What an edge measured of one version in one hour, summed (deployments/health.py); `last` is the newest note that is in it.
CREATE TABLE `edge_telemetry` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `edge_server_id` bigint NOT NULL,
    `module_id` bigint NOT NULL,
    `version` varchar(40) NOT NULL,
    `hour` datetime(6) NOT NULL,
    `measured` json NOT NULL,
    `last` varchar(40) NOT NULL,
    CONSTRAINT `telemetry_once_an_hour` UNIQUE (`edge_server_id`, `module_id`, `hour`, `version`)
);

-- A person's word that no edge of an organization (none: of anybody) is offered anything, until it is lifted.
CREATE TABLE `fleet_freezes` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `organization_id` bigint NULL,
    `reason` varchar(200) NOT NULL,
    `created_by_id` bigint NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `lifted_at` datetime(6) NULL
);

ALTER TABLE `fleet_freezes` ADD COLUMN `fleet_frozen_once_1` bigint GENERATED ALWAYS AS (COALESCE(`organization_id`, 0)) VIRTUAL;

ALTER TABLE `fleet_freezes` ADD COLUMN `fleet_frozen_once` tinyint GENERATED ALWAYS AS (CASE WHEN `lifted_at` IS NULL THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `fleet_frozen_once` ON `fleet_freezes` (`fleet_frozen_once_1`, `fleet_frozen_once`);

-- A one-time word with which a new machine becomes an edge server; only its hash is kept.
CREATE TABLE `enrolment_codes` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `edge_server_id` bigint NOT NULL,
    `sha256` varchar(64) NOT NULL UNIQUE,
    `expires_at` datetime(6) NOT NULL,
    `used_at` datetime(6) NULL,
    `key_sha256` varchar(64) NOT NULL,
    `created_at` datetime(6) NOT NULL
);

-- `plan` holds the rules (deployments/plan.py) and `edges`: [ids], or null for all with the slot.
CREATE TABLE `rollouts` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `organization_id` bigint NULL,
    `model_version_id` char(32) NOT NULL,
    `state` varchar(14) NOT NULL,
    `plan` json NOT NULL,
    `scheduled_at` datetime(6) NULL,
    `created_by_id` bigint NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `started_at` datetime(6) NULL,
    `finished_at` datetime(6) NULL,
    `stopped_because` longtext NOT NULL,
    `failures_accepted` integer UNSIGNED NOT NULL CHECK (`failures_accepted` >= 0),
    `before` json NOT NULL,
    `measured` json NOT NULL,
    CONSTRAINT `rollout_state_known` CHECK (`state` IN ('draft', 'scheduled', 'running', 'paused', 'completed', 'aborted', 'rolling_back', 'rolled_back'))
);

-- One step of a rollout; its edges are the deployments that name it.
CREATE TABLE `rollout_waves` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `rollout_id` char(32) NOT NULL,
    `number` smallint UNSIGNED NOT NULL CHECK (`number` >= 0),
    `name` varchar(60) NOT NULL,
    `opened_at` datetime(6) NULL,
    `settled_at` datetime(6) NULL,
    `finished_at` datetime(6) NULL,
    CONSTRAINT `wave_number_once` UNIQUE (`rollout_id`, `number`)
);

-- At most one is open per (edge, module); a newer one supersedes it.
CREATE TABLE `model_deployments` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `model_version_id` char(32) NOT NULL,
    `edge_server_id` bigint NOT NULL,
    `module_id` bigint NOT NULL,
    `rollout_id` char(32) NULL,
    `wave_id` bigint NULL,
    `action` varchar(10) NOT NULL,
    `status` varchar(12) NOT NULL,
    `attempt` integer UNSIGNED NOT NULL CHECK (`attempt` >= 0),
    `progress_percent` smallint UNSIGNED NOT NULL CHECK (`progress_percent` >= 0),
    `scheduled_at` datetime(6) NULL,
    `offered_at` datetime(6) NULL,
    `started_at` datetime(6) NULL,
    `completed_at` datetime(6) NULL,
    `error_message` longtext NOT NULL,
    `retry_count` integer UNSIGNED NOT NULL CHECK (`retry_count` >= 0),
    `replaces_id` char(32) NULL,
    `created_by_id` bigint NOT NULL,
    `created_at` datetime(6) NOT NULL,
    CONSTRAINT `deployment_status_known` CHECK (`status` IN ('pending', 'downloading', 'installing', 'completed', 'failed', 'superseded', 'rolled_back')),
    CONSTRAINT `deployment_progress_in_range` CHECK (`progress_percent` <= 100)
);

ALTER TABLE `model_deployments` ADD COLUMN `deployment_one_open` tinyint GENERATED ALWAYS AS (CASE WHEN `status` IN ('downloading', 'installing', 'pending') THEN 1 END) VIRTUAL;

CREATE UNIQUE INDEX `deployment_one_open` ON `model_deployments` (`edge_server_id`, `module_id`, `deployment_one_open`);

-- What an edge said, kept as said; the state is a function of the set of reports.
CREATE TABLE `deployment_reports` (
    `id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY,
    `deployment_id` char(32) NOT NULL,
    `attempt` integer UNSIGNED NOT NULL CHECK (`attempt` >= 0),
    `seq` integer UNSIGNED NOT NULL CHECK (`seq` >= 0),
    `status` varchar(12) NOT NULL,
    `progress_percent` smallint UNSIGNED NOT NULL CHECK (`progress_percent` >= 0),
    `error_message` longtext NOT NULL,
    `at` datetime(6) NOT NULL,
    `received_at` datetime(6) NOT NULL,
    CONSTRAINT `report_once` UNIQUE (`deployment_id`, `attempt`, `seq`)
);

ALTER TABLE `edge_servers` ADD CONSTRAINT `edge_servers_organization_id_aa4c70cb_fk_organizations_id` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`);

ALTER TABLE `edge_servers` ADD CONSTRAINT `edge_servers_city_id_244a870c_fk_cities_id` FOREIGN KEY (`city_id`) REFERENCES `cities` (`id`);

ALTER TABLE `edge_servers` ADD CONSTRAINT `edge_servers_user_id_46dfcc86_fk_users_id` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`);

ALTER TABLE `edge_slots` ADD CONSTRAINT `edge_slots_edge_server_id_a83283d3_fk_edge_servers_id` FOREIGN KEY (`edge_server_id`) REFERENCES `edge_servers` (`id`);

ALTER TABLE `edge_slots` ADD CONSTRAINT `edge_slots_module_id_0c578a8f_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `edge_slots` ADD CONSTRAINT `edge_slots_desired_id_e9b5b17a_fk_ai_model_versions_id` FOREIGN KEY (`desired_id`) REFERENCES `ai_model_versions` (`id`);

ALTER TABLE `edge_slots` ADD CONSTRAINT `edge_slots_desired_deployment_i_d77a264b_fk_model_dep` FOREIGN KEY (`desired_deployment_id`) REFERENCES `model_deployments` (`id`);

ALTER TABLE `edge_telemetry` ADD CONSTRAINT `edge_telemetry_edge_server_id_c795e060_fk_edge_servers_id` FOREIGN KEY (`edge_server_id`) REFERENCES `edge_servers` (`id`);

ALTER TABLE `edge_telemetry` ADD CONSTRAINT `edge_telemetry_module_id_227719db_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

CREATE INDEX `telemetry_hour` ON `edge_telemetry` (`hour`);

ALTER TABLE `fleet_freezes` ADD CONSTRAINT `fleet_freezes_organization_id_6ac3b5f3_fk_organizations_id` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`);

ALTER TABLE `fleet_freezes` ADD CONSTRAINT `fleet_freezes_created_by_id_120dd3ed_fk_users_id` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `enrolment_codes` ADD CONSTRAINT `enrolment_codes_edge_server_id_609fd042_fk_edge_servers_id` FOREIGN KEY (`edge_server_id`) REFERENCES `edge_servers` (`id`);

ALTER TABLE `rollouts` ADD CONSTRAINT `rollouts_organization_id_ee00fc3b_fk_organizations_id` FOREIGN KEY (`organization_id`) REFERENCES `organizations` (`id`);

ALTER TABLE `rollouts` ADD CONSTRAINT `rollouts_model_version_id_926eccb3_fk_ai_model_versions_id` FOREIGN KEY (`model_version_id`) REFERENCES `ai_model_versions` (`id`);

ALTER TABLE `rollouts` ADD CONSTRAINT `rollouts_created_by_id_213cd421_fk_users_id` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`);

ALTER TABLE `rollout_waves` ADD CONSTRAINT `rollout_waves_rollout_id_808c6179_fk_rollouts_id` FOREIGN KEY (`rollout_id`) REFERENCES `rollouts` (`id`);

ALTER TABLE `model_deployments` ADD CONSTRAINT `model_deployments_model_version_id_bb923d8e_fk_ai_model_` FOREIGN KEY (`model_version_id`) REFERENCES `ai_model_versions` (`id`);

ALTER TABLE `model_deployments` ADD CONSTRAINT `model_deployments_edge_server_id_21d30639_fk_edge_servers_id` FOREIGN KEY (`edge_server_id`) REFERENCES `edge_servers` (`id`);

ALTER TABLE `model_deployments` ADD CONSTRAINT `model_deployments_module_id_59f42311_fk_ai_modules_id` FOREIGN KEY (`module_id`) REFERENCES `ai_modules` (`id`);

ALTER TABLE `model_deployments` ADD CONSTRAINT `model_deployments_rollout_id_26c0912d_fk_rollouts_id` FOREIGN KEY (`rollout_id`) REFERENCES `rollouts` (`id`);

ALTER TABLE `model_deployments` ADD CONSTRAINT `model_deployments_wave_id_99e64c89_fk_rollout_waves_id` FOREIGN KEY (`wave_id`) REFERENCES `rollout_waves` (`id`);

ALTER TABLE `model_deployments` ADD CONSTRAINT `model_deployments_replaces_id_edd5487b_fk_ai_model_versions_id` FOREIGN KEY (`replaces_id`) REFERENCES `ai_model_versions` (`id`);

ALTER TABLE `model_deployments` ADD CONSTRAINT `model_deployments_created_by_id_1901447d_fk_users_id` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`);

CREATE INDEX `deployment_edge` ON `model_deployments` (`edge_server_id`, `module_id`, `created_at`);

CREATE INDEX `deployment_rollout` ON `model_deployments` (`rollout_id`, `status`);

ALTER TABLE `deployment_reports` ADD CONSTRAINT `deployment_reports_deployment_id_185a346b_fk_model_dep` FOREIGN KEY (`deployment_id`) REFERENCES `model_deployments` (`id`);
