-- What the shop must not be able to change: its audit log, and who may do what. They stand in a
-- schema of their own, so that CREATE on public can stay with the application.
SET client_encoding = 'UTF8';
SET ROLE shop;

CREATE SCHEMA audit;

CREATE TYPE audit.action AS ENUM ('order', 'refund', 'login', 'permission');

CREATE TABLE audit.log (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    actor text NOT NULL,
    action audit.action NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX log_at ON audit.log (at);

CREATE TABLE audit.permission (
    login text NOT NULL,
    action audit.action NOT NULL,
    granted_by text NOT NULL,
    PRIMARY KEY (login, action)
);

CREATE VIEW audit.last_day WITH (security_barrier = true) AS
SELECT log.at, log.actor, log.action FROM audit.log
WHERE log.at > CURRENT_TIMESTAMP - interval '1 day';

INSERT INTO audit.log (actor, action) VALUES ('ann', 'login'), ('ann', 'order'), ('bob', 'login');
INSERT INTO audit.permission (login, action, granted_by) VALUES ('ann', 'refund', 'dora'), ('bob', 'order', 'dora');

RESET ROLE;
