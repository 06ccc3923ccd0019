-- config: What crosses apps: home, demo, processes, checks.
-- Written from the models by `manage.py schema`; load the files of a folder in the order of their numbers.

-- When a worker last did what the beat sent: both live, and the queue between them moves.
CREATE TABLE "pulses" (
    "name" varchar(40) NOT NULL PRIMARY KEY,
    "at" datetime NOT NULL
);

-- One backup that was taken and checked; `facts` are counts and bytes, and where it lies.
CREATE TABLE "backups" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "taken_at" datetime NOT NULL,
    "finished_at" datetime NOT NULL,
    "facts" text NOT NULL CHECK ((JSON_VALID("facts") OR "facts" IS NULL))
);

-- This database was loaded from a backup; until `opened_at` is set nobody is let in, and no worker works.
CREATE TABLE "restores" (
    "id" char(32) NOT NULL PRIMARY KEY,
    "backup_taken_at" datetime NOT NULL,
    "restored_at" datetime NOT NULL,
    "opened_at" datetime NULL,
    "facts" text NOT NULL CHECK ((JSON_VALID("facts") OR "facts" IS NULL))
);
