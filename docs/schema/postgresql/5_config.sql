-- config: What crosses apps: home, demo, processes, checks.
-- Written from the models by `manage.py schema`; load the files of a folder in the order of their numbers.

-- When a worker last did what the beat sent: both live, and the queue between them moves.
CREATE TABLE "pulses" (
    "name" varchar(40) NOT NULL PRIMARY KEY,
    "at" timestamp with time zone NOT NULL
);

-- One backup that was taken and checked; `facts` are counts and bytes, and where it lies.
CREATE TABLE "backups" (
    "id" uuid NOT NULL PRIMARY KEY,
    "taken_at" timestamp with time zone NOT NULL,
    "finished_at" timestamp with time zone NOT NULL,
    "facts" jsonb NOT NULL
);

-- This database was loaded from a backup; until `opened_at` is set nobody is let in, and no worker works.
CREATE TABLE "restores" (
    "id" uuid NOT NULL PRIMARY KEY,
    "backup_taken_at" timestamp with time zone NOT NULL,
    "restored_at" timestamp with time zone NOT NULL,
    "opened_at" timestamp with time zone NULL,
    "facts" jsonb NOT NULL
);

CREATE INDEX "pulses_name_9dfd3fa5_like" ON "pulses" ("name" varchar_pattern_ops);
