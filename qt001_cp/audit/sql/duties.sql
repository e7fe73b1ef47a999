-- Who has which duty in this database today.
SELECT person.login::text AS login, person.duty, person.person
FROM qt001_cp.person ORDER BY person.login
