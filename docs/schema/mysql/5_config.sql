-- config: What crosses apps: home, demo, processes, checks.
-- Written from the models by `manage.py schema`; load the files of a folder in the order of their numbers.
-- For MySQL 8 and MariaDB 10.6 or newer, as utf8mb4. What these databases do not keep, whoever writes must see to:
--   the audit log (events) is append-only by triggers elsewhere; here nothing refuses a change;
--   indexes with a condition are left out: they make reading faster and keep no rule;
--   texts compare by the collation of the database; the hub means them byte by byte (utf8mb4_bin).

-- When a worker last did what the beat sent: both live, and the queue between them moves.
CREATE TABLE `pulses` (
    `name` varchar(40) NOT NULL PRIMARY KEY,
    `at` datetime(6) NOT NULL
);

-- One backup that was taken and checked; `facts` are counts and bytes, and where it lies.
CREATE TABLE `backups` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `taken_at` datetime(6) NOT NULL,
    `finished_at` datetime(6) NOT NULL,
    `facts` json NOT NULL
);

-- This database was loaded from a backup; until `opened_at` is set nobody is let in, and no worker works.
CREATE TABLE `restores` (
    `id` char(32) NOT NULL PRIMARY KEY,
    `backup_taken_at` datetime(6) NOT NULL,
    `restored_at` datetime(6) NOT NULL,
    `opened_at` datetime(6) NULL,
    `facts` json NOT NULL
);
