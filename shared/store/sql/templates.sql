-- name: insert_template
-- A template, unless there is one of this name in whatever case.
INSERT INTO templates (template_id, name, body, company, keywords, regions, searches, changed_by)
VALUES (%(template_id)s, %(name)s, %(body)s::jsonb, %(company)s, %(keywords)s, %(regions)s, %(searches)s, %(actor)s)
ON CONFLICT (lower(name)) DO NOTHING
RETURNING template_id

-- name: list_templates
-- Templates without their bodies, by name; or one.
SELECT t.template_id, t.name, t.company, t.keywords, t.regions, t.searches,
       (SELECT count(*) FROM schedules s WHERE s.template_id = t.template_id)::int,
       t.version, t.created_at, t.changed_at, t.changed_by
FROM templates t
WHERE %(template_id)s::uuid IS NULL OR t.template_id = %(template_id)s
ORDER BY lower(t.name) LIMIT %(limit)s

-- name: get_template_body
-- What it would start, and the version that this is.
SELECT body::text, version FROM templates WHERE template_id = %(template_id)s

-- name: lock_template
-- Nobody else edits or deletes it until the end of this transaction. Returns its version.
SELECT version FROM templates WHERE template_id = %(template_id)s FOR UPDATE

-- name: keep_template
-- It is neither edited nor deleted until the end of this transaction. Returns its version.
SELECT version FROM templates WHERE template_id = %(template_id)s FOR SHARE

-- name: find_namesake
-- Another template of this name, in whatever case.
SELECT template_id FROM templates WHERE lower(name) = lower(%(name)s) AND template_id <> %(template_id)s

-- name: rename_template
-- Another name for the same.
UPDATE templates SET name = %(name)s, version = version + 1, changed_at = now(), changed_by = %(actor)s
WHERE template_id = %(template_id)s

-- name: replace_template
-- Another name and body.
UPDATE templates
SET name = %(name)s, body = %(body)s::jsonb, company = %(company)s, keywords = %(keywords)s, regions = %(regions)s,
    searches = %(searches)s, version = version + 1, changed_at = now(), changed_by = %(actor)s
WHERE template_id = %(template_id)s

-- name: delete_template
-- A template that no schedule starts.
DELETE FROM templates t
WHERE template_id = %(template_id)s AND NOT EXISTS (SELECT FROM schedules s WHERE s.template_id = t.template_id)
RETURNING template_id
